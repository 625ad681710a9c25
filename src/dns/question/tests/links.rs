//! The connections of a world. Questions share them, and they go on after their questions have
//! ended.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::world::{Fate, Script, Start};
use crate::dns::question::{Lost, Phase, Seen, Via};
use crate::race::answer::LookupError;

/// After a refused connection no other one is tried for this time.
const REFUSED_FOR: Duration = Duration::from_millis(100);

/// The connections, and those that each link uses.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) all: Vec<Connection>,
    links: HashMap<(usize, Via), Link>,
}

/// The connections to one server over one transport, by their indices.
#[derive(Debug, Default, Clone, Copy)]
struct Link {
    current: Option<usize>,
    spare: Option<usize>,
    opened: usize,
}

/// A connection of a link.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) server: usize,
    pub(super) via: Via,
    /// The number among the connections of its link, from 1.
    pub(super) nth: usize,
    pub(super) script: Script,
    pub(super) opened_at: Instant,
    pub(super) phase: Phase,
    pub(super) up_at: Option<Instant>,
    pub(super) heard_at: Option<Instant>,
    pub(super) answers: usize,
    pub(super) questions: Vec<OnConnection>,
    pub(super) end: Option<(LookupError, Instant)>,
    /// Nothing comes from it any more.
    pub(super) is_forgotten: bool,
    /// The number of questions that were sent on it.
    received: usize,
}

/// A question on a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnConnection {
    pub(super) asking: usize,
    pub(super) send: usize,
    pub(super) sent_at: Option<Instant>,
    /// The fate of the question, if it is not that of the connection.
    own: Option<Fate>,
    /// Its question still awaits it.
    pub(super) is_awaited: bool,
}

impl Links {
    /// The connection in use, or a new one. True if it is new.
    pub(super) fn connection(
        &mut self,
        to: (usize, Via),
        script: &[Script],
        now: Instant,
    ) -> (usize, bool) {
        self.promote_spare(to);
        if let Some(known) = self.link(to).current {
            let connection = &self.all[known];
            let has_failed = connection.up_at.is_none();
            let ended_at = connection.end.as_ref().filter(|_| has_failed).map(|(_, at)| *at);
            if connection.is_open() || ended_at.is_some_and(|at| now < at + REFUSED_FOR) {
                return (known, false);
            }
        }
        let new = self.open(to, script, now);
        self.links.entry(to).or_default().current = Some(new);
        (new, true)
    }

    /// A connection beside this one, which is silent. True if it is new.
    pub(super) fn beside(
        &mut self,
        silent: usize,
        script: &[Script],
        now: Instant,
    ) -> (usize, bool) {
        let to = (self.all[silent].server, self.all[silent].via);
        self.promote_spare(to);
        if let Some(other) = self.other(silent) {
            return (other, false);
        }
        let new = self.open(to, script, now);
        self.links.entry(to).or_default().spare = Some(new);
        (new, true)
    }

    /// A connection that takes questions, besides this one.
    fn other(&self, than: usize) -> Option<usize> {
        let link = self.link((self.all[than].server, self.all[than].via));
        let mut connections = link.spare.into_iter().chain(link.current);
        connections.find(|it| *it != than && self.all[*it].is_open())
    }

    /// Puts a spare that is up in the place of the silent connection.
    fn promote_spare(&mut self, to: (usize, Via)) {
        let Link { current, spare, opened } = self.link(to);
        let is_over = current.is_none_or(|current| !self.all[current].is_open());
        let Some(spare) = spare else { return };
        let it = &self.all[spare];
        let link = if matches!(it.phase, Phase::Up(_)) || (is_over && it.is_open()) {
            Link { current: Some(spare), spare: None, opened }
        } else if !it.is_open() && it.up_at.is_some() {
            Link { current, spare: None, opened }
        } else {
            return;
        };
        self.links.insert(to, link);
    }

    fn open(&mut self, to: (usize, Via), script: &[Script], now: Instant) -> usize {
        let link = self.links.entry(to).or_default();
        link.opened += 1;
        let script = &script[script.len().min(link.opened) - 1];
        self.all.push(Connection {
            server: to.0,
            via: to.1,
            nth: link.opened,
            script: script.clone(),
            opened_at: now,
            phase: Phase::Connecting(now),
            up_at: None,
            heard_at: None,
            answers: 0,
            questions: Vec::new(),
            end: None,
            is_forgotten: false,
            received: 0,
        });
        self.all.len() - 1
    }

    fn link(&self, to: (usize, Via)) -> Link {
        self.links.get(&to).copied().unwrap_or_default()
    }

    pub(super) fn seen(&self, connection: usize, asking: usize, send: usize) -> Seen {
        let has_other = self.other(connection).is_some();
        let Connection { phase, heard_at, questions, .. } = &self.all[connection];
        let sent = questions.iter().find(|it| (it.asking, it.send) == (asking, send));
        let sent_at = sent.and_then(|it| it.sent_at);
        Seen { phase: *phase, sent_at, heard_at: *heard_at, has_other }
    }

    pub(super) fn is_up(&self, to: (usize, Via)) -> bool {
        self.link(to).current.is_some_and(|it| matches!(self.all[it].phase, Phase::Up(_)))
    }

    pub(super) fn was_heard_since(&self, to: (usize, Via), then: Instant) -> bool {
        let link = self.link(to);
        let mut connections = link.current.into_iter().chain(link.spare);
        connections.any(|it| self.all[it].heard_at.is_some_and(|at| at > then))
    }

    /// The end of this send is no longer awaited.
    pub(super) fn drop_send(&mut self, connection: usize, asking: usize, send: usize) {
        let questions = &mut self.all[connection].questions;
        let same = questions.iter_mut().filter(|it| (it.asking, it.send) == (asking, send));
        same.for_each(|question| question.is_awaited = false);
    }
}

impl Connection {
    /// True if it takes questions.
    pub(super) fn is_open(&self) -> bool {
        self.phase != Phase::Ended
    }

    /// True if something may still come from it.
    pub(super) fn is_alive(&self) -> bool {
        self.is_open() && !self.is_forgotten
    }

    /// True if no question waits for it.
    pub(super) fn is_idle(&self) -> bool {
        self.questions.iter().all(|question| !question.is_awaited)
    }

    pub(super) fn took(&self) -> Option<Duration> {
        Some(self.up_at? - self.opened_at)
    }

    /// The text for a connection that was not up within these seconds.
    pub(super) fn why_not_up(&self, seconds: u64) -> String {
        let what = match self.phase {
            Phase::Connecting(_) => "no TCP connection",
            Phase::Handshaking(_) | Phase::Up(_) | Phase::Ended => "no TLS handshake",
        };
        format!("{what} within {seconds}s")
    }

    /// The start of it. TCP ends where TLS would begin.
    pub(super) fn start(&self) -> Start {
        match (self.script.start, self.via) {
            (
                Start::Connected(tcp, _)
                | Start::Mute(tcp)
                | Start::Fails(tcp, ..)
                | Start::Untrusted(tcp, ..),
                Via::Tcp,
            ) => Start::Connected(tcp, 0),
            (Start::Closes(tcp, _), Via::Tcp) => Start::Closes(tcp, 0),
            (start, _) => start,
        }
    }
}

/// The questions on it.
impl Connection {
    /// The question is sent once the connection is up.
    pub(super) fn takes(&mut self, asking: usize, send: usize, own: Option<Fate>) {
        self.questions.push(OnConnection { asking, send, sent_at: None, own, is_awaited: true });
    }

    /// Sends the questions that wait. Returns what becomes of each.
    pub(super) fn send(&mut self, now: Instant) -> Vec<(OnConnection, Fate)> {
        let waiting = self.questions.iter_mut().filter(|it| it.sent_at.is_none() && it.is_awaited);
        let mut sent = Vec::new();
        for question in waiting {
            question.sent_at = Some(now);
            self.received += 1;
            let nth = self.received.min(self.script.fates.len());
            sent.push((*question, question.own.unwrap_or(self.script.fates[nth - 1])));
        }
        sent
    }

    /// A message has come to this question. True if the question awaits it.
    pub(super) fn hears(&mut self, question: OnConnection, now: Instant) -> bool {
        self.heard_at = Some(now);
        self.answers += 1;
        let same = |it: &OnConnection| (it.asking, it.send) == (question.asking, question.send);
        let nth = self.questions.iter().position(same);
        nth.is_some_and(|nth| self.questions.remove(nth).is_awaited)
    }

    /// Ends it. Returns the questions that are lost.
    pub(super) fn ends(&mut self, error: LookupError, now: Instant) -> Vec<(OnConnection, Lost)> {
        let open: Vec<_> = self.questions.drain(..).filter(|it| it.is_awaited).collect();
        let lost = |it: OnConnection| (it, self.lost(&error, it.sent_at.is_some()));
        let lost = open.into_iter().map(lost).collect();
        self.end = Some((error, now));
        lost
    }

    pub(super) fn lost(&self, error: &LookupError, was_sent: bool) -> Lost {
        let (was_up, answers) = (self.up_at.is_some(), self.answers);
        Lost { error: error.clone(), was_up, has_ended: true, answers, was_sent }
    }
}
