//! The endpoints of a race: which are admitted, and in which order they are tried.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::slice;
use std::time::{Duration, Instant};

use smallvec::smallvec;

use super::FAR;
use super::address::{self, IpVersion};
use super::answer::Answer;
use super::config::Family;
use super::endpoint::{Endpoint, EndpointOrigin, Endpoints, Order};
use super::order::{self, Addrs, SourceAddrs};
use super::ports::Ports;
use super::report::{Reason, Report};
use super::surroundings::Gate;

/// The race takes at most this many addresses of each family from a resolver: 64 a call. Neither
/// family can crowd out the other.
const MAX_ADDRS_PER_FAMILY: usize = 32;
/// The number of addresses of one answer that the race looks at. The rest counts as left out.
const MAX_ADDRS_READ: usize = 1024;
/// The number of endpoints up to which comparing all of them is faster than a table.
const MAX_SCANNED: usize = 16;
/// RFC 6724 section 8: an order older than this must not be used.
const ORDER_LIFETIME: Duration = Duration::from_secs(1);

/// The known endpoints, and the endpoints that are left to try.
pub(super) struct Candidates {
    family: Family,
    /// The ports for each address of a host. The addresses of a list have their own.
    ports: Ports,
    /// Addresses that need no lookup, until they are admitted.
    given: Option<(Addrs, EndpointOrigin)>,
    /// The endpoints that may be dialled. The ports of one address stand together, in the order of
    /// `ports`.
    endpoints: Endpoints,
    /// The endpoints that the gate has refused. The gate is asked for each of them once.
    forbidden: HashSet<SocketAddr>,
    /// The endpoints that are left to try, last first.
    left: Order,
    /// The time until which the order of `left` holds; `None` if there are new endpoints.
    holds_until: Option<Instant>,
}

impl Candidates {
    pub(super) fn new(
        given: Option<(Addrs, EndpointOrigin)>,
        ports: Ports,
        family: Family,
    ) -> Self {
        Self {
            family,
            ports,
            given,
            endpoints: Endpoints::new(),
            forbidden: HashSet::new(),
            left: Order::new(),
            holds_until: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// Admits the addresses that need no lookup, once. True if there were any.
    pub(super) fn admit_given(&mut self, gate: Option<&Gate>, report: &mut Report) -> bool {
        let Some((addrs, origin)) = self.given.take() else { return false };
        self.admit(&addrs, origin, usize::MAX, gate, report);
        true
    }

    /// Admits the addresses of an answer to the lookup with this number.
    #[inline]
    pub(super) fn admit_answer(
        &mut self,
        id: usize,
        answer: &Answer,
        gate: Option<&Gate>,
        report: &mut Report,
    ) {
        let addrs = answer.addrs();
        let looked_at = addrs.len().min(MAX_ADDRS_READ);
        report.left_out += addrs.len() - looked_at + answer.left_out();
        let origin = EndpointOrigin::Lookup(u16::try_from(id).unwrap_or(u16::MAX));
        self.admit(&addrs[..looked_at], origin, MAX_ADDRS_PER_FAMILY, gate, report);
    }

    /// Takes addresses until `most` of each IP version are known.
    fn admit(
        &mut self,
        addrs: &[SocketAddr],
        origin: EndpointOrigin,
        most: usize,
        gate: Option<&Gate>,
        report: &mut Report,
    ) {
        self.endpoints.reserve(addrs.len().min(most));
        let mut known = Known::new(self, addrs.len());
        let [mut v4, mut v6] = self.count_addresses().map(|count| most - count.min(most));
        for addr in addrs {
            let addr = match check(*addr, self.family) {
                Ok(addr) => addr,
                Err(reason) => {
                    report.skip(*addr, reason);
                    continue;
                }
            };
            let room = if addr.is_ipv4() { &mut v4 } else { &mut v6 };
            let endpoint = Endpoint::new(addr, origin);
            if self.admit_address(endpoint, *room > 0, &mut known, gate, report) {
                *room -= 1;
                self.holds_until = None;
            }
        }
    }

    /// Takes an address with each of its ports. True if an endpoint is new.
    #[inline]
    fn admit_address(
        &mut self,
        mut endpoint: Endpoint,
        has_room: bool,
        known: &mut Known,
        gate: Option<&Gate>,
        report: &mut Report,
    ) -> bool {
        let own_port = endpoint.addr.port();
        let ports = match endpoint.origin {
            EndpointOrigin::List => slice::from_ref(&own_port),
            EndpointOrigin::Host | EndpointOrigin::Lookup(_) => self.ports.as_slice(),
        };
        let before = self.endpoints.len();
        let mut is_left_out = false;
        for port in ports {
            endpoint.addr.set_port(*port);
            if !known.insert(endpoint.addr, &self.endpoints, &self.forbidden) {
                continue; // F-15: one attempt for each endpoint
            }
            if !has_room {
                is_left_out = true;
            } else if gate.is_some_and(|gate| !gate(endpoint.addr)) {
                report.skip(endpoint.addr, Reason::Forbidden);
                self.forbidden.insert(endpoint.addr);
            } else {
                self.endpoints.push(endpoint);
            }
        }
        if is_left_out {
            report.left_out += 1;
        }
        self.endpoints.len() > before
    }

    /// The number of known addresses, of IPv4 and of IPv6.
    fn count_addresses(&self) -> [usize; 2] {
        let several = self.ports.as_slice().len() > 1;
        let addresses = self.endpoints.chunk_by(|a, b| several && a.shares_address(b));
        addresses.fold([0, 0], |[v4, v6], of_address| match of_address[0].ip_version() {
            IpVersion::V4 => [v4 + 1, v6],
            IpVersion::V6 => [v4, v6 + 1],
        })
    }

    /// Orders the endpoints that are left again if there are new ones, or if the order is older than
    /// one second.
    #[inline]
    pub(super) fn plan(&mut self, sources: &SourceAddrs, report: &Report, now: Instant) {
        if !self.holds_until.is_some_and(|until| now < until || self.left.len() < 2) {
            self.plan_anew(sources, report, now);
        }
    }

    fn plan_anew(&mut self, sources: &SourceAddrs, report: &Report, now: Instant) {
        let lifetime = if self.is_callers_list() { FAR } else { ORDER_LIFETIME };
        self.holds_until = Some(now + lifetime);
        let mut left = self.in_order(sources);
        if !report.attempts.is_empty() {
            // F-11: late endpoints are placed as if they had been there from the start.
            left.retain(|index| !self.endpoints[*index].tried);
        }
        left.reverse();
        self.left = left;
    }

    /// True if the caller has decided the order, by a list.
    fn is_callers_list(&self) -> bool {
        self.endpoints.first().is_some_and(|first| first.origin == EndpointOrigin::List)
    }

    fn in_order(&self, sources: &SourceAddrs) -> Order {
        let Self { endpoints, ports, .. } = self;
        if let [_] = **endpoints {
            return smallvec![0]; // Most races have one address at this time.
        }
        if self.is_callers_list() {
            return (0..endpoints.len()).collect();
        }
        let first = self.family.leads();
        let ports = ports.as_slice();
        order::interleave(&order::sort(endpoints, ports, sources), endpoints, ports, first)
    }

    pub(super) fn has_forbidden(&self) -> bool {
        !self.forbidden.is_empty()
    }

    /// The number of endpoints that have not had their turn.
    pub(super) fn not_tried(&self, report: &Report) -> usize {
        self.endpoints.len() - report.attempts.len()
    }

    /// The endpoints that are left to try, in this order.
    pub(super) fn left(&self) -> impl Iterator<Item = &Endpoint> {
        self.left.iter().rev().map(|index| &self.endpoints[*index])
    }

    #[inline]
    pub(super) fn next(&self) -> Option<&Endpoint> {
        self.endpoints.get(*self.left.last()?)
    }

    /// Takes the next endpoint for an attempt.
    #[inline]
    pub(super) fn take_next(&mut self) -> Option<Endpoint> {
        let endpoint = self.endpoints.get_mut(self.left.pop()?)?;
        endpoint.tried = true;
        Some(*endpoint)
    }
}

/// The address that is dialled for this one, or the reason why it is skipped.
fn check(addr: SocketAddr, family: Family) -> Result<SocketAddr, Reason> {
    let addr = address::usable(addr).map_err(Reason::Unusable)?;
    let is_excluded = match family {
        Family::Any | Family::PreferV4 => false,
        Family::V4Only => addr.is_ipv6(),
        Family::V6Only => addr.is_ipv4(),
    };
    if is_excluded { Err(Reason::OtherFamily) } else { Ok(addr) }
}

/// The endpoints that are decided already. A table holds them where there are many.
struct Known(Option<HashSet<SocketAddr>>);

impl Known {
    /// A table with room for the endpoints of this many further addresses.
    fn new(candidates: &Candidates, addrs: usize) -> Self {
        let Candidates { endpoints, forbidden, ports, .. } = candidates;
        let most = endpoints.len() + forbidden.len() + addrs * ports.as_slice().len().max(1);
        if most <= MAX_SCANNED {
            return Self(None);
        }
        let mut table = HashSet::with_capacity(most.min(MAX_ADDRS_READ));
        table.extend(endpoints.iter().map(|endpoint| endpoint.addr));
        table.extend(forbidden);
        Self(Some(table))
    }

    /// False if the endpoint was known before.
    fn insert(
        &mut self,
        addr: SocketAddr,
        endpoints: &[Endpoint],
        forbidden: &HashSet<SocketAddr>,
    ) -> bool {
        match &mut self.0 {
            Some(table) => table.insert(addr),
            None => !forbidden.contains(&addr) && endpoints.iter().all(|known| known.addr != addr),
        }
    }
}
