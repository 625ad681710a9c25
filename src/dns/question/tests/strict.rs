//! Strict and pinned servers: a question goes over authenticated TLS, or nowhere. The error says
//! how far it got.

use super::world::{
    Change, Fate, Said, Script, connected, dropped, ends, fails, mute, refused, silent, strict,
    untrusted, world,
};
use crate::dns::question::Via;

/// What becomes of a question on such a connection, and that nothing goes in plaintext.
#[track_caller]
fn fault(script: Script, log: &str) {
    let played = world([strict().tls([script])]).within(245).plays(log);
    assert!(played.sends.iter().all(|sent| sent.form.via == Via::Tls));
}

#[test] // R-7858-3.1a, R-7858-3.1b, R-7858-3.4a
fn a_strict_server_is_asked_over_one_connection() {
    world([strict()]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1020ms Q2: answer of S1 over TLS
        ",
    );
}

#[test] // R-8310-5.1b, R-8310-6.6b, R-7858-3.1c
fn silence_of_any_kind_is_reported_at_the_deadline() {
    fault(
        dropped(),
        "
        0ms ask S1 over TLS
        245ms failed: no answer (S1:853): no TCP connection
        ",
    );
    fault(
        mute(),
        "
        0ms ask S1 over TLS
        245ms failed: no answer (S1:853): TCP is up, TLS is silent
        ",
    );
    fault(
        silent(),
        "
        0ms ask S1 over TLS
        245ms failed: no answer (S1:853): TLS is up and silent
        ",
    );
}

#[test] // R-8310-5.1b, R-8310-6.6b, R-7858-3.1c
fn a_port_without_tls_is_reported_at_once() {
    fault(
        refused(),
        "
        0ms ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms failed: name server unreachable (S1:853): connection refused
        ",
    );
    fault(
        fails("closed during the TLS handshake"),
        "
        0ms ask S1 over TLS
        40ms S1 over TLS: closed during the TLS handshake
        40ms failed: name server unreachable (S1:853): closed during the TLS handshake
        ",
    );
}

#[test] // R-7858-4.2a, R-8310-6.6a, R-8310-6.6b
fn a_server_that_is_not_authenticated_is_reported_at_once() {
    fault(
        untrusted("another pin"),
        "
        0ms ask S1 over TLS
        40ms S1 over TLS: another pin
        40ms failed: name server not authenticated (S1:853): another pin
        ",
    );
}

#[test] // R-8310-5.1b
fn what_the_server_says_is_reported_at_once() {
    fault(
        connected().says(Said::ServFail),
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: SERVFAIL
        60ms failed: server failure (S1:853)
        ",
    );
    fault(
        connected().says(Said::Refused),
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: REFUSED
        60ms failed: refused (S1:853)
        ",
    );
    fault(
        connected().says(Said::ToAnother),
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: an answer to another question
        60ms failed: lookup failed (S1:853): an answer to another question
        ",
    );
    fault(
        connected().says(Said::NoEdns),
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: does not understand EDNS
        60ms ask S1 over TLS without EDNS
        80ms S1 over TLS: does not understand EDNS
        80ms failed: server failure (S1:853): does not understand EDNS
        ",
    );
}

// The question is sent once more over a new connection.
#[test] // R-7858-3.4b, R-8310-5.1b
fn connections_that_end_at_the_question_are_reported_after_the_second_one() {
    fault(
        connected().on([ends()]),
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: closed by the server
        60ms ask S1 over TLS, connection 2
        120ms S1 over TLS, connection 2: closed by the server
        120ms failed: name server unreachable (S1:853): closed by the server
        ",
    );
    fault(
        connected().on([Fate::Ends("an answer to no question", 20)]),
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: an answer to no question
        60ms ask S1 over TLS, connection 2
        120ms S1 over TLS, connection 2: an answer to no question
        120ms failed: name server unreachable (S1:853): an answer to no question
        ",
    );
}

#[test] // R-7858-3.4b
fn a_connection_that_falls_silent_costs_250_ms_and_another_one() {
    world([strict()]).change(500, Change::Forgets(0)).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1310ms Q2: answer of S1 over TLS, connection 2
        ",
    );
}

// The error of the second connection says more than the silence of the first one.
#[test] // R-8310-5.1b
fn where_a_spare_fails_beside_a_silent_connection_its_error_is_reported() {
    world([strict().tls([silent(), refused()])]).plays(
        "
        0ms ask S1 over TLS
        290ms ask S1 over TLS, connection 2
        310ms S1 over TLS, connection 2: connection refused
        5000ms failed: name server unreachable (S1:853): connection refused
        ",
    );
}

#[test] // R-8310-6.6a
fn a_server_that_is_authenticated_takes_the_place_of_one_that_is_not() {
    world([strict().tls([untrusted("another pin")]), strict()]).plays(
        "
        0ms ask S1 over TLS
        40ms S1 over TLS: another pin
        40ms ask S2 over TLS
        100ms answer of S2 over TLS
        ",
    );
}

// The wrong certificate says more than the silence.
#[test]
fn of_two_bad_servers_the_one_that_is_not_authenticated_is_reported() {
    let both = [strict().tls([silent()]), strict().tls([untrusted("another pin")])];
    world(both).plays(
        "
        0ms ask S1 over TLS
        290ms ask S1 over TLS, connection 2
        290ms ask S2 over TLS
        330ms S2 over TLS: another pin
        500ms ask S1 over TLS, connection 2 for . NS
        790ms ask S1 over TLS, connection 3 for . NS
        5000ms failed: name server not authenticated (S2:853): another pin
        ",
    );
}

// A second after the answer of the other server it is known to be silent. It takes no connection,
// so the neutral question waits for one as well.
#[test] // R-DOT-HE, N-1
fn a_silent_strict_server_costs_250_ms_once() {
    world([strict().tls([dropped()]), strict()]).asked_at([0, 1_311]).plays(
        "
        0ms Q1: ask S1 over TLS
        250ms Q1: ask S1 over TLS, connection 2
        250ms Q1: ask S2 over TLS
        310ms Q1: answer of S2 over TLS
        500ms Q1: ask S1 over TLS for . NS
        500ms Q1: ask S1 over TLS, connection 2 for . NS
        1310ms Q1: over
        1311ms Q2: ask S2 over TLS
        1331ms Q2: answer of S2 over TLS
        ",
    );
}

// No port is left alone: there is nothing else to ask.
#[test]
fn a_strict_server_is_tried_for_each_question() {
    world([strict().tls([fails("closed during the TLS handshake")])]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        40ms S1 over TLS: closed during the TLS handshake
        40ms Q1: failed: name server unreachable (S1:853): closed during the TLS handshake
        1000ms Q2: ask S1 over TLS, connection 2
        1040ms S1 over TLS, connection 2: closed during the TLS handshake
        1040ms Q2: failed: name server unreachable (S1:853): closed during the TLS handshake
        ",
    );
}
