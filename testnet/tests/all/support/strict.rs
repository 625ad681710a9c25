//! Name servers that are asked only over authenticated TLS.

use std::net::SocketAddr;
use std::time::Duration;

use he::dns::{self, Pin, Resolver, Trust};
use he::{Config, Connector, LookupError, LookupOutcome, Report};
use he_testnet::{Asked, Authority, Certificate, Host, NameServer, Net};

/// The address of the name server.
pub(crate) const SERVER: &str = "192.0.2.1";
/// The name of the name server.
pub(crate) const NAME: &str = "dns.test";
/// The round-trip time to the name server in milliseconds.
pub(crate) const RTT: u64 = 10;
/// The round-trip time to the host of all names in milliseconds.
pub(crate) const PEER_RTT: u64 = 20;

/// The way in which a resolver authenticates a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// By [`NAME`].
    Name,
    /// By its address.
    Address,
    /// By the pin of its key.
    Pinned,
    /// By the pin of its key, and by [`NAME`].
    PinnedAndNamed,
}

/// A server, and a root that the resolvers trust.
pub(crate) struct Lab {
    pub(crate) net: Net,
    pub(crate) root: Authority,
    pub(crate) server: NameServer,
}

impl Policy {
    /// The server in the configuration of a resolver, which expects this certificate.
    pub(crate) fn of(self, server: NameServer, certificate: &Certificate) -> dns::NameServer {
        let strict = dns::NameServer::tls(at(server));
        let key = Pin::key_sha256(certificate.key_sha256());
        match self {
            Self::Name => strict.with_hostname(NAME).unwrap(),
            Self::Address => strict,
            Self::Pinned => strict.with_pin(key).unwrap(),
            Self::PinnedAndNamed => strict.with_pin(key).unwrap().with_hostname(NAME).unwrap(),
        }
    }
}

impl Lab {
    pub(crate) fn new(net: Net) -> Self {
        let server = net.name_server(SERVER);
        server.host().rtt(RTT);
        Self { net, root: Authority::new(), server }
    }

    /// The same; the server has a good certificate for its name and its address.
    pub(crate) fn good(net: Net) -> (Self, Certificate) {
        let lab = Self::new(net);
        let certificate = lab.root.issue(&[NAME, SERVER]);
        lab.server.tls(certificate.clone());
        (lab, certificate)
    }

    pub(crate) fn resolver(&self, servers: &[dns::NameServer]) -> Resolver {
        resolver(servers, Trust::roots(self.root.roots()))
    }

    /// A connector with the default time-outs.
    pub(crate) fn connector(&self, servers: &[dns::NameServer]) -> Connector {
        Connector::new(self.resolver(servers))
    }
}

pub(crate) fn resolver(servers: &[dns::NameServer], trust: Trust) -> Resolver {
    Resolver::name_servers(servers.iter().cloned()).unwrap().with_trust(trust)
}

/// The server's port for TLS.
pub(crate) fn at(server: NameServer) -> SocketAddr {
    (server.ip(), 853).into()
}

/// A configuration in which a lookup times out after this many milliseconds.
pub(crate) fn within(ms: u64) -> Config {
    Config::new().with_resolve_timeout(Duration::from_millis(ms)).with_resolve_retries(1)
}

/// The host of all names.
pub(crate) fn peer(net: Net) -> Host {
    net.host("2001:db8::1").rtt(PEER_RTT)
}

/// Connects to a name for which no call has asked before. Asserts that the attempt starts `at` ms
/// after the call, that the answers came over TLS from this server, and that no packet went to port
/// 53.
pub(crate) async fn connect(
    net: Net,
    connector: &Connector,
    name: &str,
    at: u64,
    server: NameServer,
) -> Report {
    let v6 = peer(net);
    net.dns(name).aaaa([v6]).a([net.host("198.51.100.1")]);
    let dialled = connector.connect_with(name, 443, he::Attempt::connect);
    let established = net.call(dialled).await.unwrap();
    net.assert_starts(&[(v6, at)]);
    net.assert_returned(at + PEER_RTT);
    drop(established.stream);
    net.let_go(v6).await;
    assert_eq!(net.whole_log().sent_to_port(53), 0);
    for lookup in established.report.lookups() {
        let answer = match lookup.outcome() {
            LookupOutcome::Answered(answer) => answer,
            // The race ended first.
            LookupOutcome::Abandoned => continue,
            other => panic!("{other:?}"),
        };
        assert_eq!(answer.origin(), he::Origin::Tls);
        assert_eq!(answer.server(), Some((server.ip(), 853).into()));
        assert!(answer.plaintext_reason().is_none() && !answer.is_cached());
    }
    established.report
}

/// Connects to a name, and asserts that both lookups fail for the same reason and that no packet
/// went to port 53 or to the host. Returns the reason.
pub(crate) async fn fail(net: Net, connector: &Connector, name: &str) -> LookupError {
    let v6 = peer(net);
    net.dns(name).aaaa([v6]).a([net.host("198.51.100.1")]);
    let error = net.call(connector.connect(name, 443)).await.unwrap_err();
    net.assert_starts(&[]);
    assert_eq!(net.whole_log().sent_to_port(53), 0, "{error}");
    let reasons: Vec<&LookupError> = error
        .report()
        .lookups()
        .iter()
        .map(|lookup| match lookup.outcome() {
            LookupOutcome::Failed(error) => error,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(reasons.len(), 2);
    assert_eq!(reasons[0].to_string(), reasons[1].to_string());
    assert_eq!(reasons[0].kind(), reasons[1].kind());
    reasons[0].clone()
}

/// The questions to this server.
pub(crate) fn asked(net: Net, server: NameServer) -> Vec<Asked> {
    net.asked().into_iter().filter(|asked| asked.server == server.ip()).collect()
}

/// The text of the error with N for each number of days, which depends on the date.
pub(crate) fn without_numbers(error: &LookupError) -> String {
    let text = error.to_string();
    let mut words: Vec<&str> = text.split(' ').collect();
    for n in 1..words.len() {
        if words[n] == "days" && words[n - 1].parse::<u32>().is_ok() {
            words[n - 1] = "N";
        }
    }
    words.join(" ")
}
