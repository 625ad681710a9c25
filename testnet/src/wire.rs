//! The wire: one or two TUN devices, and the threads that carry packets.
//!
//! The wire swaps the two addresses of a packet from the home host to 198.51.100.1. So the packet
//! comes back to the home host as if from 198.51.100.1, and a listener of this process, which plays
//! the remote server, receives it. The reply goes to 198.51.100.1, is swapped too, and reaches the
//! client's socket. In this way one listener on one port plays every remote host. Both ends are
//! real TCP, and the wire between them can delay packets, drop them, or answer them itself. Servers
//! have ports below [`FIRST_EPHEMERAL`] and clients have others, which distinguishes the two
//! directions.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tun_rs::{DeviceBuilder, SyncDevice};

use crate::capture::Packet;
use crate::clock::Moment;
use crate::craft::{Unreachable, reset, unreachable};
use crate::packet::{Body, Header, turn_around};
use crate::path::{Fate, Passing};
use crate::world::World;

/// The kernel's first port for clients (`net.ipv4.ip_local_port_range`).
pub(crate) const FIRST_EPHEMERAL: u16 = 32_768;

/// The fastest answer of a router. If an ICMP error comes while connect() still runs, Linux notices
/// it only at the next retransmission; no real router is that fast.
const ROUTER: Duration = Duration::from_micros(700);

/// A packet on its way: its time of arrival, its number, the index of its device, its bytes, and
/// the header for the log.
type Delivery = (Moment, u64, usize, Vec<u8>, Option<Header>);

/// The devices, and the packets on their way.
pub(crate) struct Wire {
    devices: Vec<(&'static str, SyncDevice)>,
    /// The device by which each client sends. A server's packets may leave by any device, and
    /// arrive by this one.
    ways: Mutex<HashMap<SocketAddr, usize>>,
    queue: Mutex<BinaryHeap<Reverse<ByTime>>>,
    wake: Condvar,
    count: AtomicU64,
}

impl Wire {
    /// Makes the devices, which are still down and without addresses.
    pub(crate) fn new(names: &[&'static str]) -> io::Result<Self> {
        let device = |name: &&'static str| {
            let tun = DeviceBuilder::new().name(*name).mtu(1500).enable(false).build_sync()?;
            Ok((*name, tun))
        };
        Ok(Self {
            devices: names.iter().map(device).collect::<io::Result<_>>()?,
            ways: Mutex::default(),
            queue: Mutex::default(),
            wake: Condvar::new(),
            count: AtomicU64::new(0),
        })
    }

    /// Carries packets until the process ends.
    pub(crate) fn start(&'static self, world: &'static World) {
        for device in 0..self.devices.len() {
            std::thread::spawn(move || self.read(world, device));
        }
        std::thread::spawn(move || self.deliver(world));
    }

    fn read(&self, world: &World, device: usize) {
        let mut buffer = vec![0; 65_536];
        while let Ok(len) = self.devices[device].1.recv(&mut buffer) {
            let now = Moment::now();
            let packet = &buffer[..len];
            if let Some(header) = Header::parse(packet) {
                match is_server(header.src) && !is_server(header.dst) {
                    true => self.inbound(world, &header, packet, now),
                    false => self.outbound(world, device, &header, packet, now),
                }
            }
        }
    }

    /// Handles a packet from a client on the home host to a remote server.
    fn outbound(&self, world: &World, device: usize, header: &Header, packet: &[u8], now: Moment) {
        lock(&self.ways).insert(header.src, device);
        let (client, body) = (header.src.port(), header.body);
        let passing = Passing { peer: header.dst, client, body, sent: true };
        let passed = match body {
            Body::Tcp(_) | Body::Udp => world.paths().pass(passing),
            Body::Icmp(..) | Body::Other(_) => None,
        };
        let lost = passed.is_none_or(|(_, lost)| lost);
        let entry = Packet::sent(header, self.devices[device].0, now, lost);
        world.control.note(entry.at); // how late this thread is
        world.log().push(entry);
        let Some((path, false)) = passed else { return };
        let answer = match (path.fate, header.body) {
            (Fate::Lost, _) | (_, Body::Icmp(..) | Body::Other(_)) => return,
            (Fate::Arrives | Fate::UdpLost | Fate::TcpLost, Body::Tcp(_) | Body::Udp) => {
                let mut packet = packet.to_vec();
                turn_around(&mut packet);
                return self.queue(now + path.rtt / 2, device, packet, None);
            }
            (Fate::Refused, Body::Tcp(segment)) => reset(header, &segment),
            (Fate::Refused, Body::Udp) => unreachable(header, packet, Unreachable::Port),
            (Fate::Unreachable(why), Body::Tcp(_) | Body::Udp) => unreachable(header, packet, why),
        };
        let answered = Header::parse(&answer);
        let seen = answered.map(|answered| Header { src: header.dst, dst: header.src, ..answered });
        self.queue(now + path.rtt.max(ROUTER), device, answer, seen);
    }

    /// Handles a packet from a server of this process to a client on the home host.
    fn inbound(&self, world: &World, header: &Header, packet: &[u8], now: Moment) {
        let peer = SocketAddr::new(header.dst.ip(), header.src.port());
        let (client, body) = (header.dst.port(), header.body);
        let answer = Passing { peer, client, body, sent: false };
        let Some((path, false)) = world.paths().pass(answer) else { return };
        let mut packet = packet.to_vec();
        turn_around(&mut packet);
        let seen = Header::parse(&packet);
        let client = SocketAddr::new(header.src.ip(), header.dst.port());
        let device = lock(&self.ways).get(&client).copied().unwrap_or(0);
        self.queue(now + path.rtt / 2, device, packet, seen);
    }

    fn queue(&self, at: Moment, device: usize, packet: Vec<u8>, seen: Option<Header>) {
        let mut queue = lock(&self.queue);
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        queue.push(Reverse(ByTime((at, number, device, packet, seen))));
        self.wake.notify_one();
    }

    fn deliver(&self, world: &World) {
        loop {
            let (due, _, device, packet, seen) = self.next();
            let (name, tun) = &self.devices[device];
            world.control.note(due);
            if let Some(header) = seen {
                world.log().push(Packet::received(&header, name, Moment::now()));
            }
            // Sending fails if the device is down or has lost its address. The packet is lost then,
            // as on real hosts.
            let _ = tun.send(&packet);
        }
    }

    /// Waits for the time of the next packet, and takes it out of the queue.
    fn next(&self) -> Delivery {
        let mut queue = lock(&self.queue);
        loop {
            let now = Moment::now();
            let wait = match queue.peek() {
                Some(Reverse(ByTime((at, ..)))) => *at - now,
                None => Duration::from_secs(3600),
            };
            let due = wait.is_zero().then(|| queue.pop()).flatten();
            if let Some(Reverse(ByTime(delivery))) = due {
                return delivery;
            }
            let waited = self.wake.wait_timeout(queue, wait);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_server(addr: SocketAddr) -> bool {
    (1..FIRST_EPHEMERAL).contains(&addr.port())
}

/// A delivery, ordered by its arrival, then by its number.
struct ByTime(Delivery);

impl ByTime {
    fn key(&self) -> (Moment, u64) {
        (self.0.0, self.0.1)
    }
}

impl PartialEq for ByTime {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ByTime {}

impl PartialOrd for ByTime {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByTime {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
