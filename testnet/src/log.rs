//! The packets between the home host and the remote hosts, and the facts that tests take from them.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::capture::Packet;
use crate::clock::{Moment, Ms};
use crate::host::Host;
use crate::packet::{ACK, Body, FIN, RST, Segment};

/// The first SYN of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// The home host's end.
    pub home: SocketAddr,
    /// The remote end.
    pub peer: SocketAddr,
    /// When it left.
    pub at: Moment,
    /// How often the kernel repeated it.
    pub repeats: usize,
    /// When the last SYN left. The kernel's timer for it counts from the first SYN. It is never
    /// early, and up to 36 ms late, because the kernel counts such times in steps of 32 ms.
    pub last: Moment,
}

/// How the home host ended a connection attempt, as far as packets show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// No packet shows an end: the socket is still open, or was closed before an answer came.
    Silent,
    /// FIN.
    Closed,
    /// RST.
    Reset,
}

/// The packets from some moment on.
#[derive(Debug, Clone)]
pub struct Log {
    zero: Moment,
    packets: Vec<Packet>,
}

impl Log {
    pub(crate) fn since(zero: Moment, all: &[Packet]) -> Self {
        Self { zero, packets: all.iter().filter(|packet| packet.seen >= zero).copied().collect() }
    }

    /// A log of these packets.
    #[must_use]
    pub fn of(packets: Vec<Packet>) -> Self {
        Self { zero: packets.first().map_or_else(Moment::now, |first| first.at), packets }
    }

    /// All packets, in order.
    #[must_use]
    pub fn packets(&self) -> &[Packet] {
        &self.packets
    }

    /// The first SYN of every attempt, in order. Connections to name servers do not count.
    #[must_use]
    pub fn starts(&self) -> Vec<Start> {
        self.starts_of(|packet| is_attempt(&packet))
    }

    fn starts_of(&self, is_syn: impl Fn(&Packet) -> bool) -> Vec<Start> {
        let mut flows = HashSet::new();
        let syns = || self.packets.iter().filter(|packet| is_syn(packet));
        let first = syns().filter(|p| flows.insert((p.home, p.peer)));
        let start = |first: &Packet| {
            let same = |p: &&Packet| (p.home, p.peer) == (first.home, first.peer);
            let last = syns().rfind(same).map_or(first.at, |p| p.at);
            Start {
                home: first.home,
                peer: first.peer,
                at: first.at,
                repeats: syns().filter(same).count() - 1,
                last,
            }
        };
        first.map(start).collect()
    }

    /// The attempts whose handshake was completed, in the order of their SYN-ACKs. An attempt that
    /// answers its SYN-ACK with RST does not count; [`Net::sees`](crate::Net::sees) waits for that.
    #[must_use]
    pub fn connections(&self) -> Vec<SocketAddr> {
        self.handshakes().iter().map(|syn_ack| syn_ack.peer).collect()
    }

    /// The SYN-ACKs of [`Self::connections`].
    #[must_use]
    pub fn handshakes(&self) -> Vec<Packet> {
        let reset = |syn_ack: &Packet| {
            self.flow(syn_ack).any(|p| p.sent_tcp().is_some_and(|s| s.has(RST) && !s.has(ACK)))
        };
        let mut flows = HashSet::new();
        let syn_acks = self.packets.iter().filter(|p| !p.sent && !is_dns(p));
        let syn_acks = syn_acks.filter(|p| p.tcp().is_some_and(|s| s.is_syn_ack()));
        let first = syn_acks.filter(|p| flows.insert((p.home, p.peer)));
        first.filter(|p| !reset(p)).copied().collect()
    }

    /// How the home host ended its attempts to this host, by the last FIN or RST of all of them.
    #[must_use]
    pub fn end(&self, host: Host) -> End {
        let word = |p: &Packet| match p.sent_tcp() {
            Some(segment) if segment.has(RST) => Some(End::Reset),
            Some(segment) if segment.has(FIN) => Some(End::Closed),
            Some(_) | None => None,
        };
        self.with(host).filter_map(word).last().unwrap_or(End::Silent)
    }

    /// When the first answer to each question came over UDP, in the order of the questions (AAAA,
    /// then A).
    #[must_use]
    pub fn answers(&self) -> Vec<Option<Moment>> {
        let dns = || self.packets.iter().filter(|p| is_dns(p) && p.body == Body::Udp);
        let mut asked = HashSet::new();
        let questions = dns().filter(|p| p.sent && asked.insert(p.home));
        let answer = |q: &Packet| dns().find(|p| !p.sent && p.home == q.home).map(|p| p.at);
        questions.map(answer).collect()
    }

    /// The packets to and from this host.
    pub fn with(&self, host: Host) -> impl Iterator<Item = &Packet> {
        self.packets.iter().filter(move |packet| host.is(packet.peer))
    }

    /// How many packets the home host sent to this host.
    #[must_use]
    pub fn sent_to(&self, host: Host) -> usize {
        self.with(host).filter(|packet| packet.sent).count()
    }

    /// How many packets the home host sent to this port of all hosts.
    #[must_use]
    pub fn sent_to_port(&self, port: u16) -> usize {
        self.packets.iter().filter(|packet| packet.sent && packet.peer.port() == port).count()
    }

    /// How many packets the home host received from this port of all hosts between two moments.
    pub(crate) fn received_from_port(&self, port: u16, from: Moment, to: Moment) -> u32 {
        let within = |packet: &Packet| packet.seen >= from && packet.seen <= to;
        let came = |p: &&Packet| !p.sent && p.peer.port() == port && within(p);
        u32::try_from(self.packets.iter().filter(came).count()).unwrap_or(u32::MAX)
    }

    /// How many packets the home host sent to this address and port, over UDP and TCP.
    #[must_use]
    pub fn sent_to_addr(&self, addr: impl Into<SocketAddr>) -> usize {
        let addr = addr.into();
        self.packets.iter().filter(|packet| packet.sent && packet.peer == addr).count()
    }

    /// How many bytes came over TCP from this address and port, including repetitions.
    #[must_use]
    pub fn bytes_from(&self, addr: impl Into<SocketAddr>) -> usize {
        let addr = addr.into();
        let came = self.packets.iter().filter(|packet| !packet.sent && packet.peer == addr);
        came.filter_map(Packet::tcp).map(|segment| segment.len).sum()
    }

    /// True if this address and port ended a connection.
    #[must_use]
    pub fn has_ended(&self, addr: impl Into<SocketAddr>) -> bool {
        let addr = addr.into();
        let mut came = self.packets.iter().filter(|packet| !packet.sent && packet.peer == addr);
        came.any(|packet| packet.tcp().is_some_and(|it| it.has(FIN) || it.has(RST)))
    }

    /// The first SYN of every connection to this address and port, also of those to name servers.
    #[must_use]
    pub fn starts_to(&self, addr: impl Into<SocketAddr>) -> Vec<Start> {
        let addr = addr.into();
        self.starts_of(|packet| packet.peer == addr && is_opening(packet))
    }

    /// The devices and local addresses of the home host's TCP and UDP packets, each pair once, in
    /// order of appearance.
    #[must_use]
    pub fn ways(&self) -> Vec<(&'static str, IpAddr)> {
        let mut ways = Vec::new();
        for packet in self.packets.iter().filter(|p| p.sent) {
            let way = (packet.device, packet.home.ip());
            if is_spoken(packet) && !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways
    }

    /// The packets that the home host sent from this moment on, except those to name servers and to
    /// this host. Two kinds of packets are left out because they are not part of a race: the
    /// kernel's own ICMP, such as multicast reports, and the end of a connection that began before
    /// this log.
    #[must_use]
    pub fn sent_after(&self, moment: Moment, but: Host) -> Vec<Packet> {
        let counts =
            |p: &&Packet| is_spoken(p) && p.sent && p.at >= moment && !is_dns(p) && !but.is(p.peer);
        let begun_here =
            |p: &&Packet| p.sent_tcp().is_none() || self.flow(p).any(|packet| is_attempt(&packet));
        self.packets.iter().filter(counts).filter(begun_here).copied().collect()
    }

    fn flow(&self, of: &Packet) -> impl Iterator<Item = &Packet> {
        let ends = (of.home, of.peer);
        self.packets.iter().filter(move |packet| (packet.home, packet.peer) == ends)
    }
}

fn is_spoken(packet: &Packet) -> bool {
    matches!(packet.body, Body::Tcp(_) | Body::Udp)
}

fn is_dns(packet: &Packet) -> bool {
    [53, 853].contains(&packet.peer.port())
}

fn is_attempt(packet: &&Packet) -> bool {
    !is_dns(packet) && is_opening(packet)
}

fn is_opening(packet: &Packet) -> bool {
    packet.sent_tcp().is_some_and(Segment::is_syn)
}

/// One line for each packet.
impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Packet { at, seen: _, sent, device, home, peer, body, lost } in &self.packets {
            let arrow = if *sent { "->" } else { "<-" };
            let lost = if *lost { ", lost" } else { "" };
            let at = Ms(*at - self.zero);
            writeln!(f, "{at}  {device} {:5} {arrow} {peer} {body}{lost}", home.port())?;
        }
        Ok(())
    }
}

/// A duration in milliseconds, for messages.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
