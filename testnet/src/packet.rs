//! Reading IP packets, and swapping their addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMP_V6: u8 = 58;

/// The header of a packet. The ports are 0 where the protocol has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The source.
    pub src: SocketAddr,
    /// The destination.
    pub dst: SocketAddr,
    /// The payload.
    pub body: Body,
}

/// The payload of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment.
    Tcp(Segment),
    /// A UDP datagram.
    Udp,
    /// An ICMP or ICMPv6 message: type and code.
    Icmp(u8, u8),
    /// Another protocol, by its number.
    Other(u8),
}

/// A TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// The length of the payload in bytes.
    pub(crate) len: usize,
    /// The sender's clock (RFC 7323).
    pub(crate) stamp: Option<u32>,
}

impl Segment {
    /// True if it opens a connection.
    pub(crate) fn is_syn(&self) -> bool {
        self.flags & (SYN | ACK) == SYN
    }

    pub(crate) fn is_syn_ack(&self) -> bool {
        self.flags & (SYN | ACK) == SYN | ACK
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl Header {
    /// The header of a packet; `None` if that is not a whole IP packet.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let (proto, body_at) = match packet.first()? >> 4 {
            4 => (*packet.get(9)?, usize::from(packet[0] & 15) * 4),
            6 => (*packet.get(6)?, 40),
            _ => return None,
        };
        let [src, dst] = places(packet)?.map(|place| ip(&packet[place]));
        let inner = packet.get(body_at..)?;
        let port = |at| Some(u16::from_be_bytes([*inner.get(at)?, *inner.get(at + 1)?]));
        let (ports, body) = match proto {
            TCP => ((port(0)?, port(2)?), Body::Tcp(segment(inner)?)),
            UDP => ((port(0)?, port(2)?), Body::Udp),
            ICMP | ICMP_V6 => ((0, 0), Body::Icmp(*inner.first()?, *inner.get(1)?)),
            other => ((0, 0), Body::Other(other)),
        };
        let (src, dst) = (SocketAddr::new(src, ports.0), SocketAddr::new(dst, ports.1));
        Some(Self { src, dst, body })
    }

    pub(crate) fn tcp(&self) -> Option<&Segment> {
        match &self.body {
            Body::Tcp(segment) => Some(segment),
            Body::Udp | Body::Icmp(..) | Body::Other(_) => None,
        }
    }
}

/// Swaps source and destination address. All checksums stay valid, because a sum does not depend on
/// the order.
pub(crate) fn turn_around(packet: &mut [u8]) {
    let Some([src, dst]) = places(packet) else { return };
    let (head, tail) = packet.split_at_mut(dst.start);
    head[src].swap_with_slice(&mut tail[..dst.len()]);
}

/// The positions of the two addresses.
fn places(packet: &[u8]) -> Option<[Range<usize>; 2]> {
    let places = match packet.first()? >> 4 {
        4 => [12..16, 16..20],
        _ => [8..24, 24..40],
    };
    (packet.len() >= places[1].end).then_some(places)
}

fn ip(bytes: &[u8]) -> IpAddr {
    match <[u8; 4]>::try_from(bytes) {
        Ok(v4) => Ipv4Addr::from(v4).into(),
        Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).expect("16 bytes")).into(),
    }
}

fn segment(tcp: &[u8]) -> Option<Segment> {
    let word = |at: usize| Some(u32::from_be_bytes(tcp.get(at..at + 4)?.try_into().ok()?));
    let data_at = usize::from(tcp.get(12)? >> 4) * 4;
    let stamp = time_stamp(tcp.get(20..data_at)?);
    let len = tcp.len().checked_sub(data_at)?;
    Some(Segment { flags: *tcp.get(13)?, seq: word(4)?, ack: word(8)?, len, stamp })
}

/// The TSval of the time stamps option.
fn time_stamp(mut options: &[u8]) -> Option<u32> {
    loop {
        match options {
            [1, rest @ ..] => options = rest,
            [8, 10, a, b, c, d, ..] => return Some(u32::from_be_bytes([*a, *b, *c, *d])),
            [kind, len, ..] if *kind > 1 => options = options.get(usize::from(*len).max(2)..)?,
            _ => return None,
        }
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(segment) => write!(f, "{segment}"),
            Self::Udp => f.write_str("UDP"),
            Self::Icmp(kind, code) => write!(f, "ICMP {kind}/{code}"),
            Self::Other(protocol) => write!(f, "protocol {protocol}"),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (ACK, "ACK")];
        let set = names.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| *name);
        f.write_str(&set.collect::<Vec<_>>().join("+"))?;
        match self.len {
            0 => Ok(()),
            len => write!(f, " {len} bytes"),
        }
    }
}
