//! Opportunistic TLS: the head start that TLS has before the question is sent in plaintext as well.

use super::world::{NameServer, World, answer, connected, dropped, opportunistic, world};

/// TCP takes the first time, and TLS the second.
fn takes(tcp: u64, tls: u64) -> NameServer {
    opportunistic().tls([connected().after(tcp, tls)])
}

/// A server with a private address. TLS has no head start (D18).
fn private() -> NameServer {
    opportunistic().head_start(0)
}

fn one(server: NameServer) -> World {
    world([server])
}

// TCP, TLS and the answer take a round trip each.
#[test] // R-8310-5a, R-8310-5c, R-7858-3.1b
fn where_tls_works_no_question_leaves_in_plaintext() {
    one(opportunistic()).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1020ms Q2: answer of S1 over TLS
        ",
    );
}

// In the bug for which this crate was written, that cost 15 s.
#[test] // R-8310-5c, R-7858-3.1d
fn a_port_853_that_is_dropped_costs_the_head_start() {
    one(opportunistic().tls([dropped()])).plays(
        "
        0ms ask S1 over TLS
        50ms S1 unencrypted: TLS was not up in time
        50ms ask S1 over UDP
        70ms answer of S1 over UDP
        ",
    );
}

#[test] // R-8310-5c
fn tcp_that_is_up_in_time_gives_tls_the_head_start_again() {
    one(takes(40, 40)).plays(
        "
        0ms ask S1 over TLS
        100ms answer of S1 over TLS
        ",
    );
    one(takes(40, 60)).plays(
        "
        0ms ask S1 over TLS
        90ms S1 unencrypted: TLS was not up in time
        90ms ask S1 over UDP
        110ms answer of S1 over UDP
        ",
    );
}

#[test] // R-8310-5c
fn a_connection_that_is_late_serves_the_next_question() {
    one(takes(80, 80)).asked_at([0, 200]).plays(
        "
        0ms Q1: ask S1 over TLS
        50ms Q1: S1 unencrypted: TLS was not up in time
        50ms Q1: ask S1 over UDP
        70ms Q1: answer of S1 over UDP
        200ms Q2: ask S1 over TLS
        220ms Q2: answer of S1 over TLS
        ",
    );
}

// The head start counts from the start of the connection, not from that of each question.
#[test] // R-8310-5c
fn questions_while_a_handshake_is_late_do_not_wait() {
    one(takes(20, 600)).asked_at([0, 100, 300, 700]).plays(
        "
        0ms Q1: ask S1 over TLS
        70ms Q1: S1 unencrypted: TLS was not up in time
        70ms Q1: ask S1 over UDP
        90ms Q1: answer of S1 over UDP
        100ms Q2: ask S1 over TLS
        100ms Q2: S1 unencrypted: TLS was not up in time
        100ms Q2: ask S1 over UDP
        120ms Q2: answer of S1 over UDP
        300ms Q3: ask S1 over TLS
        300ms Q3: S1 unencrypted: TLS was not up in time
        300ms Q3: ask S1 over UDP
        320ms Q3: answer of S1 over UDP
        700ms Q4: ask S1 over TLS
        720ms Q4: answer of S1 over TLS
        ",
    );
}

// The answer over TLS counts whenever it comes.
#[test] // R-8310-5c
fn tls_may_overtake_plaintext() {
    one(takes(30, 60).udp([answer(90)])).plays(
        "
        0ms ask S1 over TLS
        80ms S1 unencrypted: TLS was not up in time
        80ms ask S1 over UDP
        110ms answer of S1 over TLS
        ",
    );
}

#[test] // R-8310-5c
fn the_head_start_can_be_set() {
    one(takes(20, 150).head_start(400)).plays(
        "
        0ms ask S1 over TLS
        190ms answer of S1 over TLS
        ",
    );
    one(takes(20, 150).head_start(10)).plays(
        "
        0ms ask S1 over TLS
        10ms S1 unencrypted: TLS was not up in time
        10ms ask S1 over UDP
        30ms answer of S1 over UDP
        ",
    );
}

// The first connection took 160 ms, so the second one has 320 ms for each part of it.
#[test] // R-8310-5c
fn a_server_that_was_reached_has_twice_that_time() {
    let far = opportunistic().tls([connected().after(80, 80).closes_after(1)]);
    one(far).asked_at([0, 200, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        50ms Q1: S1 unencrypted: TLS was not up in time
        50ms Q1: ask S1 over UDP
        70ms Q1: answer of S1 over UDP
        200ms Q2: ask S1 over TLS
        220ms Q2: answer of S1 over TLS
        220ms S1 over TLS: closed by the server
        1000ms Q3: ask S1 over TLS, connection 2
        1180ms Q3: answer of S1 over TLS, connection 2
        ",
    );
}

// D18: a private server seldom has an open port 853.
#[test] // R-8310-5a, R-8310-5c
fn a_private_server_costs_a_round_trip_and_has_tls_for_the_second_question() {
    one(private()).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        0ms Q1: S1 unencrypted: TLS was not up in time
        0ms Q1: ask S1 over UDP
        20ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over TLS
        1020ms Q2: answer of S1 over TLS
        ",
    );
}

#[test] // R-8310-5c
fn a_private_server_that_drops_port_853_costs_nothing() {
    one(private().tls([dropped()])).asked_at([0, 1_000, 3_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        0ms Q1: S1 unencrypted: TLS was not up in time
        0ms Q1: ask S1 over UDP
        20ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over TLS
        1000ms Q2: S1 unencrypted: TLS was not up in time
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        2000ms S1 over TLS: no TCP connection within 2s
        3000ms Q3: S1 unencrypted: no TCP connection within 2s
        3000ms Q3: ask S1 over UDP
        3020ms Q3: answer of S1 over UDP
        ",
    );
}

// There is no crypto provider.
#[test]
fn where_nothing_can_be_asked_over_tls_the_answer_has_the_reason() {
    one(opportunistic()).no_tls("no crypto provider").plays(
        "
        0ms S1 unencrypted: no crypto provider
        0ms ask S1 over UDP
        20ms answer of S1 over UDP
        ",
    );
}
