//! IP literals, with zones and brackets.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};

/// The address of an IP literal, with or without the brackets of a URL; `None` if the text is not a
/// literal. The port is 0.
#[inline]
pub(super) fn parse(text: &str) -> Result<Option<SocketAddr>, InvalidLiteral> {
    match text.strip_prefix('[') {
        None => parse_unbracketed(text),
        Some(rest) => match rest.strip_suffix(']').map(ipv6) {
            Some(Ok(Some(addr))) => Ok(Some(addr)),
            Some(Err(why)) => Err(why),
            None if rest.contains("]:") => Err(InvalidLiteral::Port),
            None | Some(Ok(None)) => Err(InvalidLiteral::Brackets),
        },
    }
}

/// An address as the user writes it, without brackets: `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`.
#[cfg(any(feature = "dns", feature = "os"))]
pub(crate) fn typed_addr(text: &str, port: u16) -> Result<SocketAddr, InvalidLiteral> {
    let mut addr = parse_unbracketed(text)?.ok_or(InvalidLiteral::NotAnAddress)?;
    addr.set_port(port);
    Ok(addr)
}

/// An address as configuration files write it. The zone of an address that is not link-local is
/// dropped, because programs write such lines (`fd78::53%eth0`), and the address needs no zone.
#[cfg(any(feature = "dns", feature = "os"))]
pub(crate) fn configured_addr(text: &str, port: u16) -> Result<SocketAddr, InvalidLiteral> {
    let ip = text.split('%').next().unwrap_or_default();
    let is_link_local = ip.parse().is_ok_and(|ip: Ipv6Addr| ip.is_unicast_link_local());
    typed_addr(if is_link_local { text } else { ip }, port)
}

#[inline]
fn parse_unbracketed(text: &str) -> Result<Option<SocketAddr>, InvalidLiteral> {
    match text.parse::<Ipv4Addr>() {
        Ok(ip) => Ok(Some(SocketAddr::new(ip.into(), 0))),
        Err(_) => ipv6(text),
    }
}

fn ipv6(text: &str) -> Result<Option<SocketAddr>, InvalidLiteral> {
    if !text.contains(':') {
        return Ok(None); // It is a name; there is no need to parse it.
    }
    let (ip, zone) = text.split_once('%').map_or((text, None), |(ip, zone)| (ip, Some(zone)));
    let Ok(ip) = ip.parse::<Ipv6Addr>() else {
        return Ok(None);
    };
    let scope_id = zone.map_or(Ok(0), |zone| scope_id(ip, zone))?;
    Ok(Some(SocketAddrV6::new(ip, 0, 0, scope_id).into()))
}

/// The scope id of a zone: the number of an interface that is given by name or number (RFC 4007
/// section 11).
fn scope_id(ip: Ipv6Addr, zone: &str) -> Result<u32, InvalidLiteral> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~".contains(&c);
    if zone.is_empty() || zone.len() > 15 || !zone.bytes().all(plain) {
        return Err(InvalidLiteral::Zone);
    }
    if !ip.is_unicast_link_local() {
        return Err(InvalidLiteral::ZoneOfGlobal);
    }
    if zone.bytes().all(|c| c.is_ascii_digit()) {
        // Number 0 means "the default zone", that is no zone.
        return zone.parse().ok().filter(|id| *id != 0).ok_or(InvalidLiteral::NoInterface);
    }
    // `%25eth0` of a URL (RFC 6874) arrives as zone `25eth0`. An interface whose name starts with
    // 25 must be given by number.
    if zone.starts_with("25") {
        return Err(InvalidLiteral::EncodedZone);
    }
    interface(ip, zone).ok_or(InvalidLiteral::NoInterface)
}

/// Asks `getaddrinfo`, which knows the names of the interfaces. It makes no lookup for an address
/// with a zone.
fn interface(ip: Ipv6Addr, zone: &str) -> Option<u32> {
    let mut addrs = (format!("{ip}%{zone}"), 0).to_socket_addrs().ok()?;
    addrs.find_map(|addr| match addr {
        SocketAddr::V6(addr) => Some(addr.scope_id()).filter(|id| *id != 0),
        SocketAddr::V4(_) => None,
    })
}

/// The reason why a text is not an IP literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidLiteral {
    Brackets,
    EncodedZone,
    NoInterface,
    #[cfg(any(feature = "dns", feature = "os"))]
    NotAnAddress,
    Port,
    Zone,
    ZoneOfGlobal,
}

impl fmt::Display for InvalidLiteral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Brackets => "brackets are for IPv6 addresses",
            Self::EncodedZone => "a zone is written %eth0, not %25eth0 (RFC 9844)",
            Self::NoInterface => "no such zone: no interface has this name or number",
            #[cfg(any(feature = "dns", feature = "os"))]
            Self::NotAnAddress => "not an IP address",
            Self::Port => "the port is a separate argument",
            Self::Zone => {
                "a zone is an interface's name or number, 1 to 15 letters, digits or -._~"
            }
            Self::ZoneOfGlobal => "only link-local IPv6 addresses (fe80::/10) have a zone",
        })
    }
}
