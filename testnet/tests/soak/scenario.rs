//! One call of the soak, drawn from a seed: its arguments, and the behaviour of its hosts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use he::Config;
use he_testnet::{DnsName, Host, Net, Unreachable};

/// The greatest number of addresses of a family.
const MOST: u16 = 3;

/// A name and addresses that one call has for itself. They are free again some time after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place(pub(crate) u32);

impl Place {
    pub(crate) fn name(self) -> String {
        format!("c{}.test", self.0)
    }

    fn v6(self, n: u16) -> Ipv6Addr {
        let [a, b, c, d] = self.0.to_be_bytes();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        Ipv6Addr::new(0x2001, 0xdb8, 1, high, low, 0, 0, n)
    }

    fn v4(self, n: u16) -> Ipv4Addr {
        Ipv4Addr::from(0x0a00_0000 + self.0 * 4 + u32::from(n))
    }

    /// The place of this address; `None` for addresses of the name servers and of the home host.
    pub(crate) fn of(addr: SocketAddr) -> Option<Self> {
        match addr.ip() {
            IpAddr::V4(v4) if v4.octets()[0] == 10 => Some(Self((v4.to_bits() & 0xff_ffff) / 4)),
            IpAddr::V6(v6) if v6.segments()[2] == 1 => {
                let [_, _, _, high, low, ..] = v6.segments();
                Some(Self(u32::from(high) << 16 | u32::from(low)))
            }
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }
}

/// SplitMix64.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`.
    pub(crate) fn from(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    fn ms(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.from(low, high))
    }

    fn few(&mut self) -> u16 {
        u16::try_from(self.from(0, MOST.into())).unwrap()
    }
}

/// The arguments of a call, and the time after which the future is dropped.
pub(crate) struct Scenario {
    pub(crate) ports: &'static [u16],
    pub(crate) config: Config,
    pub(crate) candidates: u32,
    pub(crate) dropped_after: Option<Duration>,
}

impl Scenario {
    /// Draws one and sets up the world for it.
    pub(crate) fn draw(net: Net, place: Place, rng: &mut Rng) -> Self {
        let ports: &[u16] = if rng.from(1, 5) == 1 { &[443, 8443] } else { &[443] };
        let (v6, v4) = (1..=rng.few(), 1..=rng.few());
        let v6: Vec<_> = v6.map(|n| net.host(&place.v6(n).to_string())).collect();
        let v4: Vec<_> = v4.map(|n| net.host(&place.v4(n).to_string())).collect();
        for host in v6.iter().chain(&v4) {
            for port in ports {
                behave(host.port(*port), rng);
            }
        }
        answer(net.dns(&place.name()).aaaa(&v6).ttl(0), rng);
        answer(net.dns(&place.name()).a(&v4).ttl(0), rng);
        let total = if rng.from(1, 20) == 1 { rng.ms(20, 200) } else { Duration::from_secs(5) };
        let config = Config::new()
            .with_connect_delay(rng.ms(10, 60))
            .with_aaaa_timeout(rng.ms(0, 50))
            .with_connect_timeout(rng.ms(100, 400))
            .with_resolve_timeout(rng.ms(50, 100))
            .with_total_timeout(total);
        let candidates = u32::try_from((v6.len() + v4.len()) * ports.len()).unwrap();
        let dropped_after = (rng.from(1, 10) == 1).then(|| rng.ms(0, 200));
        Self { ports, config, candidates, dropped_after }
    }
}

fn behave(host: Host, rng: &mut Rng) {
    let host = host.reachable().lose_first_syns(0).rtt(rng.from(2, 60));
    match rng.from(1, 20) {
        1..=8 => host,
        9..=12 => host.silent(),
        13..=15 => host.refused(),
        16..=17 => host.rtt(rng.from(60, 300)),
        18 => host.lose_first_syns(1),
        _ => host.icmp(Unreachable::Host),
    };
}

fn answer(name: DnsName, rng: &mut Rng) {
    match rng.from(1, 20) {
        1..=11 => name,
        12..=14 => name.after(rng.from(1, 150)),
        15 => name.servfail(),
        16 => name.nxdomain(),
        17 => name.refused(),
        18 => name.never(),
        19 => name.ignores_first(1),
        _ => name.truncated(),
    };
}
