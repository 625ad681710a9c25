//! Opportunistic DNS over TLS: name servers, calls, and the transports of answers.

use std::net::SocketAddr;
use std::time::Duration;

use he::dns::{NameServer as Configured, Resolver};
use he::{
    Answer, Connector, Established, LookupError, LookupOutcome, Origin, Query, Record, Report,
    Resolve,
};
use he_testnet::{Authority, Certificate, Host, NAME_SERVER_V4, NameServer, Net, Over};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The round-trip time to the name server in milliseconds.
pub(crate) const RTT: u64 = 10;

/// A certificate for a server that the resolver does not authenticate.
pub(crate) fn certificate() -> Certificate {
    Authority::new().issue(&["dns.test"])
}

/// The name server of resolv.conf.
pub(crate) fn server(net: Net) -> NameServer {
    server_at(net, &NAME_SERVER_V4.to_string())
}

/// A name server at this address.
pub(crate) fn server_at(net: Net, ip: &str) -> NameServer {
    let server = net.name_server(ip);
    server.host().rtt(RTT);
    server
}

/// The server's port for TLS.
pub(crate) fn tls_port(server: NameServer) -> SocketAddr {
    (server.ip(), 853).into()
}

/// A head start of TLS that is long enough for a busy machine. Tests of something else than the
/// head start use it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// What a question leaves open is decided by then: after an answer of another server, an earlier one
/// is listened to for a second (C-DRAIN), and so is a doubtful TLS port that is asked the neutral
/// question.
pub(crate) const DRAINED: u64 = 1_200;

/// The system's resolver with that head start.
pub(crate) fn patient() -> Connector {
    Connector::new(Resolver::system().with_plain_delay(PATIENCE))
}

/// A resolver that asks this server opportunistically, as if resolv.conf named it, with that head
/// start.
pub(crate) fn opportunistic(server: NameServer) -> Resolver {
    let server = Configured::opportunistic((server.ip(), 53).into());
    Resolver::name_servers([server]).unwrap().with_plain_delay(PATIENCE)
}

/// The transport of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) origin: Origin,
    /// The reason for plaintext.
    pub(crate) why: Option<String>,
}

/// TLS.
pub(crate) const TLS: Came = Came { origin: Origin::Tls, why: None };

/// UDP, for this reason.
pub(crate) fn plaintext(why: &str) -> Came {
    Came { origin: Origin::Udp, why: Some(why.to_owned()) }
}

pub(crate) fn came(answer: &Answer) -> Came {
    Came { origin: answer.origin(), why: answer.plaintext_reason().map(str::to_owned) }
}

/// The answer of the AAAA lookup.
pub(crate) fn aaaa(report: &Report) -> &Answer {
    match report.lookups()[0].outcome() {
        LookupOutcome::Answered(answer) => answer,
        other => panic!("{other:?}"),
    }
}

/// Connects to a name for which no call has asked before. Asserts that the attempt starts `at` ms
/// after the call, and returns the transport of the AAAA answer.
pub(crate) async fn connect(net: Net, connector: &Connector, name: &str, at: u64) -> Came {
    connect_by(net, connector, name, at).await.0
}

/// The same; also returns the server that answered.
pub(crate) async fn connect_by(
    net: Net,
    connector: &Connector,
    name: &str,
    at: u64,
) -> (Came, SocketAddr) {
    let established = dial(net, connector, name).await;
    judge(net, established, at).await
}

/// The same for tests in which the order of events matters. `None` if anything was late by `margin`
/// ms, so that the test proves nothing.
pub(crate) async fn connect_on_time(
    net: Net,
    connector: &Connector,
    name: &str,
    at: u64,
    margin: u64,
) -> Option<Came> {
    let established = dial(net, connector, name).await;
    if net.was_late_by(margin) {
        return None;
    }
    Some(judge(net, established, at).await.0)
}

async fn dial(net: Net, connector: &Connector, name: &str) -> Established<TcpStream> {
    net.dns(name).aaaa([host(net)]);
    let established = connector.connect_with(name, 443, he::Attempt::connect);
    net.call(established).await.unwrap()
}

/// The host of all names.
fn host(net: Net) -> Host {
    net.host("2001:db8::1").rtt(20)
}

async fn judge(net: Net, established: Established<TcpStream>, at: u64) -> (Came, SocketAddr) {
    net.assert_starts(&[(host(net), at)]);
    net.assert_returned(at + 20);
    drop(established.stream);
    net.let_go(host(net)).await;
    let answer = aaaa(&established.report);
    (came(answer), answer.server().unwrap())
}

/// One question, without a connection after it.
pub(crate) async fn lookup(resolver: &Resolver, name: &str) -> Result<Answer, LookupError> {
    resolver.lookup(&Query::new(name, Record::Aaaa)).await
}

/// Looks these names up at the same time, and returns the transports of the answers.
pub(crate) async fn lookup_all(net: Net, resolver: &Resolver, names: &[String]) -> Vec<Came> {
    let lookups: JoinSet<_> =
        names.iter().map(|name| resolver.lookup(&Query::new(name, Record::Aaaa))).collect();
    let answers = net.call(lookups.join_all()).await;
    answers.iter().map(|answer| came(answer.as_ref().unwrap())).collect()
}

/// `n` names with an AAAA record, whose answers come `after` ms.
pub(crate) fn names(net: Net, stem: &str, n: usize, after: u64) -> Vec<String> {
    let names: Vec<_> = (0..n).map(|nth| format!("{stem}{nth}.test")).collect();
    let v6 = net.host("2001:db8::1");
    for name in &names {
        net.dns(name).aaaa([v6]).after(after);
    }
    names
}

/// The numbers of the connections over which the questions came, each once, in order. Panics if a
/// question came in plaintext.
pub(crate) fn connections(net: Net) -> Vec<usize> {
    let mut connections = Vec::new();
    for asked in net.asked() {
        let Over::Tls { connection, .. } = asked.over else { panic!("in plaintext: {asked:?}") };
        if !connections.contains(&connection) {
            connections.push(connection);
        }
    }
    connections
}

/// Waits until the handshakes of `n` connections are complete.
pub(crate) async fn secured(net: Net, server: NameServer, n: usize) {
    let secured = || net.tls_connections(server).iter().filter(|it| it.secured.is_some()).count();
    net.sees("the handshake's end", |_| secured() >= n).await;
}

/// Waits until the server is done with `n` connections.
pub(crate) async fn ended(net: Net, server: NameServer, n: usize) {
    let ended = || net.tls_connections(server).iter().filter(|it| it.ended.is_some()).count();
    net.sees("their ends", |_| ended() >= n).await;
}
