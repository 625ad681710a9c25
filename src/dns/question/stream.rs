//! One question to one server over TCP, or over TLS on it: on which connection it is sent, when it
//! moves to another one, and when another transport is to join.

use std::time::{Duration, Instant};

use smallvec::{SmallVec, smallvec};

use super::link_health::LinkHealth;
use super::reply::{Answered, Reply, no_edns, senseless};
use super::{Lost, Phase, Seen};
use crate::race::answer::LookupError;

/// A link that has answered before gets this time before the question is also sent in plaintext:
/// names differ in speed.
const SLOW_AFTER: Duration = Duration::from_secs(1);
/// A path may depend on the port, so a connection that takes this long to be made gets another one
/// beside it (N-8).
const CONNECT_PATIENCE: Duration = Duration::from_millis(250);
/// After this many connections that ended with the question on them it is given up (R-9520-3.1).
const MAX_ENDED_WITH_IT: usize = 3;
/// After this many connections that ended without any answer it is given up (N-18).
const MAX_UNANSWERED: usize = 2;
/// How often an unsent question may move to another connection. High, because a server may take one
/// question per connection.
const MAX_MOVES: usize = 2_000;

/// The reason for which another transport is to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slow {
    /// The connection was not up at the end of its head start.
    NotUp,
    /// The connection was up and silent.
    Silent,
}

/// One question to one server over TCP or TLS. Silent connections never end it.
#[derive(Debug)]
pub(super) struct Stream {
    /// The least head start before another transport may join; `None` if none may.
    head_start: Option<Duration>,
    edns: bool,
    has_refused_edns: bool,
    /// The start of the question in its present form.
    started_at: Instant,
    /// The head start counts from then: from the start, or from the start of the connection beside
    /// a silent one.
    head_start_from: Instant,
    /// The sends that are still unanswered.
    open: SmallVec<[usize; 2]>,
    /// The last send; `None` if one is due at once.
    latest: Option<usize>,
    /// When a connection that takes questions was first seen: the question leaves.
    left_at: Option<Instant>,
    /// A connection was opened beside one that took long to be made.
    is_doubled: bool,
    /// A connection was opened beside a silent one for it.
    is_replaced: bool,
    /// The number of connections that have ended with the question on them.
    ended_with_it: usize,
    /// The number of connections that have ended without any answer.
    unanswered: usize,
    /// The error of the last of these connections, if that was up.
    last_unanswered: Option<LookupError>,
    moves: usize,
    slow: Option<Slow>,
    given_up: Option<GivenUp>,
    /// The error of the last connection, if that has failed while another one is still silent.
    failure: Option<LookupError>,
    end: Option<(Instant, Result<Answered, LookupError>)>,
}

/// How the connections of a question ended that was given up although they were connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// They ended with the question.
    AtTheQuestion,
    /// They ended by themselves.
    ByThemselves,
}

/// The next move of a stream that is due without an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamMove {
    /// Send the question on the connection in use.
    Send,
    /// Send it on another connection than that of this send, which takes long to be made.
    Double(usize),
    /// Send it on another connection than that of this send, which is silent.
    SendBeside(usize),
    /// Plaintext is to join, or to stand in its place.
    LetPlaintextJoin(Slow),
}

/// The state of a stream's link at this moment.
#[derive(Debug)]
pub(super) struct LinkNow {
    pub(super) health: LinkHealth,
    /// The connection of the last send.
    pub(super) latest: Seen,
}

impl LinkNow {
    /// The time at which the question may be sent on another connection, at the earliest.
    fn spare_at(&self, earliest: Instant) -> Instant {
        match self.health.spare_at().filter(|_| !self.latest.has_other) {
            Some(spare_at) => earliest.max(spare_at),
            None => earliest,
        }
    }
}

impl Stream {
    pub(super) fn new(head_start: Option<Duration>, now: Instant) -> Self {
        Self {
            head_start,
            edns: true,
            has_refused_edns: false,
            started_at: now,
            head_start_from: now,
            open: smallvec![],
            latest: None,
            left_at: None,
            is_doubled: false,
            is_replaced: false,
            ended_with_it: 0,
            unanswered: 0,
            last_unanswered: None,
            moves: 0,
            slow: None,
            given_up: None,
            failure: None,
            end: None,
        }
    }

    pub(super) fn edns(&self) -> bool {
        self.edns
    }

    /// True if the server has refused EDNS.
    pub(super) fn has_refused_edns(&self) -> bool {
        self.has_refused_edns
    }

    /// The last send, unless the next one is due.
    pub(super) fn latest(&self) -> Option<usize> {
        self.latest
    }

    pub(super) fn left_at(&self) -> Option<Instant> {
        self.left_at
    }

    /// When the question left, if it has done so once.
    pub(super) fn only_send_at(&self) -> Option<Instant> {
        self.left_at.filter(|_| self.open.len() == 1 && self.moves == 0)
    }

    pub(super) fn slow(&self) -> Option<Slow> {
        self.slow
    }

    pub(super) fn failure(&self) -> Option<&LookupError> {
        self.failure.as_ref()
    }

    pub(super) fn last_unanswered(&self) -> Option<&LookupError> {
        self.last_unanswered.as_ref()
    }

    pub(super) fn given_up(&self) -> Option<GivenUp> {
        self.given_up
    }

    pub(super) fn awaits(&self, send: usize) -> bool {
        self.end.is_none() && self.open.contains(&send)
    }

    /// The answer, or the error.
    pub(super) fn end(&self) -> Option<Result<Answered, &LookupError>> {
        self.end.as_ref().map(|(_, end)| end.as_ref().copied())
    }

    pub(super) fn ended_at(&self) -> Option<Instant> {
        self.end.as_ref().map(|(at, _)| *at)
    }

    /// Notes when the first connection takes questions.
    pub(super) fn look(&mut self, seen: impl Fn(usize) -> Seen, now: Instant) {
        let is_up = |send: &usize| matches!(seen(*send).phase, Phase::Up(_));
        if self.left_at.is_none() && self.open.iter().any(is_up) {
            self.left_at = Some(now);
        }
    }

    /// The next move, and when it is due. `link` is not called before the first send.
    pub(super) fn next(
        &self,
        link: impl FnOnce(usize) -> LinkNow,
        now: Instant,
    ) -> Option<(Instant, StreamMove)> {
        if self.end.is_some() {
            return None;
        }
        let Some(latest) = self.latest else { return Some((now, StreamMove::Send)) };
        let link = link(latest);
        let silent_at = link.latest.silent_at(&link.health, now);
        let beside = self.beside_at(&link, silent_at);
        let moves = [
            beside.map(|at| (at, StreamMove::SendBeside(latest))),
            self.doubled_at(&link).map(|at| (at, StreamMove::Double(latest))),
            self.join_at(&link, silent_at, beside, now)
                .map(|(at, why)| (at, StreamMove::LetPlaintextJoin(why))),
        ];
        // At the same time the second connection comes first.
        moves.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// The time at which a connection that is not made gets another one beside it. Where plaintext may
    /// join, there is no second connection.
    fn doubled_at(&self, link: &LinkNow) -> Option<Instant> {
        match link.latest.phase {
            Phase::Connecting(_) if self.is_doubled || self.head_start.is_some() => None,
            Phase::Connecting(since) => Some(link.spare_at(since + CONNECT_PATIENCE)),
            Phase::Handshaking(_) | Phase::Up(_) | Phase::Ended => None,
        }
    }

    /// The time at which a silent connection gets another one beside it.
    fn beside_at(&self, link: &LinkNow, silent_at: Option<Instant>) -> Option<Instant> {
        silent_at.filter(|_| !self.is_replaced).map(|at| link.spare_at(at))
    }

    /// The time at which another transport is to join, and why. No number of connections that end
    /// prolongs the head start (N-18).
    fn join_at(
        &self,
        link: &LinkNow,
        silent_at: Option<Instant>,
        beside: Option<Instant>,
        now: Instant,
    ) -> Option<(Instant, Slow)> {
        let least = self.head_start.filter(|_| self.slow.is_none())?;
        let (head_start, from) = (link.health.head_start(least), self.head_start_from);
        let slow_at = link.health.is_proven.then(|| (self.started_at + SLOW_AFTER, Slow::Silent));
        let doubt = match link.latest.phase {
            Phase::Connecting(since) => Some((since.min(from) + head_start, Slow::NotUp)),
            Phase::Handshaking(since) => {
                Some((since.min(from + head_start) + head_start, Slow::NotUp))
            }
            // A link that has answered before may be slow with one name. If no other connection may
            // be opened by then, a silent one is no longer waited for.
            Phase::Up(_) if link.health.is_proven => None,
            Phase::Up(_) => silent_at
                .filter(|silent_at| beside.is_none_or(|beside| now.max(*silent_at) < beside))
                .map(|silent_at| (silent_at, Slow::Silent)),
            Phase::Ended => None,
        };
        slow_at.into_iter().chain(doubt).min_by_key(|(at, _)| *at)
    }

    pub(super) fn sent(&mut self, send: usize) {
        self.latest = Some(send);
        self.open.push(send);
    }

    pub(super) fn note_doubled(&mut self) {
        self.is_doubled = true;
    }

    /// A second connection is asked beside a silent one.
    pub(super) fn note_beside(&mut self, is_proven: bool, now: Instant) {
        self.is_replaced = true;
        self.head_start_from = now;
        if !is_proven {
            self.note_slow(Slow::Silent);
        }
    }

    pub(super) fn note_slow(&mut self, why: Slow) {
        self.slow.get_or_insert(why);
    }

    /// A reply has come over the connection of this send.
    pub(super) fn replied(
        &mut self,
        send: usize,
        reply: Reply,
        took: Option<Duration>,
        health: &mut LinkHealth,
        now: Instant,
    ) {
        health.answered(self.is_replaced.then_some(self.latest() == Some(send)), took);
        let end = match reply {
            Reply::WithoutEdns if self.edns => return self.drop_edns(true, now),
            Reply::Unreadable { .. } if self.edns => return self.drop_edns(false, now),
            Reply::WithoutEdns => Err(no_edns()),
            // The reply has the id of this question, so it can answer no other.
            Reply::ToAnother => Err(senseless("an answer to another question")),
            Reply::Truncated => Err(senseless("truncated on a stream")),
            Reply::Unreadable { error, .. } | Reply::Failed(error) => Err(error),
            Reply::Answered { is_negative } => Ok(Answered { send, is_negative }),
        };
        self.end = Some((now, end));
    }

    /// Asks again without EDNS, as if for the first time.
    fn drop_edns(&mut self, has_refused_edns: bool, now: Instant) {
        let (slow, given_up) = (self.slow, self.given_up);
        let new = Self::new(self.head_start, now);
        *self = Self { edns: false, has_refused_edns, slow, given_up, ..new };
    }

    /// The question cannot be sent.
    pub(super) fn cannot_send(&mut self, error: LookupError, now: Instant) {
        self.end.get_or_insert((now, Err(error)));
    }

    /// The connection of this send has ended without an answer. The server may have closed it
    /// before it saw the question (R-7858-3.4b), so the question moves on to another one, unless
    /// that would do no better.
    pub(super) fn lost(&mut self, send: usize, lost: Lost, now: Instant) {
        self.open.retain(|open| *open != send);
        if self.latest().is_none_or(|latest| self.open.contains(&latest)) {
            return;
        }
        self.moves += 1;
        self.ended_with_it += usize::from(lost.was_sent);
        if lost.has_ended && lost.answers == 0 {
            self.unanswered += 1;
            self.last_unanswered = lost.was_up.then(|| lost.error.clone());
        }
        let has_tried_enough = self.ended_with_it >= MAX_ENDED_WITH_IT
            || self.unanswered >= MAX_UNANSWERED
            || self.moves >= MAX_MOVES;
        if lost.was_up && !has_tried_enough {
            self.latest = None;
            return;
        }
        if lost.was_up {
            let is_sent = self.ended_with_it > 0;
            let of = if is_sent { GivenUp::AtTheQuestion } else { GivenUp::ByThemselves };
            self.given_up = Some(of);
        }
        match self.open.is_empty() {
            true => self.end = Some((now, Err(lost.error))),
            // The silent connection may still answer; another one would do no better.
            false => {
                self.failure = Some(lost.error);
                self.note_slow(Slow::NotUp);
            }
        }
    }
}
