//! Paths that depend on the port, and connections that take one question: another socket or
//! connection is tried.

use super::world::{Fate, Script, answer, connected, dropped, over_tcp, plain, strict, world};

// One of two servers behind an address is gone, and the port decides which one gets the packet.
#[test] // N-8
fn each_send_may_reach_another_server_behind_the_same_address() {
    world([plain().udp([Fate::Silence, answer(20)]).tcp([dropped()])]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        120ms answer of S1 over UDP
        ",
    );
    world([over_tcp().tcp([dropped(), connected()])]).plays(
        "
        0ms ask S1 over TCP
        250ms ask S1 over TCP, connection 2
        290ms answer of S1 over TCP, connection 2
        ",
    );
    world([strict().tls([dropped(), connected()])]).plays(
        "
        0ms ask S1 over TLS
        250ms ask S1 over TLS, connection 2
        310ms answer of S1 over TLS, connection 2
        ",
    );
}

// The first connection is slow, and comes up before the second one.
#[test] // N-8
fn the_first_connection_may_come_up_all_the_same() {
    world([over_tcp().tcp([connected().after(260, 0), dropped()])]).plays(
        "
        0ms ask S1 over TCP
        250ms ask S1 over TCP, connection 2
        280ms answer of S1 over TCP
        ",
    );
}

/// One question a connection is answered, and the others are ignored.
fn one_a_connection() -> Script {
    connected().on([answer(20), Fate::Silence])
}

// After the second one the driver's link gives each connection one question only.
#[test] // N-12
fn a_server_that_answers_one_question_a_connection_is_asked_over_another_one() {
    world([over_tcp().tcp([one_a_connection()])]).asked_at([0, 1_000, 2_000, 3_000]).plays(
        "
        0ms Q1: ask S1 over TCP
        40ms Q1: answer of S1 over TCP
        1000ms Q2: ask S1 over TCP
        1250ms Q2: ask S1 over TCP, connection 2
        1290ms Q2: answer of S1 over TCP, connection 2
        2000ms Q3: ask S1 over TCP, connection 2
        2250ms Q3: ask S1 over TCP, connection 3
        2290ms Q3: answer of S1 over TCP, connection 3
        3000ms Q4: ask S1 over TCP, connection 3
        3250ms Q4: ask S1 over TCP, connection 4
        3290ms Q4: answer of S1 over TCP, connection 4
        ",
    );
}
