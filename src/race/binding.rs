//! The way that packets take out of this host: local address, interface, mark. A value only:
//! `connect/bind.rs` applies it. It is one value for everything that a call sends, so that its
//! lookups leave by the same VPN as its connection.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The part of [`SocketOptions`](crate::SocketOptions) that decides the way packets take. It holds
/// for the attempts, for the source addresses that order them (RFC 6724), and for the sockets to
/// the name servers. Answers learned under one binding are never used under another. Cheap to
/// clone.
///
/// The default binds nothing. Any other binding comes from [`SocketOptions::binding`]:
///
/// ```
/// let vpn = he::SocketOptions::default().with_interface("wg0").with_mark(7).binding().clone();
/// assert_eq!((vpn.interface(), vpn.mark()), (Some("wg0"), Some(7)));
/// ```
///
/// [`SocketOptions::binding`]: crate::SocketOptions::binding
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Binding {
    pub(crate) local_v4: Option<Ipv4Addr>,
    pub(crate) local_v6: Option<Ipv6Addr>,
    pub(crate) interface: Option<Arc<str>>,
    pub(crate) mark: Option<u32>,
}

impl Binding {
    /// The local address of IPv4 sockets.
    #[must_use]
    pub fn local_v4(&self) -> Option<Ipv4Addr> {
        self.local_v4
    }

    /// The local address of IPv6 sockets.
    #[must_use]
    pub fn local_v6(&self) -> Option<Ipv6Addr> {
        self.local_v6
    }

    /// The network interface, by name.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// The firewall mark (`SO_MARK`).
    #[must_use]
    pub fn mark(&self) -> Option<u32> {
        self.mark
    }
}
