//! A name with two addresses: the first is silent, the second a server's.

use std::net::SocketAddr;

use he::{AttemptReport, Connector, Report, Resolve};
use he_test_support::net::Peer::Silent;
use he_test_support::net::{self, Peer, Peers, Reports, Table, impatient};

/// The name's addresses, and a connector that knows them.
pub(crate) struct Dual {
    pub(crate) peers: Peers,
    pub(crate) connector: Connector,
    pub(crate) reports: Reports,
}

impl Dual {
    /// `::1` is silent, 127.0.0.1 is this. (Both are IPv4 on a host without IPv6.)
    pub(crate) fn stack(good: Peer) -> Self {
        let [silent, served] =
            if net::ipv6() { ["::1", "127.0.0.1"] } else { ["127.0.0.1", "127.0.0.2"] };
        let peers = Peers::new(&[(silent, Silent), (served, good)]);
        let (connector, reports) = Reports::of(impatient(Table::of(peers.ips())));
        Self { peers, connector, reports }
    }

    /// The same with another resolver.
    pub(crate) fn resolver(mut self, resolver: impl Resolve) -> Self {
        (self.connector, self.reports) = Reports::of(impatient(resolver));
        self
    }

    /// For what fails: nothing to wait for on the way.
    pub(crate) fn straight(&self) -> Connector {
        Connector::new(Table::of(vec![self.server().ip()]))
    }

    pub(crate) fn server(&self) -> SocketAddr {
        self.peers.addr(1)
    }

    pub(crate) fn addrs(&self) -> [SocketAddr; 2] {
        [self.peers.addr(0), self.peers.addr(1)]
    }

    pub(crate) fn port(&self) -> u16 {
        self.peers.port
    }

    /// Asserts that the silent address was tried first and that the server has won.
    #[track_caller]
    pub(crate) fn assert_raced(&self, report: &Report) {
        let told: Vec<String> = report.attempts().iter().map(|it| it.addr().to_string()).collect();
        assert_eq!(told, self.addrs().map(|addr| addr.to_string()));
        assert_eq!(report.winner().map(AttemptReport::addr), Some(self.server()));
    }
}
