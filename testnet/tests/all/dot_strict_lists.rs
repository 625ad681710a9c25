//! Several strict name servers, and their separation from all others.

use std::time::Duration;

use he::dns::{self, Pin, Resolver};
use he::{Connector, LookupOutcome, Origin};
use he_testnet::{Certificate, NameServer, Net, internet};

use crate::support::dot::DRAINED;
use crate::support::strict::{
    Lab, NAME, Policy, RTT, SERVER, asked, at, connect, fail, peer, within,
};

/// The time of a new connection over TLS 1.3 and an answer.
const COLD: u64 = 3 * RTT;

/// The second server of a list, which has no fault.
fn second(lab: &Lab) -> NameServer {
    let server = lab.net.name_server("192.0.2.2").tls(lab.root.issue(&[NAME, "192.0.2.2"]));
    server.host().rtt(RTT);
    server
}

/// A list of two servers, the first of which has a fault.
struct List {
    first: NameServer,
    second: NameServer,
    connector: Connector,
}

/// The first server fails, or is given up, after this many milliseconds. The second one answers.
async fn takes_over(net: Net, ill: fn(&Lab) -> NameServer, after: u64) -> List {
    let lab = Lab::new(net);
    let (first, second) = (ill(&lab), second(&lab));
    let expected = lab.root.issue(&[]);
    let connector = lab.connector(&[first, second].map(|it| Policy::Name.of(it, &expected)));
    connect(net, &connector, "one.test", after + COLD, second).await;
    net.pass(DRAINED).await;
    List { first, second, connector }
}

/// The first server is silent or unreachable, so the next call asks the second one only.
fn the_second_goes_first(ill: fn(&Lab) -> NameServer, after: u64) {
    internet(move |net| async move {
        let List { first, second, connector } = takes_over(net, ill, after).await;
        let before = asked(net, first).len();
        connect(net, &connector, "two.test", RTT, second).await;
        assert_eq!((asked(net, first).len(), net.log().starts_to(at(first)).len()), (before, 0));
    });
}

#[test] // R-8310-6.6a: a server that is authenticated takes the place of one that is not
fn a_wrong_certificate_costs_two_round_trips_once() {
    the_second_goes_first(|lab| lab.server.tls(lab.root.issue(&["other.test"])), 2 * RTT);
}

#[test]
fn a_closed_port_853_costs_a_round_trip_once() {
    the_second_goes_first(|lab| lab.server.tls_closed(), RTT);
}

#[test] // N-19: each type is refused once more
fn a_refusal_costs_three_round_trips_and_then_one_each_time() {
    internet(|net| async move {
        let ill = |lab: &Lab| lab.server.tls(lab.root.issue(&[NAME])).tls_refuses();
        let List { first, second, connector } = takes_over(net, ill, 3 * RTT).await;
        for (name, refused) in [("two.test", 4), ("three.test", 6)] {
            connect(net, &connector, name, RTT + RTT, second).await;
            assert_eq!(asked(net, first).len(), refused);
        }
        assert_eq!(net.tls_connections(first).len(), 1);
    });
}

#[test] // R-DOT-HE, N-1
fn a_silent_port_853_costs_250_ms_once() {
    the_second_goes_first(|lab| lab.server.tls_silent(), 250);
}

#[test] // N-1
fn a_mute_port_853_costs_250_ms_once() {
    the_second_goes_first(|lab| lab.server.tls(lab.root.issue(&[NAME])).tls_mute(), 250);
}

// The patience counts from the time at which TLS is up.
#[test] // N-1
fn a_server_that_never_answers_costs_two_round_trips_and_250_ms_once() {
    the_second_goes_first(|lab| lab.server.tls(lab.root.issue(&[NAME])).tls_never(), 2 * RTT + 250);
}

#[test] // the error names the wrong certificate, not the silence
fn of_two_bad_servers_the_one_with_the_wrong_certificate_is_told() {
    internet(|net| async move {
        let lab = Lab::new(net);
        let impostor = second(&lab).tls(lab.root.issue(&["other.test"]));
        for first in [lab.server.tls_silent(), lab.server.tls_closed()] {
            let servers =
                [first, impostor].map(|server| Policy::Name.of(server, &lab.root.issue(&[])));
            let connector = lab.connector(&servers).with_config(within(400));
            let error = fail(net, &connector, "www.test").await;
            assert_eq!(
                error.to_string(),
                "name server not authenticated (192.0.2.2:853): \
                 wrong name: the certificate is for other.test, not dns.test"
            );
        }
    });
}

/// The origin of the first answer of a call, whether it was cached, and its first address.
async fn learns(net: Net, resolver: &Resolver) -> (Origin, bool, String) {
    let connector = Connector::new(resolver.clone());
    let dialled = connector.connect_with("www.test", 443, he::Attempt::connect);
    let established = net.call(dialled).await.unwrap();
    match established.report.lookups()[0].outcome() {
        LookupOutcome::Answered(it) => (it.origin(), it.is_cached(), it.addrs()[0].to_string()),
        other => panic!("{other:?}"),
    }
}

#[test] // R-8310-5.1b: an answer that may be forged never serves a strict lookup
fn no_answer_of_another_policy_serves_a_strict_lookup() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        let opportunistic = dns::NameServer::opportunistic((lab.server.ip(), 53).into());
        let udp = dns::NameServer::udp((lab.server.ip(), 53).into());
        let truth = "[2001:db8::1]:0".to_owned();
        for other in [udp, opportunistic] {
            let other = lab.resolver(&[other]);
            let _ = net.dns("www.test").aaaa([net.host("2001:db8::bad")]);
            let (_, _, forged) = learns(net, &other).await;
            assert_eq!(forged, "[2001:db8::bad]:0");
            let _ = net.dns("www.test").aaaa([peer(net)]);
            for policy in [Policy::Name, Policy::Pinned] {
                let strict = lab.resolver(&[policy.of(lab.server, &certificate)]);
                assert_eq!(learns(net, &strict).await, (Origin::Tls, false, truth.clone()));
                assert_eq!(net.log().sent_to_port(53), 0);
                assert_eq!(learns(net, &strict).await, (Origin::Tls, true, truth.clone()));
            }
            let (_, cached, still) = learns(net, &other).await;
            assert_eq!((cached, still), (true, forged));
        }
    });
}

#[test] // the same holds for connections and sessions
fn no_connection_of_another_policy_serves_a_strict_lookup() {
    internet(|net| async move {
        let lab = Lab::new(net);
        let certificate = Certificate::self_signed(&[NAME, SERVER]);
        lab.server.tls(certificate.clone());
        let _ = net.dns("www.test").aaaa([peer(net)]);
        let opportunistic = dns::NameServer::opportunistic((lab.server.ip(), 53).into());
        let opportunistic = lab.resolver(&[opportunistic]).with_plain_delay(Duration::from_secs(2));
        assert_eq!(learns(net, &opportunistic).await.0, Origin::Tls);
        let pinned = lab.resolver(&[Policy::Pinned.of(lab.server, &certificate)]);
        assert_eq!(learns(net, &pinned).await.0, Origin::Tls);
        let before = asked(net, lab.server).len();
        for policy in [Policy::Name, Policy::Address] {
            let strict = lab.connector(&[policy.of(lab.server, &certificate)]);
            assert_eq!(
                fail(net, &strict, "www.test").await.to_string(),
                "name server not authenticated (192.0.2.1:853): \
                 unknown issuer: no trusted root leads to it"
            );
        }
        assert_eq!(asked(net, lab.server).len(), before);
        assert!(net.tls_connections(lab.server).iter().all(|it| !it.resumed));
    });
}

#[test] // R-7858-4.2d, R-8310-5.1b
fn a_mixed_list_is_refused_and_no_packet_leaves() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        let addr = (lab.server.ip(), 53).into();
        let strict = Policy::Name.of(lab.server, &certificate);
        let pinned = strict.clone().with_pin(Pin::key_sha256(certificate.key_sha256())).unwrap();
        let others = [
            dns::NameServer::opportunistic(addr),
            dns::NameServer::udp(addr),
            dns::NameServer::tcp(addr),
        ];
        let mixed = |one: &dns::NameServer, other: &dns::NameServer| {
            Resolver::name_servers([one.clone(), other.clone()]).unwrap_err();
            Resolver::name_servers([other.clone(), one.clone()]).unwrap_err().to_string()
        };
        others.iter().for_each(|other| drop([mixed(&strict, other), mixed(&pinned, other)]));
        let text = mixed(&pinned, &strict);
        assert!(text.starts_with("tls:192.0.2.1!dns.test (strict) and tls:192.0.2.1"), "{text}");
        net.pass(50).await;
        assert_eq!(net.whole_log().sent_to(lab.server.host()), 0);
    });
}

#[test] // the resolver forgets what it knows about servers, and keeps the policy
fn after_a_change_of_network_a_strict_server_is_still_strict() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        let resolver = lab.resolver(&[Policy::Name.of(lab.server, &certificate)]);
        let connector = Connector::new(resolver.clone());
        connect(net, &connector, "one.test", COLD, lab.server).await;
        lab.server.tls(Certificate::self_signed(&[NAME]));
        he::Resolve::network_changed(&resolver);
        assert_eq!(
            fail(net, &connector, "two.test").await.to_string(),
            "name server not authenticated (192.0.2.1:853): \
             unknown issuer: no trusted root leads to it"
        );
        lab.server.tls(certificate);
        he::Resolve::network_changed(&resolver);
        connect(net, &connector, "two.test", COLD, lab.server).await;
    });
}
