//! Requests by hyper-util's client over the https connector, in which TLS is a part of the race.

use std::time::Duration;

use he::rustls::{HttpsConnector, Tls, Trust};
use he::{Outcome, Report};
use he_testnet::{Authority, Host, Net, internet, words};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::connect::HttpInfo;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;

const BOTH: [&str; 2] = ["h2", "http/1.1"];

/// `www.test` on two hosts with a good certificate, and the root that issued it.
fn hosts(net: Net) -> ([Host; 2], Authority) {
    let root = Authority::new();
    let certificate = root.issue(&["www.test"]);
    let hosts = [net.host("2001:db8::1"), net.host("198.51.100.1")];
    for host in hosts {
        host.https(&certificate, &BOTH);
    }
    net.dns("www.test").aaaa([hosts[0]]).a([hosts[1]]);
    (hosts, root)
}

type Web = Client<HttpsConnector, Empty<Bytes>>;

fn client(net: Net, root: &Authority) -> Web {
    let tls = Tls::new(Trust::roots(root.roots()));
    let connector = HttpsConnector::new(net.connector()).with_tls(tls);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// The body and the head of a response.
async fn get(client: &Web) -> Result<(String, http::response::Parts), Error> {
    let (head, body) =
        client.get(http::Uri::from_static("https://www.test/path")).await?.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Ok((String::from_utf8_lossy(&body).into_owned(), head))
}

/// Asserts that a request makes these attempts and goes to this host over a new connection, and
/// that the next request makes no attempt.
async fn goes_to(net: Net, client: &Web, winner: Host, starts: &[(Host, u64)], ends: [&str; 2]) {
    let (body, head) = net.call(get(client)).await.expect("a response");
    assert_eq!(body, "/path over h2");
    net.assert_starts(starts);
    let report: &Report = head.extensions.get().expect("a report");
    assert_eq!(words(report)[2..], ends[..starts.len()]);
    let info: &HttpInfo = head.extensions.get().expect("the addresses");
    assert!(winner.is(info.remote_addr()), "{info:?}");
    // TCP, TLS 1.3, and the request take a round trip each.
    net.assert_returned(starts[starts.len() - 1].1 + 3 * 20);
    let (body, _) = net.call(get(client)).await.expect("a response");
    assert_eq!((&*body, net.log().starts().len()), ("/path over h2", 0));
    net.assert_returned(20);
}

const V4_WON: &str = "198.51.100.1:443: won";

#[test] // R-V3-6.1b
fn a_request_over_healthy_paths_goes_over_ipv6() {
    internet(|net| async move {
        let ([v6, _], root) = hosts(net);
        let won = ["[2001:db8::1]:443: won", ""];
        goes_to(net, &client(net, &root), v6, &[(v6, 0)], won).await;
    });
}

#[test] // R-8305-5c
fn a_request_past_a_silent_address_costs_one_connect_delay() {
    internet(|net| async move {
        let ([v6, v4], root) = hosts(net);
        v6.silent();
        let ends = ["[2001:db8::1]:443: cancelled", V4_WON];
        goes_to(net, &client(net, &root), v4, &[(v6, 0), (v4, 250)], ends).await;
        net.let_go(v6).await;
    });
}

#[test] // S28, R-V3-6.1b, R-V3-6.1c
fn tls_that_is_never_answered_loses_to_the_other_family() {
    internet(|net| async move {
        let ([v6, v4], root) = hosts(net);
        v6.answers_never();
        let ends = ["[2001:db8::1]:443: cancelled", V4_WON];
        goes_to(net, &client(net, &root), v4, &[(v6, 0), (v4, 250)], ends).await;
        net.let_go(v6).await;
    });
}

#[test] // S28, R-V3-6.1d, F-18
fn while_tls_is_spoken_the_next_attempt_waits_for_its_expected_end() {
    internet(|net| async move {
        let ([v6, v4], root) = hosts(net);
        v6.rtt(60).answers_never();
        let ends = ["[2001:db8::1]:443: cancelled", V4_WON];
        let next = 60 + 3 * 60 + 100;
        goes_to(net, &client(net, &root), v4, &[(v6, 0), (v4, next)], ends).await;
    });
}

#[test] // R-V3-6.1d, F-18
fn a_handshake_that_ends_within_that_time_starts_no_other() {
    internet(|net| async move {
        let ([v6, _], root) = hosts(net);
        v6.rtt(90).https_after(120, &root.issue(&["www.test"]), &BOTH);
        let client = client(net, &root);
        net.call(get(&client)).await.expect("a response");
        // The handshake ends at 300 ms, and the next attempt would start at 460 ms.
        net.assert_starts(&[(v6, 0)]);
        net.assert_returned(90 + 120 + 90 + 90);
    });
}

#[test] // R-V3-6.1b, R-8305-5f
fn a_reset_after_the_client_hello_is_followed_at_once() {
    internet(|net| async move {
        let ([v6, v4], root) = hosts(net);
        v6.accepts_then_resets();
        let ends = ["[2001:db8::1]:443: connection reset", V4_WON];
        goes_to(net, &client(net, &root), v4, &[(v6, 0), (v4, 40)], ends).await;
    });
}

#[test] // R-V3-6.1b, R-8305-5f
fn a_server_that_closes_instead_of_a_handshake_is_followed_at_once() {
    internet(|net| async move {
        let ([v6, v4], root) = hosts(net);
        v6.accepts_then_closes();
        let (body, head) = net.call(get(&client(net, &root))).await.expect("a response");
        assert_eq!(body, "/path over h2");
        net.assert_starts(&[(v6, 0), (v4, 40)]);
        let report: &Report = head.extensions.get().expect("a report");
        // RST answers a ClientHello that crosses the FIN.
        let reported = report.attempts()[0].to_string();
        let closed = ["closed during the TLS handshake", "connection reset"];
        assert!(closed.iter().any(|how| reported.contains(how)), "{reported}");
    });
}

#[test] // R-V3-6.1c, R-8305-5f
fn a_wrong_certificate_on_one_address_loses_to_a_right_one_at_once() {
    internet(|net| async move {
        let ([v6, v4], root) = hosts(net);
        v6.https(&root.issue(&["other.test"]), &BOTH);
        let ends = ["[2001:db8::1]:443: invalid data", V4_WON];
        goes_to(net, &client(net, &root), v4, &[(v6, 0), (v4, 40)], ends).await;
    });
}

#[test]
fn a_request_that_is_dropped_within_a_handshake_leaves_nothing_behind() {
    internet(|net| async move {
        let ([v6, v4], root) = hosts(net);
        v6.answers_never();
        v4.silent();
        let (seen, reports) = std::sync::mpsc::channel();
        let connector = net.connector();
        connector.on_report(move |report| {
            seen.send(report.clone()).expect("a listener");
        });
        let tls = Tls::new(Trust::roots(root.roots()));
        let connector = HttpsConnector::new(connector).with_tls(tls);
        let client: Web = Client::builder(TokioExecutor::new()).build(connector);
        let request = tokio::time::timeout(Duration::from_millis(300), get(&client));
        assert!(net.call(request).await.is_err(), "no server has answered");
        if net.was_late_by(20) {
            return;
        }
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        assert_eq!(reports.recv().expect("a report").outcome(), Outcome::Dropped);
        net.let_go(v6).await;
        net.let_go(v4).await;
        net.pass(1300).await; // the next attempt's time, and the kernel's second
        assert_eq!((net.log().starts().len(), net.sockets()), (2, vec![]));
    });
}
