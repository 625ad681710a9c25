//! The source addresses that packets to a destination would have.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::policy::{Policy, Scope};
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

    /// The IP version whose answer is worth waiting for: the one that comes first in the order of
    /// the attempts, among those that have a default route (draft-ietf-happy-happyeyeballs-v3
    /// section 4.2). `lead` is the version that comes first in any case. `None` if no version has a
    /// default route.
    pub(crate) fn preferred(&self, lead: Option<IpVersion>) -> Option<IpVersion> {
        let sources = self.of(&[ANYWHERE_V6, ANYWHERE_V4]);
        match [sources[0], sources[1]].map(|source| source.filter(leads_out)) {
            [Some(v6), Some(_)] => Some(lead.unwrap_or_else(|| first_anywhere(&v6))),
            [Some(_), None] => Some(IpVersion::V6),
            [None, Some(_)] => Some(IpVersion::V4),
            [None, None] => None,
        }
    }
}

/// The IP version that the order puts first, for destinations anywhere, if packets leave from this
/// IPv6 source and some IPv4 source, and both lead out. RFC 6724 rules 1 and 2 see no difference
/// then. By rule 5 IPv4 is first if the IPv6 source has another label than `::/0`, because an IPv4
/// source always has the label of IPv4. Otherwise IPv6 has the higher precedence (rule 6).
fn first_anywhere(v6_source: &IpAddr) -> IpVersion {
    let label_differs = Policy::of(*v6_source).label != Policy::DEFAULT.label;
    if label_differs { IpVersion::V4 } else { IpVersion::V6 }
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
fn leads_out(source: &IpAddr) -> bool {
    Scope::of(*source) == Scope::GLOBAL
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::race::endpoint::{Endpoint, EndpointOrigin};
    use crate::race::order::sort;

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

    /// The preferred family with these sources of global addresses; `-` stands for none.
    fn preferred(v6: &str, v4: &str, lead: Option<IpVersion>) -> Option<IpVersion> {
        let source = |ip: &str| (ip != "-").then(|| ip.parse::<IpAddr>().unwrap());
        let (v6, v4) = (source(v6), source(v4));
        let of = move |addr: &SocketAddr| if addr.is_ipv6() { v6 } else { v4 };
        SourceAddrs::new(move |addrs| addrs.iter().map(of).collect()).preferred(lead)
    }

    #[test] // R-V3-4.2e, R-V3-4.1d, R-6724-6.5
    fn the_family_that_the_order_puts_first_is_preferred() {
        for (v6, v4, expected) in [
            ("2001:db8::2", "10.0.0.2", Some(IpVersion::V6)),
            ("2001:db8::2", "-", Some(IpVersion::V6)),
            ("-", "10.0.0.2", Some(IpVersion::V4)),
            ("-", "-", None),
            // RFC 6724 rule 5 puts IPv4 before a destination whose source has another label.
            ("fd00::2", "10.0.0.2", Some(IpVersion::V4)),
            ("2002:c000:201::2", "10.0.0.2", Some(IpVersion::V4)),
            ("2001:0:1::2", "10.0.0.2", Some(IpVersion::V4)),
            ("fd00::2", "-", Some(IpVersion::V6)),
            // A source that leads nowhere counts as none.
            ("fec0::2", "10.0.0.2", Some(IpVersion::V4)),
            ("fe80::2", "10.0.0.2", Some(IpVersion::V4)),
            ("fd00::2", "169.254.0.2", Some(IpVersion::V6)),
            ("fec0::2", "-", None),
            ("fe80::2", "169.254.0.2", None),
        ] {
            assert_eq!(preferred(v6, v4, None), expected, "{v6} {v4}");
        }
        assert_eq!(SourceAddrs::unknown().preferred(None), Some(IpVersion::V6));
    }

    #[test] // R-V3-4.2e, R-6724-6
    fn the_preferred_family_is_that_of_the_first_attempt() {
        let v6 = ["2001:db8::2", "fd00::2", "2002:c000:201::2", "2001:0:1::2", "3ffe::2"];
        for v6 in v6.map(|ip| ip.parse::<IpAddr>().unwrap()) {
            for v4 in ["10.0.0.2", "203.0.113.2"].map(|ip| ip.parse::<IpAddr>().unwrap()) {
                let of = move |addr: &SocketAddr| Some(if addr.is_ipv6() { v6 } else { v4 });
                let sources = SourceAddrs::new(move |addrs| addrs.iter().map(of).collect());
                let all = [ANYWHERE_V6, ANYWHERE_V4];
                let all = all.map(|addr| Endpoint::new(addr, EndpointOrigin::Lookup(0)));
                let first = all[sort(&all, &[443], &sources)[0]].ip_version();
                assert_eq!(sources.preferred(None), Some(first), "{v6} {v4}");
            }
        }
    }

    #[test] // R-V3-4.2e
    fn the_family_of_the_configuration_is_preferred_where_it_leads_out() {
        let v4 = Some(IpVersion::V4);
        assert_eq!(preferred("2001:db8::2", "10.0.0.2", v4), v4);
        assert_eq!(preferred("2001:db8::2", "169.254.0.2", v4), Some(IpVersion::V6));
        assert_eq!(preferred("-", "-", v4), None);
    }

    #[test]
    fn debug_names_the_origin() {
        assert_eq!(format!("{:?}", SourceAddrs::unknown()), "SourceAddrs(unknown)");
        assert_eq!(format!("{:?}", SourceAddrs::new(|_| Vec::new())), "SourceAddrs(function)");
    }
}
