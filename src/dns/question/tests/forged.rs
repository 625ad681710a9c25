//! Replies and errors that anybody may forge: they end no question.

use super::world::{Fate, Said, World, answer, closed, dropped, plain, refused, world};

/// A world whose server treats the datagrams like this, one after the other.
fn forged<const N: usize>(udp: [Fate; N]) -> World {
    world([plain().udp(udp)])
}

/// The lines of this number of datagrams with a wrong id, all at this time.
fn strangers(at: u64, count: usize) -> String {
    format!("{at}ms S1 over UDP: an answer to another question\n").repeat(count)
}

#[test] // N-20
fn after_eight_replies_with_a_wrong_id_the_question_is_asked_over_tcp() {
    forged([Fate::Forged(8, 10)]).plays(&format!(
        "
        0ms ask S1 over UDP
        {}
        10ms ask S1 over TCP
        50ms answer of S1 over TCP
        ",
        strangers(10, 8)
    ));
    forged([Fate::Forged(7, 10)]).plays(&format!(
        "
        0ms ask S1 over UDP
        {}
        30ms answer of S1 over UDP
        ",
        strangers(10, 7)
    ));
}

#[test] // N-20, N-8
fn wrong_ids_count_over_all_sends() {
    forged([Fate::Forged(4, 110), Fate::Forged(4, 20)]).plays(&format!(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        {}
        {}
        120ms ask S1 over TCP
        160ms answer of S1 over TCP
        ",
        strangers(110, 4),
        strangers(120, 4)
    ));
}

#[test] // N-20
fn after_wrong_ids_a_closed_tcp_port_is_a_failure() {
    world([plain().udp([Fate::Forged(8, 10)]).tcp([refused()])]).plays(&format!(
        "
        0ms ask S1 over UDP
        {}
        10ms ask S1 over TCP
        30ms S1 over TCP: connection refused
        30ms failed: lookup failed (S1): {}, and over TCP: connection refused
        ",
        strangers(10, 8),
        "too many replies with a wrong id"
    ));
}

// Wrong ids are no sign of life.
#[test] // N-20, N-1
fn a_server_from_which_only_wrong_ids_come_is_silent() {
    let silent = plain().udp([Fate::Says(Said::ToAnother, 20)]).tcp([dropped()]);
    world([silent, plain()]).asked_at([0, 1_100]).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: S1 over UDP: an answer to another question
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        270ms Q1: S1 over UDP: an answer to another question
        500ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over UDP for . NS
        520ms Q1: S1 over UDP: an answer to another question
        1000ms Q1: ask S1 over UDP without EDNS
        1020ms Q1: S1 over UDP: an answer to another question
        1070ms Q1: over
        1100ms Q2: ask S2 over UDP
        1120ms Q2: answer of S2 over UDP
        ",
    );
}

#[test] // N-26
fn a_forged_error_of_a_socket_ends_nothing() {
    world([plain().udp([closed(5), answer(20)]).tcp([dropped()])]).plays(
        "
        0ms ask S1 over UDP
        5ms S1 over UDP: connection refused
        5ms ask S1 over UDP
        5ms ask S1 over TCP
        25ms answer of S1 over UDP
        ",
    );
    world([plain().udp([closed(5)])]).plays(
        "
        0ms ask S1 over UDP
        5ms S1 over UDP: connection refused
        5ms ask S1 over UDP
        5ms ask S1 over TCP
        10ms S1 over UDP: connection refused
        45ms answer of S1 over TCP
        ",
    );
}

// The error of one socket leaves the other one open.
#[test] // N-26, N-8
fn an_error_of_one_socket_leaves_the_answer_to_another_one() {
    world([plain().udp([answer(150), closed(10), Fate::Silence]).tcp([dropped()])]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        110ms S1 over UDP: connection refused
        110ms ask S1 over UDP
        110ms ask S1 over TCP
        150ms answer of S1 over UDP
        ",
    );
}
