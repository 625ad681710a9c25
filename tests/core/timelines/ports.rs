//! Several ports: the family alternates before the port (F-16).

use he_test_support::{A, Aaaa, World, addr, script};

use crate::machine::Play;

/// `name:port` of what was dialled, in order.
fn order(world: &World) -> Vec<String> {
    world.run().attempts.iter().map(|(_, addr)| addr.to_string()).collect()
}

// The second attempt is of the other family, whatever the ports.
#[test] // F-16, E-8, R-8305-4b, S13
fn the_family_alternates_before_the_port() {
    let world = script().ports(&[443, 80]).dns(Aaaa, 30, &["2001:db8::1", "2001:db8::2"]).dns(
        A,
        30,
        &["192.0.2.1", "192.0.2.2"],
    );
    assert_eq!(
        order(&world),
        [
            "[2001:db8::1]:443",
            "192.0.2.1:443",
            "[2001:db8::1]:80",
            "192.0.2.1:80",
            "[2001:db8::2]:443",
            "192.0.2.2:443",
            "[2001:db8::2]:80",
            "192.0.2.2:80",
        ]
    );
}

// Within one family the ports vary fastest.
#[test] // F-16, E-8
fn the_ports_of_an_address_come_before_the_next_address() {
    let world = script().ports(&[443, 80]).dns(Aaaa, 30, &["2001:db8::1"]).dns(
        A,
        30,
        &["192.0.2.1", "192.0.2.2"],
    );
    assert_eq!(
        order(&world),
        [
            "[2001:db8::1]:443",
            "192.0.2.1:443",
            "[2001:db8::1]:80",
            "192.0.2.1:80",
            "192.0.2.2:443",
            "192.0.2.2:80",
        ]
    );
}

// A refused port of a literal gives way to the next one, 10 ms after the start before.
#[test] // E-8, R-8305-5f, S13
fn the_next_port_follows_a_refused_one() {
    script()
        .host("2001:db8::1")
        .ports(&[444, 443])
        .refuses("2001:db8::1#444", 1)
        .accepts("2001:db8::1#443", 20)
        .plays(
            "
            0ms connect [2001:db8::1]:444
            10ms connect [2001:db8::1]:443
            30ms connected [2001:db8::1]:443
            ",
        );
}

// A port that is named twice is tried once, at its first place.
#[test] // F-15
fn a_port_that_comes_twice_is_tried_once() {
    let world = script().host("192.0.2.1").ports(&[443, 80, 443, 80]);
    assert_eq!(order(&world), ["192.0.2.1:443", "192.0.2.1:80"]);
}

// A late family's endpoints are placed with the ports already tried.
#[test] // F-11, F-16, R-V3-7a
fn a_late_family_takes_its_turn_at_every_port() {
    let world = script().ports(&[443, 80]).dns(Aaaa, 30, &["2001:db8::1", "2001:db8::2"]);
    let played = world.dns(A, 400, &["192.0.2.1"]).run();
    let expected = [
        (30, "2001:db8::1#443"),
        (280, "2001:db8::1#80"),
        (530, "192.0.2.1#443"),
        (780, "192.0.2.1#80"),
        (1030, "2001:db8::2#443"),
        (1280, "2001:db8::2#80"),
    ];
    assert_eq!(played.attempts, expected.map(|(at, text)| (at, addr(text))));
}
