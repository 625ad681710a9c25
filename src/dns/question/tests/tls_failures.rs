//! Opportunistic TLS that does not work. The first question pays for it, and the next one does not.

use super::world::{
    Fate, NameServer, Said, Script, World, answer, connected, dropped, ends, fails, mute,
    opportunistic, refused, silent, world,
};

/// The TLS port does this, and all other ports are good.
fn tls(does: Script) -> NameServer {
    opportunistic().head_start(200).tls([does])
}

/// A question, and another one after a while.
fn twice(server: NameServer) -> World {
    world([server]).asked_at([0, 1_000])
}

#[test] // R-8310-5c, R-7858-3.1d
fn a_closed_port_853_costs_a_round_trip() {
    twice(tls(refused())).plays(
        "
        0ms Q1: ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms Q1: S1 unencrypted: connection refused
        20ms Q1: ask S1 over UDP
        40ms Q1: answer of S1 over UDP
        1000ms Q2: S1 unencrypted: connection refused
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        ",
    );
}

// Garbage, a close, or a certificate without its key.
#[test] // R-8310-5c, R-7858-3.1c, R-7858-3.1d
fn a_handshake_that_fails_costs_two_round_trips() {
    twice(tls(fails("no TLS: received corrupt message"))).plays(
        "
        0ms Q1: ask S1 over TLS
        40ms S1 over TLS: no TLS: received corrupt message
        40ms Q1: S1 unencrypted: no TLS: received corrupt message
        40ms Q1: ask S1 over UDP
        60ms Q1: answer of S1 over UDP
        1000ms Q2: S1 unencrypted: no TLS: received corrupt message
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        ",
    );
}

// Nothing is known of the port until its time-out of 2 s.
#[test] // R-8310-5c, R-7858-3.1d
fn a_port_853_that_accepts_and_is_mute_costs_the_head_start_and_a_round_trip() {
    world([opportunistic().tls([mute()])]).asked_at([0, 1_000, 3_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        70ms Q1: S1 unencrypted: TLS was not up in time
        70ms Q1: ask S1 over UDP
        90ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over TLS
        1000ms Q2: S1 unencrypted: TLS was not up in time
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        2000ms S1 over TLS: no TLS handshake within 2s
        3000ms Q3: S1 unencrypted: no TLS handshake within 2s
        3000ms Q3: ask S1 over UDP
        3020ms Q3: answer of S1 over UDP
        ",
    );
}

// TLS does not fit this host, as the neutral question shows.
#[test] // R-8310-5c, N-17
fn a_refusal_over_tls_is_asked_again_in_plaintext() {
    twice(tls(connected().says(Said::Refused))).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: S1 over TLS: REFUSED
        60ms Q1: S1 unencrypted: REFUSED over TLS
        60ms Q1: ask S1 over UDP
        80ms Q1: answer of S1 over UDP
        80ms Q1: ask S1 over TLS for . NS
        100ms Q1: S1 over TLS: REFUSED
        100ms Q1: over
        1000ms Q2: S1 unencrypted: REFUSED over TLS
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        ",
    );
}

// The server would say the same in plaintext, and everyone could read the question.
#[test] // R-8310-5c
fn servfail_over_tls_is_reported_and_not_asked_again_in_plaintext() {
    twice(tls(connected().on([Fate::Says(Said::ServFail, 20), answer(20)]))).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: S1 over TLS: SERVFAIL
        60ms Q1: failed: server failure (S1:853)
        1000ms Q2: ask S1 over TLS
        1020ms Q2: answer of S1 over TLS
        ",
    );
}

#[test] // R-7858-3.3c
fn a_reply_to_another_question_over_tls_is_asked_again_in_plaintext() {
    twice(tls(connected().says(Said::ToAnother))).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: S1 over TLS: an answer to another question
        60ms Q1: S1 unencrypted: an answer to another question
        60ms Q1: ask S1 over UDP
        80ms Q1: answer of S1 over UDP
        80ms Q1: ask S1 over TLS for . NS
        100ms Q1: S1 over TLS: an answer to another question
        100ms Q1: over
        1000ms Q2: S1 unencrypted: an answer to another question
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        ",
    );
}

#[test]
fn a_truncated_reply_over_tls_is_asked_again_in_plaintext() {
    world([tls(connected().says(Said::Truncated))]).plays(
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: truncated
        60ms S1 unencrypted: truncated on a stream
        60ms ask S1 over UDP
        80ms answer of S1 over UDP
        80ms ask S1 over TLS for . NS
        100ms S1 over TLS: truncated
        100ms over
        ",
    );
}

#[test]
fn the_question_without_edns_goes_over_tls_as_well() {
    world([tls(connected().on([Fate::Says(Said::NoEdns, 20), answer(20)]))]).plays(
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: does not understand EDNS
        60ms ask S1 over TLS without EDNS
        80ms answer of S1 over TLS
        ",
    );
}

// Another connection does no better, nor do two for the neutral question.
#[test] // R-7858-3.4b, N-17
fn a_server_that_ends_the_connection_at_each_question_costs_two_connections() {
    twice(tls(connected().on([ends()]))).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms S1 over TLS: closed by the server
        60ms Q1: ask S1 over TLS, connection 2
        120ms S1 over TLS, connection 2: closed by the server
        120ms Q1: S1 unencrypted: closed by the server
        120ms Q1: ask S1 over UDP
        140ms Q1: answer of S1 over UDP
        140ms Q1: ask S1 over TLS, connection 3 for . NS
        200ms S1 over TLS, connection 3: closed by the server
        200ms Q1: ask S1 over TLS, connection 4 for . NS
        260ms S1 over TLS, connection 4: closed by the server
        260ms Q1: over
        1000ms Q2: S1 unencrypted: closed by the server
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        ",
    );
}

// The port is up and takes questions, so a second connection is tried beside the first one.
#[test] // R-8310-5c
fn a_server_that_shakes_hands_and_never_answers_costs_250_ms() {
    world([tls(silent())]).asked_at([0, 2_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        290ms Q1: S1 unencrypted: TLS is up and silent
        290ms Q1: ask S1 over UDP
        310ms Q1: answer of S1 over UDP
        310ms Q1: ask S1 over TLS for . NS
        560ms Q1: ask S1 over TLS, connection 2 for . NS
        1310ms Q1: over
        2000ms Q2: S1 unencrypted: TLS is up and silent
        2000ms Q2: ask S1 over UDP
        2020ms Q2: answer of S1 over UDP
        ",
    );
}

#[test] // R-8310-5c
fn where_853_is_silent_and_53_refuses_the_refusal_is_reported_at_once() {
    let refuses = opportunistic().says(Said::Refused).tls([dropped()]);
    world([refuses]).plays(
        "
        0ms ask S1 over TLS
        50ms S1 unencrypted: TLS was not up in time
        50ms ask S1 over UDP
        70ms S1 over UDP: REFUSED
        70ms failed: refused (S1)
        ",
    );
}

// Over UDP nobody is there, but TLS may still be.
#[test] // R-8310-5c
fn where_53_is_closed_the_answer_over_tls_is_waited_for() {
    let slow = opportunistic().closed().tls([connected().after(20, 100)]);
    world([slow]).plays(
        "
        0ms ask S1 over TLS
        70ms S1 unencrypted: TLS was not up in time
        70ms ask S1 over UDP
        90ms S1 over UDP: connection refused
        90ms ask S1 over UDP
        90ms ask S1 over TCP
        110ms S1 over UDP: connection refused
        110ms S1 over TCP: connection refused
        140ms answer of S1 over TLS
        ",
    );
}

#[test] // R-8310-5c
fn where_853_is_closed_and_53_as_well_the_server_has_failed() {
    world([opportunistic().closed()]).plays(
        "
        0ms ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms S1 unencrypted: connection refused
        20ms ask S1 over UDP
        40ms S1 over UDP: connection refused
        40ms ask S1 over UDP
        40ms ask S1 over TCP
        60ms S1 over UDP: connection refused
        60ms S1 over TCP: connection refused
        60ms failed: name server unreachable (S1): connection refused
        ",
    );
}

// What the server said over TLS says more than its closed port.
#[test]
fn a_refusal_over_tls_is_reported_before_a_closed_port_53() {
    let refuses = opportunistic().closed().tls([connected().says(Said::Refused)]);
    world([refuses]).plays(
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: REFUSED
        60ms S1 unencrypted: REFUSED over TLS
        60ms ask S1 over UDP
        80ms S1 over UDP: connection refused
        80ms ask S1 over UDP
        80ms ask S1 over TCP
        100ms S1 over UDP: connection refused
        100ms S1 over TCP: connection refused
        100ms failed: refused (S1:853)
        ",
    );
}

#[test]
fn a_refusal_in_plaintext_is_reported_before_a_malformed_reply_over_tls() {
    let refuses = opportunistic().says(Said::Refused).tls([connected().says(Said::Nonsense)]);
    world([refuses]).plays(
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: malformed reply
        60ms S1 unencrypted: malformed reply
        60ms ask S1 over UDP
        80ms S1 over UDP: REFUSED
        80ms failed: refused (S1)
        ",
    );
}

// TLS fails while the question in plaintext is open. The port is blamed once that is answered.
#[test] // R-7858-3.1d
fn a_refusal_over_tls_that_is_late_counts_as_well() {
    let late = connected().after(20, 100).on([Fate::Says(Said::Refused, 20)]);
    twice(opportunistic().udp([answer(200)]).tls([late])).plays(
        "
        0ms Q1: ask S1 over TLS
        70ms Q1: S1 unencrypted: TLS was not up in time
        70ms Q1: ask S1 over UDP
        140ms Q1: S1 over TLS: REFUSED
        170ms Q1: ask S1 over UDP
        270ms Q1: answer of S1 over UDP
        270ms Q1: ask S1 over TLS for . NS
        290ms Q1: S1 over TLS: REFUSED
        290ms Q1: over
        1000ms Q2: S1 unencrypted: REFUSED over TLS
        1000ms Q2: ask S1 over UDP
        1200ms Q2: answer of S1 over UDP
        ",
    );
}
