//! The host that the caller typed. A text that names no host is refused here, before any packet.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::address::{Unusable, usable};
use super::literal::{self, InvalidLiteral};
use super::name::{InvalidName, Name, a_labels, bare, check_labels};
use super::text::Escaped;

/// The addresses of `localhost`, in this order (RFC 6761 section 6.3).
pub(crate) const LOCALHOST: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
];

/// A host with a valid text: a name or an IP literal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Host {
    /// A name in lower-case A-labels; a literal as it was typed, or the IPv4 address of an
    /// IPv4-mapped one.
    ascii: Arc<str>,
    kind: HostKind,
}

/// The kind of a host, which decides where its addresses come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostKind {
    /// A usable IP literal with its zone. The port is 0.
    Literal(SocketAddr),
    /// [`LOCALHOST`], without a question to a name server.
    Localhost,
    /// A lookup of this name.
    Name(Name),
    /// No addresses, for this reason: the name is never looked up.
    NoSuchName(&'static str),
}

impl Host {
    /// It allocates once for a literal and for a name in lower-case ASCII. The only I/O is the
    /// question to the system for the interface of a zone that is given by name.
    pub(crate) fn parse(typed: Arc<str>) -> Result<Self, InvalidHost> {
        let host = match literal::parse(&typed) {
            Ok(Some(addr)) => {
                usable(addr).map(|addr| Self::from_literal(&typed, addr)).map_err(Into::into)
            }
            Ok(None) => Self::from_name(&typed),
            Err(why) => Err(why.into()),
        };
        host.map_err(|kind| InvalidHost { host: Escaped(&typed).to_string(), kind })
    }

    /// The host as a certificate names it: a name in lower-case A-labels without a dot at its end.
    /// For a literal it is the address, without brackets and zone, which never go on the wire (RFC
    /// 9844 section 6).
    #[must_use]
    pub fn name(&self) -> &str {
        let name = self.ascii.strip_prefix('[').unwrap_or(&self.ascii);
        let end = name.find([']', '%']).unwrap_or(name.len());
        name[..end].trim_end_matches('.')
    }

    pub(crate) fn kind(&self) -> &HostKind {
        &self.kind
    }

    fn from_literal(typed: &Arc<str>, addr: SocketAddr) -> Self {
        let ascii = match addr {
            // The text of an IPv4-mapped address is the IPv4 address that is dialled.
            SocketAddr::V4(v4) if typed.contains(':') => v4.ip().to_string().into(),
            SocketAddr::V4(_) | SocketAddr::V6(_) => typed.clone(),
        };
        Self { ascii, kind: HostKind::Literal(addr) }
    }

    fn from_name(typed: &Arc<str>) -> Result<Self, InvalidHostKind> {
        let labelled = a_labels(typed)?;
        let labels = bare(&labelled);
        check_labels(labels)?;
        let top = labels.rsplit_once('.').map_or(labels, |(_, top)| top);
        if is_like_ipv4(labels) {
            return Err(InvalidHostKind::Number);
        }
        let ascii = if *labelled == **typed { typed.clone() } else { Arc::from(&*labelled) };
        let kind = match top {
            "localhost" => HostKind::Localhost, // R-6761-6.3a
            "invalid" => HostKind::NoSuchName("names under .invalid never exist (RFC 6761)"),
            "onion" => HostKind::NoSuchName("names under .onion exist in Tor only (RFC 7686)"),
            _ => HostKind::Name(Name::from_shared(ascii.clone())),
        };
        Ok(Self { ascii, kind })
    }
}

/// A name as certificates have it: lower-case A-labels without a dot at the end.
#[cfg(feature = "dns-over-tls")]
pub(crate) fn certified_name(text: &str) -> Result<Arc<str>, InvalidHostKind> {
    let host = Host::from_name(&text.into())?;
    // URLs allow more characters in a name than certificates have.
    let unusual = |c: &char| !c.is_ascii_alphanumeric() && !"-._".contains(*c);
    match host.name().chars().find(unusual) {
        Some(c) => Err(InvalidName::Character(c).into()),
        None => Ok(Arc::from(host.name())),
    }
}

/// The reason why no call ever looks this text up; `None` for a name that is looked up.
#[cfg(feature = "dns")]
pub(crate) fn why_never_looked_up(text: &str) -> Option<String> {
    let why = match Host::parse(text.into()).map(|host| host.kind) {
        Ok(HostKind::Name(_)) => return None,
        Ok(HostKind::Literal(_)) => "an IP literal needs no lookup",
        Ok(HostKind::Localhost) => "localhost is always loopback (RFC 6761)",
        Ok(HostKind::NoSuchName(why)) => why,
        Err(why) => return Some(why.to_string()),
    };
    Some(why.to_owned())
}

/// [`check_name`](super::name::check_name) with the name in its error.
#[cfg(any(feature = "dns", feature = "os"))]
pub(crate) fn check_query_name(name: &str) -> Result<(), InvalidHost> {
    let invalid =
        |why: InvalidName| InvalidHost { host: Escaped(name).to_string(), kind: why.into() };
    super::name::check_name(name).map_err(invalid)
}

/// True for a text that `inet_aton` takes for an address (`127.1`, `0x7f.1`, `2130706433`), and for
/// several numbers that are none (`256.0.0.1`). Another text of digits is a name: containers have
/// names such as `482910384756` and `redis.1`.
///
/// The core does no I/O, so it refuses such a text before a hosts file or an override could have it.
fn is_like_ipv4(labels: &str) -> bool {
    labels.split('.').all(is_number) && (labels.contains('.') || is_32_bits(labels))
}

/// True for decimal and octal digits, and for `0x` with hexadecimal digits or none.
fn is_number(label: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|c| c.is_ascii_hexdigit());
    digits(label) || label.strip_prefix("0x").is_some_and(hex)
}

/// True if this number, read as in C, has at most 32 bits.
fn is_32_bits(number: &str) -> bool {
    let (digits, radix) = match (number.strip_prefix("0x"), number.strip_prefix('0')) {
        (Some(hex), _) => (hex, 16),
        (None, Some(octal)) => (octal, 8),
        (None, None) => (number, 10),
    };
    digits.is_empty() || u32::from_str_radix(digits, radix).is_ok()
}

/// The error of a text that names no host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidHost {
    host: String,
    kind: InvalidHostKind,
}

/// The reason why a text names no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidHostKind {
    Literal(InvalidLiteral),
    Name(InvalidName),
    Number,
    Unusable(Unusable),
}

impl From<InvalidLiteral> for InvalidHostKind {
    fn from(why: InvalidLiteral) -> Self {
        Self::Literal(why)
    }
}

impl From<InvalidName> for InvalidHostKind {
    fn from(why: InvalidName) -> Self {
        Self::Name(why)
    }
}

impl From<Unusable> for InvalidHostKind {
    fn from(why: Unusable) -> Self {
        Self::Unusable(why)
    }
}

impl fmt::Display for InvalidHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid host \"{}\": {}", self.host, self.kind)
    }
}

impl fmt::Display for InvalidHostKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(why) => why.fmt(f),
            Self::Name(why) => why.fmt(f),
            Self::Number => {
                f.write_str("not an IPv4 address: that takes four decimal numbers up to 255")
            }
            Self::Unusable(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for InvalidHost {}

#[cfg(test)]
mod tests;
