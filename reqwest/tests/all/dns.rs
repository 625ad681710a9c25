//! Addresses for reqwest: their time and order in tokio's paused time, then reqwest's own client
//! with servers on loopback.

use std::error::Error as _;
use std::future::pending;
use std::sync::{Arc, Mutex};

use he::{Connector, Error, ErrorKind, Family, LookupErrorKind, Outcome, Query, Record, Resolving};
use he_reqwest::Dns;
use he_test_support::dialled::{Watch, paused, settle, tasks};
use he_test_support::net::Peer::{Accepts, Refuses};
use he_test_support::net::{self, Peers, Reports, Table};
use he_test_support::web;
use he_test_support::{A, Aaaa, World, script};
use reqwest::dns::Resolve;
use tokio::time::{Duration, sleep};

/// The answer for reqwest, and its time in ms.
struct Answered {
    at: u64,
    addrs: Result<Vec<String>, String>,
}

/// Asks once, and checks that no lookup or task is left.
fn play(world: &World) -> Answered {
    paused(async {
        let watch = Watch::begins_now();
        let dns = Dns::new(world.connector(&watch));
        let answer = dns.resolve(world.host.parse().unwrap()).await;
        let at = watch.now();
        let [report] = &watch.reports()[..] else { panic!("one report a lookup") };
        assert!(report.attempts().is_empty());
        assert_eq!((report.not_tried(), report.ports()), (0, &[][..]));
        let addrs = match answer {
            Ok(addrs) => {
                assert_eq!(report.outcome(), Outcome::Resolved);
                Ok(addrs.map(|addr| addr.to_string()).collect())
            }
            Err(error) => {
                let error = Error::find_in(&*error).unwrap();
                assert_eq!(report.outcome(), Outcome::Failed(error.kind()));
                Err(error.to_string())
            }
        };
        sleep(Duration::from_millis(1_001)).await;
        assert_eq!((watch.lookups.count(), tasks()), (0, 0));
        Answered { at, addrs }
    })
}

fn assert_answer(world: &World, at: u64, addrs: &[&str]) {
    let answered = play(world);
    let addrs = addrs.iter().map(|addr| (*addr).to_owned()).collect();
    assert_eq!((answered.at, answered.addrs), (at, Ok(addrs)));
}

#[test] // R-V3-4.2b, C-RD
fn an_aaaa_that_is_never_answered_costs_50_ms() {
    assert_answer(&script().dns(A, 5, &["192.0.2.1"]), 55, &["192.0.2.1:0"]);
}

#[test] // R-V3-4.2a
fn a_negative_aaaa_costs_nothing() {
    let world = script().dns(A, 5, &["192.0.2.1"]);
    for why in [LookupErrorKind::NoRecords, LookupErrorKind::ServerFailure] {
        assert_answer(&world.clone().dns_fails(Aaaa, 7, why), 7, &["192.0.2.1:0"]);
    }
    assert_answer(&world.no_route(Aaaa), 5, &["192.0.2.1:0"]);
}

#[test]
fn an_a_that_is_never_answered_costs_nothing() {
    assert_answer(&script().dns(Aaaa, 5, &["2001:db8::1"]), 5, &["[2001:db8::1]:0"]);
}

#[test] // R-8305-4a, R-8305-4c
fn all_known_addresses_come_in_the_order_of_the_race() {
    let world = script().dns(A, 5, &["192.0.2.1", "192.0.2.2"]).dns(
        Aaaa,
        30,
        &["2001:db8::11", "2001:db8::12", "2001:db8::13"],
    );
    let ordered =
        ["[2001:db8::11]:0", "192.0.2.1:0", "[2001:db8::12]:0", "192.0.2.2:0", "[2001:db8::13]:0"];
    assert_answer(&world, 30, &ordered);
    // RFC 6724 rule 1: avoid unusable destinations.
    let world = world.source("2001:db8::11", None);
    let reordered = [ordered[2], ordered[1], ordered[4], ordered[3], ordered[0]];
    assert_answer(&world, 30, &reordered);
    let v4_only = world.config(|config| config.with_family(Family::V4Only));
    assert_answer(&v4_only, 5, &["192.0.2.1:0", "192.0.2.2:0"]);
}

#[test]
fn an_address_that_the_gate_refuses_is_left_out() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let world = script().dns_fails(Aaaa, 1, LookupErrorKind::NoRecords).allow(move |addr| {
        seen.lock().unwrap().push(addr.to_string());
        he::is_public(addr)
    });
    let mixed = world.clone().dns(A, 1, &["10.0.0.1", "193.30.40.138", "127.0.0.1"]);
    assert_answer(&mixed, 1, &["193.30.40.138:0"]);
    assert_eq!(*asked.lock().unwrap(), ["10.0.0.1:0", "193.30.40.138:0", "127.0.0.1:0"]);
    let answered = play(&world.dns(A, 1, &["10.0.0.1"]));
    let text = "cannot connect to example.com: every address is forbidden; AAAA: no records; \
                A: 1 address; 10.0.0.1: forbidden";
    assert_eq!((answered.at, answered.addrs), (1, Err(text.to_owned())));
}

#[test]
fn an_error_lists_the_lookups() {
    let negative = script().dns_fails(Aaaa, 1, LookupErrorKind::NoSuchName).dns_fails(
        A,
        2,
        LookupErrorKind::NoSuchName,
    );
    for (world, at, text) in [
        (negative, 2, "no such name; AAAA: no such name; A: no such name"),
        (script(), 3_000, "lookup failed; AAAA: no answer after 3s; A: no answer after 3s"),
        (
            script().config(|config| config.with_total_timeout(Duration::from_millis(700))),
            700,
            "timed out after 700ms; AAAA: still asking after 700ms; A: still asking after 700ms",
        ),
        (
            script().config(|config| config.with_connect_delay(Duration::ZERO)),
            0,
            "connect_delay must be from 10 ms to 2 s (RFC 8305 section 8)",
        ),
        (script().host("a.invalid"), 0, "names under .invalid never exist (RFC 6761)"),
    ] {
        let answered = play(&world);
        let text = format!("cannot connect to {}: {text}", world.host);
        assert_eq!((answered.at, answered.addrs), (at, Err(text)));
    }
}

// It fills the cache of the resolver.
#[test] // R-8305-5l, C-DRAIN
fn a_late_lookup_continues_for_a_second() {
    for (at, left) in [(900, 0), (1_100, 1)] {
        let world = script().dns(Aaaa, 0, &["2001:db8::1"]).dns(A, at, &["192.0.2.1"]);
        paused(async {
            let watch = Watch::begins_now();
            let dns = Dns::new(world.connector(&watch));
            assert_eq!(dns.resolve(world.host.parse().unwrap()).await.unwrap().count(), 1);
            sleep(Duration::from_millis(950)).await;
            assert_eq!(watch.lookups.count(), left);
            sleep(Duration::from_millis(100)).await;
            assert_eq!((watch.lookups.count(), tasks()), (0, 0));
        });
    }
}

#[test]
fn dropping_a_lookup_ends_it() {
    let world = script();
    paused(async {
        let watch = Watch::begins_now();
        let dns = Dns::new(world.connector(&watch));
        let mut lookup = dns.resolve(world.host.parse().unwrap());
        net::poll_pending(lookup.as_mut());
        assert_eq!(watch.lookups.count(), 2);
        drop(lookup);
        settle().await;
        assert_eq!((watch.lookups.count(), tasks()), (0, 0));
        assert_eq!(watch.reports()[0].outcome(), Outcome::Dropped);
    });
}

fn client(connector: Connector) -> reqwest::Client {
    reqwest::Client::builder().no_proxy().dns_resolver(Dns::new(connector)).build().unwrap()
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn reqwest_connects_to_the_addresses_on_the_port_of_its_url() {
    let peers = Peers::new(&[("127.0.0.1", Refuses), ("127.0.0.2", Accepts)]);
    let guests = web::serve(peers.listener(1));
    let table = Table::of(peers.ips());
    let answers = table.clone();
    // AAAA is never answered.
    let (connector, reports) =
        Reports::of(Connector::new(move |query: &Query| match query.record() {
            Record::Aaaa => Resolving::new(pending()),
            Record::A | _ => Resolving::ready(answers.answer(query.record())),
        }));
    let client = client(connector);
    for path in ["/first", "/second"] {
        let url = format!("http://service.test:{}{path}", peers.port);
        let response = client.get(url).send().await.unwrap();
        assert_eq!(response.remote_addr(), Some(peers.addr(1)));
        assert_eq!(response.text().await.unwrap(), format!("{path} over h1"));
    }
    assert_eq!(guests.came().len(), 1);
    let report = reports.only();
    assert_eq!((report.host(), report.outcome()), ("service.test", Outcome::Resolved));
    assert_eq!(serde_json::to_value(&report).unwrap()["outcome"], "resolved");
    let drawn = report.to_string();
    assert!(drawn.lines().last().unwrap().starts_with("  resolved after "), "{drawn}");
}

#[tokio::test]
async fn the_error_is_among_the_causes_of_reqwests_error() {
    let client = client(Connector::new(Table::default()));
    let error = client.get("http://service.test/").send().await.unwrap_err();
    assert!(error.is_dns() && error.is_connect());
    let found = Error::find_in(&error).unwrap();
    assert_eq!(found.kind(), ErrorKind::NoAddress);
    assert_eq!(
        found.to_string(),
        "cannot connect to service.test: no usable address; AAAA: no records; A: no records"
    );
    assert!(error.source().is_some());
}

// The documentation warns of it: reqwest connects to an address without a lookup.
#[tokio::test]
async fn the_gate_is_not_asked_for_an_address_in_a_url() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    web::serve(peers.listener(0));
    let (connector, reports) = Reports::of(Connector::new(Table::of(peers.ips())));
    let client = client(connector.with_gate(|_| false));
    let named = format!("http://service.test:{}/", peers.port);
    let error = client.get(named).send().await.unwrap_err();
    assert_eq!(Error::find_in(&error).unwrap().kind(), ErrorKind::Forbidden);
    assert_eq!(reports.only().outcome(), Outcome::Failed(ErrorKind::Forbidden));
    let literal = format!("http://{}/", peers.addr(0));
    assert_eq!(client.get(literal).send().await.unwrap().status(), 200);
    assert_eq!(reports.count(), 0);
}
