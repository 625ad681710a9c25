//! Another connection beside one that is silent. A NAT may have forgotten that one, or its server
//! is only slow.

use super::world::{
    Change, Script, World, answer, connected, dropped, opportunistic, over_tcp, refused, silent,
    strict, world,
};

/// A server that is asked over TLS only, on these connections.
fn on<const N: usize>(scripts: [Script; N]) -> World {
    world([strict().tls(scripts)])
}

/// A server that may have TLS. Its connections after the first one do this.
fn then(next: Script) -> World {
    world([opportunistic().tls([connected(), next])])
}

// The question stays off port 53, because the link has answered before.
#[test] // R-7858-3.4b
fn a_connection_that_a_nat_has_forgotten_costs_250_ms_and_a_reconnect() {
    then(connected()).change(500, Change::Forgets(0)).asked_at([0, 1_000, 2_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1310ms Q2: answer of S1 over TLS, connection 2
        2000ms Q3: ask S1 over TLS, connection 2
        2020ms Q3: answer of S1 over TLS, connection 2
        ",
    );
}

#[test] // R-7858-3.4b
fn questions_on_a_silent_connection_share_the_other_one() {
    then(connected()).change(500, Change::Forgets(0)).asked_at([0, 1_000, 1_010, 1_260]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1010ms Q3: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1260ms Q4: ask S1 over TLS
        1260ms Q3: ask S1 over TLS, connection 2
        1310ms Q2: answer of S1 over TLS, connection 2
        1310ms Q3: answer of S1 over TLS, connection 2
        1510ms Q4: ask S1 over TLS, connection 2
        1530ms Q4: answer of S1 over TLS, connection 2
        ",
    );
}

// Silence counts from the last answer on the connection.
#[test] // R-7858-3.4b
fn an_answer_to_another_question_shows_that_a_connection_is_alive() {
    on([connected().on([answer(400), answer(20)])]).asked_at([0, 200]).plays(
        "
        0ms Q1: ask S1 over TLS
        200ms Q2: ask S1 over TLS
        220ms Q2: answer of S1 over TLS
        440ms Q1: answer of S1 over TLS
        ",
    );
}

// The next question has more patience, and after a false alarm again more: up to 2 s.
#[test]
fn a_slow_server_costs_fewer_and_fewer_connections() {
    on([connected().on([answer(900)])]).asked_at([0, 2_000, 4_000, 6_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        940ms Q1: answer of S1 over TLS
        2000ms Q2: ask S1 over TLS, connection 2
        2500ms Q2: ask S1 over TLS, connection 3
        2900ms Q2: answer of S1 over TLS, connection 2
        4000ms Q3: ask S1 over TLS, connection 3
        4900ms Q3: answer of S1 over TLS, connection 3
        6000ms Q4: ask S1 over TLS, connection 3
        6900ms Q4: answer of S1 over TLS, connection 3
        ",
    );
}

#[test]
fn a_question_has_one_spare_connection_only() {
    on([silent()]).plays(
        "
        0ms ask S1 over TLS
        290ms ask S1 over TLS, connection 2
        5000ms failed: no answer (S1:853): TLS is up and silent
        ",
    );
}

// Each question opens at most one, and each one that answers nothing puts the next one off.
#[test]
fn a_server_that_is_silent_gets_fewer_and_fewer_connections() {
    on([silent()]).within(400).asked_at([0, 500, 1_000, 1_500, 2_000, 2_500, 3_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        400ms Q1: failed: no answer (S1:853): TLS is up and silent
        500ms Q2: ask S1 over TLS, connection 2
        790ms Q2: ask S1 over TLS, connection 3
        900ms Q2: failed: no answer (S1:853): TLS is up and silent
        1000ms Q3: ask S1 over TLS, connection 3
        1400ms Q3: failed: no answer (S1:853): TLS is up and silent
        1500ms Q4: ask S1 over TLS, connection 3
        1790ms Q4: ask S1 over TLS, connection 4
        1900ms Q4: failed: no answer (S1:853): TLS is up and silent
        2000ms Q5: ask S1 over TLS, connection 4
        2400ms Q5: failed: no answer (S1:853): TLS is up and silent
        2500ms Q6: ask S1 over TLS, connection 4
        2900ms Q6: failed: no answer (S1:853): TLS is up and silent
        3000ms Q7: ask S1 over TLS, connection 4
        3400ms Q7: failed: no answer (S1:853): TLS is up and silent
        ",
    );
}

// In an earlier version that took 3 s, without a packet to port 53.
#[test] // R-7858-3.4b, R-8310-5c
fn a_forgotten_connection_to_a_port_that_is_closed_by_now_costs_250_ms_and_round_trips() {
    then(refused()).change(500, Change::Forgets(0)).asked_at([0, 1_000, 2_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1270ms S1 over TLS, connection 2: connection refused
        1270ms Q2: S1 unencrypted, with a warning: TLS was not up in time
        1270ms Q2: ask S1 over UDP
        1290ms Q2: answer of S1 over UDP
        2000ms Q3: S1 unencrypted: connection refused
        2000ms Q3: ask S1 over UDP
        2020ms Q3: answer of S1 over UDP
        ",
    );
}

// The spare has the head start of a new connection: 80 ms, twice the time of the first one.
#[test] // R-8310-5c
fn a_forgotten_connection_to_a_port_that_is_dropped_by_now_costs_the_head_start_as_well() {
    then(dropped()).change(500, Change::Forgets(0)).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1330ms Q2: S1 unencrypted, with a warning: TLS was not up in time
        1330ms Q2: ask S1 over UDP
        1350ms Q2: answer of S1 over UDP
        ",
    );
}

// The spare takes longer than the answer, but no longer than twice the first connection.
#[test] // R-8310-5c
fn a_slow_name_does_not_leak_while_a_second_connection_comes_up() {
    let far = |fates| connected().after(80, 80).on(fates);
    let server = opportunistic().head_start(100);
    let server = server.tls([far([answer(20), answer(500)]), far([answer(500), answer(500)])]);
    world([server]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        180ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1500ms Q2: answer of S1 over TLS
        ",
    );
}

// The first connection has answered, so each question has a second before it is sent in plaintext.
#[test] // N-17
fn questions_on_a_forgotten_connection_that_no_other_replaces_are_sent_in_plaintext_after_1_s() {
    then(silent()).change(500, Change::Forgets(0)).asked_at([0, 1_000, 1_100, 1_400]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1100ms Q3: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1350ms Q3: ask S1 over TLS, connection 2
        1400ms Q4: ask S1 over TLS, connection 2
        1750ms Q4: ask S1 over TLS, connection 3
        2000ms Q2: S1 unencrypted, with a warning: TLS is up and silent
        2000ms Q2: ask S1 over UDP
        2020ms Q2: answer of S1 over UDP
        2020ms Q2: ask S1 over TLS, connection 3 for . NS
        2100ms Q3: S1 unencrypted: TLS is up and silent
        2100ms Q3: ask S1 over UDP
        2120ms Q3: answer of S1 over UDP
        2120ms Q3: ask S1 over TLS, connection 3 for . NS
        2400ms Q4: S1 unencrypted: TLS is up and silent
        2400ms Q4: ask S1 over UDP
        2420ms Q4: answer of S1 over UDP
        2420ms Q4: ask S1 over TLS, connection 3 for . NS
        2750ms Q2: ask S1 over TLS, connection 4 for . NS
        2750ms Q3: ask S1 over TLS, connection 4 for . NS
        2750ms Q4: ask S1 over TLS, connection 4 for . NS
        3020ms Q2: over
        3120ms Q3: over
        3420ms Q4: over
        ",
    );
}

#[test]
fn over_tcp_a_silent_connection_gets_another_one_beside_it_too() {
    world([over_tcp().tcp([silent(), connected()])]).plays(
        "
        0ms ask S1 over TCP
        270ms ask S1 over TCP, connection 2
        310ms answer of S1 over TCP, connection 2
        ",
    );
}
