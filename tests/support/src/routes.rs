//! Source addresses, so that the order of RFC 6724 is the same on every host.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use he::{Record, SourceAddrs};

/// Which source address a destination gets: by default one of its own scope, so that nothing but
/// the destinations decides. Routes may go away.
#[derive(Clone, Default)]
pub struct Routes {
    pub by_hand: HashMap<IpAddr, Option<IpAddr>>,
    /// From this time on (in ms since the call) no destination of the family has a source.
    pub lost: HashMap<Record, u64>,
    /// What the race has asked so far.
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

/// When, in ms since the call, and for which destinations together.
pub type Asked = (u64, Vec<IpAddr>);

impl Routes {
    pub fn source_of(&self, dst: IpAddr, now: u64) -> Option<IpAddr> {
        let record = if dst.is_ipv4() { Record::A } else { Record::Aaaa };
        let reachable = self.lost.get(&record).is_none_or(|at| now < *at);
        let source = *self.by_hand.get(&dst).unwrap_or(&Some(of_the_same_scope(dst)));
        source.filter(|_| reachable)
    }

    /// As the crate takes it; `clock` gives the ms since the call.
    pub fn source_addrs(self, clock: impl Fn() -> u64 + Send + Sync + 'static) -> SourceAddrs {
        SourceAddrs::new(move |dsts: &[SocketAddr]| {
            let now = clock();
            self.asked.lock().unwrap().push((now, dsts.iter().map(SocketAddr::ip).collect()));
            dsts.iter().map(|dst| self.source_of(dst.ip(), now)).collect()
        })
    }
}

fn of_the_same_scope(dst: IpAddr) -> IpAddr {
    match dst {
        dst if dst.is_loopback() => dst,
        IpAddr::V4(v4) if v4.is_link_local() => Ipv4Addr::new(169, 254, 0, 200).into(),
        IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, 200).into(),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xffff).into()
        }
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1).into(),
    }
}
