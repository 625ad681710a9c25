//! What the caller gives: literals, localhost, names that are never asked, families, bad input.

use std::time::Duration;

use he::{Family, Reason};
use he_test_support::{A, Aaaa, World, addr, script};

use crate::machine::Play;

// A literal needs no name service: the attempt leaves at the call.
#[test] // R-3493-LIT, R-3986-3.2.2, R-4007-11, S17
fn a_literal_is_dialled_at_once() {
    for (host, dialled) in [
        ("192.0.2.1", "192.0.2.1:443"),
        ("2001:db8::1", "[2001:db8::1]:443"),
        ("[2001:db8::1]", "[2001:db8::1]:443"),
        ("fe80::1%1", "[fe80::1%1]:443"),
        ("::ffff:192.0.2.1", "192.0.2.1:443"),
    ] {
        let log = script().host(host).accepts(dialled, 20).run().log;
        assert_eq!(log, [format!("0ms connect {dialled}"), format!("20ms connected {dialled}")]);
    }
}

// localhost is the loopback addresses, IPv6 first, without DNS; nothing leaves, so no distance.
#[test] // R-6761-6.3a, R-6761-6.3b, R-8305-5f, S18
fn localhost_is_not_asked_for() {
    for host in ["localhost", "a.localhost", "LOCALHOST."] {
        script().host(host).refuses("::1", 1).accepts("127.0.0.1", 1).plays(
            "
            0ms connect [::1]:443
            1ms connect 127.0.0.1:443
            2ms connected 127.0.0.1:443
            ",
        );
    }
}

// Names under invalid and onion fail without a query; test and example are like any other.
#[test] // R-6761-6.4, R-7686-2, R-6761-6.2, S18
fn names_that_never_resolve_are_not_asked_for() {
    for host in ["x.invalid", "x.onion"] {
        script().host(host).plays("0ms failed: no such name");
    }
    for host in ["x.test", "example.com", "482910384756", "redis.1"] {
        assert_eq!(script().host(host).run().log[..2], ["0ms ask AAAA", "0ms ask A"]);
    }
}

// What makes no sense is refused before anything leaves.
#[test] // E-9, R-1035-2.3.4, R-3986-3.2.2, R-4007-11, R-8305-5g, R-8305-5h, S13, S15, S17
fn bad_input_is_refused_at_the_door() {
    let long = format!("{}.com", "a".repeat(64));
    for host in ["", " ", "a..b", "127.1", "2130706433", "256.0.0.1", &long] {
        script().host(host).plays("0ms failed: invalid input");
    }
    for host in ["0x7f.1", "010.0.0.1", "fe80::1%nosuch-interface"] {
        script().host(host).plays("0ms failed: invalid input");
    }
    for ports in [&[][..], &[0], &[443, 0]] {
        script().ports(ports).plays("0ms failed: invalid input");
    }
    script().addrs(&[]).plays("0ms failed: invalid input");
    script().addrs(&["192.0.2.1:443", "192.0.2.1"]).plays("0ms failed: invalid input");
    for delay in [0, 1, 9, 2_001, 3_600_000] {
        let world = script().config(|c| c.with_connect_delay(Duration::from_millis(delay)));
        world.clone().plays("0ms failed: invalid input");
        world.addrs(&["192.0.2.1:443"]).plays("0ms failed: invalid input");
    }
}

fn both_families(family: Family) -> World {
    script().config(|c| c.with_family(family)).dns(Aaaa, 30, &["2001:db8::1"]).dns(
        A,
        40,
        &["192.0.2.1"],
    )
}

// One family only: the other is not asked for, and not waited for.
#[test] // R-3493-AC, R-6555-5.2
fn a_single_family_is_asked_for_alone() {
    both_families(Family::V4Only).accepts("192.0.2.1", 20).plays(
        "
        0ms ask A
        40ms connect 192.0.2.1:443
        60ms connected 192.0.2.1:443
        ",
    );
    both_families(Family::V6Only).accepts("2001:db8::1", 20).plays(
        "
        0ms ask AAAA
        30ms connect [2001:db8::1]:443
        50ms connected [2001:db8::1]:443
        ",
    );
}

// One family only holds for literals, localhost, lists and mapped addresses as well.
#[test]
fn a_single_family_excludes_given_addresses_too() {
    let v4 = |world: World| world.config(|c| c.with_family(Family::V4Only));
    let v6 = |world: World| world.config(|c| c.with_family(Family::V6Only));
    v4(script().host("2001:db8::1")).plays("0ms failed: no usable address");
    v6(script().host("192.0.2.1")).plays("0ms failed: no usable address");
    v6(script().host("::ffff:192.0.2.1")).plays("0ms failed: no usable address");
    v4(script().host("localhost")).accepts("127.0.0.1", 1).plays(
        "
        0ms connect 127.0.0.1:443
        1ms connected 127.0.0.1:443
        ",
    );
    let listed = script().addrs(&["192.0.2.1#443", "2001:db8::1#443"]).accepts("2001:db8::1", 20);
    let played = v6(listed).plays(
        "
        0ms connect [2001:db8::1]:443
        20ms connected [2001:db8::1]:443
        ",
    );
    let passed = played.report.skipped();
    assert_eq!(passed.len(), 1);
    assert_eq!((passed[0].addr, passed[0].reason), (addr("192.0.2.1#443"), Reason::OtherFamily));
}

// IPv4 preferred: A is the answer that is waited for, and the one that goes first.
#[test] // R-6555-4.1
fn a_preferred_ipv4_mirrors_the_gate() {
    plays_until_v6(both_families(Family::PreferV4), "40ms connect 192.0.2.1:443", 290);
    let a_first = script().config(|c| c.with_family(Family::PreferV4));
    let a_first = a_first.dns(A, 30, &["192.0.2.1"]).dns(Aaaa, 200, &["2001:db8::1"]);
    plays_until_v6(a_first, "30ms connect 192.0.2.1:443", 280);
    let no_a = script().config(|c| c.with_family(Family::PreferV4)).dns(Aaaa, 30, &["2001:db8::1"]);
    no_a.accepts("2001:db8::1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        80ms connect [2001:db8::1]:443
        100ms connected [2001:db8::1]:443
        ",
    );
}

/// IPv4 starts first and stays silent, IPv6 starts at this time.
fn plays_until_v6(world: World, first: &str, v6: u64) {
    world.accepts("2001:db8::1", 20).plays(&format!(
        "
        0ms ask AAAA
        0ms ask A
        {first}
        {v6}ms connect [2001:db8::1]:443
        {}ms connected [2001:db8::1]:443
        ",
        v6 + 20
    ));
}
