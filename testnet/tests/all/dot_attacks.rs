//! Attacks on a name server's opportunistic TLS. They are rows of the table in `torture` that need
//! TLS: N-17 and N-18.

use std::time::Duration;

use he::Origin;
use he::dns::Resolver;
use he_testnet::{Net, internet_for};

use crate::support::dot::{certificate, lookup, opportunistic, server};

const LIMIT: Duration = Duration::from_secs(60);

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
        look_up(net, &resolver, "before", 10).await;
        net.dns("evil.test").aaaa([net.host("2001:db8::2")]).silent_over_tls();
        lookup(&resolver, "evil.test").await.unwrap();
        net.pass(2_500).await;
        look_up(net, &resolver, "after", 40).await;
        let asked = net.asked();
        let others = asked.iter().filter(|it| it.name != "evil.test");
        let plaintext = others.filter(|it| !it.over.is_tls()).count();
        assert_eq!(plaintext, 0, "of {asked:?}");
    });
}

#[test] // N-18, R-7858-3.1d, R-9520-3.1
fn a_port_that_ends_connections_with_the_handshake_is_given_up_after_two() {
    internet_for(LIMIT, |net| async move {
        let server = server(net).tls(certificate()).tls_leaves_with_handshake();
        let resolver = opportunistic(server);
        for name in ["one.test", "two.test"] {
            net.dns(name).aaaa([net.host("2001:db8::1")]);
            let answer = lookup(&resolver, name).await.unwrap();
            assert_eq!(answer.origin(), Origin::Udp);
            assert_eq!(net.tls_connections(server).len(), 2, "after {name}");
        }
    });
}
