//! The addresses of a race: which are taken, and in which order they are tried.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::race::answer::Answer;
use crate::race::config::Family;
use crate::race::host::Ports;
use crate::race::order::{self, Addrs, Sources};
use crate::race::report::{AttemptReport, PassedOver, Reason, Report};
use crate::resolve::Record;

/// Asked for every address and port before anything is done with it.
pub(crate) type Gate = Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>;

/// At most this many addresses of each family are taken from a resolver: 64 a call, and neither
/// family can crowd out the other.
const MAX_OF_A_FAMILY: usize = 32;
/// No more of an answer than this is looked at: what stands behind counts as left out.
const MAX_OF_AN_ANSWER: usize = 1024;
/// So many addresses are compared faster than looked up in a table.
const FEW: usize = 16;
/// No more refusals than this are told one by one.
const MAX_PASSED_OVER: usize = 64;
/// RFC 6724 section 8: an order older than this must not be used.
const ORDER_LIFETIME: Duration = Duration::from_secs(1);

/// What is known, and what is left to try.
pub(crate) struct Candidates {
    pub(crate) gate: Option<Gate>,
    family: Family,
    ports: Ports,
    /// The caller's own addresses, until they are admitted.
    given: Addrs,
    /// Sorted by RFC 6724, or kept in the caller's order with the caller's ports.
    sorted: bool,
    addrs: Addrs,
    /// Refused by the gate, and not asked for again.
    forbidden: HashSet<SocketAddr>,
    /// What is left to try, last first.
    left: Addrs,
    /// When `left` was made; `None` if it has to be made again.
    planned_at: Option<Instant>,
}

impl Candidates {
    pub(crate) fn sorted(given: Addrs, ports: Ports, family: Family) -> Self {
        Self {
            gate: None,
            family,
            ports,
            given,
            sorted: true,
            addrs: Addrs::new(),
            forbidden: HashSet::new(),
            left: Addrs::new(),
            planned_at: None,
        }
    }

    pub(crate) fn as_given(given: Addrs, family: Family) -> Self {
        Self { sorted: false, ..Self::sorted(given, Ports::new(), family) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.addrs.is_empty()
    }

    /// Admits the caller's own addresses, once. True if there were any.
    pub(crate) fn admit_given(&mut self, report: &mut Report) -> bool {
        if self.given.is_empty() {
            return false; // asked at every poll: nothing here may count the addresses
        }
        let given = std::mem::take(&mut self.given);
        self.take(&given, usize::MAX, report);
        true
    }

    /// Admits the addresses of an answer.
    pub(crate) fn admit(&mut self, answer: &Answer, report: &mut Report) {
        let addrs = answer.addrs();
        let looked_at = addrs.len().min(MAX_OF_AN_ANSWER);
        report.cut += addrs.len() - looked_at + answer.dropped();
        self.take(&addrs[..looked_at], MAX_OF_A_FAMILY, report);
    }

    fn take(&mut self, addrs: &[SocketAddr], most: usize, report: &mut Report) {
        let many = addrs.len() + self.addrs.len() > FEW;
        let mut known = HashSet::new();
        if many {
            known.reserve(addrs.len() + self.addrs.len());
            known.extend(self.addrs.iter().copied());
        }
        let mut room = [true, false]
            .map(|v4| most - self.addrs.iter().filter(|a| a.is_ipv4() == v4).count().min(most));
        for addr in addrs {
            let addr = match self.check(*addr) {
                Ok(addr) => addr,
                Err(reason) => {
                    pass_over(report, *addr, reason);
                    continue;
                }
            };
            // F-15: one attempt an endpoint.
            let is_new = if many { known.insert(addr) } else { !self.addrs.contains(&addr) };
            if !is_new {
                continue;
            }
            let room = &mut room[usize::from(addr.is_ipv6())];
            if *room == 0 {
                report.cut += 1;
            } else if self.ask_gate(addr, report) {
                *room -= 1;
                self.addrs.push(addr);
                self.planned_at = None;
            }
        }
    }

    fn check(&self, addr: SocketAddr) -> Result<SocketAddr, Reason> {
        let addr = order::usable(addr).map_err(Reason::Unusable)?;
        let excluded = match self.family {
            Family::Any | Family::PreferV4 => false,
            Family::V4Only => addr.is_ipv6(),
            Family::V6Only => addr.is_ipv4(),
        };
        if excluded { Err(Reason::OtherFamily) } else { Ok(addr) }
    }

    /// True if at least one port of the address may be dialled.
    fn ask_gate(&mut self, addr: SocketAddr, report: &mut Report) -> bool {
        let Some(gate) = &self.gate else { return true };
        let ports: &[u16] = if self.sorted { &self.ports } else { &[addr.port()] };
        let mut any = false;
        for port in ports {
            let mut endpoint = addr;
            endpoint.set_port(*port);
            if self.forbidden.contains(&endpoint) {
                continue;
            }
            if gate(endpoint) {
                any = true;
            } else {
                pass_over(report, endpoint, Reason::Forbidden);
                self.forbidden.insert(endpoint);
            }
        }
        any
    }

    /// Brings the order of what is left up to date: after new addresses, and after a second.
    pub(crate) fn plan(&mut self, tried: &[AttemptReport], sources: &Sources, now: Instant) {
        let fresh = |at: Instant| {
            !self.sorted
                || self.left.len() < 2
                || now.saturating_duration_since(at) < ORDER_LIFETIME
        };
        if self.planned_at.is_some_and(fresh) {
            return;
        }
        self.planned_at = Some(now);
        self.left = if self.sorted { self.in_order(sources) } else { self.addrs.clone() };
        self.left.retain(|addr| !self.forbidden.contains(addr));
        if !tried.is_empty() {
            // F-11: everything is placed as if it had been there from the start.
            let tried: HashSet<SocketAddr> = tried.iter().map(|attempt| attempt.addr).collect();
            self.left.retain(|addr| !tried.contains(addr));
        }
        self.left.reverse();
    }

    fn in_order(&self, sources: &Sources) -> Addrs {
        if let ([addr], [port]) = (&*self.addrs, &*self.ports) {
            let mut only = *addr;
            only.set_port(*port);
            return Addrs::from_iter([only]);
        }
        let mut addrs = self.addrs.clone();
        // One address is no choice: nobody is asked for its source.
        if addrs.len() > 1 {
            order::sort(&mut addrs, sources);
        }
        let first = match self.family {
            Family::PreferV4 => Some(Record::A),
            Family::Any | Family::V4Only | Family::V6Only => None,
        };
        order::interleave(&addrs, &self.ports, first)
    }

    fn refused_ports(&self, mut addr: SocketAddr) -> usize {
        if self.forbidden.is_empty() {
            return 0;
        }
        let refused = |port: &&u16| {
            addr.set_port(**port);
            self.forbidden.contains(&addr)
        };
        self.ports.iter().filter(refused).count()
    }

    pub(crate) fn has_forbidden(&self) -> bool {
        !self.forbidden.is_empty()
    }

    /// How many pairs of address and port have not had their turn.
    pub(crate) fn not_tried(&self, tried: &[AttemptReport]) -> usize {
        let ports = if self.sorted { self.ports.len() } else { 1 };
        let refused = match self.sorted {
            // Ports of addresses that have others.
            true => self.addrs.iter().map(|addr| self.refused_ports(*addr)).sum(),
            false => 0,
        };
        (self.addrs.len() * ports).saturating_sub(refused + tried.len())
    }

    pub(crate) fn peek(&self) -> Option<SocketAddr> {
        self.left.last().copied()
    }

    pub(crate) fn pop(&mut self) -> Option<SocketAddr> {
        self.left.pop()
    }
}

fn pass_over(report: &mut Report, addr: SocketAddr, reason: Reason) {
    if report.passed_over.len() < MAX_PASSED_OVER {
        report.passed_over.push(PassedOver { addr, reason });
    } else {
        report.untold += 1;
    }
}
