//! The transports over which one server is asked, and what is reported of each send.

use std::time::{Duration, Instant};

use super::Lost;
use super::Via;
use super::datagram::Datagram;
use super::link_health::LinkHealth;
use super::plain::Plain;
use super::reply::Reply;
use super::stream::Stream;
use crate::race::answer::LookupError;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Transports {
    /// `None` while nothing is asked in plaintext.
    pub(super) plain: Option<Plain>,
    /// `None` if nothing is asked over TLS.
    pub(super) tls: Option<Stream>,
}

impl Transports {
    /// True if the end of this send is still awaited.
    pub(super) fn awaits(&self, send: usize, via: Via) -> bool {
        match via {
            Via::Udp => self.udp().is_some_and(|udp| udp.end().is_none()),
            Via::Tcp => self.tcp().is_some_and(|tcp| tcp.awaits(send)),
            Via::Tls => self.tls.as_ref().is_some_and(|tls| tls.awaits(send)),
        }
    }

    pub(super) fn sent(&mut self, send: usize, via: Via) {
        match via {
            Via::Udp => self.udp_mut().into_iter().for_each(Datagram::sent),
            Via::Tcp | Via::Tls => self.stream(via).into_iter().for_each(|it| it.sent(send)),
        }
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
    pub(super) fn failed(&mut self, via: Via, error: LookupError, now: Instant) {
        match via {
            Via::Udp => self.udp_mut().into_iter().for_each(|udp| udp.failed(error.clone(), now)),
            Via::Tcp | Via::Tls => {
                self.stream(via).into_iter().for_each(|it| it.failed(error.clone(), now));
            }
        }
    }

    pub(super) fn lost(&mut self, send: usize, via: Via, lost: Lost, now: Instant) {
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

    pub(super) fn stream(&mut self, via: Via) -> Option<&mut Stream> {
        match via {
            Via::Udp => None,
            Via::Tcp => self.plain.as_mut()?.tcp.as_mut(),
            Via::Tls => self.tls.as_mut(),
        }
    }

    fn udp_mut(&mut self) -> Option<&mut Datagram> {
        self.plain.as_mut()?.udp.as_mut()
    }
}
