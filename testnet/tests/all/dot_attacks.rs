//! Attacks on a name server's opportunistic TLS. They are rows of the table in `torture` that need
//! TLS: N-17 and N-18. The rules of one question to the name servers have to change for them.

use std::time::Duration;

use he::Origin;
use he::dns::Resolver;
use he_testnet::{Net, internet_for};

use crate::support::dot::{certificate, lookup, opportunistic, server};

const LIMIT: Duration = Duration::from_secs(60);

/// Fails once this is right, so that the test is changed to assert it.
fn not_yet(is_right: bool, observed: &str) {
    assert!(!is_right, "it is right by now: {observed}");
}

/// Looks these names up one after the other, with a pause after each.
async fn look_up(net: Net, resolver: &Resolver, stem: &str, count: usize) {
    for nth in 0..count {
        let name = format!("{stem}{nth}.test");
        net.dns(&name).aaaa([net.host("2001:db8::1")]);
        lookup(resolver, &name).await.unwrap();
        net.pass(250).await;
    }
}

// The attacker owns a name that is slow over TLS, and listens to what leaves in plaintext.
#[test] // N-17, R-7858-3.1d
fn a_hostile_name_sends_no_other_name_in_plaintext() {
    internet_for(LIMIT, |net| async move {
        let resolver = opportunistic(server(net).tls(certificate()));
        look_up(net, &resolver, "before", 3).await;
        net.dns("evil.test").aaaa([net.host("2001:db8::2")]).silent_over_tls();
        lookup(&resolver, "evil.test").await.unwrap();
        net.pass(2_500).await;
        look_up(net, &resolver, "after", 12).await;
        let asked = net.asked();
        let others = asked.iter().filter(|it| it.name != "evil.test");
        let plaintext = others.filter(|it| !it.over.is_tls()).count();
        not_yet(plaintext == 0, &format!("{plaintext} names in plaintext"));
    });
}

#[test] // N-18, R-7858-3.1d, R-9520-3.1
fn a_port_that_ends_connections_with_the_handshake_is_given_up_after_two() {
    internet_for(LIMIT, |net| async move {
        let server = server(net).tls(certificate()).tls_leaves_with_handshake();
        let resolver = opportunistic(server);
        let mut origins = Vec::new();
        let mut connections = Vec::new();
        for name in ["one.test", "two.test"] {
            net.dns(name).aaaa([net.host("2001:db8::1")]);
            origins.push(lookup(&resolver, name).await.ok().map(|answer| answer.origin()));
            connections.push(net.tls_connections(server).len());
        }
        let is_bounded = connections[0] <= 2 && connections[1] == connections[0];
        let is_right = is_bounded && origins == [Some(Origin::Udp); 2];
        not_yet(is_right, &format!("{origins:?} with {connections:?} connections"));
    });
}
