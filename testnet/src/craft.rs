//! Packets that the kernel of this machine would not send: resets, and messages of routers.

use std::net::{IpAddr, SocketAddr};

use crate::packet::{ACK, FIN, Header, ICMP, ICMP_V6, RST, SYN, Segment, TCP};

/// The reason why a router or a host does not pass a packet on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// No route to the network: ICMP 3/0, ICMPv6 1/0.
    NoRoute,
    /// The host does not answer on its link: ICMP 3/1, ICMPv6 1/3.
    Host,
    /// A filter forbids it: ICMP 3/13, ICMPv6 1/1.
    Prohibited,
    /// No socket at this port: ICMP 3/3, ICMPv6 1/4.
    Port,
    /// A route that rejects: ICMP 3/9 (network prohibited), ICMPv6 1/6.
    Reject,
}

impl Unreachable {
    fn code(self, v6: bool) -> u8 {
        let (v4, six) = match self {
            Self::NoRoute => (0, 0),
            Self::Host => (1, 3),
            Self::Prohibited => (13, 1),
            Self::Port => (3, 4),
            Self::Reject => (9, 6),
        };
        if v6 { six } else { v4 }
    }
}

/// The reset that answers this segment (RFC 9293 section 3.5.2).
pub(crate) fn reset(header: &Header, segment: &Segment) -> Vec<u8> {
    let counted = u32::from(segment.has(SYN)) + u32::from(segment.has(FIN));
    let len = u32::try_from(segment.len).unwrap_or(0) + counted;
    let seq = if segment.has(ACK) { segment.ack } else { 0 };
    let mut tcp = Vec::with_capacity(20);
    tcp.extend(header.dst.port().to_be_bytes());
    tcp.extend(header.src.port().to_be_bytes());
    tcp.extend(seq.to_be_bytes());
    tcp.extend(segment.seq.wrapping_add(len).to_be_bytes());
    tcp.extend([5 << 4, RST | ACK, 0, 0, 0, 0, 0, 0]);
    sealed(header, TCP, tcp, 16, true)
}

/// The message about this packet, as if from its destination.
pub(crate) fn unreachable(header: &Header, packet: &[u8], why: Unreachable) -> Vec<u8> {
    let v6 = header.dst.is_ipv6();
    let (proto, kind, quoted) = if v6 { (ICMP_V6, 1, 1232) } else { (ICMP, 3, 548) };
    let mut icmp = vec![kind, why.code(v6), 0, 0, 0, 0, 0, 0];
    icmp.extend(&packet[..packet.len().min(quoted)]);
    sealed(header, proto, icmp, 2, v6)
}

/// Writes the checksum into the body and puts an IP header before it, from the destination of the
/// answered packet to its source. With `pseudo` the sum covers the addresses.
fn sealed(to: &Header, proto: u8, mut body: Vec<u8>, sum_at: usize, pseudo: bool) -> Vec<u8> {
    let len = u16::try_from(body.len()).expect("a short packet");
    let mut start = 0;
    if pseudo {
        let pair = [octets(to.src), octets(to.dst)].concat();
        start = sum(&pair, u32::from(len) + u32::from(proto));
    }
    let check = !fold(sum(&body, start));
    body[sum_at..sum_at + 2].copy_from_slice(&check.to_be_bytes());
    let mut packet = match to.src.ip() {
        IpAddr::V4(_) => header_v4(to, proto, len),
        IpAddr::V6(_) => header_v6(to, proto, len),
    };
    packet.extend(body);
    packet
}

fn header_v4(to: &Header, proto: u8, len: u16) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend((len + 20).to_be_bytes());
    header.extend([0, 0, 0x40, 0, 64, proto, 0, 0]);
    header.extend(octets(to.dst));
    header.extend(octets(to.src));
    let check = !fold(sum(&header, 0));
    header[10..12].copy_from_slice(&check.to_be_bytes());
    header
}

fn header_v6(to: &Header, proto: u8, len: u16) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend(len.to_be_bytes());
    header.extend([proto, 64]);
    header.extend(octets(to.dst));
    header.extend(octets(to.src));
    header
}

fn octets(addr: SocketAddr) -> Vec<u8> {
    match addr.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// The sum of RFC 1071, not yet folded.
fn sum(bytes: &[u8], start: u32) -> u32 {
    bytes.chunks(2).fold(start, |sum, pair| {
        sum + u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]))
    })
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    u16::try_from(sum).expect("16 bits")
}
