//! The default connector of the process, and its resolver.

use std::sync::LazyLock;

use tokio::net::TcpStream;

use crate::connect::Connector;
use crate::connect::call::Call;
use crate::connect::resolved::Resolved;
use crate::race::ports::Ports;

/// The resolver of the default connector. With feature `dns` it is this crate's own, otherwise that
/// of the operating system.
#[cfg(feature = "dns")]
use crate::dns::Resolver as DefaultResolver;
#[cfg(not(feature = "dns"))]
use crate::os::Resolver as DefaultResolver;

/// Connects to a host, with the system's resolver and the defaults of [`Config`](crate::Config).
///
/// With feature `dns` the system's resolver is `he::dns::Resolver::system()`, otherwise (feature
/// `os`) it is `he::os::Resolver::new()`.
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
#[doc(alias = "happy eyeballs")]
pub fn connect(host: impl AsRef<str>, ports: impl Into<Ports>) -> Call<'static, TcpStream> {
    default_connector().connect(host, ports)
}

/// Finds the addresses of a host by the [`default_connector`]. See [`Connector::resolve`].
///
/// # Errors
///
/// As [`Connector::resolve`].
///
/// # Cancel safety
///
/// As [`Connector::resolve`].
///
/// # Panics
///
/// As [`connect`].
#[doc(alias = "lookup_host")]
pub fn resolve(host: impl AsRef<str>) -> Call<'static, Resolved> {
    default_connector().resolve(host)
}

/// The connector behind [`connect`] and [`resolve`], one for the process. Observe it with
/// [`Connector::on_report`], and tell it of a change of network with
/// [`Connector::network_changed`].
///
/// It cannot be replaced, because a library could then change what all others get. A program that
/// wants other settings makes a connector of its own; a clone of this one with other settings
/// shares its resolver, with the cache.
pub fn default_connector() -> &'static Connector {
    static DEFAULT: LazyLock<Connector> = LazyLock::new(Connector::default);
    &DEFAULT
}

/// The resolver of [`connect`], which reads its configuration at the first lookup. Each default
/// connector has a cache or threads of its own, so make one and clone it.
impl Default for Connector {
    fn default() -> Self {
        Self::new(DefaultResolver::default())
    }
}

impl Connector {
    /// A connector that does no more than Happy Eyeballs needs: it asks the system's name servers
    /// in plaintext, and makes no probes. It is for tests, bug reports and cautious operators.
    /// Without feature `dns` it asks the operating system, as [`Connector::default`] does.
    pub fn plain() -> Self {
        Self::new(plain_resolver())
    }
}

#[cfg(feature = "dns")]
fn plain_resolver() -> DefaultResolver {
    DefaultResolver::system_plain()
}

/// The operating system has one way to ask.
#[cfg(not(feature = "dns"))]
fn plain_resolver() -> DefaultResolver {
    DefaultResolver::new()
}
