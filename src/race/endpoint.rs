//! Endpoints: an address with its port, and its origin.

use std::net::SocketAddr;

use smallvec::SmallVec;

use super::address::IpVersion;

/// Endpoints. Most calls have one or two.
pub(crate) type Endpoints = SmallVec<[Endpoint; 2]>;

/// Endpoints in some order, by their indices.
pub(crate) type Order = SmallVec<[usize; 4]>;

/// An address and port that may be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) addr: SocketAddr,
    pub(crate) origin: EndpointOrigin,
    /// An attempt to it has been started.
    pub(crate) tried: bool,
}

/// The origin of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndpointOrigin {
    /// The caller's list of addresses.
    List,
    /// The host itself: an IP literal or `localhost`.
    Host,
    /// This lookup, an index into the report's lookups.
    Lookup(u16),
}

impl Endpoint {
    pub(crate) fn new(addr: SocketAddr, origin: EndpointOrigin) -> Self {
        Self { addr, origin, tried: false }
    }

    pub(crate) fn ip_version(&self) -> IpVersion {
        IpVersion::of(self.addr)
    }

    /// True if both have the same address, on any ports.
    pub(crate) fn shares_address(&self, other: &Self) -> bool {
        let mut addr = other.addr;
        addr.set_port(self.addr.port());
        self.addr == addr
    }
}
