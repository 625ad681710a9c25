//! The order in which addresses are tried. Usable addresses are sorted over both families together
//! (RFC 6724 section 6). Then the families take turns (RFC 8305 section 4).

mod policy;
mod source_addrs;

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

use super::address::IpVersion;
use super::endpoint::{Endpoint, Order};
use policy::{Policy, Scope, common_prefix_len};

pub(crate) use source_addrs::DISCARD;
pub use source_addrs::SourceAddrs;

/// Addresses. Most calls know one or two.
pub(crate) type Addrs = SmallVec<[SocketAddr; 2]>;

/// Sorts by destination address selection. If there is a choice, it asks for the source of every
/// address. The ports do not matter.
pub(crate) fn sort(endpoints: &[Endpoint], ports: &[u16], sources: &SourceAddrs) -> Order {
    let mut order: Order = (0..endpoints.len()).collect();
    let mut addrs = Addrs::with_capacity(order.len());
    by_address(&order, endpoints, ports).for_each(|it| addrs.push(endpoints[it[0]].addr));
    if addrs.len() < 2 {
        return order;
    }
    let mut ranked = Vec::with_capacity(order.len());
    for (of_address, source) in by_address(&order, endpoints, ports).zip(sources.of(&addrs)) {
        let rank = Rank::new(endpoints[of_address[0]].addr.ip(), source);
        of_address.iter().for_each(|index| ranked.push((rank, *index)));
    }
    // RFC 6724 rule 10: otherwise the order stays as it is, because the sort is stable.
    ranked.sort_by_key(|(rank, _)| *rank);
    for (slot, (_, index)) in order.iter_mut().zip(ranked) {
        *slot = index;
    }
    order
}

/// Groups the endpoints by address. Those of one address stand together in `order`.
fn by_address<'a>(
    order: &'a [usize],
    endpoints: &'a [Endpoint],
    ports: &[u16],
) -> impl Iterator<Item = &'a [usize]> + use<'a> {
    let several = ports.len() > 1;
    order.chunk_by(move |a, b| several && endpoints[*a].shares_address(&endpoints[*b]))
}

/// The rules of RFC 6724 section 6 for one destination D and its source S. A smaller rank is
/// better. The fields compare in the order of their declaration, so the first rule that decides
/// wins.
///
/// This is a total order, and not only a comparison of pairs: rule 9 alone looks at a pair's
/// families, and no IPv4 address gets that far beside an IPv6 one, because they never have the same
/// precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Rule 1: avoid unusable destinations: no route, or Source(D) is undefined.
    unreachable: bool,
    /// Rule 2: prefer matching scope: Scope(D) = Scope(S).
    scope_differs: bool,
    // Rule 3, avoid deprecated addresses, is not applied: only netlink and the like report them,
    // and the system has avoided them already when it chose S.
    // Rule 4, prefer home addresses, is not applied: they are not visible here, and hosts have
    // none.
    /// Rule 5: prefer matching label: Label(D) = Label(S).
    label_differs: bool,
    /// Rule 6: prefer higher precedence.
    precedence: Reverse<u8>,
    // Rule 7, prefer native transport, is not applied: the transport of an interface's packets is
    // not visible here. 6to4 and Teredo come last by precedence.
    /// Rule 8: prefer smaller scope.
    scope: Scope,
    /// Rule 9: use longest matching prefix: CommonPrefixLen(S, D). It applies to IPv6 only: within
    /// IPv4 it would undo the round robin of DNS, and prefixes there say nothing about nearness.
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

/// Makes the list of attempts. The families alternate, from `first` on or from the family of the
/// first address (RFC 8305 section 4). With several ports the family alternates before the port, so
/// the second attempt is of the other family on any port. Once a family is used up, the other's
/// ports vary fastest.
pub(crate) fn interleave(
    sorted: &[usize],
    endpoints: &[Endpoint],
    ports: &[u16],
    first: Option<IpVersion>,
) -> Order {
    let Some(leads) = sorted.first() else { return Order::new() };
    let first = first.unwrap_or(endpoints[*leads].ip_version());
    let (mut leading, mut other) = (Order::with_capacity(sorted.len()), Order::new());
    for index in sorted {
        let is_first = endpoints[*index].ip_version() == first;
        if is_first { leading.push(*index) } else { other.push(*index) }
    }
    let mut leading = by_address(&leading, endpoints, ports);
    let mut other = by_address(&other, endpoints, ports);
    let mut attempts = Order::with_capacity(sorted.len());
    loop {
        let mut turn = [leading.next().unwrap_or_default(), other.next().unwrap_or_default()];
        if turn.iter().all(|of_address| of_address.is_empty()) {
            return attempts;
        }
        for port in ports {
            for of_address in &mut turn {
                if let [next, rest @ ..] = *of_address {
                    if endpoints[*next].addr.port() == *port {
                        attempts.push(*next);
                        *of_address = rest;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
