//! A handshake on top of TCP is part of the race: draft v3 section 6.1.

use std::time::Duration;

use he_test_support::{A, Aaaa, World, addr, script};

use crate::machine::Play;

/// One address of each family, known at the call.
fn one_of_each() -> World {
    script().dns(Aaaa, 0, &["2001:db8::1"]).dns(A, 0, &["192.0.2.1"])
}

fn three() -> World {
    script().addrs(&["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#443"])
}

// TCP is up just before the timer and the handshake runs: the next attempt is put off.
#[test] // R-V3-6.1d, F-18
fn a_handshake_that_runs_puts_the_next_attempt_off() {
    one_of_each().tls("2001:db8::1", 240, 100).tls("192.0.2.1", 10, 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        0ms connect [2001:db8::1]:443
        340ms connected [2001:db8::1]:443
        ",
    );
}

// TCP accepts and the handshake dies: the other family wins, after 3 × RTT + 100 ms more.
#[test] // R-V3-6.1b, R-V3-6.1c, R-V3-6.1d, F-18, S28
fn a_path_that_dies_in_the_handshake_loses() {
    let played = one_of_each().tls_hangs("2001:db8::1", 60).tls("192.0.2.1", 20, 40).plays(
        "
        0ms ask AAAA
        0ms ask A
        0ms connect [2001:db8::1]:443
        340ms connect 192.0.2.1:443
        400ms connected 192.0.2.1:443
        ",
    );
    assert_eq!(played.closed(), [addr("2001:db8::1#443")]);
    assert_eq!(played.report.attempts()[0].tcp_elapsed(), Some(Duration::from_millis(60)));
}

// Never less than the delay: the later of the two counts.
#[test] // F-18, C-CAD
fn a_short_handshake_does_not_shorten_the_delay() {
    for (tcp_up, next_at) in [(1, 250), (20, 250), (37, 250), (38, 252), (50, 300), (240, 1_060)] {
        let played = one_of_each().tls_hangs("2001:db8::1", tcp_up).run();
        assert_eq!(played.attempts[1].0, next_at, "TCP up after {tcp_up} ms");
    }
}

// Never more than 2 s after the start before.
#[test] // C-CADmax, R-8305-5h, F-18
fn a_handshake_puts_off_no_longer_than_two_seconds() {
    let slow = |tcp_up| one_of_each().tls_hangs("2001:db8::1", tcp_up);
    let patient =
        |world: World| world.config(|c| c.with_connect_delay(Duration::from_millis(1_000)));
    assert_eq!(patient(slow(400)).run().attempts[1].0, 400 + 1_200 + 100);
    assert_eq!(patient(slow(475)).run().attempts[1].0, 2_000);
    assert_eq!(patient(slow(900)).run().attempts[1].0, 2_000);
    assert_eq!(patient(slow(1_000)).run().attempts[1].0, 2_000);
}

// A handshake that fails starts the next attempt at once.
#[test] // R-V3-6.1b, F-5, R-8305-5f
fn a_failed_handshake_starts_the_next_attempt() {
    three()
        .tls_fails("192.0.2.1", 40, 20)
        .tls_fails("192.0.2.2", 3, 2)
        .tls("192.0.2.3", 20, 40)
        .plays(
            "
            0ms connect 192.0.2.1:443
            60ms connect 192.0.2.2:443
            70ms connect 192.0.2.3:443
            130ms connected 192.0.2.3:443
            ",
        );
}

// A handshake that is over puts nothing off any more.
#[test] // F-18
fn only_running_handshakes_put_off() {
    // The first fails at 110 ms; what counts then is the delay after the second's start.
    assert_eq!(starts(&three().tls_fails("192.0.2.1", 100, 10)), [0, 110, 360]);
    // While the first one's runs (up at 100, expected until 500), the second waits for it, and the
    // third for its delay.
    assert_eq!(starts(&three().tls_hangs("192.0.2.1", 100)), [0, 500, 750]);
}

// The handshake of any attempt counts, not only that of the last one.
#[test] // F-18
fn a_second_handshake_puts_the_third_attempt_off() {
    // Up at 450, expected until 450 + 600 + 100.
    assert_eq!(starts(&three().tls_hangs("192.0.2.2", 200)), [0, 250, 1_150]);
    // The first is up at 400 after the second has started: expected until 400 + 1200 + 100.
    assert_eq!(starts(&three().tls_hangs("192.0.2.1", 400)), [0, 250, 1_700]);
    // Of two that run, the one that is expected to last longer: until 500 + 100 + 300 + 100.
    assert_eq!(
        starts(&three().tls_hangs("192.0.2.1", 100).tls_hangs("192.0.2.2", 100)),
        [0, 500, 1_000]
    );
}

// However slow its path is, a handshake is not expected to last longer than 2 s.
#[test] // F-18, C-CADmax
fn a_slow_path_makes_no_long_handshake() {
    let list = [1, 2, 3, 4, 5].map(|n| format!("192.0.2.{n}#443"));
    let world = script().addrs(&list.each_ref().map(String::as_str));
    // Up after 700, so expected until 2 700 and not 2 900; the start at 750 would allow 2 750.
    let world = world.tls_hangs("192.0.2.1", 700).refuses("192.0.2.3", 250);
    assert_eq!(starts(&world), [0, 250, 500, 750, 2_700]);
}

// The whole dial has 10 s, TCP and handshake together.
#[test] // R-V3-6.1b
fn the_time_out_covers_the_handshake() {
    script().addrs(&["192.0.2.1#443"]).tls_hangs("192.0.2.1", 9_000).plays(
        "
        0ms connect 192.0.2.1:443
        10000ms timed out 192.0.2.1:443
        10000ms failed: timed out
        ",
    );
}

// Plain TCP wins at the handshake and puts nothing off.
#[test] // R-V3-6.1a
fn plain_tcp_is_won_at_its_handshake() {
    one_of_each().accepts("2001:db8::1", 251).accepts("192.0.2.1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        0ms connect [2001:db8::1]:443
        250ms connect 192.0.2.1:443
        251ms connected [2001:db8::1]:443
        ",
    );
}

/// When the attempts start, in ms since the call.
fn starts(world: &World) -> Vec<u64> {
    world.run().attempts.iter().map(|(at, _)| *at).collect()
}
