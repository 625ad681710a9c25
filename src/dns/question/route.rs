//! A route: a server with the local address and binding from which this host reaches it.

use std::net::{IpAddr, SocketAddr};

use crate::race::binding::Binding;

/// The key of everything that is remembered of a server. From another address of this host, its
/// ports may be open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::dns) struct Route {
    /// With the port of plain DNS. A strict or pinned server has the port of TLS.
    pub(in crate::dns) server: SocketAddr,
    /// The address from which this host reaches the server; `None` where the system has none.
    pub(in crate::dns) local: Option<IpAddr>,
    pub(in crate::dns) binding: Binding,
}
