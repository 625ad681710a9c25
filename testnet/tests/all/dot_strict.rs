//! Strict name servers without faults: by name and by address, over both versions of TLS, on
//! connections that end and are made again.

use std::collections::HashSet;
use std::time::Duration;

use he::{Connector, dns};
use he_testnet::{Goodbye, NameServer, Net, Over, TlsConnection, internet};

use crate::support::strict::{Lab, NAME, Policy, RTT, SERVER, asked, at, connect};

/// The time of a new connection and an answer.
const COLD: u64 = 3 * RTT;
/// TLS 1.2 takes one round trip more, unless it resumes a session.
const COLD_12: u64 = 4 * RTT;
/// The time of an answer over an open connection.
const WARM: u64 = RTT;

/// The connections to the server, and whether each of them resumed a session.
fn resumed(net: Net, server: NameServer) -> Vec<bool> {
    net.tls_connections(server).iter().map(|it| it.resumed).collect()
}

fn names(connections: &[TlsConnection]) -> Vec<Option<&str>> {
    let hellos = connections.iter().map(|it| it.hello.as_ref().unwrap());
    hellos.map(|hello| hello.name.as_deref()).collect()
}

#[test] // R-7858-3.1a, R-7858-3.1b, R-7858-3.3a, R-7858-3.3b, R-7858-3.4a, R-8310-11.1a
fn a_strict_server_is_asked_over_one_connection_in_padded_messages() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        for (policy, sni) in [(Policy::Name, Some(NAME)), (Policy::Address, None)] {
            let before = asked(net, lab.server).len();
            let connector = lab.connector(&[policy.of(lab.server, &certificate)]);
            let report = connect(net, &connector, "one.test", COLD, lab.server).await;
            assert_eq!(report.lookups().len(), 2);
            connect(net, &connector, "a-much-longer-name.two.test", WARM, lab.server).await;
            let connection = net.tls_connections(lab.server).pop().unwrap();
            let hello = connection.hello.clone().unwrap();
            assert_eq!((hello.name.as_deref(), hello.alpn.len()), (sni, 0));
            let over = Over::Tls { connection: connection.number, resumed: false };
            let asked = &asked(net, lab.server)[before..];
            let of: HashSet<_> = asked.iter().map(|it| (&it.name, it.record)).collect();
            assert_eq!((asked.len(), of.len()), (4, 4), "AAAA and A of both names");
            assert!(asked.iter().all(|it| it.over == over && it.len % 128 == 0), "{asked:?}");
        }
        assert_eq!(net.whole_log().starts_to(at(lab.server)).len(), 2);
    });
}

#[test] // R-7858-8
fn both_versions_of_tls_will_do() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        for policy in [Policy::Name, Policy::Address, Policy::Pinned, Policy::PinnedAndNamed] {
            let server = [policy.of(lab.server, &certificate)];
            lab.server.tls12();
            connect(net, &lab.connector(&server), "www.test", COLD_12, lab.server).await;
            lab.server.tls13();
            connect(net, &lab.connector(&server), "www.test", COLD, lab.server).await;
        }
        let versions: Vec<_> = net.tls_connections(lab.server).iter().map(|it| it.tls13).collect();
        assert_eq!(versions, [false, true].repeat(4));
    });
}

#[test] // R-8310-8.1a
fn intermediates_lead_to_the_root() {
    internet(|net| async move {
        let lab = Lab::new(net);
        let certificate = lab.root.intermediate().intermediate().issue(&[NAME, SERVER]);
        lab.server.tls(certificate.clone());
        for policy in [Policy::Name, Policy::Address] {
            let connector = lab.connector(&[policy.of(lab.server, &certificate)]);
            connect(net, &connector, "www.test", COLD, lab.server).await;
        }
    });
}

#[test] // R-8310-8.1b: an IPv6 address as subjectAltName, and a wildcard
fn addresses_of_both_families_and_wildcards_are_names() {
    internet(|net| async move {
        let (lab, _) = Lab::good(net);
        let v6 = net.name_server("2001:db8:53::1");
        v6.host().rtt(RTT);
        v6.tls(lab.root.issue(&["2001:db8:53::1"]));
        let strict = dns::NameServer::tls(at(v6));
        connect(net, &lab.connector(&[strict]), "one.test", COLD, v6).await;
        lab.server.tls(lab.root.issue(&["*.dns.test"]));
        let strict = dns::NameServer::tls(at(lab.server)).with_hostname("a.dns.test").unwrap();
        connect(net, &lab.connector(&[strict]), "two.test", COLD, lab.server).await;
        assert_eq!(names(&net.tls_connections(lab.server)), [Some("a.dns.test")]);
        assert_eq!(names(&net.tls_connections(v6)), [None]);
    });
}

/// The server closes the idle connection. Waits until the client has received that.
async fn closes_idle(net: Net, server: NameServer, goodbye: Goodbye) {
    server.tls_closes_idle(0, goodbye);
    let open = || net.tls_connections(server).iter().any(|it| it.ended.is_none());
    net.sees("the server's goodbye", |_| !open()).await;
    server.tls_recovers();
    net.pass(2 * RTT).await;
}

#[test] // R-7858-3.4b, R-7858-3.4c
fn after_an_idle_close_the_session_is_resumed() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        for (version, cold) in
            [(NameServer::tls12 as fn(NameServer) -> _, COLD_12), (NameServer::tls13, COLD)]
        {
            version(lab.server);
            let connector = lab.connector(&[Policy::Name.of(lab.server, &certificate)]);
            let before = net.tls_connections(lab.server).len();
            connect(net, &connector, "one.test", cold, lab.server).await;
            for (goodbye, name) in [
                (Goodbye::Notify, "two.test"),
                (Goodbye::Fin, "3.test"),
                (Goodbye::Reset, "4.test"),
            ] {
                closes_idle(net, lab.server, goodbye).await;
                // TLS 1.2 resumes in one round trip, as 1.3 always does.
                connect(net, &connector, name, COLD, lab.server).await;
            }
            assert_eq!(resumed(net, lab.server)[before..], [false, true, true, true]);
        }
    });
}

#[test] // R-7858-3.4b
fn without_tickets_a_connection_is_made_anew() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        lab.server.tls_without_tickets();
        let connector = lab.connector(&[Policy::Name.of(lab.server, &certificate)]);
        connect(net, &connector, "one.test", COLD, lab.server).await;
        closes_idle(net, lab.server, Goodbye::Fin).await;
        connect(net, &connector, "two.test", COLD, lab.server).await;
        assert_eq!(resumed(net, lab.server), [false, false]);
    });
}

#[test] // R-7858-3.4b
fn a_connection_that_ends_under_a_question_costs_another_one() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        for goodbye in [Goodbye::Notify, Goodbye::Fin, Goodbye::Reset] {
            let connector = lab.connector(&[Policy::Name.of(lab.server, &certificate)]);
            connect(net, &connector, "one.test", COLD, lab.server).await;
            lab.server.tls_closes_at_question(3, goodbye);
            connect(net, &connector, "two.test", RTT + COLD, lab.server).await;
            lab.server.tls_recovers();
        }
        assert_eq!(resumed(net, lab.server), [false, true].repeat(3));
    });
}

#[test] // R-7858-3.4b: a NAT forgets the connection, and no FIN comes
fn a_connection_that_falls_silent_costs_250_ms_and_another_one() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        for policy in [Policy::Name, Policy::Pinned] {
            let connector = lab.connector(&[policy.of(lab.server, &certificate)]);
            connect(net, &connector, "one.test", COLD, lab.server).await;
            lab.server.tls_forgets();
            connect(net, &connector, "two.test", 250 + COLD, lab.server).await;
            connect(net, &connector, "three.test", WARM, lab.server).await;
        }
        assert_eq!(resumed(net, lab.server), [false, true, false, true]);
    });
}

#[test] // R-7858-3.3c
fn answers_come_in_any_order() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        lab.server.tls_shuffles(2);
        let connector = lab.connector(&[Policy::Name.of(lab.server, &certificate)]);
        for (name, at) in [("one.test", COLD), ("two.test", WARM)] {
            connect(net, &connector, name, at, lab.server).await;
        }
        assert_eq!(net.tls_connections(lab.server).len(), 1);
    });
}

#[test] // R-7858-3.4a: for a thousand questions
fn five_hundred_names_at_once_share_one_connection() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        let connector = lab.connector(&[Policy::Name.of(lab.server, &certificate)]);
        let (refused, mut calls) = (net.host("2001:db8::1").refused(), tokio::task::JoinSet::new());
        for n in 0..500 {
            let (name, connector) = (format!("n{n}.test"), connector.clone());
            let _ = net.dns(&name).aaaa([refused]);
            calls.spawn(async move { connector.connect(&name, 443).await.unwrap_err() });
        }
        while let Some(error) = calls.join_next().await {
            assert_eq!(error.unwrap().kind(), he::ErrorKind::Connect);
        }
        assert_eq!(net.tls_connections(lab.server).len(), 1);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // the connection serves the calls after the one that is dropped
fn a_cancelled_connect_does_no_harm() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        let connector: Connector = lab.connector(&[Policy::Name.of(lab.server, &certificate)]);
        for ms in [15, 5] {
            let (wait, name) = (Duration::from_millis(ms), format!("n{ms}.test"));
            let cut = tokio::time::timeout(wait, connector.connect(&name, 443)).await;
            assert!(cut.is_err());
        }
        net.pass(5 * RTT).await;
        connect(net, &connector, "one.test", WARM, lab.server).await;
        assert_eq!(net.tls_connections(lab.server).len(), 1);
    });
}
