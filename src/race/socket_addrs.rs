//! The addresses of a call without a host.

use std::net::SocketAddr;

use super::order::Addrs;

/// The addresses of a call, each with its port, in the order in which they are tried: one
/// `SocketAddr`, an array, a slice, a `Vec`.
///
/// A list that is empty or has a port 0 is refused by the call that gets it, before any packet. An
/// address that stands in it twice is tried once.
///
/// ```
/// use he::SocketAddrs;
/// use std::net::SocketAddr;
///
/// let addr: SocketAddr = "192.0.2.1:443".parse().unwrap();
/// assert_eq!(SocketAddrs::from(addr), SocketAddrs::from(vec![addr]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SocketAddrs(pub(super) Addrs);

impl SocketAddrs {
    /// The addresses in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[SocketAddr] {
        &self.0
    }
}

impl From<SocketAddr> for SocketAddrs {
    fn from(addr: SocketAddr) -> Self {
        Self::from_iter([addr])
    }
}

impl From<&[SocketAddr]> for SocketAddrs {
    fn from(addrs: &[SocketAddr]) -> Self {
        Self(addrs.into())
    }
}

impl<const N: usize> From<[SocketAddr; N]> for SocketAddrs {
    fn from(addrs: [SocketAddr; N]) -> Self {
        Self::from_iter(addrs)
    }
}

impl<const N: usize> From<&[SocketAddr; N]> for SocketAddrs {
    fn from(addrs: &[SocketAddr; N]) -> Self {
        addrs.as_slice().into()
    }
}

impl From<Vec<SocketAddr>> for SocketAddrs {
    fn from(addrs: Vec<SocketAddr>) -> Self {
        Self(addrs.into())
    }
}

impl From<&Vec<SocketAddr>> for SocketAddrs {
    fn from(addrs: &Vec<SocketAddr>) -> Self {
        addrs.as_slice().into()
    }
}

impl FromIterator<SocketAddr> for SocketAddrs {
    fn from_iter<I: IntoIterator<Item = SocketAddr>>(addrs: I) -> Self {
        Self(addrs.into_iter().collect())
    }
}
