//! Where packets may leave: local address, interface, mark. One value for everything that a
//! connect sends, so that no lookup leaves beside the VPN that the connection goes through.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// The part of [`SocketOptions`](crate::SocketOptions) that decides the way packets take. It holds
/// for the attempts, for the source addresses that order them (RFC 6724), and for the sockets to
/// the name servers; answers learnt under one binding are never used under another. Cheap to clone.
///
/// The default binds nothing. Any other comes from [`SocketOptions::binding`]:
///
/// ```
/// let vpn = he::SocketOptions::default().interface("wg0").mark(7).binding().clone();
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

/// A socket to reach this address with: one system call instead of three, where the system can.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
pub(crate) fn nonblocking(to: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    Socket::new(Domain::for_address(to), kind.nonblocking(), Some(protocol))
}

#[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
pub(crate) fn nonblocking(to: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(to), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
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

    /// The option's name, as in the system's manual: `TCP_NODELAY`, `SO_MARK`; or `local address`.
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
            Ok(Some(local)) => socket.bind(&local.into()),
            Err(error) => Err(error),
        };
        bound.map_err(|e| OptionError::wrap("local address", dst, e))
    }

    /// The address to bind to, with port 0. The system takes a port at once, not at the connect:
    /// IP_BIND_ADDRESS_NO_PORT would need libc and is not set.
    ///
    /// With an address for one family only, the other family would leave unbound: refused.
    fn local_for(&self, dst: SocketAddr) -> io::Result<Option<SocketAddr>> {
        let (same, other) = match dst {
            SocketAddr::V4(_) => {
                (self.local_v4.map(|ip| SocketAddr::from((ip, 0))), self.local_v6.is_some())
            }
            SocketAddr::V6(dst) => {
                (self.local_v6.map(|ip| local_v6_for(ip, dst).into()), self.local_v4.is_some())
            }
        };
        if same.is_none() && other {
            let why = "a local address is set for the other family only";
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, why));
        }
        Ok(same)
    }
}

/// A link-local address cannot be bound without a zone, and has the zone of where it leads
/// (RFC 4007).
fn local_v6_for(ip: Ipv6Addr, dst: SocketAddrV6) -> SocketAddrV6 {
    let zone = if ip.is_unicast_link_local() { dst.scope_id() } else { 0 };
    SocketAddrV6::new(ip, 0, 0, zone)
}

/// Linux takes an empty name for "no interface", and cuts a long one: both would let packets leave
/// another way than the one that was asked for. Hence the check.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
fn bind_device(socket: &SockRef<'_>, name: &str) -> io::Result<()> {
    if !(1..=15).contains(&name.len()) || name.contains('\0') {
        let why = "an interface name has from 1 to 15 bytes and no NUL";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
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
pub(crate) fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "not supported on this platform")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(local: &str, dst: &str) -> Option<SocketAddr> {
        let mut binding = Binding::default();
        match local.parse().unwrap() {
            std::net::IpAddr::V4(ip) => binding.local_v4 = Some(ip),
            std::net::IpAddr::V6(ip) => binding.local_v6 = Some(ip),
        }
        binding.local_for(dst.parse().unwrap()).ok().flatten()
    }

    #[test] // R-4007-11
    fn a_link_local_address_is_bound_in_the_zone_of_its_destination() {
        assert_eq!(bound("fe80::1", "[fe80::2%7]:443"), "[fe80::1%7]:0".parse().ok());
        assert_eq!(bound("2001:db8::1", "[fe80::2%7]:443"), "[2001:db8::1]:0".parse().ok());
    }

    #[test]
    fn a_local_address_of_one_family_leaves_the_other_without() {
        assert_eq!(bound("192.0.2.1", "192.0.2.2:443"), "192.0.2.1:0".parse().ok());
        assert_eq!(bound("192.0.2.1", "[2001:db8::2]:443"), None);
        assert_eq!(bound("2001:db8::1", "192.0.2.2:443"), None);
    }
}
