//! What the caller typed, as a host and as ports: refused here or never.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::sync::Arc;

use idna::AsciiDenyList;
use smallvec::SmallVec;

use crate::race::order::{Unusable, usable};
use crate::race::report::text::Line;

/// What `localhost` means, in this order (RFC 6761 section 6.3).
pub(crate) const LOCALHOST: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
];

/// A host that can be connected to, as far as its text tells. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    typed: Arc<str>,
    name: Arc<str>,
    target: Target,
}

/// Where the addresses of a host come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// An IP literal: usable, with its zone, the port is 0.
    Addr(SocketAddr),
    /// [`LOCALHOST`], never a name server.
    Localhost,
    /// A lookup of this name: lower-case A-labels, with the dot that makes it absolute, if any.
    Name(Arc<str>),
    /// Nowhere, and nobody is asked: the reason.
    NoSuchName(&'static str),
}

impl Host {
    /// Allocates once for a literal and for a name in lower-case ASCII. A zone given by name asks
    /// the system for the interface; nothing else here does I/O.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidHost> {
        let host = match literal(text) {
            Ok(Some(addr)) => usable(addr).map(|addr| Self::addr(text, addr)).map_err(Why::from),
            Ok(None) => Self::named(text),
            Err(why) => Err(why),
        };
        host.map_err(|why| InvalidHost { host: Line(text).to_string(), why })
    }

    /// As the caller typed it: foreign text, to be escaped where it is shown.
    pub(crate) fn typed(&self) -> &Arc<str> {
        &self.typed
    }

    /// For TLS and for people: the name in lower-case A-labels without a dot at its end, or the
    /// literal without brackets and zone (which never go on the wire, RFC 9844 section 6).
    pub(crate) fn name(&self) -> &str {
        let name = self.name.strip_prefix('[').unwrap_or(&self.name);
        let end = name.find([']', '%']).unwrap_or(name.len());
        name[..end].trim_end_matches('.')
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    fn addr(text: &str, addr: SocketAddr) -> Self {
        let typed: Arc<str> = text.into();
        let name = match addr {
            // An IPv4-mapped address goes by the address that is dialled.
            SocketAddr::V4(v4) if text.contains(':') => v4.ip().to_string().into(),
            SocketAddr::V4(_) | SocketAddr::V6(_) => typed.clone(),
        };
        Self { typed, name, target: Target::Addr(addr) }
    }

    fn named(text: &str) -> Result<Self, Why> {
        let ascii = a_labels(text)?;
        let labels = ascii.strip_suffix('.').unwrap_or(&ascii);
        check_labels(labels)?;
        let top = labels.rsplit_once('.').map_or(labels, |(_, top)| top);
        if is_number(top) {
            return Err(Why::Number);
        }
        let typed: Arc<str> = text.into();
        let name = if *ascii == *text { typed.clone() } else { Arc::from(&*ascii) };
        let target = match top {
            "localhost" => Target::Localhost, // R-6761-6.3a
            "invalid" => Target::NoSuchName("names under .invalid never exist (RFC 6761)"),
            "onion" => Target::NoSuchName("names under .onion exist in Tor only (RFC 7686)"),
            _ => Target::Name(name.clone()),
        };
        Ok(Self { typed, name, target })
    }
}

/// A name as queries have it: lower-case A-labels, with its dot at the end. What is no name (an IP
/// literal among it) is only put in lower case.
pub(crate) fn query_name(text: &str) -> Arc<str> {
    a_labels(text).map_or_else(|_| text.to_lowercase().into(), |ascii| Arc::from(&*ascii))
}

/// An address as configuration files write it: `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`. The error
/// says why it is none, or that its zone is none of this host's.
#[cfg(any(feature = "dns", feature = "os"))]
pub(crate) fn configured_addr(text: &str, port: u16) -> Result<SocketAddr, impl fmt::Display> {
    let mut addr = bare(text)?.ok_or(Why::NotAnAddress)?;
    addr.set_port(port);
    Ok::<_, Why>(addr)
}

/// A name as certificates have it: lower-case A-labels without a dot at the end. The error says why
/// the text is none.
#[cfg(feature = "dns")]
pub(crate) fn certified_name(text: &str) -> Result<Arc<str>, impl fmt::Display> {
    let host = Host::named(text)?;
    // Of what the rules for URLs let through, no certificate has more than this.
    let odd = |c: &char| !c.is_ascii_alphanumeric() && !"-._".contains(*c);
    match host.name().chars().find(odd) {
        Some(c) => Err(Why::Character(c)),
        None => Ok(Arc::from(host.name())),
    }
}

/// Why no connect ever looks this text up; `None` for a name that is looked up.
#[cfg(feature = "dns")]
pub(crate) fn why_never_looked_up(text: &str) -> Option<String> {
    let why = match Host::parse(text).map(|host| host.target) {
        Ok(Target::Name(_)) => return None,
        Ok(Target::Addr(_)) => "an IP literal needs no lookup",
        Ok(Target::Localhost) => "localhost is always loopback (RFC 6761)",
        Ok(Target::NoSuchName(why)) => why,
        Err(why) => return Some(why.to_string()),
    };
    Some(why.to_owned())
}

/// Whether a name without a dot at its end may be sent to a name server: what [`query_name`] left as
/// it was may not. Neither UTS 46 nor the last label is looked at again: with a domain of the search
/// list behind it a name may be odd, and is one all the same.
#[cfg(any(feature = "dns", feature = "os"))]
pub(crate) fn check_name(name: &str) -> Result<(), InvalidHost> {
    let plain = name.chars().all(|c| c.is_ascii() && c != ':' && !is_forbidden(c));
    let checked = if plain { check_labels(name) } else { Err(why_not_a_name(name)) };
    checked.map_err(|why| InvalidHost { host: Line(name).to_string(), why })
}

/// RFC 5891 by way of UTS 46: lower-case ASCII, labels of other scripts as `xn--`.
fn a_labels(text: &str) -> Result<Cow<'_, str>, Why> {
    // A name at its longest in a script of four bytes a letter fits; the mapping takes time.
    if text.len() > 2_048 {
        return Err(Why::LongName);
    }
    idna::domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::URL).map_err(|_| why_not_a_name(text))
}

/// The address, if the text is an IP literal, with or without the brackets of a URL.
fn literal(text: &str) -> Result<Option<SocketAddr>, Why> {
    match text.strip_prefix('[') {
        None => bare(text),
        Some(rest) => match rest.strip_suffix(']').map(ipv6) {
            Some(Ok(Some(addr))) => Ok(Some(addr)),
            Some(Err(why)) => Err(why),
            None if rest.contains("]:") => Err(Why::Port),
            None | Some(Ok(None)) => Err(Why::Brackets),
        },
    }
}

fn bare(text: &str) -> Result<Option<SocketAddr>, Why> {
    match text.parse::<Ipv4Addr>() {
        Ok(ip) => Ok(Some(SocketAddr::new(ip.into(), 0))),
        Err(_) => ipv6(text),
    }
}

fn ipv6(text: &str) -> Result<Option<SocketAddr>, Why> {
    if !text.contains(':') {
        return Ok(None); // a name, seen to be one without parsing
    }
    let (ip, zone) = text.split_once('%').map_or((text, None), |(ip, zone)| (ip, Some(zone)));
    let Ok(ip) = ip.parse::<Ipv6Addr>() else {
        return Ok(None);
    };
    let scope_id = zone.map_or(Ok(0), |zone| scope_id(ip, zone))?;
    Ok(Some(SocketAddrV6::new(ip, 0, 0, scope_id).into()))
}

/// RFC 4007 section 11: an interface by number or by name.
fn scope_id(ip: Ipv6Addr, zone: &str) -> Result<u32, Why> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~".contains(&c);
    if zone.is_empty() || zone.len() > 15 || !zone.bytes().all(plain) {
        return Err(Why::Zone);
    }
    if !ip.is_unicast_link_local() {
        return Err(Why::ZoneOfGlobal);
    }
    if zone.bytes().all(|c| c.is_ascii_digit()) {
        // Number 0 is "the default zone": no zone.
        return zone.parse().ok().filter(|id| *id != 0).ok_or(Why::NoInterface);
    }
    if zone.starts_with("25") {
        return Err(Why::EncodedZone);
    }
    interface(ip, zone).ok_or(Why::NoInterface)
}

/// `getaddrinfo` knows the interfaces' names. Of an address with a zone it makes no lookup.
fn interface(ip: Ipv6Addr, zone: &str) -> Option<u32> {
    let mut addrs = (format!("{ip}%{zone}"), 0).to_socket_addrs().ok()?;
    addrs.find_map(|addr| match addr {
        SocketAddr::V6(addr) => Some(addr.scope_id()).filter(|id| *id != 0),
        SocketAddr::V4(_) => None,
    })
}

/// RFC 1035 section 2.3.4.
fn check_labels(name: &str) -> Result<(), Why> {
    if name.is_empty() {
        return Err(Why::Empty);
    }
    if name.len() > 253 {
        return Err(Why::LongName);
    }
    for label in name.as_bytes().split(|c| *c == b'.') {
        match label.len() {
            0 => return Err(Why::EmptyLabel),
            1..=63 => {}
            _ => return Err(Why::LongLabel),
        }
    }
    Ok(())
}

/// Whether a name with this last label would be taken for an IPv4 address by some: `127.1`,
/// `0x7f.1` ("ends in a number" of the WHATWG's URL standard). No top-level domain is one.
fn is_number(top: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|c| c.is_ascii_hexdigit());
    digits(top) || top.strip_prefix("0x").is_some_and(hex)
}

/// What a name that UTS 46 refuses was meant to be.
fn why_not_a_name(text: &str) -> Why {
    match text.matches(':').count() {
        0 => text.chars().find(|c| is_forbidden(*c)).map_or(Why::Idna, Why::Character),
        _ if text.contains("://") => Why::Url,
        1 => Why::Port,
        _ => Why::NotIpv6,
    }
}

/// With the colon: what the WHATWG's URL standard forbids in a domain.
fn is_forbidden(c: char) -> bool {
    c.is_ascii_control() || " %#/<>?@[\\]^|".contains(c)
}

/// A text that names no host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidHost {
    host: String,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Brackets,
    Character(char),
    Empty,
    EmptyLabel,
    EncodedZone,
    Idna,
    LongLabel,
    LongName,
    NoInterface,
    #[cfg(any(feature = "dns", feature = "os"))]
    NotAnAddress,
    NotIpv6,
    Number,
    Port,
    Unusable(Unusable),
    Url,
    Zone,
    ZoneOfGlobal,
}

impl From<Unusable> for Why {
    fn from(why: Unusable) -> Self {
        Self::Unusable(why)
    }
}

impl fmt::Display for InvalidHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid host \"{}\": {}", self.host, self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Brackets => "brackets are for IPv6 addresses",
            Self::Character(c) => return write!(f, "'{}' has no place in a name", Line(c)),
            Self::Empty => "it is empty",
            Self::EmptyLabel => "a label is empty",
            Self::EncodedZone => "a zone is written %eth0, not %25eth0 (RFC 9844)",
            Self::Idna => "not a name by the rules for international names (UTS 46)",
            Self::LongLabel => "a label is longer than 63 characters",
            Self::LongName => "it is longer than 253 characters",
            Self::NoInterface => "no such zone: no interface has this name or number",
            #[cfg(any(feature = "dns", feature = "os"))]
            Self::NotAnAddress => "not an IP address",
            Self::NotIpv6 => "not an IPv6 address",
            Self::Number => "not an IPv4 address: that takes four decimal numbers up to 255",
            Self::Port => "the port is a separate argument",
            Self::Unusable(why) => return why.fmt(f),
            Self::Url => "a URL is not a host: its host and its port are separate arguments",
            Self::Zone => {
                "a zone is an interface's name or number, 1 to 15 letters, digits or -._~"
            }
            Self::ZoneOfGlobal => "only link-local IPv6 addresses (fe80::/10) have a zone",
        })
    }
}

impl std::error::Error for InvalidHost {}

/// Ports without duplicates. Most connects have one.
pub(crate) type Ports = SmallVec<[u16; 4]>;

/// The ports to try, each once, in the caller's order.
pub(crate) fn check_ports(ports: &[u16]) -> Result<Ports, InvalidPorts> {
    let is_first = |(at, port): &(usize, &u16)| !ports[..*at].contains(port);
    match ports {
        [] => Err(InvalidPorts::Empty),
        _ if ports.contains(&0) => Err(InvalidPorts::Zero),
        [_] => Ok(ports.into()),
        _ => Ok(ports.iter().enumerate().filter(is_first).map(|(_, port)| *port).collect()),
    }
}

/// Ports that nothing can be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidPorts {
    Empty,
    Zero,
}

impl fmt::Display for InvalidPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the list of ports is empty",
            Self::Zero => "port 0 cannot be connected to",
        })
    }
}

impl std::error::Error for InvalidPorts {}

#[cfg(test)]
mod tests;
