//! The source addresses that packets to a destination would have.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::policy::Scope;
use crate::race::address::IpVersion;
use crate::race::binding::Binding;

/// The source addresses that the order of destinations depends on (RFC 6724 section 6). Cheap to
/// clone.
///
/// A [`Connector`](crate::Connector) asks the system by default: a UDP socket, connected to the
/// destination, has the address that packets would leave from. Nothing is sent. Every call with a
/// choice to make asks the system anew, so the order is never older than the routes (RFC 6724
/// section 8).
#[derive(Clone, Default)]
pub struct SourceAddrs(SourceKind);

#[derive(Clone, Default)]
enum SourceKind {
    /// Nothing is known.
    #[default]
    Unknown,
    System(Binding, Probe),
    Function(Arc<Function>),
}

/// Asks the system for the source address to one destination.
pub(crate) type Probe = fn(SocketAddr, &Binding) -> Option<IpAddr>;

type Function = dyn Fn(&[SocketAddr]) -> Vec<Option<IpAddr>> + Send + Sync;

impl SourceAddrs {
    /// A function in the system's place: for tests that need the same order on every host, and for
    /// networks that the system does not know.
    ///
    /// The function gets the destinations, one for each address (the port has no meaning), and returns
    /// one entry for each, in the same order: the source address, or `None` if there is no route. A missing entry counts as `None`. The
    /// function must not block. It is asked for `2001:db8::1` and `192.0.2.1` too, because the race
    /// has to know the preferred family.
    ///
    /// ```
    /// use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    ///
    /// let v4_only = he::SourceAddrs::new(|addrs: &[SocketAddr]| {
    ///     addrs.iter().map(|a| a.is_ipv4().then_some(IpAddr::V4(Ipv4Addr::LOCALHOST))).collect()
    /// });
    /// ```
    pub fn new(
        sources: impl Fn(&[SocketAddr]) -> Vec<Option<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(SourceKind::Function(Arc::new(sources)))
    }

    /// No knowledge of routes and source addresses: every destination counts as its own source. The
    /// order then follows from the destinations alone (RFC 6724 rules 6 and 8). It is the default
    /// of a [`Race`](crate::race::Race), which has no sockets.
    #[must_use]
    pub fn unknown() -> Self {
        Self::default()
    }

    /// The system's source addresses, by this probe, for sockets with this binding.
    pub(crate) fn probed(binding: Binding, probe: Probe) -> Self {
        Self(SourceKind::System(binding, probe))
    }

    /// The source address for each destination; `None` for a destination without a route or a
    /// source address.
    pub(crate) fn of(&self, addrs: &[SocketAddr]) -> Vec<Option<IpAddr>> {
        match &self.0 {
            SourceKind::Unknown => addrs.iter().map(|addr| Some(addr.ip())).collect(),
            SourceKind::System(by, probe) => addrs.iter().map(|addr| probe(*addr, by)).collect(),
            SourceKind::Function(f) => {
                let mut sources = f(addrs);
                sources.resize(addrs.len(), None);
                sources
            }
        }
    }

    /// The IP version whose answer is worth waiting for: the first of these that has a default
    /// route (draft-ietf-happy-happyeyeballs-v3 section 4.2). `None` if neither has one.
    pub(crate) fn preferred(&self, order: [IpVersion; 2]) -> Option<IpVersion> {
        let anywhere = order.map(|version| match version {
            IpVersion::V6 => ANYWHERE_V6,
            IpVersion::V4 => ANYWHERE_V4,
        });
        let sources = order.into_iter().zip(self.of(&anywhere));
        sources.into_iter().find(|(_, source)| leads_out(*source)).map(|(version, _)| version)
    }
}

impl fmt::Debug for SourceAddrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            SourceKind::Unknown => f.write_str("SourceAddrs(unknown)"),
            SourceKind::System(by, _) if *by == Binding::default() => {
                f.write_str("SourceAddrs(system)")
            }
            SourceKind::System(by, _) => write!(f, "SourceAddrs(system, {by:?})"),
            SourceKind::Function(_) => f.write_str("SourceAddrs(function)"),
        }
    }
}

/// The destinations that stand for all addresses behind a default route. They are reserved for
/// documentation (RFC 3849, RFC 5737), so they have no route of their own. No packet goes there.
const ANYWHERE_V6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), DISCARD);
const ANYWHERE_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), DISCARD);

/// The port of probes, because some systems refuse to connect to port 0. No packet goes to it
/// (RFC 863).
pub(crate) const DISCARD: u16 = 9;

/// False for a link-local or loopback source, which reaches no other network.
fn leads_out(source: Option<IpAddr>) -> bool {
    source.is_some_and(|ip| Scope::of(ip) == Scope::GLOBAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn a_function_that_answers_too_little_or_too_much_is_harmless() {
        let two = addrs(&["127.0.0.1", "::1"]);
        let local = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(SourceAddrs::new(|_| Vec::new()).of(&two), [None, None]);
        assert_eq!(SourceAddrs::new(move |_| vec![local]).of(&two), [local, None]);
        assert_eq!(SourceAddrs::new(move |_| vec![local; 9]).of(&two), [local, local]);
    }

    #[test] // R-V3-4.2e, R-V3-4.1d
    fn the_first_family_with_a_default_route_is_preferred() {
        let preferred = |v6: Option<&str>, v4: Option<&str>| {
            let table = [v6, v4].map(|ip| ip.map(|ip| ip.parse().unwrap()));
            SourceAddrs::new(move |_| table.to_vec()).preferred([IpVersion::V6, IpVersion::V4])
        };
        assert_eq!(preferred(Some("2001:db8::2"), Some("10.0.0.2")), Some(IpVersion::V6));
        assert_eq!(preferred(None, None), None);
        assert_eq!(preferred(Some("2001:db8::2"), None), Some(IpVersion::V6));
        assert_eq!(preferred(None, Some("10.0.0.2")), Some(IpVersion::V4));
        // A unique local address has global scope.
        assert_eq!(preferred(Some("fd00::2"), Some("10.0.0.2")), Some(IpVersion::V6));
        assert_eq!(preferred(Some("fe80::2"), Some("10.0.0.2")), Some(IpVersion::V4));
        assert_eq!(preferred(Some("fe80::2"), Some("169.254.0.2")), None);
        let both = SourceAddrs::new(|addrs| addrs.iter().map(|a| Some(a.ip())).collect());
        assert_eq!(both.preferred([IpVersion::V4, IpVersion::V6]), Some(IpVersion::V4));
    }

    #[test]
    fn debug_names_the_origin() {
        assert_eq!(format!("{:?}", SourceAddrs::unknown()), "SourceAddrs(unknown)");
        assert_eq!(format!("{:?}", SourceAddrs::new(|_| Vec::new())), "SourceAddrs(function)");
    }
}
