//! Nothing that an opportunistic resolver has or knows serves a strict resolver of the same server
//! in the same process.

use he::Connector;
use he::dns::{NameServer as Configured, Resolver, Trust};
use he_testnet::{Authority, Goodbye, NameServer, Net, internet};

use crate::support::dot::{RTT, TLS, connect, ended, patient, plaintext, server};

const NAME: &str = "dns.test";

/// A connector that authenticates the server by its name, and trusts this root.
fn strict(root: &Authority) -> Connector {
    let server: Configured = "tls:192.0.2.53!dns.test".parse().unwrap();
    let resolver = Resolver::name_servers([server]).unwrap();
    Connector::new(resolver.with_trust(Trust::roots(root.roots())))
}

/// The name in the ClientHello of each connection, and whether it resumed a session.
fn hellos(net: Net, server: NameServer) -> Vec<(Option<String>, bool)> {
    let seen = net.tls_connections(server).into_iter();
    seen.map(|it| (it.hello.and_then(|hello| hello.name), it.resumed)).collect()
}

#[test] // R-8310-5.1b, R-8310-6.6a
fn an_opportunistic_answer_or_connection_never_serves_a_strict_resolver() {
    internet(|net| async move {
        let root = Authority::new();
        let server = server(net).tls(root.issue(&[NAME]));
        let open = patient();
        assert_eq!(connect(net, &open, "www.test", 3 * RTT).await, TLS);
        assert_eq!(net.asked().len(), 2);
        // The strict resolver asks for the same name again, over a new connection, with SNI.
        assert_eq!(connect(net, &strict(&root), "www.test", 3 * RTT).await, TLS);
        assert_eq!(net.asked().len(), 4);
        assert_eq!(hellos(net, server), [(None, false), (Some(NAME.to_owned()), false)]);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-8310-6.6a, R-8310-6.6b
fn an_opportunistic_session_is_not_resumed_by_a_strict_resolver() {
    internet(|net| async move {
        let root = Authority::new();
        let server = server(net).tls(root.issue(&[NAME]));
        let (open, strict) = (patient(), strict(&root));
        assert_eq!(connect(net, &open, "one.test", 3 * RTT).await, TLS);
        server.tls_closes_idle(0, Goodbye::Notify);
        ended(net, server, 1).await;
        net.pass(RTT).await;
        server.tls_recovers();
        assert_eq!(connect(net, &strict, "two.test", 3 * RTT).await, TLS);
        assert_eq!(connect(net, &open, "three.test", 3 * RTT).await, TLS);
        let resumed: Vec<_> = hellos(net, server).into_iter().map(|hello| hello.1).collect();
        assert_eq!(resumed, [false, false, true]);
    });
}

#[test] // R-8310-6.6a, R-8310-6.6b
fn a_certificate_that_an_opportunistic_resolver_takes_is_not_taken_by_a_strict_one() {
    internet(|net| async move {
        let (root, other) = (Authority::new(), Authority::new());
        server(net).tls(other.issue(&[NAME]));
        assert_eq!(connect(net, &patient(), "www.test", 3 * RTT).await, TLS);
        let asked = net.asked().len();
        let error = net.call(strict(&root).connect("www.test", 443)).await.unwrap_err();
        assert!(error.to_string().contains("unknown issuer"), "{error}");
        assert_eq!(net.asked().len(), asked, "no query before authentication");
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-8310-5.1b
fn a_port_that_is_dead_for_an_opportunistic_resolver_is_tried_by_a_strict_one() {
    internet(|net| async move {
        let root = Authority::new();
        let server = server(net).tls(root.issue(&[NAME])).tls_refuses();
        let open = patient();
        let refused = plaintext("REFUSED over TLS");
        assert_eq!(connect(net, &open, "www.test", 4 * RTT).await, refused);
        server.tls_recovers();
        let strict = strict(&root);
        assert_eq!(connect(net, &strict, "www.test", 3 * RTT).await, TLS);
        assert_eq!(net.log().sent_to_port(53), 0);
        // The strict resolver has found that the port works, and the other one does not know that.
        assert_eq!(connect(net, &open, "two.test", RTT).await, refused);
    });
}
