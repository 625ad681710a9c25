//! Where the source address for a destination comes from: the one impure part of the order.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, SockRef, Socket, Type};

use super::policy::Scope;
use crate::race::binding::Binding;
use crate::resolve::Record;

/// The source addresses that the order of destinations depends on (RFC 6724 section 6).
///
/// By default the system is asked: a UDP socket, connected to the destination, tells the address
/// that packets would leave from. Nothing is sent. It is asked anew for every connect with a choice
/// to make, so the order is never older than the routes (RFC 6724 section 8). Cheap to clone.
#[derive(Clone, Default)]
pub struct Sources(Kind);

#[derive(Clone)]
enum Kind {
    System(Binding),
    Function(Arc<Function>),
}

impl Default for Kind {
    fn default() -> Self {
        Self::System(Binding::default())
    }
}

type Function = dyn Fn(&[SocketAddr]) -> Vec<Option<IpAddr>> + Send + Sync;

impl Sources {
    /// A function in the system's place: for tests that want the same order on every host, and for
    /// networks that the system does not know.
    ///
    /// It gets the destinations and answers with one entry for each, in the same order: the source
    /// address, or `None` if there is no way to it. Missing entries count as `None`. It must not
    /// block. To learn which family is preferred, it is asked for `2001:db8::1` and `192.0.2.1`.
    ///
    /// ```
    /// use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    ///
    /// let v4_only = he::Sources::new(|addrs: &[SocketAddr]| {
    ///     addrs.iter().map(|a| a.is_ipv4().then_some(IpAddr::V4(Ipv4Addr::LOCALHOST))).collect()
    /// });
    /// ```
    pub fn new(
        sources: impl Fn(&[SocketAddr]) -> Vec<Option<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Kind::Function(Arc::new(sources)))
    }

    /// The system, asked by sockets that leave the way the attempts will.
    pub(crate) fn system(binding: Binding) -> Self {
        Self(Kind::System(binding))
    }

    /// The source address for each destination; `None` is a destination without a route or without
    /// a source address.
    pub(crate) fn of(&self, addrs: &[SocketAddr]) -> Vec<Option<IpAddr>> {
        match &self.0 {
            Kind::System(by) => addrs.iter().map(|addr| of_system(*addr, by)).collect(),
            Kind::Function(f) => {
                let mut sources = f(addrs);
                sources.resize(addrs.len(), None);
                sources
            }
        }
    }

    /// The family whose answer is worth waiting for: the first of these that has a default route
    /// (draft-ietf-happy-happyeyeballs-v3 section 4.2). Without one, none is.
    pub(crate) fn preferred(&self, order: [Record; 2]) -> Option<Record> {
        let anywhere = order.map(|record| match record {
            Record::Aaaa => ANYWHERE_V6,
            Record::A => ANYWHERE_V4,
        });
        let sources = self.of(&anywhere);
        order
            .into_iter()
            .zip(sources)
            .find(|(_, source)| leads_out(*source))
            .map(|(record, _)| record)
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::System(by) if *by == Binding::default() => f.write_str("Sources(system)"),
            Kind::System(by) => write!(f, "Sources(system, {by:?})"),
            Kind::Function(_) => f.write_str("Sources(function)"),
        }
    }
}

/// Stand for all addresses that only a default route leads to. Reserved for documentation (RFC
/// 3849, RFC 5737), so no route of their own exists; no packet goes there either.
const ANYWHERE_V6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), DISCARD);
const ANYWHERE_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), DISCARD);

/// Some systems refuse to connect to port 0; nothing is ever sent to this one (RFC 863).
const DISCARD: u16 = 9;

/// A link-local or loopback source reaches nobody out there.
fn leads_out(source: Option<IpAddr>) -> bool {
    source.is_some_and(|ip| Scope::of(ip) == Scope::GLOBAL)
}

/// A loopback address is reached from one, whichever: they are alike to all rules. Where there is none of its family, the attempt fails at
/// once, and has cost no more than the question.
fn of_system(addr: SocketAddr, binding: &Binding) -> Option<IpAddr> {
    match addr.ip() {
        ip if ip.is_loopback() && *binding == Binding::default() => Some(ip),
        _ => ask_system(addr, binding),
    }
}

/// One socket for each address: a socket that is connected once more keeps its first source
/// address (Linux, both families; letting go of it takes a connect to `AF_UNSPEC`, which safe Rust
/// does not have).
fn ask_system(mut addr: SocketAddr, binding: &Binding) -> Option<IpAddr> {
    addr.set_port(DISCARD);
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, None).ok()?;
    binding.apply(SockRef::from(&socket), addr).ok()?;
    socket.connect(&addr.into()).ok()?;
    let source = socket.local_addr().ok()?.as_socket()?.ip();
    (!source.is_unspecified()).then_some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn the_system_reaches_loopback_from_loopback() {
        let sources = Sources::default().of(&addrs(&["127.0.0.1", "::1", "127.0.0.1"]));
        let expected = ["127.0.0.1", "::1", "127.0.0.1"].map(|ip| Some(ip.parse().unwrap()));
        assert_eq!(sources, expected);
    }

    #[test]
    fn one_answer_does_not_stick_to_the_next() {
        // An address of the host itself, if there is one, is its own source; so is the loopback
        // address after it.
        let own = Sources::default().of(&[ANYWHERE_V6, ANYWHERE_V4]);
        for ip in own.into_iter().flatten() {
            let loopback: IpAddr =
                if ip.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
            let both = [ip, loopback, ip].map(|ip| SocketAddr::new(ip, 0));
            assert_eq!(Sources::default().of(&both), [Some(ip), Some(loopback), Some(ip)]);
        }
    }

    #[test]
    fn a_bound_socket_answers_with_its_binding() {
        let binding = Binding { local_v4: Some(Ipv4Addr::new(127, 0, 0, 7)), ..Binding::default() };
        let sources = Sources::system(binding).of(&addrs(&["127.0.0.1", "::1"]));
        // The other family would leave unbound: refused, so no source.
        assert_eq!(sources, [Some("127.0.0.7".parse().unwrap()), None]);
    }

    #[test]
    fn a_binding_that_cannot_be_had_has_no_source() {
        let binding = Binding { interface: Some("no-such-if".into()), ..Binding::default() };
        let sources = Sources::system(binding).of(&addrs(&["127.0.0.1", "::1"]));
        assert_eq!(sources, [None, None]);
    }

    #[test]
    fn a_function_that_answers_too_little_or_too_much_is_harmless() {
        let two = addrs(&["127.0.0.1", "::1"]);
        let local = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(Sources::new(|_| Vec::new()).of(&two), [None, None]);
        assert_eq!(Sources::new(move |_| vec![local]).of(&two), [local, None]);
        assert_eq!(Sources::new(move |_| vec![local; 9]).of(&two), [local, local]);
    }

    #[test] // R-V3-4.2e, R-V3-4.1d
    fn the_first_family_with_a_default_route_is_preferred() {
        let preferred = |v6: Option<&str>, v4: Option<&str>| {
            let table = [v6, v4].map(|ip| ip.map(|ip| ip.parse().unwrap()));
            Sources::new(move |_| table.to_vec()).preferred([Record::Aaaa, Record::A])
        };
        assert_eq!(preferred(Some("2001:db8::2"), Some("10.0.0.2")), Some(Record::Aaaa));
        assert_eq!(preferred(None, None), None);
        assert_eq!(preferred(Some("2001:db8::2"), None), Some(Record::Aaaa));
        assert_eq!(preferred(None, Some("10.0.0.2")), Some(Record::A));
        // A unique local address has a scope as wide as any.
        assert_eq!(preferred(Some("fd00::2"), Some("10.0.0.2")), Some(Record::Aaaa));
        assert_eq!(preferred(Some("fe80::2"), Some("10.0.0.2")), Some(Record::A));
        assert_eq!(preferred(Some("fe80::2"), Some("169.254.0.2")), None);
        let both = Sources::new(|addrs| addrs.iter().map(|a| Some(a.ip())).collect());
        assert_eq!(both.preferred([Record::A, Record::Aaaa]), Some(Record::A));
    }

    #[test]
    fn it_says_what_it_is() {
        assert_eq!(format!("{:?}", Sources::default()), "Sources(system)");
        assert_eq!(format!("{:?}", Sources::new(|_| Vec::new())), "Sources(function)");
    }
}
