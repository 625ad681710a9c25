//! The default connector: the one of the process, and the resolver that it has.

use std::sync::LazyLock;

use tokio::net::TcpStream;

use crate::connect::Connector;
use crate::dns::Resolver;
use crate::race::error::Error;

/// Connects to a host, by the system's DNS configuration and the defaults of [`Config`](crate::Config).
///
/// `host` is a name, or an IP literal with or without brackets and zone (`fe80::1%eth0`). The
/// resolver and its cache are kept between calls, in one process-wide [`Connector`]; it may be used
/// from several tokio runtimes.
///
/// # Errors
///
/// See [`ErrorKind`](crate::ErrorKind). It ends within 30 s.
///
/// # Cancel safety
///
/// Dropping the future ends all its attempts and lookups. What the resolver shares (its cache, a
/// connection to a name server, a running `getaddrinfo`) goes on.
///
/// # Panics
///
/// Outside of a tokio runtime with I/O and time enabled.
pub async fn connect(host: &str, ports: &[u16]) -> Result<TcpStream, Error> {
    static DEFAULT: LazyLock<Connector> = LazyLock::new(Connector::default);
    DEFAULT.connect(host, ports).await
}

/// The system's resolver, which reads its configuration at the first lookup. Each one has a cache of
/// its own, so make one and clone it.
impl Default for Connector {
    fn default() -> Self {
        Self::new(Resolver::default())
    }
}
