//! The transports over which one server is asked one question, and what is reported of each send.

use std::time::{Duration, Instant};

use super::datagram::Datagram;
use super::link_health::LinkHealth;
use super::plain::{Joins, Plain};
use super::reply::Reply;
use super::stream::{LinkNow, Stream, StreamMove};
use super::{Lost, Seen, Via};
use crate::race::answer::LookupError;

/// The transports of one question to one server.
#[derive(Debug, Default)]
pub(super) struct Transports {
    /// `None` while nothing is asked in plaintext.
    pub(super) plain: Option<Plain>,
    /// `None` if nothing is asked over TLS.
    pub(super) tls: Option<Stream>,
}

/// The next move of a transport that is due without an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransportMove {
    /// UDP or TCP joins the other.
    Join(Joins),
    /// The question is to be sent by a datagram.
    Datagram,
    /// The same on a connection, or another transport is to join.
    Stream(Via, StreamMove),
}

/// Moves that are due without an event.
impl Transports {
    pub(super) fn over_tls(head_start: Option<Duration>, now: Instant) -> Self {
        Self { plain: None, tls: Some(Stream::new(head_start, now)) }
    }

    /// Notes what the connections show.
    pub(super) fn look(&mut self, seen: impl Fn(usize) -> Seen, now: Instant) {
        if let Some(tls) = &mut self.tls {
            tls.look(&seen, now);
        }
        if let Some(plain) = &mut self.plain {
            plain.look(now);
            plain.tcp.iter_mut().for_each(|tcp| tcp.look(&seen, now));
        }
    }

    pub(super) fn next_over_tls(
        &self,
        link: impl FnOnce(usize) -> LinkNow,
        now: Instant,
    ) -> Option<(Instant, TransportMove)> {
        let (at, next) = self.tls.as_ref()?.next(link, now)?;
        Some((at, TransportMove::Stream(Via::Tls, next)))
    }

    pub(super) fn next_in_plain(
        &self,
        link: impl FnOnce(usize) -> LinkNow,
        now: Instant,
    ) -> Option<(Instant, TransportMove)> {
        let plain = self.plain.as_ref()?;
        let udp = plain.udp.as_ref().and_then(Datagram::due);
        let udp = udp.map(|due| (due, TransportMove::Datagram));
        let tcp = plain.tcp.as_ref().and_then(|tcp| tcp.next(link, now));
        let tcp = tcp.map(|(due, next)| (due, TransportMove::Stream(Via::Tcp, next)));
        let joins = plain.joins_at(now).map(|(due, joins)| (due, TransportMove::Join(joins)));
        [udp, tcp, joins].into_iter().flatten().min_by_key(|(due, _)| *due)
    }

    /// The moment at which the question left, if it did.
    pub(super) fn left_at(&self) -> Option<Instant> {
        let tcp = self.tcp().and_then(Stream::left_at);
        let tls = self.tls.as_ref().and_then(Stream::left_at);
        [self.udp().and_then(Datagram::left_at), tcp, tls].into_iter().flatten().min()
    }
}

/// Events of a send.
impl Transports {
    /// True if the end of this send is still awaited.
    pub(super) fn awaits(&self, send: usize, via: Via) -> bool {
        match via {
            Via::Udp => self.udp().is_some_and(|udp| udp.awaits(send)),
            Via::Tcp => self.tcp().is_some_and(|tcp| tcp.awaits(send)),
            Via::Tls => self.tls.as_ref().is_some_and(|tls| tls.awaits(send)),
        }
    }

    pub(super) fn sent(&mut self, (send, via): (usize, Via), edns: bool, now: Instant) {
        match via {
            Via::Udp => self.udp_mut().into_iter().for_each(|udp| udp.sent(send, edns, now)),
            Via::Tcp | Via::Tls => self.stream(via).into_iter().for_each(|it| it.sent(send)),
        }
    }

    /// The time since this send left. On connections it counts only if there was no other.
    pub(super) fn round_trip(&self, send: usize, via: Via, now: Instant) -> Option<Duration> {
        let sent_at = match via {
            Via::Udp => self.udp()?.sent_at(send),
            Via::Tcp => self.tcp()?.only_send_at(),
            Via::Tls => self.tls.as_ref()?.only_send_at(),
        };
        Some(now.saturating_duration_since(sent_at?))
    }

    /// A reply has come to a datagram.
    pub(super) fn replied_by_datagram(&mut self, send: usize, reply: Reply, now: Instant) {
        if let Some(udp) = self.udp_mut() {
            udp.replied(send, reply, now);
        }
    }

    /// A reply has come over a connection that was made in this time.
    pub(super) fn replied(
        &mut self,
        (send, via): (usize, Via),
        reply: Reply,
        took: Option<Duration>,
        link: &mut LinkHealth,
        now: Instant,
    ) {
        if let Some(stream) = self.stream(via) {
            stream.replied(send, reply, took, link, now);
        }
    }

    /// The question cannot be sent.
    pub(super) fn cannot_send(
        &mut self,
        (send, via): (usize, Via),
        error: LookupError,
        now: Instant,
    ) {
        match (via, self.udp_mut()) {
            (Via::Udp, Some(udp)) => udp.cannot_send(send, error, now),
            (Via::Udp, None) => {}
            (Via::Tcp | Via::Tls, _) => {
                if let Some(stream) = self.stream(via) {
                    stream.cannot_send(error, now);
                }
            }
        }
    }

    /// The socket of a datagram has failed.
    pub(super) fn socket_failed(&mut self, send: usize, error: LookupError, now: Instant) {
        if let Some(udp) = self.udp_mut() {
            udp.socket_failed(send, error, now);
        }
    }

    pub(super) fn lost(&mut self, (send, via): (usize, Via), lost: Lost, now: Instant) {
        if let Some(stream) = self.stream(via) {
            stream.lost(send, lost, now);
        }
    }

    pub(super) fn udp(&self) -> Option<&Datagram> {
        self.plain.as_ref()?.udp.as_ref()
    }

    pub(super) fn tcp(&self) -> Option<&Stream> {
        self.plain.as_ref()?.tcp.as_ref()
    }

    pub(super) fn udp_mut(&mut self) -> Option<&mut Datagram> {
        self.plain.as_mut()?.udp.as_mut()
    }

    pub(super) fn stream(&mut self, via: Via) -> Option<&mut Stream> {
        match via {
            Via::Udp => None,
            Via::Tcp => self.plain.as_mut()?.tcp.as_mut(),
            Via::Tls => self.tls.as_mut(),
        }
    }
}
