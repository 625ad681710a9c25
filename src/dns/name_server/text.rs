//! A name server as text.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use super::{NameServer, NameServerError, PORT, Profile, TLS_PORT, check_port, tls};
use crate::race::address::usable;
use crate::race::literal::typed_addr;
use crate::race::text::Escaped;

/// A part of a text, and where it begins.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    at: usize,
    whole: &'a str,
    /// The kind of thing that the whole text was meant to be.
    what: &'static str,
}

impl<'a> Part<'a> {
    pub(super) fn new(what: &'static str, whole: &'a str) -> Self {
        Self { text: whole, at: 0, whole, what }
    }

    /// The parts before and after a separator.
    pub(super) fn split_once(self, separator: &str) -> Option<(Self, Self)> {
        let (before, after) = self.text.split_once(separator)?;
        let at = self.at + before.len() + separator.len();
        Some((Self { text: before, ..self }, Self { text: after, at, ..self }))
    }

    fn strip_prefix(self, prefix: &str) -> Option<Self> {
        let text = self.text.strip_prefix(prefix)?;
        Some(Self { text, at: self.at + prefix.len(), ..self })
    }

    /// The empty part after it.
    #[cfg(feature = "dns-over-tls")]
    pub(super) fn end(self) -> Self {
        Self { text: "", at: self.at + self.text.len(), ..self }
    }

    pub(super) fn error(self, why: impl fmt::Display) -> NameServerError {
        let Self { text, at, whole, what } = self;
        let (whole, text) = (Escaped(whole), Escaped(text));
        let text = format!("invalid {what} \"{whole}\": \"{text}\" at byte {at}: {why}");
        NameServerError(text.into())
    }
}

impl FromStr for NameServer {
    type Err = NameServerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = Part::new("name server", text);
        if let Some(rest) = whole.strip_prefix("tls:") {
            return tls::read(rest);
        }
        if let Some((_, rest)) = whole.split_once("!") {
            return Err(rest.error(super::NOT_TLS));
        }
        if let Some(rest) = whole.strip_prefix("udp:") {
            return addr(rest, false).map(Self::udp);
        }
        if let Some(rest) = whole.strip_prefix("tcp:") {
            return addr(rest, false).map(Self::tcp);
        }
        match whole.split_once(":") {
            Some((scheme, _)) if is_scheme(scheme.text) => {
                Err(scheme.error("unknown: a name server begins with udp:, tcp:, tls:, or its IP"))
            }
            Some(_) | None => addr(whole, false).map(Self::opportunistic),
        }
    }
}

/// True if the text before a colon was meant as a scheme and not as the beginning of an address.
fn is_scheme(text: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || "+-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(letters)
        && !text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// An address with its port, or the default port, of TLS or of plain DNS.
pub(super) fn addr(part: Part<'_>, tls: bool) -> Result<SocketAddr, NameServerError> {
    let (ip, port) = ip_and_port(part)?;
    let port = match port {
        Some(part) => read_port(part, tls)?,
        None if tls => TLS_PORT,
        None => PORT,
    };
    let addr = typed_addr(ip.text, port).map_err(|why| ip.error(why))?;
    usable(addr).map_err(|why| ip.error(why))
}

/// The address without its brackets, and the port.
fn ip_and_port(part: Part<'_>) -> Result<(Part<'_>, Option<Part<'_>>), NameServerError> {
    let Some(inner) = part.strip_prefix("[") else {
        if part.text.contains(']') {
            return Err(part.error("the opening bracket is missing"));
        }
        // With two colons or more it is an IPv6 address.
        return Ok(match part.split_once(":") {
            Some((ip, port)) if !port.text.contains(':') => (ip, Some(port)),
            Some(_) | None => (part, None),
        });
    };
    let Some((ip, rest)) = inner.split_once("]") else {
        return Err(part.error("the closing bracket is missing"));
    };
    if ip.text.parse::<Ipv4Addr>().is_ok() {
        return Err(ip.error("brackets are for IPv6 addresses"));
    }
    match rest.strip_prefix(":") {
        Some(port) => Ok((ip, Some(port))),
        None if rest.text.is_empty() => Ok((ip, None)),
        None => Err(rest.error("behind the bracket there is a colon and a port, or nothing")),
    }
}

fn read_port(part: Part<'_>, tls: bool) -> Result<u16, NameServerError> {
    let digits = part.text.bytes().all(|b| b.is_ascii_digit());
    match part.text.parse() {
        Ok(port) if digits => {
            check_port(port, tls).map_err(|why| part.error(why))?;
            Ok(port)
        }
        Ok(_) | Err(_) => Err(part.error("not a port, which is a number from 1 to 65535")),
    }
}

/// The text, see [`NameServer`].
impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addr = Addr(self.addr, if self.is_authenticated() { TLS_PORT } else { PORT });
        match &self.profile {
            Profile::Opportunistic { .. } => write!(f, "{addr}"),
            Profile::Udp => write!(f, "udp:{addr}"),
            Profile::Tcp => write!(f, "tcp:{addr}"),
            Profile::Tls(by) => write!(f, "tls:{addr}{by}"),
        }
    }
}

/// An address; its port is left out if it is this default.
struct Addr(SocketAddr, u16);

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            addr if addr.port() != self.1 => write!(f, "{addr}"),
            SocketAddr::V6(addr) if addr.scope_id() != 0 => {
                write!(f, "{}%{}", addr.ip(), addr.scope_id())
            }
            SocketAddr::V4(_) | SocketAddr::V6(_) => write!(f, "{}", self.0.ip()),
        }
    }
}

impl fmt::Debug for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.profile {
            Profile::Opportunistic { tls_port, .. } if tls_port != TLS_PORT => {
                write!(f, "NameServer({self}, TLS at {tls_port})")
            }
            Profile::Opportunistic { .. } | Profile::Udp | Profile::Tcp | Profile::Tls(_) => {
                write!(f, "NameServer({self})")
            }
        }
    }
}
