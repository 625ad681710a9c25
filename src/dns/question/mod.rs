//! One question to the name servers, without a clock, a socket, a task or a log: which server is
//! asked, over TLS or in plaintext, over UDP or TCP, with or without EDNS, when again, and which
//! reply ends it.
//!
//! A driver asks an [`Inquiry`] for its next step ([`Inquiry::poll`]), and reports what comes of
//! each send ([`Inquiry::replied`], [`Inquiry::lost`], [`Inquiry::socket_failed`],
//! [`Inquiry::cannot_send`]). It shows the state of its connections by [`Connections`], and passes
//! in the memory of earlier questions ([`Health`]). The inquiry stores facts, not phases: every next
//! move has a time at which it is due, and the earliest one is made.
//!
//! A [`server`] is asked by its usage over its [`transports`]: a [`stream`] is TCP or TLS,
//! [`plain`] is UDP ([`datagram`]) with TCP beside it. It [begins](begin) with what is known of
//! it. Its outcome follows in [`conclude`], and which server's reply counts in [`verdict`]. The
//! [`neutral`] question shows if a server or a port answers at all. The memory of all this is
//! [`health`], with [`link_health`] and [`rtt`], by [`route`].

use std::sync::Arc;
use std::time::{Duration, Instant};

mod begin;
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

pub(in crate::dns) use self::connections::{Connections, Lost, Phase, Seen};
pub(in crate::dns) use self::datagram::LAST_SEND;
pub(in crate::dns) use self::health::Health;
pub(in crate::dns) use self::reply::Reply;
pub(in crate::dns) use self::route::Route;
use self::server::{Moment, Move, Server, ServerOptions};
use self::transports::Transports;
pub(in crate::dns) use self::upstream::{Upstream, Usage};
use crate::race::answer::LookupError;

/// After an answer, each earlier server without a reply is listened to for this time, to learn if it
/// is slow or silent (C-DRAIN).
const DRAIN: Duration = Duration::from_secs(1);

/// The time-out of a TLS connection where plain DNS serves as well: by then a working server has
/// answered.
pub(in crate::dns) const OPPORTUNISTIC_TIMEOUT: Duration = Duration::from_secs(2);

/// The next thing that the driver of an inquiry has to do.
#[derive(Debug)]
#[must_use]
pub(in crate::dns) enum Step {
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
pub(in crate::dns) struct Unencrypted {
    pub(in crate::dns) server: usize,
    pub(in crate::dns) why: Arc<str>,
    /// The server had TLS before, and nobody has been warned lately.
    pub(in crate::dns) is_warning: bool,
}

/// The form in which the question is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dns) struct Form {
    /// The server's index in the configured list.
    pub(in crate::dns) server: usize,
    pub(in crate::dns) via: Via,
    pub(in crate::dns) edns: bool,
    /// Use another connection than that of this send, which is silent or not made yet.
    pub(in crate::dns) beside: Option<usize>,
    /// The neutral question (`. NS`) is to be sent in place of the question.
    pub(in crate::dns) neutral: bool,
}

/// The transport of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::dns) enum Via {
    Udp,
    Tcp,
    Tls,
}

/// The options of a question.
#[derive(Debug, Clone, Copy)]
pub(in crate::dns) struct Options {
    /// Each question begins with the next server in turn.
    pub(in crate::dns) rotate: bool,
    /// Repetitions over UDP are later by this time, because some routers mix two questions of one
    /// name that leave together (N-13).
    pub(in crate::dns) offset: Duration,
}

/// A question, from its first send to its end. See the [module](self).
#[derive(Debug)]
pub(in crate::dns) struct Inquiry {
    servers: Arc<[Upstream]>,
    /// The servers that are still to be asked, the next one last.
    remaining: Vec<usize>,
    /// The servers in the order in which they were asked.
    asked: Vec<Server>,
    options: ServerOptions,
    /// The number of servers that were asked in place of one in trouble.
    asked_in_place: usize,
    deadline: Instant,
    sends: Vec<Form>,
    /// No outcome is awaited: there was one, or this is a probe.
    has_outcome: bool,
}

impl Inquiry {
    /// A question to these servers until the deadline.
    pub(in crate::dns) fn new(
        servers: Arc<[Upstream]>,
        options: Options,
        deadline: Instant,
        health: &mut Health,
        connections: &dyn Connections,
        now: Instant,
    ) -> Self {
        let route = |server| connections.route(server);
        let mut remaining = health.order(servers.len(), options.rotate, route, now);
        remaining.reverse();
        let server_options = ServerOptions { is_only: servers.len() == 1, offset: options.offset };
        Self { remaining, options: server_options, ..Self::of(servers, deadline) }
    }

    /// The question whether the TLS port of this server answers again.
    pub(in crate::dns) fn probe(
        servers: Arc<[Upstream]>,
        server: usize,
        connections: &dyn Connections,
        now: Instant,
    ) -> Self {
        let asked = Server::probe(server, &servers[server], connections, now);
        Self { asked: vec![asked], has_outcome: true, ..Self::of(servers, now) }
    }

    fn of(servers: Arc<[Upstream]>, deadline: Instant) -> Self {
        Self {
            servers,
            remaining: Vec::new(),
            asked: Vec::new(),
            options: ServerOptions { is_only: true, offset: Duration::ZERO },
            asked_in_place: 0,
            deadline,
            sends: Vec::new(),
            has_outcome: false,
        }
    }

    /// The next step. Call it after every event, and again after every step but [`Step::Wait`] and
    /// [`Step::Over`].
    pub(in crate::dns) fn poll(
        &mut self,
        health: &mut Health,
        connections: &dyn Connections,
        now: Instant,
    ) -> Step {
        let mut at = Moment { health, connections, now };
        loop {
            self.asked.iter_mut().for_each(|server| server.conclude(&mut at));
            if !self.has_outcome {
                if let Some(outcome) = self.outcome(&mut at) {
                    return Step::Done(outcome);
                }
                if self.next_server_at(&at).is_some_and(|due| due <= now) {
                    self.ask_next(&mut at);
                    continue;
                }
            }
            self.asked.retain(|server| !self.has_outcome || server.goes_on());
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
    /// is in trouble. Once a server has replied, no other is asked.
    fn next_server_at(&self, at: &Moment<'_>) -> Option<Instant> {
        self.remaining.last()?;
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
        let Some(index) = self.remaining.pop() else { return };
        self.asked.push(Server::begin(index, &self.servers[index], self.options, at));
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
                let is_warning = at.health.take_warning(&server.route, at.now);
                Some(Step::Unencrypted(Unencrypted { server: server.index, why, is_warning }))
            }
            (Move::AskNeutral | Move::Question(_) | Move::Neutral(_), None) => None,
        }
    }

    /// The earliest moment at which a fact changes by itself.
    fn wait(&self, next: Option<Instant>, at: &Moment<'_>) -> Step {
        let conclusions = self.asked.iter().filter_map(Server::concludes_at);
        let ends = match self.has_outcome {
            true => [None; 3],
            false => [self.next_server_at(at), self.counts_at(at), Some(self.deadline)],
        };
        let times = next.into_iter().chain(conclusions).chain(ends.into_iter().flatten());
        // A time that has passed is skipped: only an event changes that fact.
        times.filter(|time| at.now < *time).min().map_or(Step::Over, Step::Wait)
    }
}

/// The events that a driver reports.
impl Inquiry {
    /// A lookup that waits for the answer has this deadline; the latest one counts.
    pub(in crate::dns) fn extend(&mut self, deadline: Instant) {
        self.deadline = self.deadline.max(deadline);
    }

    /// A message has come for this send. `took` is the time in which its connection was made, if it
    /// has one.
    pub(in crate::dns) fn replied(
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
    pub(in crate::dns) fn lost(&mut self, send: usize, lost: Lost, now: Instant) {
        if let Some((transports, via)) = self.awaited_transports(send) {
            transports.lost((send, via), lost, now);
        }
    }

    /// This host could not make this send.
    pub(in crate::dns) fn cannot_send(&mut self, send: usize, error: LookupError, now: Instant) {
        if let Some((server, form)) = self.awaited(send) {
            server.cannot_send((send, form), &error, now);
        }
    }

    /// The socket of this datagram has failed. The error may be forged (ICMP).
    pub(in crate::dns) fn socket_failed(&mut self, send: usize, error: LookupError, now: Instant) {
        if let Some((transports, _)) = self.awaited_transports(send) {
            transports.socket_failed(send, error, now);
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
    pub(in crate::dns) fn sends(&self) -> &[Form] {
        &self.sends
    }

    /// The route to this server; `None` before it is asked.
    pub(in crate::dns) fn route(&self, server: usize) -> Option<&Route> {
        self.asked.iter().find(|asked| asked.index == server).map(|asked| &asked.route)
    }

    /// True if there is an outcome, and nothing is left to learn.
    pub(in crate::dns) fn is_over(&self) -> bool {
        self.has_outcome && self.asked.is_empty()
    }

    /// True if what becomes of this send still matters. If not, the driver drops everything that it
    /// has for it.
    pub(in crate::dns) fn awaits(&self, send: usize) -> bool {
        let Some(form) = self.sends.get(send) else { return false };
        let asked = self.asked.iter().find(|asked| asked.index == form.server);
        asked.is_some_and(|asked| asked.awaits(send, *form))
    }
}
