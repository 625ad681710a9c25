//! Addresses without a connection: their time and order in tokio's paused time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use he::{Connector, Error, ErrorKind, Family, LookupErrorKind, Outcome, Ports, Resolved};
use he_test_support::dialled::{Watch, paused, settle, tasks};
use he_test_support::net::poll_pending;
use he_test_support::{A, Aaaa, World, script};
use tokio::time::sleep;

/// The result of a call, and its time in ms.
struct Played {
    at: u64,
    result: Result<Resolved, Error>,
}

impl Played {
    fn texts(&self) -> Result<Vec<String>, String> {
        let addrs = |it: &Resolved| it.addrs().iter().map(ToString::to_string).collect();
        self.result.as_ref().map(addrs).map_err(ToString::to_string)
    }
}

/// Resolves once, and checks the report, and that no lookup or task is left.
fn play(world: &World, ports: Option<Ports>) -> Played {
    paused(async {
        let watch = Watch::begins_now();
        let connector = world.connector(&watch);
        let result = match ports.clone() {
            Some(ports) => connector.resolve_for(&world.host, ports).await,
            None => connector.resolve(&world.host).await,
        };
        let at = watch.now();
        let [report] = &watch.reports()[..] else { panic!("one report a call") };
        assert!(report.attempts().is_empty());
        let ports = ports.unwrap_or_default();
        assert_eq!((report.not_tried(), report.ports()), (0, ports.as_slice()));
        let outcome = match &result {
            Ok(_) => Outcome::Resolved,
            Err(error) => Outcome::Failed(error.kind()),
        };
        assert_eq!(report.outcome(), outcome);
        sleep(Duration::from_millis(1_001)).await;
        assert_eq!((watch.lookups.count(), tasks()), (0, 0));
        Played { at, result }
    })
}

#[track_caller]
fn assert_resolves(world: &World, at: u64, addrs: &[&str]) {
    let played = play(world, None);
    let addrs = addrs.iter().map(|addr| (*addr).to_owned()).collect();
    assert_eq!((played.at, played.texts()), (at, Ok(addrs)));
}

#[test] // R-V3-4.2b, C-RD
fn an_aaaa_that_is_never_answered_costs_50_ms() {
    assert_resolves(&script().dns(A, 5, &["192.0.2.1"]), 55, &["192.0.2.1:0"]);
}

#[test] // R-V3-4.2a
fn a_negative_aaaa_costs_nothing() {
    let world = script().dns(A, 5, &["192.0.2.1"]);
    for why in [LookupErrorKind::NoRecords, LookupErrorKind::ServerFailure] {
        assert_resolves(&world.clone().dns_fails(Aaaa, 7, why), 7, &["192.0.2.1:0"]);
    }
    assert_resolves(&world.no_route(Aaaa), 5, &["192.0.2.1:0"]);
}

#[test]
fn an_a_that_is_never_answered_costs_nothing() {
    assert_resolves(&script().dns(Aaaa, 5, &["2001:db8::1"]), 5, &["[2001:db8::1]:0"]);
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
    assert_resolves(&world, 30, &ordered);
    // RFC 6724 rule 1: avoid unusable destinations.
    let world = world.source("2001:db8::11", None);
    let reordered = [ordered[2], ordered[1], ordered[4], ordered[3], ordered[0]];
    assert_resolves(&world, 30, &reordered);
    let v4_only = world.config(|config| config.with_family(Family::V4Only));
    assert_resolves(&v4_only, 5, &["192.0.2.1:0", "192.0.2.2:0"]);
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
    assert_resolves(&mixed, 1, &["193.30.40.138:0"]);
    assert_eq!(*asked.lock().unwrap(), ["10.0.0.1:0", "193.30.40.138:0", "127.0.0.1:0"]);
    let played = play(&world.dns(A, 1, &["10.0.0.1"]), None);
    let text = "cannot connect to example.com: every address is forbidden; AAAA: no records; \
                A: 1 address; 10.0.0.1: forbidden";
    assert_eq!((played.at, played.texts()), (1, Err(text.to_owned())));
    assert_eq!(played.result.unwrap_err().kind(), ErrorKind::Forbidden);
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
        (script(), 5_000, "lookup failed; AAAA: no answer after 5s; A: no answer after 5s"),
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
        let played = play(&world, None);
        let text = format!("cannot connect to {}: {text}", world.host);
        assert_eq!((played.at, played.texts()), (at, Err(text)));
    }
}

// It fills the cache of the resolver.
#[test] // R-8305-5l, C-DRAIN
fn a_late_lookup_continues_for_a_second() {
    for (at, left) in [(900, 0), (1_100, 1)] {
        let world = script().dns(Aaaa, 0, &["2001:db8::1"]).dns(A, at, &["192.0.2.1"]);
        paused(async {
            let watch = Watch::begins_now();
            let resolved = world.connector(&watch).resolve(&world.host).await.unwrap();
            assert_eq!(resolved.into_addrs().len(), 1);
            sleep(Duration::from_millis(950)).await;
            assert_eq!(watch.lookups.count(), left);
            sleep(Duration::from_millis(100)).await;
            assert_eq!((watch.lookups.count(), tasks()), (0, 0));
        });
    }
}

#[test]
fn dropping_the_future_ends_its_lookups() {
    let world = script();
    paused(async {
        let watch = Watch::begins_now();
        let mut resolving = Box::pin(world.connector(&watch).resolve(&world.host));
        poll_pending(resolving.as_mut());
        assert_eq!(watch.lookups.count(), 2);
        drop(resolving);
        settle().await;
        assert_eq!((watch.lookups.count(), tasks()), (0, 0));
        assert_eq!(watch.reports()[0].outcome(), Outcome::Dropped);
    });
}

// F-16: the family alternates before the port.
#[test]
fn with_ports_every_address_has_each_of_them_in_the_order_of_the_race() {
    let world = script().dns(Aaaa, 1, &["2001:db8::1", "2001:db8::2"]).dns(A, 1, &["192.0.2.1"]);
    let played = play(&world, Some(Ports::from([465, 587])));
    let expected = [
        "[2001:db8::1]:465",
        "192.0.2.1:465",
        "[2001:db8::1]:587",
        "192.0.2.1:587",
        "[2001:db8::2]:465",
        "[2001:db8::2]:587",
    ];
    assert_eq!(played.texts().unwrap(), expected);
    let ips: Vec<_> = played.result.unwrap().ips().map(|ip| ip.to_string()).collect();
    assert_eq!(ips, ["2001:db8::1", "192.0.2.1", "2001:db8::2"]);
}

#[test]
fn with_ports_the_gate_is_asked_for_each_of_them() {
    let world = script()
        .dns_fails(Aaaa, 1, LookupErrorKind::NoRecords)
        .dns(A, 1, &["192.0.2.1", "192.0.2.2"])
        .allow(|addr| addr.port() != 465);
    let played = play(&world, Some(Ports::from([465, 587])));
    assert_eq!(played.texts().unwrap(), ["192.0.2.1:587", "192.0.2.2:587"]);
    let skipped = played.result.unwrap().report().skipped().to_vec();
    let skipped: Vec<_> = skipped.iter().map(ToString::to_string).collect();
    assert_eq!(skipped, ["192.0.2.1:465: forbidden", "192.0.2.2:465: forbidden"]);
}

#[test]
fn bad_ports_are_refused_as_by_a_call_that_connects() {
    for (ports, why) in [
        (Ports::default(), "the list of ports is empty"),
        (Ports::from([443, 0]), "port 0 cannot be connected to"),
    ] {
        let played = play(&script(), Some(ports));
        assert_eq!(played.result.as_ref().unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(played.texts().unwrap_err(), format!("cannot connect to example.com: {why}"));
    }
}

#[test] // R-3493-LIT, R-6761-6.3a
fn a_literal_and_localhost_need_no_lookup() {
    for (host, addrs) in [
        ("192.0.2.1", &["192.0.2.1:0"][..]),
        ("[2001:db8::1]", &["[2001:db8::1]:0"]),
        ("localhost", &["[::1]:0", "127.0.0.1:0"]),
    ] {
        assert_resolves(&script().host(host), 0, addrs);
    }
    paused(async {
        let resolved = Connector::without_resolver().resolve("fe80::1%1").await.unwrap();
        assert_eq!(resolved.addrs()[0].to_string(), "[fe80::1%1]:0");
        assert_eq!(resolved.ips().next().unwrap().to_string(), "fe80::1");
    });
}
