//! The answer of a resolver: addresses and their origin, or the reason why there are none.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

mod error;

pub use error::{LookupError, LookupErrorKind};

/// The origin of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Origin {
    /// The resolver did not say.
    #[default]
    Unknown,
    /// The hosts file, or an override by the caller.
    Hosts,
    /// The operating system, by `getaddrinfo`, from any of its sources.
    System,
    /// A name server over UDP, in plaintext.
    Udp,
    /// A name server over TCP, in plaintext.
    Tcp,
    /// A name server over TLS.
    Tls,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Hosts => "hosts file",
            Self::System => "getaddrinfo",
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        })
    }
}

/// The addresses of one record type, and their origin. Cheap to clone.
///
/// An answer without addresses says that the name has no records of this type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Answer {
    pub(crate) addrs: Arc<[SocketAddr]>,
    pub(crate) left_out: u32,
    pub(crate) ttl: Option<Duration>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) server: Option<SocketAddr>,
    pub(crate) origin: Origin,
    pub(crate) plaintext_reason: Option<Arc<str>>,
    pub(crate) cached: bool,
}

impl Answer {
    /// Sets the time for which the answer may be used: the smallest TTL on the way to it.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the name that owns the addresses: after the search list and all CNAMEs.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the name server that answered, and its transport as the origin.
    #[must_use]
    pub fn with_server(mut self, server: SocketAddr, origin: Origin) -> Self {
        self.server = Some(server);
        self.origin = origin;
        self
    }

    /// Sets the reason why the question was sent in plaintext although the server is asked over TLS
    /// where that works (RFC 8310 section 5, opportunistic profile).
    #[must_use]
    pub fn with_plaintext_reason(mut self, why: impl Into<Arc<str>>) -> Self {
        self.plaintext_reason = Some(why.into());
        self
    }

    /// Sets the origin of an answer that was known without a question to a server.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Says if the answer is from the resolver's cache. Default false.
    #[must_use]
    pub fn with_cached(mut self, cached: bool) -> Self {
        self.cached = cached;
        self
    }

    /// Sets the number of addresses that the resolver has left out, because no call would try so
    /// many or because the resolver keeps fewer. They count as left out in the report
    /// ([`Report::left_out`](crate::Report::left_out)). Default 0, at most 2³² − 1.
    #[must_use]
    pub fn with_left_out(mut self, left_out: usize) -> Self {
        self.left_out = u32::try_from(left_out).unwrap_or(u32::MAX);
        self
    }

    /// The addresses in the resolver's order. The port is 0 and has no meaning here; the zone
    /// (`scope_id`) has one.
    #[must_use]
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// See [`with_ttl`](Self::with_ttl); `None` if the resolver did not say.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// See [`with_name`](Self::with_name); `None` if it is the name of the question.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The name server, if one was asked.
    #[must_use]
    pub fn server(&self) -> Option<SocketAddr> {
        self.server
    }

    /// The origin of the answer.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The reason why the question was sent in plaintext to a server that is asked over TLS where
    /// that works; `None` if it was not, or if no server is of that kind. It is set even if the
    /// answer came over TLS in the end, because the name was visible.
    #[must_use]
    pub fn plaintext_reason(&self) -> Option<&str> {
        self.plaintext_reason.as_deref()
    }

    /// True if it comes from a cache.
    #[must_use]
    pub fn is_cached(&self) -> bool {
        self.cached
    }

    /// See [`with_left_out`](Self::with_left_out).
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out as usize
    }
}

impl From<Vec<IpAddr>> for Answer {
    fn from(addrs: Vec<IpAddr>) -> Self {
        addrs.into_iter().collect()
    }
}

/// Keeps the zones and ignores the ports.
impl From<Vec<SocketAddr>> for Answer {
    fn from(addrs: Vec<SocketAddr>) -> Self {
        addrs.into_iter().collect()
    }
}

impl FromIterator<IpAddr> for Answer {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addrs: I) -> Self {
        addrs.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
    }
}

/// Keeps the zones and ignores the ports.
impl FromIterator<SocketAddr> for Answer {
    fn from_iter<I: IntoIterator<Item = SocketAddr>>(addrs: I) -> Self {
        let without_port = |mut addr: SocketAddr| {
            addr.set_port(0);
            addr
        };
        Self { addrs: addrs.into_iter().map(without_port).collect(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_servers_on_one_line() {
        let silence = LookupError::new(LookupErrorKind::TimedOut).with_other_servers(2);
        assert_eq!(silence.to_string(), "no answer");
        let silence = silence.with_server("192.0.2.53:53".parse().unwrap());
        assert_eq!(silence.to_string(), "no answer (192.0.2.53:53 and 2 more)");
        let all = silence.with_name("a\nb").with_cause("c\nd").with_cached(true);
        let text = "no answer (a\\u{a}b, 192.0.2.53:53 and 2 more, cached): c\\u{a}d";
        assert_eq!(all.to_string(), text);
    }

    #[test]
    fn an_answer_is_collected_from_addresses_with_their_zones_and_without_ports() {
        let ips: [IpAddr; 2] = [[192, 0, 2, 1].into(), "2001:db8::1".parse().unwrap()];
        let collected: Answer = ips.into_iter().collect();
        assert_eq!(collected, Answer::from(ips.to_vec()));
        assert_eq!(collected.addrs(), ips.map(|ip| SocketAddr::new(ip, 0)));
        let zoned: SocketAddr = "[fe80::1%7]:443".parse().unwrap();
        let collected: Answer = [zoned].into_iter().collect();
        assert_eq!(collected, Answer::from(vec![zoned]));
        assert_eq!(collected.addrs(), ["[fe80::1%7]:0".parse().unwrap()]);
    }
}
