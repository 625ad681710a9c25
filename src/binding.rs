//! Where packets may leave: local address, interface, mark. One value for everything that a
//! connect sends, so that no lookup leaves beside the VPN that the connection goes through.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::SockRef;

/// The part of [`SocketOptions`](crate::SocketOptions) that decides the way packets take. It holds
/// for the attempts, for the source addresses that order them (RFC 6724), and for the sockets to
/// the name servers; answers learnt under one binding are never used under another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Binding {
    pub(crate) local_v4: Option<Ipv4Addr>,
    pub(crate) local_v6: Option<Ipv6Addr>,
    pub(crate) interface: Option<String>,
    pub(crate) mark: Option<u32>,
}

/// An option that the system did not take: which one, for which address, and why.
#[derive(Debug)]
pub struct OptionError {
    option: &'static str,
    addr: SocketAddr,
    cause: io::Error,
}

impl OptionError {
    pub(crate) fn wrap(option: &'static str, addr: SocketAddr, cause: io::Error) -> io::Error {
        io::Error::new(cause.kind(), Self { option, addr, cause })
    }

    /// The option's name, as in the system's manual: `TCP_NODELAY`, `SO_MARK`.
    #[must_use]
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// The address that was about to be dialled.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What the system said.
    #[must_use]
    pub fn cause(&self) -> &io::Error {
        &self.cause
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}: {}", self.option, self.addr, self.cause)
    }
}

impl std::error::Error for OptionError {}

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

    /// Applies all of it to a socket that is about to connect to `dst`.
    pub(crate) fn apply(&self, socket: SockRef<'_>, dst: SocketAddr) -> io::Result<()> {
        if let Some(name) = &self.interface {
            bind_device(&socket, name).map_err(|e| OptionError::wrap("SO_BINDTODEVICE", dst, e))?;
        }
        if let Some(mark) = self.mark {
            set_mark(&socket, mark).map_err(|e| OptionError::wrap("SO_MARK", dst, e))?;
        }
        let bound = match self.local_for(dst) {
            Ok(None) => return Ok(()),
            Ok(Some(local)) => socket.bind(&SocketAddr::new(local, 0).into()),
            Err(error) => Err(error),
        };
        bound.map_err(|e| OptionError::wrap("local address", dst, e))
    }

    /// With an address for one family only, the other family would leave unbound: refused.
    fn local_for(&self, dst: SocketAddr) -> io::Result<Option<IpAddr>> {
        let (same, other) = match dst {
            SocketAddr::V4(_) => (self.local_v4.map(IpAddr::V4), self.local_v6.is_some()),
            SocketAddr::V6(_) => (self.local_v6.map(IpAddr::V6), self.local_v4.is_some()),
        };
        if same.is_none() && other {
            let why = "a local address is set for the other family only";
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, why));
        }
        Ok(same)
    }
}

#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
fn bind_device(socket: &SockRef<'_>, name: &str) -> io::Result<()> {
    socket.bind_device(Some(name.as_bytes()))
}

#[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
fn bind_device(_: &SockRef<'_>, _: &str) -> io::Result<()> {
    Err(unsupported())
}

#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
fn set_mark(socket: &SockRef<'_>, mark: u32) -> io::Result<()> {
    socket.set_mark(mark)
}

#[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
fn set_mark(_: &SockRef<'_>, _: u32) -> io::Result<()> {
    Err(unsupported())
}

/// The error of an option that this platform lacks.
#[allow(dead_code, reason = "used where an option is missing; Linux has them all")]
pub(crate) fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "not supported on this platform")
}
