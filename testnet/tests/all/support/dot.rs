//! What stories of DNS over TLS share: a server that may have it, connects, and how answers came.

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

/// The name server is so far away, in milliseconds.
pub(crate) const RTT: u64 = 10;

/// Good enough for a server that nobody authenticates.
pub(crate) fn certificate() -> Certificate {
    Authority::new().issue(&["dns.test"])
}

/// The name server of resolv.conf.
pub(crate) fn server(net: Net) -> NameServer {
    server_at(net, &NAME_SERVER_V4.to_string())
}

/// Another one.
pub(crate) fn server_at(net: Net, ip: &str) -> NameServer {
    let server = net.name_server(ip);
    server.host().rtt(RTT);
    server
}

/// Its port for TLS.
pub(crate) fn tls_port(server: NameServer) -> SocketAddr {
    (server.ip(), 853).into()
}

/// On a busy machine a handshake may take longer than TLS has as a head start. Where that is not the
/// story's point, it is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// The system's resolver, with that patience.
pub(crate) fn patient() -> Connector {
    Connector::new(Resolver::system().with_plain_delay(PATIENCE))
}

/// Asks this server opportunistically, as if resolv.conf named it, with that patience.
pub(crate) fn opportunistic(server: NameServer) -> Resolver {
    let server = Configured::opportunistic((server.ip(), 53).into());
    Resolver::name_servers([server]).unwrap().with_plain_delay(PATIENCE)
}

/// How an answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) origin: Origin,
    /// Why in clear.
    pub(crate) why: Option<String>,
}

/// Over TLS.
pub(crate) const TLS: Came = Came { origin: Origin::Tls, why: None };

/// By UDP, for this reason.
pub(crate) fn in_clear(why: &str) -> Came {
    Came { origin: Origin::Udp, why: Some(why.to_owned()) }
}

pub(crate) fn came(answer: &Answer) -> Came {
    Came { origin: answer.origin(), why: answer.plaintext_reason().map(str::to_owned) }
}

/// What became of the AAAA lookup.
pub(crate) fn aaaa(report: &Report) -> &Answer {
    match report.lookups()[0].outcome() {
        LookupOutcome::Answered(answer) => answer,
        other => panic!("{other:?}"),
    }
}

/// A connect to a name that nobody has asked for, whose attempt starts `at` ms after the call; and
/// how the AAAA answer came.
pub(crate) async fn connect(net: Net, connector: &Connector, name: &str, at: u64) -> Came {
    connect_by(net, connector, name, at).await.0
}

/// The same, and who answered.
pub(crate) async fn connect_by(
    net: Net,
    connector: &Connector,
    name: &str,
    at: u64,
) -> (Came, SocketAddr) {
    let established = dial(net, connector, name).await;
    judge(net, established, at).await
}

/// The same where it matters what comes first: `None` if anything was late by `margin` ms, so that
/// the story proves nothing.
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
    let established = connector.connect_with(name, &[443], he::Attempt::connect);
    net.call(established).await.unwrap()
}

/// Whom all names lead to.
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

/// One question, with nothing after it.
pub(crate) async fn lookup(resolver: &Resolver, name: &str) -> Result<Answer, LookupError> {
    resolver.lookup(&Query::new(name, Record::Aaaa)).await
}

/// So many names, each asked for once, all at the same time; how they came.
pub(crate) async fn lookup_all(net: Net, resolver: &Resolver, names: &[String]) -> Vec<Came> {
    let lookups: JoinSet<_> =
        names.iter().map(|name| resolver.lookup(&Query::new(name, Record::Aaaa))).collect();
    let answers = net.call(lookups.join_all()).await;
    answers.iter().map(|answer| came(answer.as_ref().unwrap())).collect()
}

/// Names with an AAAA record each, whose answers take so many milliseconds.
pub(crate) fn names(net: Net, stem: &str, n: usize, after: u64) -> Vec<String> {
    let names: Vec<_> = (0..n).map(|nth| format!("{stem}{nth}.test")).collect();
    let v6 = net.host("2001:db8::1");
    for name in &names {
        net.dns(name).aaaa([v6]).after(after);
    }
    names
}

/// The connections over which the questions came, each once, in order; every question has to have
/// come over TLS.
pub(crate) fn connections(net: Net) -> Vec<usize> {
    let mut connections = Vec::new();
    for asked in net.asked() {
        let Over::Tls { connection, .. } = asked.over else { panic!("in clear: {asked:?}") };
        if !connections.contains(&connection) {
            connections.push(connection);
        }
    }
    connections
}

/// Waits until the handshakes of so many connections are complete.
pub(crate) async fn secured(net: Net, server: NameServer, n: usize) {
    let secured = || net.tls_connections(server).iter().filter(|it| it.secured.is_some()).count();
    net.sees("the handshake's end", |_| secured() >= n).await;
}

/// Waits until the server is done with so many connections.
pub(crate) async fn ended(net: Net, server: NameServer, n: usize) {
    let ended = || net.tls_connections(server).iter().filter(|it| it.ended.is_some()).count();
    net.sees("their ends", |_| ended() >= n).await;
}
