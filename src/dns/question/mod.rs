//! One question to the name servers, without a clock, a socket, a task or a log: which server is
//! asked, over TLS or in plaintext, over UDP or TCP, with or without EDNS, when again, and which
//! reply ends it.
//!
//! A driver asks an [`Inquiry`] for its next step ([`Inquiry::poll`]), and reports what comes of
//! each send ([`Inquiry::replied`], [`Inquiry::lost`], [`Inquiry::failed`],
//! [`Inquiry::is_impossible`]). It shows the state of
//! its connections by [`Connections`], and passes in what is remembered from earlier questions
//! ([`Health`]). The inquiry stores facts, not phases: every next move has a time at which it is
//! due, and the earliest one is made.
//!
//! A [`server`] is asked by its policy over its [`transports`]: a [`stream`] is TCP or TLS,
//! [`plain`] is UDP ([`datagram`]) with TCP beside it. Its outcome follows in [`conclude`], and
//! which server's reply counts in [`verdict`]. The [`neutral`] question shows if a server or a port
//! answers at all. What is remembered is [`health`], with [`link_health`] and [`rtt`], by [`route`].

use std::sync::Arc;
use std::time::{Duration, Instant};

mod conclude;
mod connections;
mod datagram;
mod failure;
mod health;
mod link_health;
mod neutral;
mod plain;
mod reply;
mod route;
mod rtt;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod transports;
mod upstream;
mod verdict;

pub(crate) use self::connections::{Connections, Lost, Phase, Seen};
pub(crate) use self::datagram::LAST_SEND;
pub(crate) use self::health::Health;
pub(crate) use self::reply::Reply;
pub(crate) use self::route::Route;
use self::server::{Moment, Move, Server, Setting};
use self::transports::Transports;
pub(crate) use self::upstream::{Policy, Upstream};
use crate::race::answer::LookupError;

/// After an answer of another server, an earlier one is listened to for this time (C-DRAIN): it may
/// be slow, or it may be silent.
const DRAIN: Duration = Duration::from_secs(1);

/// The time-out of a TLS connection where plain DNS serves as well: by then a working server has
/// answered.
pub(crate) const OPPORTUNISTIC_TIMEOUT: Duration = Duration::from_secs(2);

/// The next thing that the driver of an inquiry has to do.
#[derive(Debug)]
#[must_use]
pub(crate) enum Step {
    /// Send the question in this form, and report what comes of it. The number is the index of the
    /// send in [`Inquiry::sends`].
    Send(usize, Form),
    /// The question is about to be sent in plaintext to a server that may have TLS. From here on it
    /// may have been read by others, whatever answers it.
    Unencrypted(Unencrypted),
    /// Ask the TLS port of this server in the background, by an [`Inquiry::probe`].
    Probe(usize),
    /// Wait for an event, at most until this moment; then poll again. The moment always lies in the
    /// future.
    Wait(Instant),
    /// The reply to this send is the answer, or there is none. The driver goes on to poll the
    /// inquiry in the background, until it is over.
    Done(Result<usize, LookupError>),
    /// Nothing is left to do or to learn. It comes after the outcome.
    Over,
}

/// The details of [`Step::Unencrypted`].
#[derive(Debug)]
pub(crate) struct Unencrypted {
    pub(crate) server: usize,
    pub(crate) why: Arc<str>,
    /// The server had TLS before, and nobody has been warned lately.
    pub(crate) is_warning: bool,
}

/// The form in which the question is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// The server's index in the configured list.
    pub(crate) server: usize,
    pub(crate) via: Via,
    pub(crate) edns: bool,
    /// Another connection than that of this send is to be used, because that one is silent.
    pub(crate) beside: Option<usize>,
    /// The neutral question (`. NS`) is to be sent in place of the question.
    pub(crate) neutral: bool,
}

/// The transport of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Via {
    Udp,
    Tcp,
    Tls,
}

/// The options of a question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Each question begins with the next server in turn.
    pub(crate) rotate: bool,
    /// Repetitions are later by this time, because a router may mix two questions that leave
    /// together.
    pub(crate) offset: Duration,
}

/// A question, from its first send to its end. See the [module](self).
#[derive(Debug)]
pub(crate) struct Inquiry {
    servers: Arc<[Upstream]>,
    /// The servers that are still to be asked, the next one last.
    left: Vec<usize>,
    /// The servers in the order in which they were asked.
    asked: Vec<Server>,
    setting: Setting,
    /// The servers that were asked because another one had failed.
    asked_in_place: usize,
    deadline: Instant,
    sends: Vec<Form>,
    /// The driver has been told the answer or the failure.
    is_over: bool,
}

impl Inquiry {
    /// A question to these servers until the deadline.
    pub(crate) fn new(
        servers: Arc<[Upstream]>,
        options: Options,
        deadline: Instant,
        health: &mut Health,
        connections: &dyn Connections,
        now: Instant,
    ) -> Self {
        let route = |server| connections.route(server);
        let mut left = health.order(servers.len(), options.rotate, route, now);
        left.reverse();
        let setting = Setting { is_only: servers.len() == 1, offset: options.offset };
        Self { left, setting, ..Self::of(servers, deadline) }
    }

    /// The question whether the TLS port of this server answers again.
    pub(crate) fn probe(
        servers: Arc<[Upstream]>,
        server: usize,
        connections: &dyn Connections,
        now: Instant,
    ) -> Self {
        let asked = Server::probe(server, &servers[server], connections, now);
        Self { asked: vec![asked], is_over: true, ..Self::of(servers, now) }
    }

    fn of(servers: Arc<[Upstream]>, deadline: Instant) -> Self {
        Self {
            servers,
            left: Vec::new(),
            asked: Vec::new(),
            setting: Setting { is_only: true, offset: Duration::ZERO },
            asked_in_place: 0,
            deadline,
            sends: Vec::new(),
            is_over: false,
        }
    }

    /// The next step. Call it after every event, and again after every step but [`Step::Wait`] and
    /// [`Step::Over`].
    pub(crate) fn poll(
        &mut self,
        health: &mut Health,
        connections: &dyn Connections,
        now: Instant,
    ) -> Step {
        let mut at = Moment { health, connections, now };
        loop {
            self.asked.iter_mut().for_each(|server| server.conclude(&mut at));
            if !self.is_over {
                if let Some(outcome) = self.outcome(&mut at) {
                    return Step::Done(outcome);
                }
                if self.next_server_at(&at).is_some_and(|due| due <= now) {
                    self.ask_next(&mut at);
                    continue;
                }
            }
            self.asked.retain(|server| !self.is_over || server.goes_on());
            let moves = self.asked.iter().enumerate();
            let moves = moves.filter_map(|(nth, server)| Some((nth, server.next(&at)?)));
            let Some((nth, (due, next))) = moves.min_by_key(|(_, (due, _))| *due) else {
                return self.wait(None, &at);
            };
            if now < due {
                return self.wait(Some(due), &at);
            }
            if let Some(step) = self.make(nth, next, &mut at) {
                return step;
            }
        }
    }

    /// The time at which the next server is asked: when the one before is late, or at once when one
    /// is in trouble. Once a server has replied, no later one has a say.
    fn next_server_at(&self, at: &Moment<'_>) -> Option<Instant> {
        self.left.last()?;
        match self.asked.last() {
            _ if self.asked.iter().any(|server| server.answered().is_some()) => None,
            Some(last) if !self.is_one_to_replace() => Some(last.patience_ends_at(at.health)),
            Some(_) | None => Some(at.now),
        }
    }

    /// True if a server is in trouble and none was asked in its place.
    fn is_one_to_replace(&self) -> bool {
        let in_trouble = self.asked.iter().filter(|server| server.is_in_trouble()).count();
        in_trouble > self.asked_in_place
    }

    fn ask_next(&mut self, at: &mut Moment<'_>) {
        self.asked_in_place += usize::from(self.is_one_to_replace());
        let Some(index) = self.left.pop() else { return };
        self.asked.push(Server::begin(index, &self.servers[index], self.setting, at));
    }

    /// Makes the next move of a server. Not every move is a step for the driver.
    fn make(&mut self, nth: usize, next: Move, at: &mut Moment<'_>) -> Option<Step> {
        let server = &mut self.asked[nth];
        let form = server.make(&next, at);
        match (next, form) {
            (_, Some(form)) => {
                let send = self.sends.len();
                self.sends.push(form);
                server.sent(send, form, at.now);
                Some(Step::Send(send, form))
            }
            (Move::Probe, None) => Some(Step::Probe(server.index)),
            (Move::Unencrypted(why), None) => {
                let is_warning = at.health.is_warning_due(&server.route, at.now);
                Some(Step::Unencrypted(Unencrypted { server: server.index, why, is_warning }))
            }
            (Move::AskNeutral | Move::Question(_) | Move::Neutral(_), None) => None,
        }
    }

    /// The earliest moment at which a fact changes by itself.
    fn wait(&self, next: Option<Instant>, at: &Moment<'_>) -> Step {
        let conclusions = self.asked.iter().filter_map(Server::concludes_at);
        let ends = match self.is_over {
            true => [None; 3],
            false => [self.next_server_at(at), self.counts_at(at), Some(self.deadline)],
        };
        let times = next.into_iter().chain(conclusions).chain(ends.into_iter().flatten());
        // What is due now waits for an event.
        times.filter(|time| at.now < *time).min().map_or(Step::Over, Step::Wait)
    }
}

/// The events that a driver reports.
impl Inquiry {
    /// A lookup that waits for the answer has this deadline; the latest one counts.
    pub(crate) fn extend(&mut self, deadline: Instant) {
        self.deadline = self.deadline.max(deadline);
    }

    /// A message has come for this send. `took` is the time in which its connection was made, if it
    /// has one.
    pub(crate) fn replied(
        &mut self,
        send: usize,
        reply: Reply,
        took: Option<Duration>,
        health: &mut Health,
        now: Instant,
    ) {
        if let Some((server, form)) = self.awaited(send) {
            server.replied((send, form.via, form.neutral), reply, took, health, now);
        }
    }

    /// The connection of this send has ended without an answer.
    pub(crate) fn lost(&mut self, send: usize, lost: Lost, now: Instant) {
        if let Some((transports, via)) = self.awaited_transports(send) {
            transports.lost((send, via), lost, now);
        }
    }

    /// This host could not make this send.
    pub(crate) fn is_impossible(&mut self, send: usize, error: LookupError, now: Instant) {
        if let Some((transports, via)) = self.awaited_transports(send) {
            transports.is_impossible(via, error, now);
        }
    }

    /// The socket of this datagram has failed. The error may be forged (ICMP).
    pub(crate) fn failed(&mut self, send: usize, error: LookupError, now: Instant) {
        if let Some((transports, _)) = self.awaited_transports(send) {
            transports.failed(send, error, now);
        }
    }

    fn awaited_transports(&mut self, send: usize) -> Option<(&mut Transports, Via)> {
        let (server, form) = self.awaited(send)?;
        Some((server.transports_of(form.neutral)?, form.via))
    }

    fn awaited(&mut self, send: usize) -> Option<(&mut Server, Form)> {
        let form = *self.sends.get(send)?;
        let asked = self.asked.iter_mut().find(|asked| asked.index == form.server)?;
        asked.awaits(send, form).then_some((asked, form))
    }
}

/// The facts that a driver may read.
impl Inquiry {
    /// The sends so far.
    pub(crate) fn sends(&self) -> &[Form] {
        &self.sends
    }

    /// The route to this server; `None` before it is asked.
    pub(crate) fn route(&self, server: usize) -> Option<&Route> {
        self.asked.iter().find(|asked| asked.index == server).map(|asked| &asked.route)
    }

    /// True if there is an outcome, and nothing is left to learn.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over && self.asked.is_empty()
    }

    /// True if what becomes of this send still matters. If not, the driver drops everything that it
    /// has for it.
    pub(crate) fn awaits(&self, send: usize) -> bool {
        let Some(form) = self.sends.get(send) else { return false };
        let asked = self.asked.iter().find(|asked| asked.index == form.server);
        asked.is_some_and(|asked| asked.awaits(send, *form))
    }
}
