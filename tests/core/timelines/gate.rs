//! The gate: every address is shown to it before anything is done with it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use he::race::{Race, Step, Surroundings};
use he::{Answer, Config, ErrorKind, Reason, Record, SourceAddrs};
use he_test_support::addr::addrs;
use he_test_support::{A, Aaaa, Played, World, addr, script};

use crate::machine::Play;

/// What a gate was asked, in order, and the world that it stands before.
fn asked(world: World) -> (Played, Vec<SocketAddr>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let played = world.allow({
        let seen = seen.clone();
        move |addr| {
            seen.lock().unwrap().push(addr);
            true
        }
    });
    let played = played.run();
    let seen = seen.lock().unwrap().clone();
    (played, seen)
}

fn public(addr: SocketAddr) -> bool {
    match addr.ip() {
        IpAddr::V4(v4) => !v4.is_private() && !v4.is_loopback(),
        IpAddr::V6(v6) => !v6.is_loopback(),
    }
}

// A refused address is not dialled, and the report names it.
#[test]
fn a_refused_address_is_passed_over() {
    let world = script().dns(Aaaa, 30, &[]).dns(A, 30, &["10.0.0.1", "192.0.2.1"]);
    let played = world.accepts("192.0.2.1", 20).allow(public).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect 192.0.2.1:443
        50ms connected 192.0.2.1:443
        ",
    );
    let passed = played.report.skipped();
    assert_eq!(passed.len(), 1);
    assert_eq!((passed[0].addr, passed[0].reason), (addr("10.0.0.1#443"), Reason::Forbidden));
}

// A refused answer is no address: it neither starts the clock nor an attempt.
#[test] // R-V3-4.2a, F-1
fn a_refused_answer_starts_no_clock() {
    script()
        .dns(A, 30, &["10.0.0.1"])
        .dns(Aaaa, 500, &["2001:db8::1"])
        .accepts("2001:db8::1", 20)
        .allow(public)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            500ms connect [2001:db8::1]:443
            520ms connected [2001:db8::1]:443
            ",
        );
}

// Every address refused is a kind of failure of its own.
#[test]
fn a_gate_that_refuses_everything_fails_the_connect() {
    let world = script().dns(Aaaa, 30, &["2001:db8::1"]).dns(A, 31, &["192.0.2.1"]);
    world.allow(|_| false).plays(
        "
        0ms ask AAAA
        0ms ask A
        31ms failed: every address is forbidden
        ",
    );
    let negative = script().dns(Aaaa, 30, &[]).dns(A, 31, &["10.0.0.1"]);
    negative.allow(public).plays(
        "
        0ms ask AAAA
        0ms ask A
        31ms failed: every address is forbidden
        ",
    );
}

// It judges literals, localhost, lists and late answers like any other.
#[test]
fn the_gate_holds_for_addresses_of_every_origin() {
    let refused = "0ms failed: every address is forbidden";
    script().host("10.0.0.1").allow(public).plays(refused);
    script().host("::ffff:10.0.0.1").allow(public).plays(refused);
    script().host("localhost").allow(public).plays(refused);
    script().addrs(&["10.0.0.1#443", "127.0.0.1#443", "::1#443"]).allow(public).plays(refused);
    script()
        .dns(Aaaa, 30, &["2001:db8::1"])
        .dns(A, 700, &["10.0.0.1"])
        .refuses("2001:db8::1", 1)
        .allow(public)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            30ms connect [2001:db8::1]:443
            700ms failed: every attempt failed
            ",
        );
}

// It is asked once for every address and port, mapped addresses as IPv4, before any attempt.
#[test] // F-14, F-15
fn the_gate_is_asked_once_for_each_endpoint() {
    let world = script().ports(&[443, 80]).dns(Aaaa, 30, &["2001:db8::1", "::ffff:192.0.2.1"]);
    let (_, seen) = asked(world.dns(A, 30, &["192.0.2.1"]));
    let expected = ["2001:db8::1#443", "2001:db8::1#80", "192.0.2.1#443", "192.0.2.1#80"];
    assert_eq!(seen, addrs(&expected));
    let (_, seen) = asked(script().addrs(&["192.0.2.1#443", "192.0.2.2#80", "192.0.2.1#443"]));
    assert_eq!(seen, addrs(&["192.0.2.1#443", "192.0.2.2#80"]));
}

// One port refused: the address is dialled on the others.
#[test]
fn a_port_can_be_refused_alone() {
    let world = script().host("192.0.2.1").ports(&[25, 443]).accepts("192.0.2.1", 20);
    world.allow(|addr| addr.port() != 25).plays(
        "
        0ms connect 192.0.2.1:443
        20ms connected 192.0.2.1:443
        ",
    );
}

// Not even the question for a source address is asked for a refused address.
#[test]
fn the_source_of_a_refused_address_is_never_asked_for() {
    let probed = Arc::new(Mutex::new(Vec::new()));
    let sources = SourceAddrs::new({
        let probed = probed.clone();
        move |addrs: &[SocketAddr]| {
            probed.lock().unwrap().extend_from_slice(addrs);
            addrs.iter().map(|addr| Some(addr.ip())).collect()
        }
    });
    let now = Instant::now();
    let mut race = Race::new("example.com", [443], Config::new(), now).unwrap();
    race = race
        .with_surroundings(Surroundings::default().with_source_addrs(sources).with_gate(public));
    assert_eq!(race.poll(now), Step::Resolve(0, Record::Aaaa));
    assert_eq!(race.poll(now), Step::Resolve(1, Record::A));
    race.resolved(0, Ok(Answer::from(addrs(&["2001:db8:7::1", "::1"]))), now);
    let v4 = addrs(&["10.0.0.1", "198.51.100.1", "127.0.0.1"]);
    race.resolved(1, Ok(Answer::from(v4)), now);
    assert_eq!(race.poll(now), Step::Connect(0, addr("2001:db8:7::1#443")));
    let probed: Vec<IpAddr> = probed.lock().unwrap().iter().map(SocketAddr::ip).collect();
    // Both answers are there, so nobody asks for the default routes either (R-V3-4.2e).
    let expected = ["2001:db8:7::1", "198.51.100.1"];
    assert_eq!(probed, expected.map(|ip| addr(ip).ip()));
}

// What the gate refuses takes no place among the 64.
#[test]
fn refused_addresses_take_no_place() {
    let v4: Vec<String> = (1..=200).map(|n| format!("10.0.0.{n}")).collect();
    let mut v4: Vec<&str> = v4.iter().map(String::as_str).collect();
    v4.push("192.0.2.1");
    let world = script().dns(Aaaa, 0, &[]).dns(A, 0, &v4).accepts("192.0.2.1", 20);
    let played = world.allow(public).run();
    assert_eq!(played.attempts, [(0, addr("192.0.2.1#443"))]);
}

// However many useless addresses come with it, an address that was refused is the reason.
#[test]
fn a_refused_address_is_the_reason_behind_any_number_of_useless_ones() {
    let mut answer = vec!["0.0.0.0"; 200];
    answer.push("192.0.2.1");
    let world = script().dns(Aaaa, 0, &[]).dns(A, 0, &answer).allow(|_| false);
    assert_eq!(world.run().error_kind(), Some(ErrorKind::Forbidden));
}

// An address that two answers bring is asked for once, and refused once.
#[test] // F-15
fn an_address_is_asked_for_once() {
    let world = script().dns(Aaaa, 0, &["192.0.2.1"]).dns(A, 5, &["192.0.2.1", "192.0.2.1"]);
    let report = world.allow(|_| false).run().report;
    assert_eq!(report.skipped().len(), 1);
}

// The zone of an address that needs none does not make another endpoint.
#[test] // F-15, E-6
fn a_zone_that_means_nothing_makes_no_second_attempt() {
    let now = Instant::now();
    let same = ["[2001:db8::1]:443", "[2001:db8::1%1]:443"].map(|addr| addr.parse().unwrap());
    let mut race = Race::of_addrs(same, Config::new(), now).unwrap();
    assert_eq!(race.poll(now), Step::Connect(0, addr("2001:db8::1#443")));
    race.failed(0, std::io::ErrorKind::ConnectionRefused.into(), true, now);
    assert_eq!(race.poll(now), Step::Fail(ErrorKind::Connect));
}

// An address that the gate refuses on every port is none of those that are left over.
#[test]
fn what_is_refused_altogether_is_not_counted_as_untried() {
    let forbidden = |addr: SocketAddr| addr.is_ipv4() && addr.port() == 443;
    let world = script().ports(&[443, 80]).dns(Aaaa, 0, &["2001:db8::1"]);
    let world = world.dns(A, 0, &["192.0.2.4", "192.0.2.1"]).accepts("192.0.2.4", 1);
    let played = world.allow(move |addr| addr.is_ipv4() && !forbidden(addr)).plays(
        "
        0ms ask AAAA
        0ms ask A
        0ms connect 192.0.2.4:80
        1ms connected 192.0.2.4:80
        ",
    );
    assert_eq!(played.report.not_tried(), 1, "192.0.2.1:80");
}
