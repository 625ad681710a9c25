//! A question over UDP: when it is sent, and what ends it.

use super::world::{Fate, NameServer, Said, answer, dropped, plain, refused, world};

/// A server that is silent over TCP.
fn udp_only() -> NameServer {
    plain().tcp([dropped()])
}

fn says(said: Said, ms: u64) -> Fate {
    Fate::Says(said, ms)
}

// A lost datagram is repeated. No server gets more than three. The last one has no EDNS, which some
// routers drop.
#[test] // R-9520-3.1, N-5
fn a_silent_server_is_asked_at_0_100_and_1000_ms_and_never_again() {
    world([plain().dead()]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        500ms ask S1 over TCP, connection 2
        1000ms ask S1 over UDP without EDNS
        5000ms failed: no answer (S1)
        ",
    );
}

#[test] // R-9520-3.1
fn a_lost_datagram_costs_100_ms() {
    world([udp_only().udp([Fate::Silence, answer(20)])]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        120ms answer of S1 over UDP
        ",
    );
}

#[test] // R-9520-3.1
fn an_answer_that_takes_1200_ms_counts() {
    world([udp_only().udp([answer(1_200)])]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        500ms ask S1 over TCP, connection 2
        1000ms ask S1 over UDP without EDNS
        1200ms answer of S1 over UDP
        ",
    );
}

// Some servers reply FORMERR to a question with EDNS.
#[test]
fn a_server_that_does_not_understand_edns_is_asked_again_without() {
    world([udp_only().udp([says(Said::NoEdns, 20), answer(20)])]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: does not understand EDNS
        20ms ask S1 over UDP without EDNS
        40ms answer of S1 over UDP
        ",
    );
}

// The second send comes early, and so there is only one more.
#[test] // R-9520-3.1
fn the_question_without_edns_counts_as_a_send() {
    world([udp_only().udp([says(Said::NoEdns, 20), Fate::Silence])]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: does not understand EDNS
        20ms ask S1 over UDP without EDNS
        250ms ask S1 over TCP
        500ms ask S1 over TCP, connection 2
        1000ms ask S1 over UDP without EDNS
        5000ms failed: no answer (S1): does not understand EDNS, and no answer without it
        ",
    );
}

#[test] // R-9520-3.1
fn after_the_last_send_the_question_is_not_repeated_without_edns() {
    let third = [Fate::Silence, Fate::Silence, says(Said::NoEdns, 20)];
    world([udp_only().udp(third)]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        500ms ask S1 over TCP, connection 2
        1000ms ask S1 over UDP without EDNS
        1020ms S1 over UDP: does not understand EDNS
        1020ms failed: server failure (S1): does not understand EDNS
        ",
    );
}

// The reply of S1 at 300 ms that speaks of EDNS has the id of the first question with EDNS.
#[test] // R-5452-9
fn a_late_reply_to_the_question_with_edns_is_ignored() {
    let late = [says(Said::NoEdns, 300), says(Said::NoEdns, 100), answer(100)];
    world([udp_only().udp(late)]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        200ms S1 over UDP: does not understand EDNS
        200ms ask S1 over UDP without EDNS
        250ms ask S1 over TCP
        300ms S1 over UDP: does not understand EDNS
        300ms answer of S1 over UDP
        ",
    );
}

// It says so after more than a second, when the question has left without EDNS already.
#[test] // N-5
fn a_late_reply_to_the_question_with_edns_does_not_end_the_one_without() {
    let late = [says(Said::NoEdns, 1_100), says(Said::NoEdns, 1_100), answer(1_100)];
    world([udp_only().udp(late)]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        500ms ask S1 over TCP, connection 2
        1000ms ask S1 over UDP without EDNS
        1100ms S1 over UDP: does not understand EDNS
        1200ms S1 over UDP: does not understand EDNS
        2100ms answer of S1 over UDP
        ",
    );
}

// Somebody else may have sent it, so the question stays open.
#[test] // R-5452-9
fn a_datagram_that_is_no_reply_is_ignored() {
    world([udp_only().udp([says(Said::ToAnother, 20), answer(20)])]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: an answer to another question
        100ms ask S1 over UDP
        120ms answer of S1 over UDP
        ",
    );
}

// What the server says ends the question, whatever it says.
#[test]
fn a_malformed_reply_is_a_failure_of_the_server() {
    world([udp_only().udp([says(Said::Nonsense, 20)])]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: malformed reply
        20ms failed: lookup failed (S1): malformed reply
        ",
    );
}

#[test] // R-7766-5
fn a_truncated_answer_is_fetched_over_tcp() {
    world([plain().udp([says(Said::Truncated, 20)])]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: truncated
        20ms ask S1 over TCP
        60ms answer of S1 over TCP
        ",
    );
}

// TCP has joined silent UDP before.
#[test] // R-7766-5
fn a_truncated_answer_that_is_late_finds_tcp_under_way() {
    world([plain().udp([says(Said::Truncated, 280)])]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        280ms S1 over UDP: truncated
        290ms answer of S1 over TCP
        ",
    );
}

#[test] // R-7766-5
fn a_truncated_answer_without_tcp_is_a_failure_of_the_server() {
    let truncates = plain().udp([says(Said::Truncated, 20)]).tcp([refused()]);
    world([truncates.clone()]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: truncated
        20ms ask S1 over TCP
        40ms S1 over TCP: connection refused
        40ms failed: lookup failed (S1): truncated, and over TCP: connection refused
        ",
    );
    world([truncates, plain()]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: truncated
        20ms ask S1 over TCP
        40ms S1 over TCP: connection refused
        40ms ask S2 over UDP
        60ms answer of S2 over UDP
        ",
    );
}

// The server was reached over UDP, so UDP counts as alive.
#[test] // R-7766-5
fn after_a_truncated_answer_the_next_question_goes_over_udp() {
    world([plain().udp([says(Said::Truncated, 20)])]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: S1 over UDP: truncated
        20ms Q1: ask S1 over TCP
        60ms Q1: answer of S1 over TCP
        1000ms Q2: ask S1 over UDP
        1020ms Q2: S1 over UDP: truncated
        1020ms Q2: ask S1 over TCP
        1040ms Q2: answer of S1 over TCP
        ",
    );
}
