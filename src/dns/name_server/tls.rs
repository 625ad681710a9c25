//! Name servers with TLS: strict and pinned ones, and the second port of opportunistic ones.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::ServerName;

use super::text::{Part, addr};
use super::{NOT_TLS, NameServer, NameServerError, Pin, Profile};
use crate::race::host::certified_name;
use crate::race::text::Escaped;

/// How a server is authenticated: by the pins if there are any, and by the name; without both by
/// the IP address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(in crate::dns) struct Authentication {
    pub(in crate::dns) name: Option<Arc<str>>,
    pub(in crate::dns) pins: Arc<[Pin]>,
}

impl Authentication {
    /// See [`NameServer::class`].
    pub(super) fn class(&self) -> &'static str {
        if self.pins.is_empty() { "strict" } else { "pinned" }
    }
}

/// The text behind the address.
impl fmt::Display for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.iter().try_for_each(|name| write!(f, "!{name}"))?;
        self.pins.iter().try_for_each(|pin| write!(f, "!{pin}"))
    }
}

impl NameServer {
    /// Over TLS only: no query is sent before the server is authenticated, and no packet goes to
    /// port 53 (RFC 8310 section 5). `addr` has the port, usually 853.
    ///
    /// The server's certificate has to be for its IP address; with
    /// [`with_hostname`](Self::with_hostname) for that name instead; with
    /// [`with_pin`](Self::with_pin) the pin decides.
    #[must_use]
    pub fn tls(addr: SocketAddr) -> Self {
        Self::new(addr, Profile::Tls(Authentication::default()))
    }

    /// The name that the certificate has to be for, in one of its subjectAltNames (RFC 8310 section
    /// 8.1). It is sent to the server as SNI, and never looked up. Non-ASCII names become A-labels.
    ///
    /// # Errors
    ///
    /// The text is not a name (an IP address is not one either), the server has a name already, or
    /// it is not made by [`tls`](Self::tls).
    ///
    /// ```
    /// use he::dns::NameServer;
    ///
    /// let server = NameServer::tls("192.0.2.53:853".parse().unwrap());
    /// assert_eq!(server.clone().with_hostname("DNS.Test.")?.to_string(), "tls:192.0.2.53!dns.test");
    /// assert!(server.with_hostname("192.0.2.53").is_err());
    /// # Ok::<(), he::dns::NameServerError>(())
    /// ```
    pub fn with_hostname(self, name: &str) -> Result<Self, NameServerError> {
        let place = self.to_string();
        self.add_hostname(name).map_err(|why| {
            let why = format!("hostname \"{}\": {why}", Escaped(name));
            NameServerError::of(&place, why.into())
        })
    }

    /// Authenticates the server by this pin or by those given before: one match is enough, so that
    /// there can be a backup (RFC 7858 section 4.2). The pins replace the check of the
    /// certificate's issuer and validity. The hostname is still checked, and so is the possession
    /// of the private key. Only the server's own certificate is compared: a pin of an intermediate
    /// or a root never matches, because nothing verifies the chain.
    ///
    /// # Errors
    ///
    /// The server is not made by [`tls`](Self::tls).
    ///
    /// ```
    /// use he::dns::{NameServer, Pin};
    ///
    /// let server = NameServer::tls("192.0.2.53:853".parse().unwrap());
    /// let (key, backup) = (Pin::key_sha256([1; 32]), Pin::key_sha256([2; 32]));
    /// let server = server.with_pin(key)?.with_pin(backup)?;
    /// assert_eq!(server.to_string(), format!("tls:192.0.2.53!{key}!{backup}"));
    /// # Ok::<(), he::dns::NameServerError>(())
    /// ```
    pub fn with_pin(self, pin: Pin) -> Result<Self, NameServerError> {
        let place = self.to_string();
        self.add_pin(pin).map_err(|why| NameServerError::of(&place, why))
    }

    /// The port at which an [`opportunistic`](Self::opportunistic) server speaks TLS. Default 853.
    /// It has no form as text.
    ///
    /// # Errors
    ///
    /// The server is not opportunistic, or the port is 0, 53, or that of plain DNS.
    pub fn with_tls_port(self, tls_port: u16) -> Result<Self, NameServerError> {
        let place = self.to_string();
        self.at_tls_port(tls_port).map_err(|why| NameServerError::of(&place, why))
    }

    fn add_hostname(self, hostname: &str) -> Result<Self, Cow<'static, str>> {
        if hostname.parse::<IpAddr>().is_ok() {
            return Err("an IP address is no hostname; without one the certificate has to be for \
                        the server's IP address"
                .into());
        }
        let hostname = certified_name(hostname).map_err(|why| why.to_string())?;
        // TLS must accept the name as well, so that no lookup fails for it.
        ServerName::try_from(&*hostname).map_err(|why| why.to_string())?;
        self.authenticated(|by| match by.name {
            None => Ok(Authentication { name: Some(hostname), ..by }),
            Some(_) => Err("a second hostname".into()),
        })
    }

    fn add_pin(self, pin: Pin) -> Result<Self, Cow<'static, str>> {
        self.authenticated(|by| match by.pins.contains(&pin) {
            true => Ok(by),
            false => {
                Ok(Authentication { pins: by.pins.iter().copied().chain([pin]).collect(), ..by })
            }
        })
    }

    fn authenticated(
        self,
        change: impl FnOnce(Authentication) -> Result<Authentication, Cow<'static, str>>,
    ) -> Result<Self, Cow<'static, str>> {
        match self.profile {
            Profile::Tls(by) => Ok(Self { profile: Profile::Tls(change(by)?), ..self }),
            Profile::Opportunistic { .. } | Profile::Udp | Profile::Tcp => Err(NOT_TLS.into()),
        }
    }

    fn at_tls_port(self, tls_port: u16) -> Result<Self, Cow<'static, str>> {
        let profile = match self.profile {
            Profile::Opportunistic { has_head_start, .. } => {
                Profile::Opportunistic { tls_port, has_head_start }
            }
            Profile::Udp | Profile::Tcp | Profile::Tls(_) => {
                return Err("only an opportunistic server has a second port".into());
            }
        };
        let server = Self { profile, ..self };
        server.check().map(|()| server)
    }
}

/// The server in the text after `tls:`.
pub(super) fn read(text: Part<'_>) -> Result<NameServer, NameServerError> {
    let (first, mut rest) = match text.split_once("!") {
        Some((first, rest)) => (first, Some(rest)),
        None => (text, None),
    };
    let mut server = NameServer::tls(addr(first, true)?);
    while let Some(parts) = rest {
        let (part, behind) = match parts.split_once("!") {
            Some((part, behind)) => (part, Some(behind)),
            None => (parts, None),
        };
        server = authenticated_by(server, part)?;
        rest = behind;
    }
    Ok(server)
}

/// Adds the part after one `!`: a hostname or a pin.
fn authenticated_by(server: NameServer, part: Part<'_>) -> Result<NameServer, NameServerError> {
    if part.text.is_empty() {
        return Err(part.error("a hostname or a pin is missing behind the !"));
    }
    match part.split_once(":") {
        Some((_, port)) if port.text.parse::<u16>().is_ok() && !is_ip(part.text) => {
            Err(port.error("the port stands behind the IP address"))
        }
        Some(_) if !is_ip(part.text) => {
            server.add_pin(Pin::read(part)?).map_err(|why| part.error(why))
        }
        Some(_) | None => server.add_hostname(part.text).map_err(|why| part.error(why)),
    }
}

fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}
