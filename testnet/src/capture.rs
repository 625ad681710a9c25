//! Packets as the wire records them.

use std::net::SocketAddr;

use crate::clock::Moment;
use crate::packet::{Body, Header, Segment};

/// One packet, as the home host sends or receives it.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    /// When it left or arrived. This may be a little too early and is never too late. For TCP the
    /// time is the kernel's own, to the millisecond; for all other packets it is the wire's.
    pub at: Moment,
    /// When the wire saw it.
    pub seen: Moment,
    /// True if the home host sent it.
    pub sent: bool,
    /// The device that it passed.
    pub device: &'static str,
    /// The home host's end.
    pub home: SocketAddr,
    /// The remote end.
    pub peer: SocketAddr,
    /// Its payload.
    pub body: Body,
    /// True if it got lost on its way to the remote host.
    pub lost: bool,
}

impl Packet {
    pub(crate) fn sent(header: &Header, device: &'static str, now: Moment, lost: bool) -> Self {
        let stamp = header.tcp().and_then(|segment| segment.stamp);
        let at = stamp.and_then(|stamp| Moment::of_tcp_stamp(stamp, now)).unwrap_or(now);
        let (home, peer, body) = (header.src, header.dst, header.body);
        Self { at, seen: now, sent: true, device, home, peer, body, lost }
    }

    pub(crate) fn received(header: &Header, device: &'static str, now: Moment) -> Self {
        let (home, peer, body) = (header.dst, header.src, header.body);
        Self { at: now, seen: now, sent: false, device, home, peer, body, lost: false }
    }

    pub(crate) fn tcp(&self) -> Option<&Segment> {
        match &self.body {
            Body::Tcp(segment) => Some(segment),
            Body::Udp | Body::Icmp(..) | Body::Other(_) => None,
        }
    }

    pub(crate) fn sent_tcp(&self) -> Option<&Segment> {
        self.tcp().filter(|_| self.sent)
    }
}
