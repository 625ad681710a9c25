//! A name server, and how it is reached.

use std::net::SocketAddr;
use std::time::Duration;

use super::Via;
use crate::race::answer::LookupError;

/// A name server.
#[derive(Debug, Clone)]
pub(in crate::dns) struct Upstream {
    /// The address in the configuration, with the port.
    pub(in crate::dns) addr: SocketAddr,
    /// The address and port of TLS; `addr` if it is never asked over TLS.
    pub(in crate::dns) tls_addr: SocketAddr,
    pub(in crate::dns) usage: Usage,
}

impl Upstream {
    /// The address and port of this transport.
    pub(in crate::dns) fn addr_of(&self, via: Via) -> SocketAddr {
        if via == Via::Tls { self.tls_addr } else { self.addr }
    }
}

/// How a server is reached.
#[derive(Debug, Clone)]
pub(in crate::dns) enum Usage {
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

impl Usage {
    pub(super) fn is_tcp_only(&self) -> bool {
        matches!(self, Self::Plain { tcp_only: true } | Self::Opportunistic { tcp_only: true, .. })
    }
}
