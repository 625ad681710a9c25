//! Whose reply counts, where a later server says something before an earlier one. The order of the
//! servers is a preference: an office's server stands before a public one.

use super::world::{Fate, NameServer, Said, World, answer, dropped, plain, refused, world};

const SERVFAIL: Fate = Fate::Says(Said::ServFail, 300);

/// A server that is silent over TCP. This becomes of its datagrams.
fn udp<const N: usize>(fates: [Fate; N]) -> NameServer {
    plain().udp(fates).tcp([dropped()])
}

/// A server that says after a round trip that there is no such name.
fn no_name() -> NameServer {
    plain().says(Said::NoName)
}

// The name is known inside only.
#[test] // N-1
fn a_negative_reply_of_a_later_server_waits_for_a_slow_earlier_one() {
    world([udp([answer(400)]), no_name()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        70ms S2 over UDP: no such name
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        400ms answer of S1 over UDP
        ",
    );
}

#[test] // N-1
fn a_negative_reply_counts_when_the_earlier_server_fails() {
    world([udp([SERVFAIL]), no_name()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        70ms S2 over UDP: no such name
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        300ms S1 over UDP: SERVFAIL
        300ms answer of S2 over UDP
        ",
    );
}

#[test] // N-1
fn a_negative_reply_counts_when_the_earlier_server_cannot_be_reached() {
    let closed = Fate::Ends("connection refused", 100);
    world([plain().udp([closed]).tcp([refused()]), no_name()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        70ms S2 over UDP: no such name
        100ms S1 over UDP: connection refused
        100ms ask S1 over UDP
        100ms ask S1 over TCP
        120ms S1 over TCP: connection refused
        200ms S1 over UDP: connection refused
        200ms answer of S2 over UDP
        ",
    );
}

// At 5 s nothing is known of the first server. It has a second more. When its minute as the last
// one is over, it is still known to be silent.
#[test] // N-1
fn a_negative_reply_waits_for_a_silent_server_until_the_deadline_and_then_no_more() {
    world([udp([Fate::Silence]), no_name()]).asked_at([0, 6_001, 66_001]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        70ms Q1: S2 over UDP: no such name
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        500ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over UDP for . NS
        1000ms Q1: ask S1 over UDP without EDNS
        5000ms Q1: answer of S2 over UDP
        6000ms Q1: over
        6001ms Q2: ask S2 over UDP
        6021ms Q2: S2 over UDP: no such name
        6021ms Q2: answer of S2 over UDP
        10250ms S1 over TCP: no TCP connection within 10s
        10500ms S1 over TCP, connection 2: no TCP connection within 10s
        66001ms Q3: ask S1 over UDP
        66051ms Q3: ask S2 over UDP
        66071ms Q3: S2 over UDP: no such name
        66071ms Q3: answer of S2 over UDP
        66251ms Q3: ask S1 over UDP
        66251ms Q3: ask S1 over TCP, connection 3
        66501ms Q3: ask S1 over TCP, connection 4
        66501ms Q3: ask S1 over UDP for . NS
        67001ms Q3: ask S1 over UDP without EDNS
        67071ms Q3: over
        ",
    );
}

// What the first one says has come later.
#[test] // N-1
fn a_negative_reply_of_an_earlier_server_counts_for_more_than_a_positive_one() {
    world([udp([Fate::Says(Said::NoName, 60)]), udp([answer(40)])]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        60ms Q1: S1 over UDP: no such name
        60ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over UDP
        1060ms Q2: S1 over UDP: no such name
        1060ms Q2: answer of S1 over UDP
        ",
    );
}

#[test] // N-1
fn a_positive_reply_counts_at_once_beside_a_server_of_which_nothing_is_known() {
    world([udp([answer(400)]), plain()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        70ms answer of S2 over UDP
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        400ms late answer of S1 over UDP
        400ms over
        ",
    );
}

/// The first server is alive and then needs so long.
fn alive_then(ms: u64) -> World {
    world([udp([answer(20)]), plain()]).then(500, udp([answer(ms)])).asked_at([0, 1_000])
}

#[test] // N-1
fn a_server_that_is_alive_has_a_second() {
    alive_then(900).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over UDP
        1060ms Q2: ask S2 over UDP
        1250ms Q2: ask S1 over UDP
        1250ms Q2: ask S1 over TCP
        1500ms Q2: ask S1 over TCP, connection 2
        1500ms Q2: ask S1 over UDP for . NS
        1900ms Q2: answer of S1 over UDP
        ",
    );
    alive_then(1_100).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over UDP
        1060ms Q2: ask S2 over UDP
        1250ms Q2: ask S1 over UDP
        1250ms Q2: ask S1 over TCP
        1500ms Q2: ask S1 over TCP, connection 2
        1500ms Q2: ask S1 over UDP for . NS
        2000ms Q2: answer of S2 over UDP
        2000ms Q2: ask S1 over UDP without EDNS
        2100ms Q2: late answer of S1 over UDP
        2100ms Q2: over
        ",
    );
}

#[test] // N-1
fn a_positive_reply_counts_when_the_server_that_is_alive_fails() {
    world([udp([answer(20)]), plain()]).then(500, udp([SERVFAIL])).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over UDP
        1060ms Q2: ask S2 over UDP
        1250ms Q2: ask S1 over UDP
        1250ms Q2: ask S1 over TCP
        1300ms Q2: S1 over UDP: SERVFAIL
        1300ms Q2: answer of S2 over UDP
        ",
    );
}

// An answer of ten minutes ago says little.
#[test] // N-1
fn a_server_is_alive_for_ten_minutes_after_a_reply() {
    let world = world([udp([answer(20)]), plain()]).then(500, udp([answer(400)]));
    world.clone().asked_at([0, 600_019]).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: answer of S1 over UDP
        600019ms Q2: ask S1 over UDP
        600079ms Q2: ask S2 over UDP
        600269ms Q2: ask S1 over UDP
        600269ms Q2: ask S1 over TCP
        600419ms Q2: answer of S1 over UDP
        ",
    );
    world.asked_at([0, 600_020]).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: answer of S1 over UDP
        600020ms Q2: ask S1 over UDP
        600080ms Q2: ask S2 over UDP
        600100ms Q2: answer of S2 over UDP
        600270ms Q2: ask S1 over UDP
        600270ms Q2: ask S1 over TCP
        600420ms Q2: late answer of S1 over UDP
        600420ms Q2: over
        ",
    );
}

// Nothing is asked any more once a server has replied.
#[test] // N-1
fn beside_a_negative_reply_that_waits_no_other_server_is_asked() {
    world([udp([answer(300)]), no_name(), plain()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        70ms S2 over UDP: no such name
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        300ms answer of S1 over UDP
        ",
    );
}

#[test] // N-1
fn a_negative_reply_of_the_third_server_waits_for_both() {
    let fails = |ms| udp([Fate::Says(Said::ServFail, ms)]);
    world([fails(600), fails(300), no_name()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        100ms ask S3 over UDP
        120ms S3 over UDP: no such name
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        300ms ask S2 over UDP
        300ms ask S2 over TCP
        350ms S2 over UDP: SERVFAIL
        500ms ask S1 over TCP, connection 2
        500ms ask S1 over UDP for . NS
        600ms S1 over UDP: SERVFAIL
        600ms answer of S3 over UDP
        ",
    );
    world([fails(20), udp([Fate::Silence]), no_name()]).within(700).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: SERVFAIL
        20ms ask S2 over UDP
        70ms ask S3 over UDP
        90ms S3 over UDP: no such name
        270ms ask S2 over UDP
        270ms ask S2 over TCP
        520ms ask S2 over TCP, connection 2
        520ms ask S2 over UDP for . NS
        700ms answer of S3 over UDP
        1020ms ask S2 over UDP without EDNS
        1700ms over
        ",
    );
}

// The third server was asked before the second one replied.
#[test] // N-1
fn of_two_replies_that_wait_that_of_the_earlier_server_counts() {
    let negative = udp([Fate::Says(Said::NoName, 60)]);
    world([udp([SERVFAIL]), negative, plain()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        100ms ask S3 over UDP
        110ms S2 over UDP: no such name
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        300ms S1 over UDP: SERVFAIL
        300ms answer of S2 over UDP
        ",
    );
}

// The first server is alive, and the second one is not known.
#[test] // N-1
fn a_positive_reply_of_the_third_server_waits_only_for_a_server_that_is_alive() {
    world([udp([answer(20)]), udp([Fate::Silence]), plain()])
        .then(500, udp([answer(400)]))
        .asked_at([0, 1_000])
        .plays(
            "
            0ms Q1: ask S1 over UDP
            20ms Q1: answer of S1 over UDP
            1000ms Q2: ask S1 over UDP
            1060ms Q2: ask S2 over UDP
            1110ms Q2: ask S3 over UDP
            1250ms Q2: ask S1 over UDP
            1250ms Q2: ask S1 over TCP
            1310ms Q2: ask S2 over UDP
            1310ms Q2: ask S2 over TCP
            1400ms Q2: answer of S1 over UDP
            ",
        );
}
