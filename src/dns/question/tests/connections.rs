//! The connection to a server, which questions share, and how they move on from one that ends.

use super::world::{
    Change, Fate, Said, Script, World, answer, connected, dropped, ends, opportunistic, over_tcp,
    refused, strict, world,
};

/// A server that is asked over TLS only, on these connections.
fn on<const N: usize>(scripts: [Script; N]) -> World {
    world([strict().tls(scripts)])
}

#[test] // R-7858-3.4a
fn cold_questions_share_one_connection() {
    on([connected()]).asked_at([0, 10, 30]).plays(
        "
        0ms Q1: ask S1 over TLS
        10ms Q2: ask S1 over TLS
        30ms Q3: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        60ms Q2: answer of S1 over TLS
        60ms Q3: answer of S1 over TLS
        ",
    );
}

#[test] // R-7858-3.4a
fn a_slow_answer_holds_up_no_other() {
    on([connected().on([answer(200), answer(20)])]).asked_at([0, 50]).plays(
        "
        0ms Q1: ask S1 over TLS
        50ms Q2: ask S1 over TLS
        70ms Q2: answer of S1 over TLS
        240ms Q1: answer of S1 over TLS
        ",
    );
}

// The first two questions have ended before the connection is up or has answered.
#[test] // R-7858-3.4a
fn a_connection_outlives_its_questions() {
    on([connected()]).within(30).asked_at([0, 10, 60]).plays(
        "
        0ms Q1: ask S1 over TLS
        10ms Q2: ask S1 over TLS
        30ms Q1: failed: no answer (S1:853): TCP is up, TLS is silent
        40ms Q2: failed: no answer (S1:853): TLS is up and silent
        60ms Q3: ask S1 over TLS
        80ms Q3: answer of S1 over TLS
        ",
    );
}

#[test]
fn an_idle_connection_is_closed_after_30_s() {
    on([connected()]).asked_at([0, 30_059, 60_080]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        30059ms Q2: ask S1 over TLS
        30079ms Q2: answer of S1 over TLS
        60079ms S1 over TLS: idle
        60080ms Q3: ask S1 over TLS, connection 2
        60140ms Q3: answer of S1 over TLS, connection 2
        ",
    );
}

#[test] // R-7858-3.4b, R-7858-3.4c, R-8310-9a
fn an_idle_connection_that_the_server_closes_costs_a_reconnect() {
    on([connected()]).change(500, Change::Ends(0)).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        500ms S1 over TLS: closed by the server
        1000ms Q2: ask S1 over TLS, connection 2
        1060ms Q2: answer of S1 over TLS, connection 2
        ",
    );
}

// The server may have closed it before it saw the questions.
#[test] // R-7858-3.4b
fn a_connection_that_ends_under_several_questions_loses_none() {
    let slow = connected().on([answer(20), answer(500)]);
    on([slow, connected()]).change(200, Change::Ends(0)).asked_at([0, 100, 110, 120]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        100ms Q2: ask S1 over TLS
        110ms Q3: ask S1 over TLS
        120ms Q4: ask S1 over TLS
        200ms S1 over TLS: closed by the server
        200ms Q2: ask S1 over TLS, connection 2
        200ms Q3: ask S1 over TLS, connection 2
        200ms Q4: ask S1 over TLS, connection 2
        260ms Q2: answer of S1 over TLS, connection 2
        260ms Q3: answer of S1 over TLS, connection 2
        260ms Q4: answer of S1 over TLS, connection 2
        ",
    );
}

#[test] // R-7858-3.4b
fn a_server_that_closes_after_each_answer_loses_no_question() {
    let closes = connected().on([answer(20), answer(25), answer(30)]).closes_after(1);
    on([closes]).asked_at([0, 0, 0]).plays(
        "
        0ms Q1: ask S1 over TLS
        0ms Q2: ask S1 over TLS
        0ms Q3: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        60ms S1 over TLS: closed by the server
        60ms Q2: ask S1 over TLS, connection 2
        60ms Q3: ask S1 over TLS, connection 2
        120ms Q2: answer of S1 over TLS, connection 2
        120ms S1 over TLS, connection 2: closed by the server
        120ms Q3: ask S1 over TLS, connection 3
        180ms Q3: answer of S1 over TLS, connection 3
        ",
    );
}

#[test] // R-7858-3.4b
fn a_cold_connection_that_ends_at_its_first_question_costs_a_reconnect() {
    on([connected().on([ends()]), connected()]).plays(
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: closed by the server
        60ms ask S1 over TLS, connection 2
        120ms answer of S1 over TLS, connection 2
        ",
    );
}

// Connections that have answered nothing get two tries.
#[test] // R-7858-3.4b, R-9520-3.1
fn a_question_is_sent_twice_to_a_server_that_answers_nothing() {
    on([connected().on([ends()])]).plays(
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: closed by the server
        60ms ask S1 over TLS, connection 2
        120ms S1 over TLS, connection 2: closed by the server
        120ms failed: name server unreachable (S1:853): closed by the server
        ",
    );
}

// The other questions are answered, so the connections are good for something.
#[test] // R-7858-3.4b, R-9520-3.1
fn a_question_at_which_connections_end_is_sent_three_times() {
    let dislikes = connected().on([Fate::Ends("closed by the server", 100), answer(20)]);
    on([dislikes]).asked_at([0, 50, 210, 370]).plays(
        "
        0ms Q1: ask S1 over TLS
        50ms Q2: ask S1 over TLS
        70ms Q2: answer of S1 over TLS
        140ms S1 over TLS: closed by the server
        140ms Q1: ask S1 over TLS, connection 2
        210ms Q3: ask S1 over TLS, connection 2
        230ms Q3: answer of S1 over TLS, connection 2
        280ms S1 over TLS, connection 2: closed by the server
        280ms Q1: ask S1 over TLS, connection 3
        370ms Q4: ask S1 over TLS, connection 3
        390ms Q4: answer of S1 over TLS, connection 3
        420ms S1 over TLS, connection 3: closed by the server
        420ms Q1: failed: name server unreachable (S1:853): closed by the server
        ",
    );
}

// The second connection was never up: nothing says that a third one would be.
#[test] // R-7858-3.4b
fn a_question_does_not_move_on_from_a_connection_that_was_refused() {
    on([connected().on([ends()]), refused()]).plays(
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: closed by the server
        60ms ask S1 over TLS, connection 2
        80ms S1 over TLS, connection 2: connection refused
        80ms failed: name server unreachable (S1:853): connection refused
        ",
    );
}

// Whatever the number of questions.
#[test]
fn after_a_refused_connection_no_other_is_tried_for_100_ms() {
    on([refused(), connected()]).asked_at([0, 10, 119, 120]).plays(
        "
        0ms Q1: ask S1 over TLS
        10ms Q2: ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms Q1: failed: name server unreachable (S1:853): connection refused
        20ms Q2: failed: name server unreachable (S1:853): connection refused
        119ms Q3: ask S1 over TLS
        119ms Q3: S1 over TLS: connection refused
        119ms Q3: failed: name server unreachable (S1:853): connection refused
        120ms Q4: ask S1 over TLS, connection 2
        180ms Q4: answer of S1 over TLS, connection 2
        ",
    );
}

// The path may depend on the port, so another connection is tried beside it after 250 ms.
#[test] // N-8
fn a_connection_that_does_not_come_up_is_given_up_after_10_s() {
    on([dropped(), dropped(), connected()]).asked_at([0, 9_000, 10_500]).plays(
        "
        0ms Q1: ask S1 over TLS
        250ms Q1: ask S1 over TLS, connection 2
        5000ms Q1: failed: no answer (S1:853): no TCP connection
        9000ms Q2: ask S1 over TLS
        9000ms Q2: ask S1 over TLS, connection 2
        10000ms S1 over TLS: no TCP connection within 10s
        10250ms S1 over TLS, connection 2: no TCP connection within 10s
        10250ms Q2: failed: name server unreachable (S1:853): no TCP connection within 10s
        10500ms Q3: ask S1 over TLS, connection 3
        10560ms Q3: answer of S1 over TLS, connection 3
        ",
    );
}

// TCP and TLS to the same server have connections of their own.
#[test]
fn tcp_and_tls_share_nothing() {
    let truncates = [Fate::Says(Said::Truncated, 20)];
    world([opportunistic().head_start(10).udp(truncates).tls([connected().after(20, 20)])])
        .asked_at([0, 100])
        .plays(
            "
            0ms Q1: ask S1 over TLS
            10ms Q1: S1 unencrypted: TLS was not up in time
            10ms Q1: ask S1 over UDP
            30ms Q1: S1 over UDP: truncated
            30ms Q1: ask S1 over TCP
            60ms Q1: answer of S1 over TLS
            100ms Q2: ask S1 over TLS
            120ms Q2: answer of S1 over TLS
            ",
        );
}

#[test]
fn questions_over_tcp_move_on_as_well() {
    world([over_tcp().tcp([connected().on([ends()]), connected()])]).plays(
        "
        0ms ask S1 over TCP
        40ms S1 over TCP: closed by the server
        40ms ask S1 over TCP, connection 2
        80ms answer of S1 over TCP, connection 2
        ",
    );
}
