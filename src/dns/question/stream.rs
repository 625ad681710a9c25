//! One question to one server over TCP, or over TLS on it: on which connection it is sent, when it
//! moves to another one, and when another transport is to join.

use std::time::{Duration, Instant};

use smallvec::{SmallVec, smallvec};

use super::link_health::LinkHealth;
use super::reply::{Reply, no_edns, senseless};
use super::{Lost, Phase, Seen};
use crate::race::answer::LookupError;

/// Another transport joins after this time where the link has answered before: names differ in
/// speed, and a slow one need not be sent in plaintext.
const SLOW_AFTER: Duration = Duration::from_secs(1);
/// A question is sent at most this many times, each time on a new connection (R-9520-3.1).
const MAX_SENDS: usize = 3;
/// The same on connections that have answered nothing.
const MAX_SENDS_IN_VAIN: usize = 2;
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

/// See the module. Silent connections never end it.
#[derive(Debug)]
pub(super) struct Stream {
    /// The least head start before another transport may join; `None` if none may.
    head_start: Option<Duration>,
    edns: bool,
    /// The start of the question in its present form.
    started_at: Instant,
    /// The sends that are still unanswered.
    open: SmallVec<[usize; 2]>,
    /// The last send; `None` if one is due at once.
    latest: Option<usize>,
    /// A connection was opened beside a silent one for it.
    is_replaced: bool,
    sends: usize,
    moves: usize,
    slow: Option<Slow>,
    was_in_vain: bool,
    /// The error of the last connection, if that has failed while another one is still silent.
    failure: Option<LookupError>,
    end: Option<(Instant, Result<usize, LookupError>)>,
}

/// The next thing that happens to a stream by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamMove {
    /// Send the question on the connection in use.
    Send,
    /// Send it on another connection than that of this send, which is silent.
    SendBeside(usize),
    /// Another transport is to join.
    Join(Slow),
    /// Look at the connection again: the question was not sent on it yet.
    Look,
}

/// The state of a stream's link at this moment.
#[derive(Debug)]
pub(super) struct LinkNow {
    pub(super) health: LinkHealth,
    /// The connection of the last send.
    pub(super) latest: Seen,
}

impl Stream {
    pub(super) fn new(head_start: Option<Duration>, now: Instant) -> Self {
        Self {
            head_start,
            edns: true,
            started_at: now,
            open: smallvec![],
            latest: None,
            is_replaced: false,
            sends: 0,
            moves: 0,
            slow: None,
            was_in_vain: false,
            failure: None,
            end: None,
        }
    }

    pub(super) fn edns(&self) -> bool {
        self.edns
    }

    /// The last send, unless the next one is due.
    pub(super) fn latest(&self) -> Option<usize> {
        self.latest
    }

    pub(super) fn slow(&self) -> Option<Slow> {
        self.slow
    }

    pub(super) fn failure(&self) -> Option<&LookupError> {
        self.failure.as_ref()
    }

    /// The connection was up and yet the stream was given up: the server takes questions and
    /// answers none.
    pub(super) fn was_in_vain(&self) -> bool {
        self.was_in_vain
    }

    pub(super) fn awaits(&self, send: usize) -> bool {
        self.end.is_none() && self.open.contains(&send)
    }

    /// The send that was answered, or the error.
    pub(super) fn end(&self) -> Option<Result<usize, &LookupError>> {
        self.end.as_ref().map(|(_, end)| end.as_ref().copied())
    }

    pub(super) fn ended_at(&self) -> Option<Instant> {
        self.end.as_ref().map(|(at, _)| *at)
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
        let join = self.join_at(&link, now);
        let beside = self.beside_at(&link).map(|at| (at, StreamMove::SendBeside(latest)));
        let is_unsent = link.latest.phase == Phase::Up && link.latest.quiet_since.is_none();
        let look = is_unsent.then(|| (now + link.health.patience(), StreamMove::Look));
        // At the same time the second connection comes first.
        [beside, join, look].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// The time at which a silent connection gets another one beside it.
    fn beside_at(&self, link: &LinkNow) -> Option<Instant> {
        let silent_at = link.latest.silent_at(&link.health).filter(|_| !self.is_replaced)?;
        match link.health.spare_at().filter(|_| !link.latest.has_other) {
            Some(spare_at) => Some(silent_at.max(spare_at)),
            None => Some(silent_at),
        }
    }

    /// The time at which another transport is to join, and why.
    fn join_at(&self, link: &LinkNow, now: Instant) -> Option<(Instant, StreamMove)> {
        let least = self.head_start.filter(|_| self.slow.is_none())?;
        let slow_at = link.health.is_proven.then(|| (self.started_at + SLOW_AFTER, Slow::Silent));
        let doubt = match link.latest.phase {
            Phase::Connecting(since) | Phase::Handshaking(since) => {
                Some((since + link.health.head_start(least), Slow::NotUp))
            }
            Phase::Up => self.doubt_at(link, now).map(|at| (at, Slow::Silent)),
            Phase::Ended => None,
        };
        let (at, why) = slow_at.into_iter().chain(doubt).min_by_key(|(at, _)| *at)?;
        Some((at, StreamMove::Join(why)))
    }

    /// The time at which a silent connection is no longer waited for, where no other one may be
    /// opened beside it by then. It may have been silent before this question.
    fn doubt_at(&self, link: &LinkNow, now: Instant) -> Option<Instant> {
        // The question that raised the doubt may be slow for its own reasons.
        let is_trusted = link.health.is_proven && (self.is_replaced || !link.health.is_in_doubt());
        let silent_at = link.latest.silent_at(&link.health).filter(|_| !is_trusted)?;
        let is_replaced_then = self.beside_at(link).is_some_and(|at| at <= silent_at.max(now));
        (!is_replaced_then).then_some(silent_at)
    }

    pub(super) fn sent(&mut self, send: usize) {
        self.latest = Some(send);
        self.open.push(send);
    }

    /// A second connection is asked beside a silent one.
    pub(super) fn is_sent_beside(&mut self, is_proven: bool) {
        self.is_replaced = true;
        if !is_proven {
            self.join(Slow::Silent);
        }
    }

    pub(super) fn join(&mut self, why: Slow) {
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
        health.answered(self.is_replaced.then_some(self.latest == Some(send)), took);
        let end = match reply {
            Reply::WithoutEdns if self.edns => return self.drop_edns(now),
            Reply::WithoutEdns => Err(no_edns()),
            // The reply has the id of this question, so it can answer no other.
            Reply::ToAnother => Err(senseless("an answer to another question")),
            Reply::Truncated => Err(senseless("truncated on a stream")),
            Reply::Failed(error) => Err(error),
            Reply::Answered => Ok(send),
        };
        self.end = Some((now, end));
    }

    /// Asks again without EDNS, as if for the first time.
    fn drop_edns(&mut self, now: Instant) {
        let (slow, was_in_vain) = (self.slow, self.was_in_vain);
        *self = Self { edns: false, slow, was_in_vain, ..Self::new(self.head_start, now) };
    }

    /// The question cannot be sent.
    pub(super) fn failed(&mut self, error: LookupError, now: Instant) {
        self.end.get_or_insert((now, Err(error)));
    }

    /// The connection of this send has ended without an answer. The server may have closed it
    /// before it saw the question (R-7858-3.4b), so the question moves on to another one, unless
    /// that would do no better.
    pub(super) fn lost(&mut self, send: usize, lost: Lost, now: Instant) {
        self.open.retain(|open| *open != send);
        let latest_is_open = self.latest.is_none_or(|latest| self.open.contains(&latest));
        if latest_is_open {
            return;
        }
        self.moves += 1;
        self.sends += usize::from(lost.was_sent);
        let most = if lost.answers > 0 { MAX_SENDS } else { MAX_SENDS_IN_VAIN };
        let may_leave = !lost.was_sent || self.sends < most;
        if lost.was_up && may_leave && self.moves < MAX_MOVES {
            self.latest = None;
            return;
        }
        self.was_in_vain |= lost.was_up;
        match self.open.is_empty() {
            true => self.end = Some((now, Err(lost.error))),
            // The silent connection may still answer; another one would do no better.
            false => {
                self.failure = Some(lost.error);
                self.join(Slow::NotUp);
            }
        }
    }
}
