//! The source addresses that this system would use: a question to its routes, without a packet.

use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, SockRef, Socket, Type};

use super::bind::bind;
use crate::race::binding::Binding;
use crate::race::order::{DISCARD, SourceAddrs};

impl SourceAddrs {
    /// The system's, as a [`Connector`](crate::Connector) without a binding has them: for drivers of
    /// a [`Race`](crate::race::Race).
    #[must_use]
    pub fn system() -> Self {
        Self::bound(Binding::default())
    }

    /// The system's, by sockets with this binding.
    pub(crate) fn bound(binding: Binding) -> Self {
        Self::probed(binding, source_of)
    }
}

/// The source address for this destination. A loopback address counts as its own source, because
/// all loopback addresses are alike to the rules. If the host has no loopback of that family, the
/// attempt fails at once, and costs no more than the question.
pub(crate) fn source_of(addr: SocketAddr, binding: &Binding) -> Option<IpAddr> {
    match addr.ip() {
        ip if ip.is_loopback() && *binding == Binding::default() => Some(ip),
        _ => ask_system(addr, binding),
    }
}

/// Asks the system, by one socket for each address. A socket that connects again keeps its first
/// source address (Linux, both families). Only connecting to `AF_UNSPEC` clears it, which safe Rust
/// cannot do.
fn ask_system(mut addr: SocketAddr, binding: &Binding) -> Option<IpAddr> {
    addr.set_port(DISCARD);
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, None).ok()?;
    bind(binding, SockRef::from(&socket), addr).ok()?;
    socket.connect(&addr.into()).ok()?;
    let source = socket.local_addr().ok()?.as_socket()?.ip();
    (!source.is_unspecified()).then_some(source)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn the_system_reaches_loopback_from_loopback() {
        let sources = SourceAddrs::system().of(&addrs(&["127.0.0.1", "::1", "127.0.0.1"]));
        let expected = ["127.0.0.1", "::1", "127.0.0.1"].map(|ip| Some(ip.parse().unwrap()));
        assert_eq!(sources, expected);
    }

    #[test]
    fn each_address_gets_its_own_source() {
        // An address of the host itself, if there is one, is its own source, and so is the loopback
        // address after it.
        let own = SourceAddrs::system().of(&addrs(&["2001:db8::1", "192.0.2.1"]));
        for ip in own.into_iter().flatten() {
            let loopback: IpAddr =
                if ip.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
            let both = [ip, loopback, ip].map(|ip| SocketAddr::new(ip, 0));
            assert_eq!(SourceAddrs::system().of(&both), [Some(ip), Some(loopback), Some(ip)]);
        }
    }

    #[test]
    fn a_bound_socket_answers_with_its_binding() {
        let binding = Binding { local_v4: Some(Ipv4Addr::new(127, 0, 0, 7)), ..Binding::default() };
        let sources = SourceAddrs::bound(binding).of(&addrs(&["127.0.0.1", "::1"]));
        // The other family would leave unbound, so it is refused and has no source.
        assert_eq!(sources, [Some("127.0.0.7".parse().unwrap()), None]);
    }

    #[test]
    fn a_binding_to_a_missing_interface_has_no_source() {
        let binding = Binding { interface: Some("no-such-if".into()), ..Binding::default() };
        let sources = SourceAddrs::bound(binding).of(&addrs(&["127.0.0.1", "::1"]));
        assert_eq!(sources, [None, None]);
    }

    #[test]
    fn debug_names_the_origin() {
        let (free, bound) = (Binding::default(), Binding { mark: Some(7), ..Binding::default() });
        assert_eq!(format!("{:?}", SourceAddrs::bound(free)), "SourceAddrs(system)");
        assert!(
            format!("{:?}", SourceAddrs::bound(bound)).starts_with("SourceAddrs(system, Binding")
        );
    }
}
