//! Sockets that leave by a [`Binding`], with its local address, interface and mark.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::race::binding::Binding;
use crate::race::option_error::OptionError;

/// A nonblocking socket for this address. Where the system can, one system call makes it instead of
/// three.
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

/// Binds a socket that is about to connect to `dst`.
pub(crate) fn bind(binding: &Binding, socket: SockRef<'_>, dst: SocketAddr) -> io::Result<()> {
    if let Some(name) = &binding.interface {
        bind_device(&socket, name).map_err(|e| OptionError::wrap("SO_BINDTODEVICE", dst, e))?;
    }
    if let Some(mark) = binding.mark {
        set_mark(&socket, mark).map_err(|e| OptionError::wrap("SO_MARK", dst, e))?;
    }
    let bound = match local_addr(binding, dst) {
        Ok(None) => return Ok(()),
        Ok(Some(local)) => socket.bind(&local.into()),
        Err(error) => Err(error),
    };
    bound.map_err(|e| OptionError::wrap("local address", dst, e))
}

/// The address to bind to, with port 0. The system chooses the port now. `IP_BIND_ADDRESS_NO_PORT`
/// would delay that until the socket connects, but setting it needs `unsafe`.
///
/// With a local address for one family only, the other family is refused, because it would leave
/// unbound.
fn local_addr(binding: &Binding, dst: SocketAddr) -> io::Result<Option<SocketAddr>> {
    let (same, other) = match dst {
        SocketAddr::V4(_) => {
            (binding.local_v4.map(|ip| SocketAddr::from((ip, 0))), binding.local_v6.is_some())
        }
        SocketAddr::V6(dst) => {
            (binding.local_v6.map(|ip| local_v6_for(ip, dst).into()), binding.local_v4.is_some())
        }
    };
    if same.is_none() && other {
        let why = "a local address is set for the other family only";
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, why));
    }
    Ok(same)
}

/// The local address with its zone. A link-local address needs one to be bound, and gets the zone
/// of its destination (RFC 4007).
fn local_v6_for(ip: Ipv6Addr, dst: SocketAddrV6) -> SocketAddrV6 {
    let zone = if ip.is_unicast_link_local() { dst.scope_id() } else { 0 };
    SocketAddrV6::new(ip, 0, 0, zone)
}

/// Binds to an interface after a check of its name. Linux takes an empty name for "no interface",
/// and cuts a long one. Packets would then leave by another interface than the caller's.
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
        local_addr(&binding, dst.parse().unwrap()).ok().flatten()
    }

    #[test] // R-4007-11
    fn a_link_local_address_is_bound_in_the_zone_of_its_destination() {
        assert_eq!(bound("fe80::1", "[fe80::2%7]:443"), "[fe80::1%7]:0".parse().ok());
        assert_eq!(bound("2001:db8::1", "[fe80::2%7]:443"), "[2001:db8::1]:0".parse().ok());
    }

    #[test]
    fn a_local_address_of_one_family_refuses_the_other() {
        assert_eq!(bound("192.0.2.1", "192.0.2.2:443"), "192.0.2.1:0".parse().ok());
        assert_eq!(bound("192.0.2.1", "[2001:db8::2]:443"), None);
        assert_eq!(bound("2001:db8::1", "192.0.2.2:443"), None);
    }
}
