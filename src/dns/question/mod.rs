//! One question to the name servers, without a clock, a socket, a task or a log: which server is
//! asked, over TLS or in plaintext, over UDP or TCP, with or without EDNS, when again, and which
//! reply ends it.
//!
//! A driver asks an [`Inquiry`] for its next step ([`Inquiry::poll`]), and reports what comes of
//! each send ([`Inquiry::replied`], [`Inquiry::lost`], [`Inquiry::failed`]). It shows the state of
//! its connections by [`Connections`], and passes in what is remembered from earlier questions
//! ([`Health`]). The inquiry stores facts, not phases: every next move has a time at which it is
//! due, and the earliest one is made.
//!
//! A [`server`] is asked by its policy over its [`transports`]: a [`stream`] is TCP or TLS,
//! [`plain`] is UDP ([`datagram`]) with TCP beside it. A [`trial`] is the time in which a TLS port
//! may still show that it works. What is remembered is [`health`], with the [`preference`] among
//! the servers and the [`link_health`], by [`route`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod datagram;
mod failure;
mod health;
mod link_health;
mod plain;
mod preference;
mod reply;
mod route;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod transports;
mod trial;

pub(crate) use self::datagram::LAST_SEND;
use self::failure::failure;
pub(crate) use self::health::Health;
use self::link_health::LinkHealth;
pub(crate) use self::reply::Reply;
pub(crate) use self::route::Route;
use self::server::{Moment, Move, Server};
use crate::race::answer::LookupError;

/// The next server is asked after this time if none has failed.
const NEXT_SERVER: Duration = Duration::from_millis(250);

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
}

/// The transport of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Via {
    Udp,
    Tcp,
    Tls,
}

/// A name server.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    /// The address in the configuration, with the port.
    pub(crate) addr: SocketAddr,
    /// The address and port of TLS; `addr` if it is never asked over TLS.
    pub(crate) tls_addr: SocketAddr,
    pub(crate) policy: Policy,
}

/// How a server is reached.
#[derive(Debug, Clone)]
pub(crate) enum Policy {
    /// Over UDP, and over TCP where UDP does not suffice; or over TCP only.
    Plain { tcp_only: bool },
    /// Over TLS without authentication where that works, otherwise in plaintext. TLS has this head
    /// start.
    Opportunistic { head_start: Duration, tcp_only: bool },
    /// Over authenticated TLS only.
    Strict,
    /// Never, for this reason.
    Never(LookupError),
}

impl Policy {
    fn is_tcp_only(&self) -> bool {
        matches!(self, Self::Plain { tcp_only: true } | Self::Opportunistic { tcp_only: true, .. })
    }
}

/// The end of a send without an answer: its connection has ended.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    pub(crate) error: LookupError,
    /// The connection was up before it ended.
    pub(crate) was_up: bool,
    /// The number of other questions that it has answered.
    pub(crate) answers: usize,
    /// The question was sent.
    pub(crate) was_sent: bool,
}

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// TCP is being connected, since then.
    Connecting(Instant),
    /// TCP is up and TLS under way, since then.
    Handshaking(Instant),
    /// It takes questions.
    Up,
    /// It takes no more.
    Ended,
}

/// The state of the connection of a send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) phase: Phase,
    /// Since then some question on it has been unanswered, and nothing has come.
    pub(crate) quiet_since: Option<Instant>,
    /// The link has another connection that is open.
    pub(crate) has_other: bool,
}

impl Seen {
    /// The time at which a connection that is up counts as silent, if nothing comes until then.
    fn silent_at(&self, health: &LinkHealth) -> Option<Instant> {
        let since = self.quiet_since.filter(|_| self.phase == Phase::Up)?;
        Some(since + health.patience())
    }
}

/// The driver's connections, as they are at this moment.
pub(crate) trait Connections {
    /// The route to this server.
    fn route(&self, server: usize) -> Route;
    /// The reason for which nothing can be asked over TLS.
    fn why_no_tls(&self) -> Option<Arc<str>>;
    /// The connection of this send, which is over TCP or TLS.
    fn seen(&self, send: usize) -> Seen;
    /// True if a TLS connection to this server is up.
    fn is_tls_up(&self, route: &Route, server: usize) -> bool;
    /// True if anything has come from this server over TLS since then.
    fn was_tls_heard_since(&self, route: &Route, server: usize, then: Instant) -> bool;
}

/// A question, from its first send to its end. See the [module](self).
#[derive(Debug)]
pub(crate) struct Inquiry {
    servers: Arc<[Upstream]>,
    /// The servers that are still to be asked, the next one last.
    left: Vec<usize>,
    /// The servers in the order in which they were asked.
    asked: Vec<Server>,
    last_asked_at: Option<Instant>,
    /// The servers that were asked because another one had failed.
    asked_in_place: usize,
    deadline: Instant,
    sends: Vec<Form>,
    /// The driver has been told the answer or the failure.
    is_over: bool,
}

impl Inquiry {
    /// A question to these servers until the deadline, each in its turn with `rotate`.
    pub(crate) fn new(
        servers: Arc<[Upstream]>,
        rotate: bool,
        deadline: Instant,
        health: &mut Health,
        now: Instant,
    ) -> Self {
        let mut left = health.preference.order(servers.len(), rotate, now);
        left.reverse();
        Self::of(servers, left, deadline)
    }

    /// The question whether the TLS port of this server answers again.
    pub(crate) fn probe(
        servers: Arc<[Upstream]>,
        server: usize,
        connections: &dyn Connections,
        now: Instant,
    ) -> Self {
        let asked = Server::probe(server, &servers[server], connections, now);
        Self { asked: vec![asked], is_over: true, ..Self::of(servers, Vec::new(), now) }
    }

    fn of(servers: Arc<[Upstream]>, left: Vec<usize>, deadline: Instant) -> Self {
        Self {
            servers,
            left,
            asked: Vec::new(),
            last_asked_at: None,
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
                if let Some(end) = self.end(&mut at) {
                    self.is_over = true;
                    self.asked.retain(|server| server.trial.is_some());
                    return end;
                }
                if self.next_server_at(now).is_some_and(|due| due <= now) {
                    self.ask_next(&mut at);
                    continue;
                }
            }
            let moves = self.asked.iter().enumerate();
            let moves = moves.filter_map(|(nth, server)| Some((nth, server.next(&at)?)));
            let Some((nth, (due, next))) = moves.min_by_key(|(_, (due, _))| *due) else {
                return self.wait(None, now);
            };
            if now < due {
                return self.wait(Some(due), now);
            }
            if let Some(step) = self.make(nth, next, &mut at) {
                return step;
            }
        }
    }

    /// The answer, or the failure, if it has come to that. An answer that has come by the deadline
    /// counts.
    fn end(&mut self, at: &mut Moment<'_>) -> Option<Step> {
        let answered = self.asked.iter().find_map(|server| match server.outcome {
            Some(Ok(send)) => Some((server.index, send)),
            Some(Err(_)) | None => None,
        });
        if let Some((server, send)) = answered {
            at.health.preference.answered(server, at.now);
            return Some(Step::Done(Ok(send)));
        }
        let is_lost = self.left.is_empty() && self.asked.iter().all(|it| it.outcome.is_some());
        let is_over = is_lost || self.deadline <= at.now;
        is_over.then(|| Step::Done(Err(failure(&self.asked, &self.servers, at.connections))))
    }

    /// The time at which the next server is asked: a while after the one before, or at once when
    /// one has failed.
    fn next_server_at(&self, now: Instant) -> Option<Instant> {
        self.left.last()?;
        match self.last_asked_at {
            Some(last) if !self.is_one_to_replace() => Some(last + NEXT_SERVER),
            Some(_) | None => Some(now),
        }
    }

    /// True if a server has failed and none was asked in its place.
    fn is_one_to_replace(&self) -> bool {
        let failed = self.asked.iter().filter(|server| server.outcome.is_some()).count();
        failed > self.asked_in_place
    }

    fn ask_next(&mut self, at: &mut Moment<'_>) {
        self.asked_in_place += usize::from(self.is_one_to_replace());
        let Some(index) = self.left.pop() else { return };
        self.last_asked_at = Some(at.now);
        self.asked.push(Server::begin(index, &self.servers[index], at));
    }

    /// Makes the next move of a server. Not every move is a step for the driver.
    fn make(&mut self, nth: usize, next: Move, at: &mut Moment<'_>) -> Option<Step> {
        let server = &mut self.asked[nth];
        let form = server.make(&next, at);
        match (next, form) {
            (_, Some(form)) => {
                let send = self.sends.len();
                self.sends.push(form);
                server.transports.sent(send, form.via);
                Some(Step::Send(send, form))
            }
            (Move::Probe, None) => Some(Step::Probe(server.index)),
            (Move::Unencrypted(why), None) => {
                let is_warning = at.health.is_warning_due(&server.route, at.now);
                Some(Step::Unencrypted(Unencrypted { server: server.index, why, is_warning }))
            }
            (Move::Join(_) | Move::Udp | Move::Tcp(_) | Move::Tls(_), None) => None,
        }
    }

    /// The earliest moment at which a fact changes by itself.
    fn wait(&self, next: Option<Instant>, now: Instant) -> Step {
        let trials = self.asked.iter().filter_map(Server::trial_ends_at);
        let ends = match self.is_over {
            true => [None, None],
            false => [self.next_server_at(now), Some(self.deadline)],
        };
        let next = next.into_iter().chain(trials).chain(ends.into_iter().flatten()).min();
        next.map_or(Step::Over, Step::Wait)
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
        if let Some((server, via)) = self.awaited(send) {
            server.replied((send, via), reply, took, health, now);
        }
    }

    /// The connection of this send has ended without an answer.
    pub(crate) fn lost(&mut self, send: usize, lost: Lost, now: Instant) {
        if let Some((server, via)) = self.awaited(send) {
            server.transports.lost(send, via, lost, now);
        }
    }

    /// This send was not possible, or the socket of a datagram has failed.
    pub(crate) fn failed(&mut self, send: usize, error: LookupError, now: Instant) {
        if let Some((server, via)) = self.awaited(send) {
            server.transports.failed(via, error, now);
        }
    }

    fn awaited(&mut self, send: usize) -> Option<(&mut Server, Via)> {
        let Form { server, via, .. } = *self.sends.get(send)?;
        let asked = self.asked.iter_mut().find(|asked| asked.index == server)?;
        asked.awaits(send, via).then_some((asked, via))
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
        let Some(Form { server, via, .. }) = self.sends.get(send) else { return false };
        let asked = self.asked.iter().find(|asked| asked.index == *server);
        asked.is_some_and(|asked| asked.awaits(send, *via))
    }
}
