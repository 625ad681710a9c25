//! A name server, and how it is reached.

use std::net::SocketAddr;
use std::time::Duration;

use super::Via;
use crate::race::answer::LookupError;

/// A name server.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    /// The address in the configuration, with the port.
    pub(crate) addr: SocketAddr,
    /// The address and port of TLS; `addr` if it is never asked over TLS.
    pub(crate) tls_addr: SocketAddr,
    pub(crate) policy: Policy,
}

impl Upstream {
    /// The address and port of this transport.
    pub(crate) fn addr_of(&self, via: Via) -> SocketAddr {
        if via == Via::Tls { self.tls_addr } else { self.addr }
    }
}

/// How a server is reached.
#[derive(Debug, Clone)]
pub(crate) enum Policy {
    /// Over UDP, and over TCP where UDP does not suffice; or over TCP only.
    Plain { tcp_only: bool },
    /// Over TLS without authentication where that works, otherwise in plaintext. TLS has this head
    /// start.
    Opportunistic { head_start: Duration, tcp_only: bool },
    /// Over authenticated TLS only.
    Strict,
    /// Never, for this reason.
    Never(LookupError),
}

impl Policy {
    pub(super) fn is_tcp_only(&self) -> bool {
        matches!(self, Self::Plain { tcp_only: true } | Self::Opportunistic { tcp_only: true, .. })
    }
}
