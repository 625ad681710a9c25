//! The resolver against unbound, knot-resolver and BIND over TLS.

use he::dns::{self, Pin};
use he::{Connector, LookupErrorKind, LookupOutcome, Origin, Report};
use he_testnet::{Authority, Home, Host, NameServer, Net, Program, Served, internet_at};

use crate::support::strict::{Lab, NAME, Policy, SERVER, at, fail, resolver};

const NAMES: [&str; 3] = ["one.test", "two.test", "three.test"];
const V6: &str = "2001:db8::1";
const V4: &str = "198.51.100.1";

struct Scene {
    lab: Lab,
    certificate: he_testnet::Certificate,
    peers: [Host; 2],
}

impl Scene {
    fn new(net: Net) -> Self {
        let lab = Lab::new(net);
        let certificate = lab.root.intermediate().issue(&[NAME, SERVER]);
        lab.server.tls_open();
        // The race takes so long that both lookups end before it.
        let peers = [net.host(V6).rtt(80), net.host(V4).rtt(80)];
        Self { lab, certificate, peers }
    }
}

/// Asserts that AAAA and A of a name come over TLS from the server.
async fn both(scene: &Scene, connector: &Connector, name: &str) -> Report {
    let net = scene.lab.net;
    let dialled = connector.connect_with(name, 443, he::Attempt::connect);
    let established = net.call(dialled).await.unwrap();
    drop(established.stream);
    for peer in scene.peers {
        net.let_go(peer).await;
    }
    for (lookup, addr) in established.report.lookups().iter().zip([V6, V4]) {
        let LookupOutcome::Answered(answer) = lookup.outcome() else { panic!("{lookup:?}") };
        assert_eq!(answer.addrs()[0].ip().to_string(), addr);
        assert_eq!((answer.origin(), answer.is_cached()), (Origin::Tls, false));
        assert_eq!(answer.server(), Some(at(scene.lab.server)));
    }
    established.report
}

fn connections(net: Net, server: NameServer) -> usize {
    net.whole_log().starts_to(at(server)).len()
}

/// By each policy, AAAA and A of two names come over one connection.
async fn by_each_policy(scene: &Scene) {
    let net = scene.lab.net;
    let whole = Pin::certificate_sha256(scene.certificate.certificate_sha256());
    let server = |policy: Policy| policy.of(scene.lab.server, &scene.certificate);
    let by_certificate = dns::NameServer::tls(at(scene.lab.server)).with_pin(whole).unwrap();
    for server in [
        server(Policy::Name),
        server(Policy::Address),
        server(Policy::Pinned),
        server(Policy::PinnedAndNamed),
        by_certificate,
    ] {
        let before = connections(net, scene.lab.server);
        let connector = scene.lab.connector(&[server]);
        for name in &NAMES[..2] {
            both(scene, &connector, name).await;
        }
        assert_eq!(connections(net, scene.lab.server) - before, 1);
    }
}

/// A name that the server does not have, and clients that do not trust the server.
async fn refusals(scene: &Scene) {
    let net = scene.lab.net;
    let good = scene.lab.connector(&[Policy::Name.of(scene.lab.server, &scene.certificate)]);
    let error = fail(net, &good, "no.test").await;
    assert_eq!(error.kind(), LookupErrorKind::NoSuchName);
    let other = scene.lab.root.issue(&[]);
    let key = |it: &he_testnet::Certificate| Pin::key_sha256(it.key_sha256());
    let pinned = scene.lab.connector(&[Policy::Pinned.of(scene.lab.server, &other)]);
    assert_eq!(
        fail(net, &pinned, NAMES[0]).await.to_string(),
        format!(
            "name server not authenticated (192.0.2.1:853): wrong pin: expected {}, found {}",
            key(&other),
            key(&scene.certificate)
        )
    );
    let stranger = he::dns::Trust::roots(Authority::new().roots());
    let strict = [Policy::Address.of(scene.lab.server, &other)];
    let stranger = Connector::new(resolver(&strict, stranger));
    assert_eq!(
        fail(net, &stranger, NAMES[0]).await.to_string(),
        "name server not authenticated (192.0.2.1:853): \
         unknown issuer: no trusted root leads to it"
    );
}

/// A NAT forgets the first connection. The next one resumes its session: the server sends no
/// certificates again.
async fn resumes(scene: &Scene) -> Connector {
    let server = Policy::Name.of(scene.lab.server, &scene.certificate);
    let connector = scene.lab.connector(&[server]);
    both(scene, &connector, NAMES[0]).await;
    let full = scene.lab.net.log().bytes_from(at(scene.lab.server));
    scene.lab.server.tls_forgets();
    both(scene, &connector, NAMES[1]).await;
    is_resumed(scene, full);
    connector
}

/// Asserts that the last call made one connection, over which fewer bytes came than the `full` ones
/// over the first one.
fn is_resumed(scene: &Scene, full: usize) {
    let (log, server) = (scene.lab.net.log(), at(scene.lab.server));
    assert_eq!(log.starts_to(server).len(), 1);
    let certificates: usize = scene.certificate.chain().iter().map(|it| it.len()).sum();
    let resumed = log.bytes_from(server);
    assert!(resumed + certificates <= full, "{resumed} and {certificates} of {full} bytes");
}

/// The server closes a connection that is idle for 2 s. That costs a connection, and no full
/// handshake.
async fn closes_idle(scene: &Scene) {
    let (net, server) = (scene.lab.net, at(scene.lab.server));
    let connector = scene.lab.connector(&[Policy::Pinned.of(scene.lab.server, &scene.certificate)]);
    both(scene, &connector, NAMES[0]).await;
    let full = net.log().bytes_from(server);
    net.pass(1_500).await;
    net.sees("the end of the connection", |log| log.has_ended(server)).await;
    both(scene, &connector, NAMES[1]).await;
    is_resumed(scene, full);
}

async fn serves(net: Net, program: Program) {
    let scene = Scene::new(net);
    let records = NAMES.map(|name| [(name, V6), (name, V4)]).concat();
    let server = program.start(net, &scene.certificate, &Served::addrs(&records)).await;
    let kept = resumes(&scene).await;
    by_each_policy(&scene).await;
    refusals(&scene).await;
    // The first connection is still open, or is made again.
    both(&scene, &kept, NAMES[2]).await;
    assert_eq!(net.whole_log().sent_to_port(53), 0);
    drop(server);
}

#[test] // R-7858-3.3b, R-7858-3.4a, R-7858-3.4c, R-7858-4.2b, R-8310-8.1b
fn unbound_by_each_policy() {
    internet_at(Home::dual_stack().needs(Program::Unbound), |net| serves(net, Program::Unbound));
}

#[test] // R-7858-3.3b, R-7858-3.4a, R-7858-3.4c, R-7858-4.2b, R-8310-8.1b
fn knot_resolver_by_each_policy() {
    internet_at(Home::dual_stack().needs(Program::Kresd), |net| serves(net, Program::Kresd));
}

#[test] // R-7858-3.3b, R-7858-3.4a, R-7858-3.4c, R-7858-4.2b, R-8310-8.1b
fn bind_by_each_policy() {
    internet_at(Home::dual_stack().needs(Program::Bind), |net| serves(net, Program::Bind));
}

#[test] // R-7858-3.4b, R-7858-3.4c
fn unbound_closes_an_idle_connection_and_the_session_is_resumed() {
    internet_at(Home::dual_stack().needs(Program::Unbound), |net| async move {
        let scene = Scene::new(net);
        let records = NAMES.map(|name| [(name, V6), (name, V4)]).concat();
        let server =
            Program::Unbound.start(net, &scene.certificate, &Served::addrs(&records)).await;
        closes_idle(&scene).await;
        drop(server);
    });
}
