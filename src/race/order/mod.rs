//! In which order addresses are tried: those that lead somewhere, sorted over both families
//! together (RFC 6724 section 6), then the families take turns (RFC 8305 section 4).

mod policy;
mod sources;

use std::cmp::Reverse;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

use crate::resolve::Record;
use policy::{Policy, Scope, common_prefix_len};

pub use sources::Sources;

/// Addresses to try. Most connects know one or two.
pub(crate) type Addrs = SmallVec<[SocketAddr; 2]>;

/// Why an address is not dialled, whoever gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Unusable {
    /// `::` or `0.0.0.0`.
    Unspecified,
    /// TCP has no multicast.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// `fe80::/10` without a zone names no interface to leave from.
    NoZone,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::NoZone => "a link-local address without a zone",
        })
    }
}

/// The address that is dialled for this one: an IPv4-mapped address counts as IPv4.
pub(crate) fn usable(addr: SocketAddr) -> Result<SocketAddr, Unusable> {
    let addr = match addr.ip().to_canonical() {
        // Neither a flow label nor the zone of an address that needs none makes another endpoint.
        IpAddr::V6(ip) if !ip.is_unicast_link_local() => SocketAddr::new(ip.into(), addr.port()),
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, addr.port()),
        IpAddr::V6(_) => addr,
    };
    match addr {
        addr if addr.ip().is_unspecified() => Err(Unusable::Unspecified),
        addr if addr.ip().is_multicast() => Err(Unusable::Multicast),
        SocketAddr::V4(v4) if v4.ip().is_broadcast() => Err(Unusable::Broadcast),
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 => {
            Err(Unusable::NoZone)
        }
        SocketAddr::V4(_) | SocketAddr::V6(_) => Ok(addr),
    }
}

/// Sorts by destination address selection; asks for every source. The ports do not matter.
pub(crate) fn sort(addrs: &mut [SocketAddr], sources: &Sources) {
    let sources = sources.of(addrs);
    let mut ranked: Vec<(Rank, SocketAddr)> =
        addrs.iter().zip(sources).map(|(d, s)| (Rank::new(d.ip(), s), *d)).collect();
    // RFC 6724 rule 10: otherwise the order stays as it is; the sort is stable.
    ranked.sort_by_key(|(rank, _)| *rank);
    for (slot, (_, addr)) in addrs.iter_mut().zip(ranked) {
        *slot = addr;
    }
}

/// The rules of RFC 6724 section 6 for one destination D and its source S, the smaller the better.
/// Fields compare in the order they stand here, so the first rule that decides wins.
///
/// An order and no mere comparison of pairs: rule 9 alone looks at a pair's families, and no IPv4
/// address gets that far beside an IPv6 one, for they never have the same precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Rule 1: avoid unusable destinations: no route, or Source(D) is undefined.
    unreachable: bool,
    /// Rule 2: prefer matching scope: Scope(D) = Scope(S).
    scope_differs: bool,
    // Rule 3, avoid deprecated addresses, is not applied: only netlink and its like tell, and the
    // system has avoided them already when it chose S.
    // Rule 4, prefer home addresses, is not applied: nothing tells, and hosts have none.
    /// Rule 5: prefer matching label: Label(D) = Label(S).
    label_differs: bool,
    /// Rule 6: prefer higher precedence.
    precedence: Reverse<u8>,
    // Rule 7, prefer native transport, is not applied: the way of an interface's packets is not
    // visible here; 6to4 and Teredo are last by precedence.
    /// Rule 8: prefer smaller scope.
    scope: Scope,
    /// Rule 9: use longest matching prefix: CommonPrefixLen(S, D). For IPv6 only: within IPv4 it
    /// would undo the round robin of DNS, and prefixes there say nothing of nearness.
    common_prefix_len: Reverse<u32>,
}

impl Rank {
    #[allow(non_snake_case, reason = "the RFC's names")]
    fn new(D: IpAddr, S: Option<IpAddr>) -> Self {
        let policy = Policy::of(D);
        Self {
            unreachable: S.is_none(),
            scope_differs: S.is_some_and(|S| Scope::of(S) != Scope::of(D)),
            label_differs: S.is_some_and(|S| Policy::of(S).label != policy.label),
            precedence: Reverse(policy.precedence),
            scope: Scope::of(D),
            common_prefix_len: Reverse(match (S, D) {
                (Some(IpAddr::V6(S)), IpAddr::V6(D)) => common_prefix_len(S, D),
                (Some(_) | None, IpAddr::V4(_) | IpAddr::V6(_)) => 0,
            }),
        }
    }
}

/// The list of attempts: families alternate, from `first` on or from the family of the first
/// address (RFC 8305 section 4). With several ports the family alternates before the port, so that
/// the second attempt is of the other family whatever the ports. Once a family is used up, the
/// other's ports vary fastest.
pub(crate) fn interleave(sorted: &[SocketAddr], ports: &[u16], first: Option<Record>) -> Addrs {
    let starts_with_v4 = match first {
        Some(record) => record == Record::A,
        None => sorted.first().is_some_and(SocketAddr::is_ipv4),
    };
    let mut leading = sorted.iter().filter(|addr| addr.is_ipv4() == starts_with_v4);
    let mut other = sorted.iter().filter(|addr| addr.is_ipv4() != starts_with_v4);
    let mut attempts = Addrs::with_capacity(sorted.len() * ports.len());
    loop {
        let turn = [leading.next(), other.next()];
        if turn == [None, None] {
            return attempts;
        }
        for port in ports {
            for addr in turn.into_iter().flatten() {
                let mut addr = *addr;
                addr.set_port(*port);
                attempts.push(addr);
            }
        }
    }
}

#[cfg(test)]
mod tests;
