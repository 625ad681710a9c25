//! The default connector of the process, and its resolver.

use std::sync::LazyLock;

use tokio::net::TcpStream;

use crate::connect::Connector;
use crate::dns::Resolver;
use crate::race::error::Error;

/// Connects to a host, with the system's DNS configuration and the defaults of
/// [`Config`](crate::Config).
///
/// `host` is a name, or an IP literal with or without brackets and zone (`fe80::1%eth0`). All calls
/// share one process-wide [`Connector`], with its resolver and cache. Several tokio runtimes may
/// use it.
///
/// # Errors
///
/// See [`ErrorKind`](crate::ErrorKind). The call ends within 30 s.
///
/// # Cancel safety
///
/// Dropping the future ends all its attempts and lookups. The shared parts of the resolver (its
/// cache, a connection to a name server, a running `getaddrinfo`) go on.
///
/// # Panics
///
/// It panics outside of a tokio runtime with I/O and time enabled.
pub async fn connect(host: &str, ports: &[u16]) -> Result<TcpStream, Error> {
    static DEFAULT: LazyLock<Connector> = LazyLock::new(Connector::default);
    DEFAULT.connect(host, ports).await
}

/// The system's resolver, which reads its configuration at the first lookup. Each default connector
/// has a cache of its own, so make one and clone it.
impl Default for Connector {
    fn default() -> Self {
        Self::new(Resolver::default())
    }
}
