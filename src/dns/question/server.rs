//! One server of a question, by its usage: over TLS, in plaintext, or over TLS with plaintext
//! beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::health::Health;
use super::neutral::{NEUTRAL_AFTER, NEUTRAL_HAS, Neutral, Purpose};
use super::plain::{First, Plain};
use super::reply::{Answered, Reply, is_error_code, is_unreachable, is_useless};
use super::route::Route;
use super::rtt::MAX_PATIENCE;
use super::stream::{LinkNow, Slow, StreamMove};
use super::transports::{TransportMove, Transports};
use super::{Connections, Form, Usage, Via};
use crate::race::answer::LookupError;

/// The reason for a port that takes questions and answers none.
pub(super) const SILENT: &str = "TLS is up and silent";

/// The patience with a server of which nothing is known.
const UNKNOWN_PATIENCE: Duration = Duration::from_millis(50);

/// One server of a question.
#[derive(Debug)]
pub(super) struct Server {
    /// Its index in the configured list.
    pub(super) index: usize,
    pub(super) route: Route,
    pub(super) usage: Usage,
    pub(super) tls_addr: SocketAddr,
    pub(super) asked_at: Instant,
    pub(super) options: ServerOptions,
    pub(super) transports: Transports,
    /// A probe of the TLS port is due.
    pub(super) probe_is_due: bool,
    /// TLS is not tried, for this reason.
    pub(super) no_tls: Option<Arc<str>>,
    pub(super) neutral: Option<Neutral>,
    /// How often the question was sent.
    pub(super) sends: usize,
    /// When the neutral question was sent to see if the server is silent.
    pub(super) neutral_sent_at: Option<Instant>,
    /// This host could not send: that says nothing of the server.
    pub(super) failed_here: bool,
    /// Something has come.
    pub(super) is_heard: bool,
    pub(super) outcome: Option<Result<Answered, LookupError>>,
    /// The question has an answer of another server, and this one is still listened to until then.
    pub(super) drains_until: Option<Instant>,
    /// The end of plain DNS has been noted.
    pub(super) plain_is_noted: bool,
}

/// The options of a question that its servers need.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerOptions {
    /// There is no other server.
    pub(super) is_only: bool,
    /// See `Options::offset`.
    pub(super) offset: Duration,
}

/// The next move of a server that is due without an event.
#[derive(Debug)]
pub(super) enum Move {
    /// Its TLS port is to be probed.
    Probe,
    /// The question is to be asked in plaintext, for this reason.
    Unencrypted(Arc<str>),
    /// The neutral question is due.
    AskNeutral,
    /// A transport of the question.
    Question(TransportMove),
    /// A transport of the neutral question.
    Neutral(TransportMove),
}

/// The facts of this moment, beside those of the question.
pub(super) struct Moment<'a> {
    pub(super) health: &'a mut Health,
    pub(super) connections: &'a dyn Connections,
    pub(super) now: Instant,
}

/// Moves that are due without an event.
impl Server {
    /// True if the question is open at this server: an answer of it may still count, or is still
    /// listened to.
    fn is_open(&self) -> bool {
        let is_probe = matches!(&self.neutral, Some(Neutral { purpose: Purpose::DeadPort, .. }));
        self.outcome.is_none() && !is_probe
    }

    /// The next move, and when it is due.
    pub(super) fn next(&self, at: &Moment<'_>) -> Option<(Instant, Move)> {
        let is_open = self.is_open();
        if is_open && self.probe_is_due {
            return Some((at.now, Move::Probe));
        }
        if let Some(why) = self.why_unencrypted().filter(|_| is_open) {
            return Some((at.now, Move::Unencrypted(why)));
        }
        let ask_neutral = self.neutral_at().map(|due| (due, Move::AskNeutral));
        let question = self.next_of(&self.transports, is_open, at);
        let question = question.map(|(due, next)| (due, Move::Question(next)));
        let neutral = self.neutral.as_ref();
        let neutral = neutral.and_then(|neutral| self.next_of(&neutral.transports, true, at));
        let neutral = neutral.map(|(due, next)| (due, Move::Neutral(next)));
        [question, ask_neutral, neutral].into_iter().flatten().min_by_key(|(due, _)| *due)
    }

    /// The next move of a question. It makes none after the outcome.
    fn next_of(
        &self,
        transports: &Transports,
        is_open: bool,
        at: &Moment<'_>,
    ) -> Option<(Instant, TransportMove)> {
        if !is_open {
            return None;
        }
        let link = |via: Via| {
            move |send: usize| LinkNow {
                health: at.health.link(&self.route, via == Via::Tls),
                latest: at.connections.seen(send),
            }
        };
        let tls = transports.next_over_tls(link(Via::Tls), at.now);
        let plain = transports.next_in_plain(link(Via::Tcp), at.now);
        tls.into_iter().chain(plain).min_by_key(|(due, _)| *due)
    }

    fn is_port_in_doubt(&self) -> bool {
        matches!(&self.neutral, Some(Neutral { purpose: Purpose::DoubtfulPort(_), .. }))
    }

    /// The reason for which plaintext is to join TLS now, or to stand in its place. A question that
    /// has its answer is not shown to others only to learn more of a server.
    fn why_unencrypted(&self) -> Option<Arc<str>> {
        let Transports { plain: None, tls } = &self.transports else { return None };
        if !matches!(self.usage, Usage::Opportunistic { .. }) || self.drains_until.is_some() {
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

    /// The time at which a silent server is asked the neutral question. It decides only if another
    /// server goes first, so the only server is not asked.
    fn neutral_at(&self) -> Option<Instant> {
        let is_silent = self.is_open() && !self.is_heard && !self.options.is_only;
        let is_due = is_silent && self.neutral.is_none() && self.sends > 0;
        is_due.then_some(self.asked_at + NEUTRAL_AFTER)
    }

    /// The transports of the neutral question: TLS, if the question has left over it. Plaintext beside
    /// it if TLS is slow, and in its place if the question has not left over TLS: one datagram, or
    /// TCP where that goes first.
    fn neutral_transports(&self, at: &Moment<'_>) -> Transports {
        let tls = self.transports.tls.as_ref().filter(|tls| tls.left_at().is_some());
        let over_tls = Transports::over_tls(None, at.now);
        if matches!(self.usage, Usage::Strict) || tls.is_some_and(|tls| tls.slow().is_none()) {
            return over_tls;
        }
        let first = match self.first(at) {
            First::Udp | First::Once => First::Once,
            First::Tcp | First::TcpOnly => First::TcpOnly,
        };
        Transports { plain: Some(self.plain(first, at)), tls: tls.and(over_tls.tls) }
    }

    /// Makes a move. Returns the form of the question if it is to be sent.
    pub(super) fn make(&mut self, next: &Move, at: &mut Moment<'_>) -> Option<Form> {
        match next {
            Move::Probe => self.probe_is_due = false,
            Move::Unencrypted(_) => self.transports.plain = Some(self.plain(self.first(at), at)),
            Move::AskNeutral => {
                let (transports, until) = (self.neutral_transports(at), at.now);
                self.neutral = Some(Neutral::new(Purpose::Server, transports, at.now, until));
            }
            Move::Question(next) => return self.make_of(*next, false, at),
            Move::Neutral(next) => return self.make_of(*next, true, at),
        }
        None
    }

    fn make_of(&mut self, next: TransportMove, neutral: bool, at: &mut Moment<'_>) -> Option<Form> {
        let (server, route) = (self.index, self.route.clone());
        let transports = self.transports_of(neutral)?;
        let (via, edns, beside) = match next {
            TransportMove::Join(joins) => {
                transports.plain.as_mut()?.join(joins, at.now);
                return None;
            }
            TransportMove::Datagram => (Via::Udp, transports.udp()?.edns(), None),
            TransportMove::Stream(via, next) => {
                let stream = transports.stream(via)?;
                let mut link = at.health.link(&route, via == Via::Tls);
                let beside = match next {
                    StreamMove::Send => None,
                    StreamMove::Double(send) => {
                        stream.note_doubled();
                        Some(send)
                    }
                    StreamMove::SendBeside(send) => {
                        stream.note_beside(link.is_proven, at.now);
                        Some(send)
                    }
                    StreamMove::LetPlaintextJoin(why) => {
                        stream.note_slow(why);
                        return None;
                    }
                };
                if beside.is_some_and(|send| !at.connections.seen(send).has_other) {
                    link.spare_opened(at.now);
                    *at.health.link_mut(&route, via == Via::Tls) = link;
                }
                (via, stream.edns(), beside)
            }
        };
        Some(Form { server, via, edns, beside, neutral })
    }

    pub(super) fn transports_of(&mut self, neutral: bool) -> Option<&mut Transports> {
        match neutral {
            false => Some(&mut self.transports),
            true => self.neutral.as_mut().map(|neutral| &mut neutral.transports),
        }
    }

    /// The time at which the next server is asked, counted from when the question left, or from the
    /// start while no connection takes it. A strict server of which nothing is known has longer,
    /// because the next server is a second party that learns the name.
    pub(super) fn patience_ends_at(&self, health: &Health) -> Instant {
        let unknown =
            if matches!(self.usage, Usage::Strict) { MAX_PATIENCE } else { UNKNOWN_PATIENCE };
        match self.transports.left_at() {
            Some(left_at) => left_at + health.patience(&self.route).unwrap_or(unknown),
            None => self.asked_at + MAX_PATIENCE,
        }
    }
}

/// Events of a send, and the facts that follow.
impl Server {
    pub(super) fn sent(&mut self, send: usize, form: Form, now: Instant) {
        let is_of_the_server = self.neutral.as_ref().is_some_and(|it| !it.is_of_a_port());
        self.sends += usize::from(!form.neutral);
        if form.neutral && is_of_the_server {
            self.neutral_sent_at.get_or_insert(now);
        }
        if let Some(transports) = self.transports_of(form.neutral) {
            transports.sent((send, form.via), form.edns, now);
        }
    }

    /// A message has come for this send.
    pub(super) fn replied(
        &mut self,
        send: (usize, Via, bool),
        reply: Reply,
        took: Option<Duration>,
        health: &mut Health,
        now: Instant,
    ) {
        let (send, via, neutral) = send;
        // Anybody may have sent a datagram with a wrong id.
        if via != Via::Udp || !matches!(reply, Reply::ToAnother) {
            self.is_heard = true;
            health.note_reply(&self.route, now);
            let is_sample = !neutral && !is_error_code(&reply);
            let sample = self.transports.round_trip(send, via, now).filter(|_| is_sample);
            sample.into_iter().for_each(|sample| health.note_rtt(&self.route, sample));
        }
        let route = self.route.clone();
        let Some(transports) = self.transports_of(neutral) else { return };
        match via {
            Via::Udp => transports.replied_by_datagram(send, reply, now),
            Via::Tcp | Via::Tls => {
                let link = health.link_mut(&route, via == Via::Tls);
                transports.replied((send, via), reply, took, link, now);
            }
        }
    }

    /// This host could not make this send.
    pub(super) fn cannot_send(
        &mut self,
        (send, form): (usize, Form),
        error: &LookupError,
        now: Instant,
    ) {
        self.failed_here = true;
        // The neutral question says nothing of the server then.
        self.neutral_sent_at = self.neutral_sent_at.filter(|_| !form.neutral);
        if let Some(transports) = self.transports_of(form.neutral) {
            transports.cannot_send((send, form.via), error.clone(), now);
        }
    }

    /// True if the end of this send is still awaited.
    pub(super) fn awaits(&self, send: usize, form: Form) -> bool {
        match (form.neutral, &self.neutral) {
            (true, Some(neutral)) => neutral.transports.awaits(send, form.via),
            (true, None) => false,
            (false, _) => {
                let is_open = self.is_open() || (form.via == Via::Tls && self.is_port_in_doubt());
                is_open && self.transports.awaits(send, form.via)
            }
        }
    }

    /// True if the server has shown that it is silent: the question and the neutral question had
    /// the time to be answered, and nothing at all has come from it, nor to other questions. One
    /// datagram may be lost, so there have to be two; TCP repeats what is lost, so one connection
    /// that takes nothing suffices.
    pub(super) fn was_silent(&self, health: &Health, now: Instant) -> bool {
        let is_asked = self.sends >= 2 || self.transports.left_at().is_none();
        let had_time = self.neutral_sent_at.is_some_and(|at| at + NEUTRAL_HAS <= now);
        let is_heard = self.is_heard || health.was_heard_since(&self.route, self.asked_at);
        is_asked && had_time && !is_heard
    }

    /// True if another server need not wait for this one any more.
    pub(super) fn is_in_trouble(&self) -> bool {
        self.outcome.as_ref().is_some_and(Result::is_err)
            || self.transports.plain.as_ref().is_some_and(Plain::is_in_trouble)
    }

    /// The error, if it has failed.
    pub(super) fn error(&self) -> Option<&LookupError> {
        self.outcome.as_ref()?.as_ref().err()
    }

    /// The reply, if there is one.
    pub(super) fn answered(&self) -> Option<Answered> {
        self.outcome.as_ref()?.as_ref().ok().copied()
    }
}

/// True if plain DNS may still answer: the server was not reached over TLS, or its reply may hold
/// for TLS only.
pub(super) fn may_differ_in_plaintext(error: &LookupError) -> bool {
    is_unreachable(error) || is_useless(error)
}

pub(super) fn reason(error: &LookupError) -> Arc<str> {
    match error.kind() == crate::race::answer::LookupErrorKind::Refused {
        true => "REFUSED over TLS".into(),
        false => error.reason().into(),
    }
}
