//! A route: a server with the local address and binding from which this host reaches it.

use std::net::{IpAddr, SocketAddr};

use crate::connect::probe::source_of;
use crate::race::binding::Binding;

/// The key of everything that is remembered of a server. From another address of this host, its
/// ports may be open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::dns) struct Route {
    /// With the port of plain DNS. A strict or pinned server has the port of TLS.
    pub(in crate::dns) server: SocketAddr,
    /// The address from which this host reaches the server; `None` where the system has none.
    pub(super) local: Option<IpAddr>,
    pub(super) binding: Binding,
}

impl Route {
    /// The route to a server as the system has it now.
    pub(super) fn to(server: SocketAddr, binding: &Binding) -> Self {
        Self { server, local: source_of(server, binding), binding: binding.clone() }
    }
}
