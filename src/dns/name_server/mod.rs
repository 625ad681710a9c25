//! A name server and how it is reached: as a value and as text.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;

use crate::race::address::usable;

#[cfg(feature = "dns-over-tls")]
mod pin;
#[cfg(test)]
#[cfg(feature = "dns-over-tls")]
mod tests;
mod text;
#[cfg(feature = "dns-over-tls")]
mod tls;
#[cfg(not(feature = "dns-over-tls"))]
#[path = "no_tls.rs"]
mod tls;

#[cfg(feature = "dns-over-tls")]
pub use pin::Pin;
#[cfg(feature = "dns-over-tls")]
pub(in crate::dns) use pin::Pinned;
pub(in crate::dns) use tls::Authentication;

/// The port of plain DNS (RFC 1035 section 4.2).
pub(super) const PORT: u16 = 53;
/// The port of DNS over TLS (RFC 7858 section 3.1).
pub(super) const TLS_PORT: u16 = 853;

/// A name server, and the usage profile by which it is reached (RFC 8310 names the opportunistic
/// and the strict one). Cheap to clone.
///
/// | profile | made by | as text |
/// |---|---|---|
/// | opportunistic | [`opportunistic`](Self::opportunistic) | `IP[:port]` |
/// | UDP, and TCP where an answer is truncated or UDP is silent | [`udp`](Self::udp) | `udp:IP[:port]` |
/// | TCP only | [`tcp`](Self::tcp) | `tcp:IP[:port]` |
/// | strict | [`tls`](Self::tls), [`with_hostname`](Self::with_hostname) | `tls:IP[:port][!hostname]` |
/// | pinned | [`tls`](Self::tls), [`with_pin`](Self::with_pin) | `tls:IP[:port][!hostname]!pin[!pin]…` |
///
/// A pin is a [`Pin`] as text: `key-fp:SHA256:BASE64` or `cert-fp:SHA256:HEX`. The default port is
/// 53, and 853 after `tls:`. An IPv6 address is written in brackets if a port follows, and may be
/// without one; a link-local address has a zone, `fe80::53%eth0`.
///
/// Without feature `dns-over-tls` a text with `tls:` is refused, and a server without a scheme is
/// asked in plaintext, as with `udp:`.
///
/// `Display` gives that text, with ports other than the default, zones as numbers, and the hostname
/// before the pins. Parsed again it is the same server, except for the port of
/// [`with_tls_port`](Self::with_tls_port), which only `Debug` shows.
///
/// ```
/// # #[cfg(feature = "dns-over-tls")]
/// # fn doc() -> Result<(), he::dns::NameServerError> {
/// use he::dns::NameServer;
///
/// let text = "tls:89.233.43.71!unicast.uncensoreddns.org";
/// let server: NameServer = text.parse()?;
/// let by_hand = NameServer::tls("89.233.43.71:853".parse().unwrap());
/// assert_eq!(server, by_hand.with_hostname("unicast.uncensoreddns.org")?);
/// assert_eq!(server.to_string(), text);
///
/// let error = "tls:192.0.2.53:53".parse::<NameServer>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "invalid name server \"tls:192.0.2.53:53\": \"53\" at byte 15: \
///      port 53 is for plain DNS, never for TLS (RFC 7858 section 3.1)"
/// );
/// # Ok(())
/// # }
/// # #[cfg(feature = "dns-over-tls")]
/// # doc().unwrap();
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NameServer {
    addr: SocketAddr,
    profile: Profile,
}

/// The usage profile of a name server (RFC 8310): how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Profile {
    /// TLS at this port if that works, otherwise in plaintext. TLS has a head start, or both begin
    /// together.
    Opportunistic { tls_port: u16, has_head_start: bool },
    /// UDP, and TCP where UDP does not suffice.
    Udp,
    /// TCP only.
    Tcp,
    /// Authenticated TLS only. Without feature `dns-over-tls` no server has this profile.
    #[cfg_attr(not(feature = "dns-over-tls"), expect(dead_code, reason = "see above"))]
    Tls(Authentication),
}

impl NameServer {
    /// TLS without authentication at port 853 of this address where that works, otherwise in
    /// plaintext. `addr` has the port of plain DNS, usually 53.
    ///
    /// This protects against passive eavesdroppers only; an active attacker can force plaintext.
    /// [`tls`](Self::tls) prevents that. Without feature `dns-over-tls` the server is always asked in
    /// plaintext, as one made by [`udp`](Self::udp).
    #[must_use]
    pub fn opportunistic(addr: SocketAddr) -> Self {
        Self::new(addr, Profile::Opportunistic { tls_port: TLS_PORT, has_head_start: true })
    }

    /// The same, where the first question goes to port 53 at once. TLS is tried beside it, and
    /// serves later questions.
    pub(super) fn opportunistic_at_once(addr: SocketAddr) -> Self {
        Self::new(addr, Profile::Opportunistic { tls_port: TLS_PORT, has_head_start: false })
    }

    /// Unencrypted: UDP, and TCP where an answer does not fit or UDP is silent. `addr` has the
    /// port, usually 53.
    #[must_use]
    pub fn udp(addr: SocketAddr) -> Self {
        Self::new(addr, Profile::Udp)
    }

    /// Unencrypted over TCP only. `addr` has the port, usually 53.
    #[must_use]
    pub fn tcp(addr: SocketAddr) -> Self {
        Self::new(addr, Profile::Tcp)
    }

    /// Its address, with the zone. The port is that of plain DNS, or of TLS if the server is asked
    /// over TLS only. An IPv4-mapped IPv6 address becomes the IPv4 address that it stands for.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// True if it is asked over authenticated TLS only: strict or pinned.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        matches!(self.profile, Profile::Tls(_))
    }

    /// Its usage profile.
    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The address and port of TLS; `None` if it is never asked over TLS.
    pub(super) fn tls_addr(&self) -> Option<SocketAddr> {
        match self.profile {
            Profile::Opportunistic { tls_port, .. } => {
                let mut addr = self.addr;
                addr.set_port(tls_port);
                Some(addr)
            }
            Profile::Udp | Profile::Tcp => None,
            Profile::Tls(_) => Some(self.addr),
        }
    }

    /// An address that cannot be dialled stays as it is, and [`check`](Self::check) refuses it.
    fn new(addr: SocketAddr, profile: Profile) -> Self {
        Self { addr: usable(addr).unwrap_or(addr), profile }
    }

    /// Refuses an address that cannot be dialled, and ports that do not fit the profile.
    fn check(&self) -> Result<(), Cow<'static, str>> {
        usable(self.addr).map_err(|why| why.to_string())?;
        check_port(self.addr.port(), self.is_authenticated())?;
        match self.profile {
            Profile::Opportunistic { tls_port, .. } if tls_port == self.addr.port() => {
                Err("one port for TLS and for plain DNS".into())
            }
            Profile::Opportunistic { tls_port, .. } => check_port(tls_port, true),
            Profile::Udp | Profile::Tcp | Profile::Tls(_) => Ok(()),
        }
    }

    /// The class of its answers: all servers of a list are of one class.
    fn class(&self) -> &'static str {
        match &self.profile {
            Profile::Opportunistic { .. } | Profile::Udp | Profile::Tcp => "not authenticated",
            Profile::Tls(by) => by.class(),
        }
    }
}

const NOT_TLS: &str = "a hostname or a pin needs tls:";

fn check_port(port: u16, tls: bool) -> Result<(), Cow<'static, str>> {
    match (port, tls) {
        (0, _) => Err("port 0 cannot be connected to".into()),
        (PORT, true) => {
            Err("port 53 is for plain DNS, never for TLS (RFC 7858 section 3.1)".into())
        }
        (TLS_PORT, false) => {
            Err("port 853 is for TLS, never for plain DNS (RFC 7858 section 3.1)".into())
        }
        _ => Ok(()),
    }
}

/// Checks the servers of one resolver: each makes sense, and all are of one class. In a mixed list
/// an attacker who silences the better servers would choose the worse ones (RFC 8310 section 5.1,
/// RFC 7858 section 4.2).
pub(super) fn check_list(servers: &[NameServer]) -> Result<(), NameServerError> {
    for server in servers {
        server.check().map_err(|why| NameServerError::of(&server.to_string(), why))?;
    }
    let Some(first) = servers.first() else { return Ok(()) };
    match servers.iter().find(|server| server.class() != first.class()) {
        Some(other) => Err(NameServerError::mixed(first, other)),
        None => Ok(()),
    }
}

/// The reason why a name server, a pin or a list of servers was refused. `Display` says what is
/// wrong, and in which part of the text at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServerError(Box<str>);

impl NameServerError {
    fn of(server: &str, why: Cow<'static, str>) -> Self {
        Self(format!("invalid name server \"{server}\": {why}").into())
    }

    fn mixed(first: &NameServer, other: &NameServer) -> Self {
        let of = |server: &NameServer| format!("{server} ({})", server.class());
        let text = format!(
            "{} and {} cannot be in one list, because an attacker who silences the first would \
             choose the second",
            of(first),
            of(other)
        );
        Self(text.into())
    }
}

impl fmt::Display for NameServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for NameServerError {}
