//! One server of a question, by its policy: over TLS, in plaintext, or over TLS with plaintext
//! beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::datagram::Datagram;
use super::failure::rank;
use super::health::{Health, TlsAdvice};
use super::plain::{First, Joins, Plain};
use super::reply::{Reply, is_no_answer, is_unreachable};
use super::route::Route;
use super::stream::{LinkNow, Slow, Stream, StreamMove};
use super::transports::Transports;
use super::trial::Trial;
use super::{Connections, Form, Phase, Policy, Upstream, Via};
use crate::race::answer::{LookupError, LookupErrorKind};

/// The reason for a port that takes questions and answers none.
pub(super) const SILENT: &str = "TLS is up and silent";

/// See the module.
#[derive(Debug)]
pub(super) struct Server {
    /// Its index in the configured list.
    pub(super) index: usize,
    pub(super) route: Route,
    pub(super) policy: Policy,
    tls_addr: SocketAddr,
    pub(super) transports: Transports,
    /// It is asked only to see if its TLS port answers.
    is_probe: bool,
    /// A probe of the TLS port is due.
    probe_is_due: bool,
    /// TLS is not tried, for this reason.
    no_tls: Option<Arc<str>>,
    pub(super) outcome: Option<Result<usize, LookupError>>,
    /// The TLS port is judged, also after the outcome.
    pub(super) trial: Option<Trial>,
    /// The end of plain DNS has been noted.
    plain_is_noted: bool,
}

/// The next thing that happens to a server by itself.
#[derive(Debug)]
pub(super) enum Move {
    /// Its TLS port is to be probed.
    Probe,
    /// The question is to be asked in plaintext, for this reason.
    Unencrypted(Arc<str>),
    /// UDP or TCP joins the other.
    Join(Joins),
    /// The question is to be sent by a datagram.
    Udp,
    Tcp(StreamMove),
    Tls(StreamMove),
}

/// The facts of this moment, beside those of the question.
pub(super) struct Moment<'a> {
    pub(super) health: &'a mut Health,
    pub(super) connections: &'a dyn Connections,
    pub(super) now: Instant,
}

impl Server {
    /// The server is asked from now on.
    pub(super) fn begin(index: usize, upstream: &Upstream, at: &mut Moment<'_>) -> Self {
        let mut server = Self::new(index, upstream, at.connections);
        match &upstream.policy {
            Policy::Never(error) => server.outcome = Some(Err(error.clone())),
            Policy::Plain { .. } => server.begin_plain(at),
            Policy::Strict => server.transports.tls = Some(Stream::new(None, at.now)),
            Policy::Opportunistic { head_start, .. } => {
                let tls = Stream::new(Some(*head_start), at.now);
                match server.advice(at) {
                    TlsAdvice::Use => server.transports.tls = Some(tls),
                    TlsAdvice::Skip(why) => server.no_tls = Some(why),
                    TlsAdvice::Probe(why) => {
                        server.probe_is_due = true;
                        server.no_tls = Some(why);
                    }
                }
            }
        }
        server
    }

    /// The TLS port of the server is asked, to see if it answers, and nothing else.
    pub(super) fn probe(
        index: usize,
        upstream: &Upstream,
        connections: &dyn Connections,
        now: Instant,
    ) -> Self {
        let mut server = Self::new(index, upstream, connections);
        server.transports.tls = Some(Stream::new(Some(Trial::HANDSHAKE), now));
        server.is_probe = true;
        server.trial = Some(Trial::of_a_dead_port(now));
        server
    }

    fn new(index: usize, upstream: &Upstream, connections: &dyn Connections) -> Self {
        Self {
            index,
            route: connections.route(index),
            tls_addr: upstream.tls_addr,
            policy: upstream.policy.clone(),
            transports: Transports::default(),
            is_probe: false,
            probe_is_due: false,
            no_tls: None,
            outcome: None,
            trial: None,
            plain_is_noted: false,
        }
    }

    fn advice(&self, at: &mut Moment<'_>) -> TlsAdvice {
        if let Some(why) = at.connections.why_no_tls() {
            return TlsAdvice::Skip(why);
        }
        match at.health.tls_advice(&self.route, at.now) {
            // Another lookup marked the port dead, but our connection still works.
            TlsAdvice::Skip(_) if self.has_good_link(at) => TlsAdvice::Use,
            advice @ (TlsAdvice::Use | TlsAdvice::Skip(_) | TlsAdvice::Probe(_)) => advice,
        }
    }

    /// True if the last reply over TLS was useful, and the connection is up and not in doubt.
    fn has_good_link(&self, at: &Moment<'_>) -> bool {
        let link = at.health.link(&self.route, true);
        link.is_proven && !link.is_in_doubt() && at.connections.is_tls_up(&self.route, self.index)
    }

    fn begin_plain(&mut self, at: &Moment<'_>) {
        let first = match self.policy.is_tcp_only() {
            true => First::TcpOnly,
            false if at.health.is_udp_silent(&self.route, at.now) => First::Tcp,
            false => First::Udp,
        };
        self.transports.plain = Some(Plain::new(first, at.now));
    }
}

/// What happens by itself.
impl Server {
    /// The next move, and when it is due.
    pub(super) fn next(&self, at: &Moment<'_>) -> Option<(Instant, Move)> {
        let is_open = self.is_open();
        if is_open && self.probe_is_due {
            return Some((at.now, Move::Probe));
        }
        if let Some(why) = self.why_unencrypted().filter(|_| is_open) {
            return Some((at.now, Move::Unencrypted(why)));
        }
        let tls = self.transports.tls.as_ref().filter(|_| is_open || self.trial.is_some());
        let tls = tls.and_then(|tls| tls.next(|send| self.link_now(Via::Tls, send, at), at.now));
        let tls = tls.map(|(due, next)| (due, Move::Tls(next)));
        let plain = self.transports.plain.as_ref().filter(|_| is_open);
        let plain = plain.and_then(|plain| self.next_in_plain(plain, at));
        tls.into_iter().chain(plain).min_by_key(|(due, _)| *due)
    }

    fn next_in_plain(&self, plain: &Plain, at: &Moment<'_>) -> Option<(Instant, Move)> {
        let udp = plain.udp.as_ref().and_then(Datagram::due).map(|due| (due, Move::Udp));
        let tcp = plain.tcp.as_ref();
        let tcp = tcp.and_then(|it| it.next(|send| self.link_now(Via::Tcp, send, at), at.now));
        let tcp = tcp.map(|(due, next)| (due, Move::Tcp(next)));
        let joins = plain.joins_at(at.now).map(|(due, joins)| (due, Move::Join(joins)));
        [udp, tcp, joins].into_iter().flatten().min_by_key(|(due, _)| *due)
    }

    /// The reason for which plaintext is to join TLS now, or to stand in its place.
    fn why_unencrypted(&self) -> Option<Arc<str>> {
        let Transports { plain: None, tls } = &self.transports else { return None };
        if !matches!(self.policy, Policy::Opportunistic { .. }) {
            return None;
        }
        if let Some(why) = &self.no_tls {
            return Some(why.clone());
        }
        let tls = tls.as_ref()?;
        if let Some(Err(error)) = tls.end() {
            return Some(reason(error));
        }
        tls.slow().map(|slow| match slow {
            Slow::NotUp => "TLS was not up in time".into(),
            Slow::Silent => SILENT.into(),
        })
    }

    fn link_now(&self, via: Via, send: usize, at: &Moment<'_>) -> LinkNow {
        LinkNow {
            health: at.health.link(&self.route, via == Via::Tls),
            latest: at.connections.seen(send),
        }
    }

    /// Makes a move. Returns the form of the question if it is to be sent.
    pub(super) fn make(&mut self, next: &Move, at: &mut Moment<'_>) -> Option<Form> {
        match next {
            Move::Probe => self.probe_is_due = false,
            Move::Unencrypted(_) => self.begin_plain(at),
            Move::Join(joins) => self.transports.plain.as_mut()?.join(*joins, at.now),
            Move::Udp => {
                let edns = self.transports.udp()?.edns();
                return Some(Form { server: self.index, via: Via::Udp, edns, beside: None });
            }
            Move::Tcp(next) => return self.make_on(Via::Tcp, *next, at),
            Move::Tls(next) => return self.make_on(Via::Tls, *next, at),
        }
        None
    }

    fn make_on(&mut self, via: Via, next: StreamMove, at: &mut Moment<'_>) -> Option<Form> {
        let stream = self.transports.stream(via)?;
        let (edns, is_tls) = (stream.edns(), via == Via::Tls);
        let beside = match next {
            StreamMove::Send => None,
            StreamMove::SendBeside(send) => {
                let link = at.health.link_mut(&self.route, is_tls);
                stream.is_sent_beside(link.is_proven);
                if !at.connections.seen(send).has_other {
                    link.spare_opened(at.now);
                }
                Some(send)
            }
            StreamMove::Join(why) => {
                stream.join(why);
                return None;
            }
            StreamMove::Look => return None,
        };
        Some(Form { server: self.index, via, edns, beside })
    }

    /// The error, if it has failed.
    pub(super) fn failed(&self) -> Option<&LookupError> {
        self.outcome.as_ref()?.as_ref().err()
    }

    /// The time at which the trial of the TLS port ends.
    pub(super) fn trial_ends_at(&self) -> Option<Instant> {
        self.trial.as_ref().map(Trial::until)
    }

    /// A message has come for this send.
    pub(super) fn replied(
        &mut self,
        send: (usize, Via),
        reply: Reply,
        took: Option<Duration>,
        health: &mut Health,
        now: Instant,
    ) {
        match send.1 {
            Via::Udp => self.transports.replied_by_datagram(send.0, reply, now),
            Via::Tcp | Via::Tls => {
                let link = health.link_mut(&self.route, send.1 == Via::Tls);
                self.transports.replied(send, reply, took, link, now);
            }
        }
    }

    /// True if the end of this send is still awaited.
    pub(super) fn awaits(&self, send: usize, via: Via) -> bool {
        let is_judged = via == Via::Tls && self.trial.is_some();
        (self.is_open() || is_judged) && self.transports.awaits(send, via)
    }

    /// True if an outcome is still to come. A probe has none.
    fn is_open(&self) -> bool {
        self.outcome.is_none() && !self.is_probe
    }
}

/// What has come of it.
impl Server {
    /// Draws the conclusions from the ends of the transports. Call it before every decision.
    pub(super) fn conclude(&mut self, at: &mut Moment<'_>) {
        if self.is_open() {
            self.note_plain(at);
            self.outcome = self.find_outcome();
            if self.outcome.is_some() {
                self.judge_tls(at);
            }
        }
        self.conclude_trial(at);
    }

    /// Notes what the end of plain DNS says of the server.
    fn note_plain(&mut self, at: &mut Moment<'_>) {
        let Some(plain) = self.transports.plain.as_ref().filter(|_| !self.plain_is_noted) else {
            return;
        };
        let Some(outcome) = plain.outcome() else { return };
        self.plain_is_noted = true;
        let is_opportunistic = matches!(self.policy, Policy::Opportunistic { .. });
        if is_opportunistic && !outcome.as_ref().is_err_and(is_unreachable) {
            at.health.plain_has_answered(&self.route, at.now);
        }
        if let (Ok(_), Some(silent)) = (outcome, plain.was_udp_silent()) {
            at.health.note_udp(&self.route, silent, at.now);
        }
    }

    /// The outcome: the first reply, unless it is of a kind that the other transport may change.
    fn find_outcome(&self) -> Option<Result<usize, LookupError>> {
        let Transports { plain, tls } = &self.transports;
        let plain = plain.as_ref().map(Plain::outcome);
        let Some(tls) = tls.as_ref() else { return plain.flatten() };
        let is_strict = matches!(self.policy, Policy::Strict);
        match (tls.end(), plain.flatten()) {
            (Some(Ok(send)), _) => Some(Ok(send)),
            (Some(Err(error)), _) if is_strict || !is_no_end(error) => {
                Some(Err(self.over_tls(error)))
            }
            (_, Some(Ok(send))) => Some(Ok(send)),
            (Some(Err(tls)), Some(Err(plain))) => {
                Some(Err(if rank(tls) < rank(&plain) { self.over_tls(tls) } else { plain }))
            }
            (None, Some(Err(error))) if !is_unreachable(&error) => Some(Err(error)),
            (Some(Err(_)) | None, _) => None,
        }
    }

    fn over_tls(&self, error: &LookupError) -> LookupError {
        error.clone().with_server(self.tls_addr)
    }

    /// The server has an outcome: what does it say of its TLS port?
    fn judge_tls(&mut self, at: &mut Moment<'_>) {
        let Some(tls) = self.transports.tls.as_ref() else { return };
        if !matches!(self.policy, Policy::Opportunistic { .. }) {
            return;
        }
        let plain = self.transports.plain.as_ref().and_then(Plain::outcome);
        match (tls.end(), plain) {
            (Some(Ok(_)), _) => self.tls_has_answered(at),
            (Some(Err(_)), Some(Ok(_))) => self.blame_tls(at),
            (Some(Err(_)), _) => {}
            // Plain DNS has answered while the port was silent. An answer that still comes over TLS
            // shows that the port is only slow.
            (None, _) if tls.slow() == Some(Slow::Silent) => {
                let trial = Trial::of_a_silent_port(at.now);
                if !at.health.link(&self.route, true).is_proven {
                    at.health.tls_is_doubtful(&self.route, SILENT, at.now, trial.time());
                }
                self.trial = Some(trial);
            }
            (None, _) => {}
        }
    }

    fn conclude_trial(&mut self, at: &mut Moment<'_>) {
        let (Some(trial), Some(tls)) = (&self.trial, &self.transports.tls) else { return };
        match tls.end() {
            Some(Ok(_)) => self.tls_has_answered(at),
            Some(Err(_)) => self.blame_tls(at),
            None if at.now < trial.until() => return,
            None if self.is_probe => {
                let latest = tls.latest().map(|send| at.connections.seen(send).phase);
                if latest == Some(Phase::Up) {
                    at.health.tls_is_silent(&self.route, SILENT, trial.since(), at.now);
                }
            }
            // Other questions on this link were answered, so the port is alive.
            None if self.was_heard_since(trial.since(), at) => {}
            None => self.bury_tls(SILENT, at),
        }
        self.trial = None;
    }

    fn was_heard_since(&self, then: Instant, at: &Moment<'_>) -> bool {
        at.connections.was_tls_heard_since(&self.route, self.index, then)
    }

    fn tls_has_answered(&self, at: &mut Moment<'_>) {
        at.health.link_mut(&self.route, true).is_proven = true;
        at.health.tls_is_up(&self.route);
    }

    /// Failed handshakes are noted where they happen. Of the other errors only these blame the
    /// port.
    fn blame_tls(&self, at: &mut Moment<'_>) {
        let Some(tls) = &self.transports.tls else { return };
        let Some(Err(error)) = tls.end() else { return };
        if is_no_answer(error) || tls.was_in_vain() {
            self.bury_tls(&reason(error), at);
        }
    }

    fn bury_tls(&self, why: &str, at: &mut Moment<'_>) {
        at.health.link_mut(&self.route, true).is_proven = false;
        at.health.tls_is_dead(&self.route, why, at.now);
    }
}

/// True if plain DNS may still answer: the server was not reached over TLS, or its reply may hold
/// for TLS only.
fn is_no_end(error: &LookupError) -> bool {
    is_unreachable(error) || is_no_answer(error)
}

fn reason(error: &LookupError) -> Arc<str> {
    match error.kind() == LookupErrorKind::Refused {
        true => "REFUSED over TLS".into(),
        false => error.reason().into(),
    }
}
