//! The addresses of a host.

use std::net::{IpAddr, SocketAddr};

use crate::race::report::Report;

/// The addresses of a host, in the order in which a call would try them, and the report of their
/// lookups. [`Connector::resolve`](crate::Connector::resolve) finds them.
#[derive(Debug, Clone)]
#[must_use]
pub struct Resolved {
    pub(crate) addrs: Vec<SocketAddr>,
    pub(crate) report: Report,
}

impl Resolved {
    /// The addresses, at least one. The port is 0 where the call had no ports.
    #[must_use]
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// The IP addresses, each once. A zone is lost: [`addrs`](Self::addrs) has it.
    pub fn ips(&self) -> impl Iterator<Item = IpAddr> {
        let is_first = |(at, addr): &(usize, &SocketAddr)| {
            self.addrs[..*at].iter().all(|earlier| earlier.ip() != addr.ip())
        };
        self.addrs.iter().enumerate().filter(is_first).map(|(_, addr)| addr.ip())
    }

    /// The report, with every lookup. Its outcome is
    /// [`Outcome::Resolved`](crate::Outcome::Resolved).
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The addresses, owned.
    #[must_use]
    pub fn into_addrs(self) -> Vec<SocketAddr> {
        self.addrs
    }
}
