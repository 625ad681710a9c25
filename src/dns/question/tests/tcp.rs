//! Plain DNS over TCP: beside silent UDP, before it, and in its place.

use super::world::{
    Fate, NameServer, Said, answer, closed, connected, dropped, opportunistic, over_tcp, plain,
    refused, silent, world,
};

/// A firewall takes UDP and lets TCP pass.
fn no_udp() -> NameServer {
    plain().udp([Fate::Silence])
}

#[test]
fn where_udp_is_silent_tcp_joins_after_250_ms() {
    world([no_udp()]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        290ms answer of S1 over TCP
        ",
    );
}

// The minute starts again with each answer over TCP. The last question finds that it is over.
#[test]
fn tcp_goes_first_for_a_minute_where_udp_was_silent() {
    world([no_udp()]).asked_at([0, 50_000, 110_039, 110_040]).plays(
        "
        0ms Q1: ask S1 over UDP
        100ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        290ms Q1: answer of S1 over TCP
        30290ms S1 over TCP: idle
        50000ms Q2: ask S1 over TCP, connection 2
        50040ms Q2: answer of S1 over TCP, connection 2
        80040ms S1 over TCP, connection 2: idle
        110039ms Q3: ask S1 over TCP, connection 3
        110040ms Q4: ask S1 over UDP
        110079ms Q3: answer of S1 over TCP, connection 3
        110090ms Q4: ask S1 over UDP
        110290ms Q4: ask S1 over TCP, connection 3
        110310ms Q4: answer of S1 over TCP, connection 3
        ",
    );
}

#[test]
fn udp_joins_after_250_ms_where_tcp_goes_first_and_is_silent() {
    world([no_udp()]).then(1_000, plain().tcp([silent()])).asked_at([0, 40_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        100ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        290ms Q1: answer of S1 over TCP
        30290ms S1 over TCP: idle
        40000ms Q2: ask S1 over TCP, connection 2
        40250ms Q2: ask S1 over UDP
        40270ms Q2: answer of S1 over UDP
        ",
    );
}

#[test]
fn udp_joins_at_once_where_tcp_goes_first_and_is_closed() {
    world([no_udp()]).then(1_000, plain().tcp([refused()])).asked_at([0, 40_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        100ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        290ms Q1: answer of S1 over TCP
        30290ms S1 over TCP: idle
        40000ms Q2: ask S1 over TCP, connection 2
        40020ms S1 over TCP, connection 2: connection refused
        40020ms Q2: ask S1 over UDP
        40040ms Q2: answer of S1 over UDP
        ",
    );
}

#[test]
fn an_answer_over_udp_ends_the_minute() {
    let again = plain().tcp([refused()]);
    world([no_udp()]).then(1_000, again).asked_at([0, 40_000, 41_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        100ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        290ms Q1: answer of S1 over TCP
        30290ms S1 over TCP: idle
        40000ms Q2: ask S1 over TCP, connection 2
        40020ms S1 over TCP, connection 2: connection refused
        40020ms Q2: ask S1 over UDP
        40040ms Q2: answer of S1 over UDP
        41000ms Q3: ask S1 over UDP
        41020ms Q3: answer of S1 over UDP
        ",
    );
}

// The error may be forged.
#[test] // N-26
fn where_the_udp_port_is_closed_the_question_is_repeated_once_and_tcp_is_asked() {
    world([plain().udp([closed(20)])]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: connection refused
        20ms ask S1 over UDP
        20ms ask S1 over TCP
        40ms S1 over UDP: connection refused
        60ms answer of S1 over TCP
        ",
    );
}

#[test] // N-26
fn a_udp_port_that_is_found_closed_late_leaves_the_question_to_tcp() {
    world([plain().udp([closed(270)])]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        270ms S1 over UDP: connection refused
        270ms ask S1 over UDP
        290ms answer of S1 over TCP
        ",
    );
}

#[test]
fn a_closed_tcp_port_leaves_the_question_to_udp() {
    world([plain().udp([answer(300)]).tcp([refused()])]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        270ms S1 over TCP: connection refused
        300ms answer of S1 over UDP
        ",
    );
}

// A third datagram has left when the first error comes.
#[test] // N-26
fn when_both_ports_are_closed_the_server_has_failed() {
    world([plain().udp([closed(260)]).tcp([refused()])]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        260ms S1 over UDP: connection refused
        260ms ask S1 over UDP
        270ms S1 over TCP: connection refused
        360ms S1 over UDP: connection refused
        520ms S1 over UDP: connection refused
        520ms failed: name server unreachable (S1): connection refused
        ",
    );
}

// `options use-vc` of resolv.conf, or a server for TCP.
#[test]
fn a_server_for_tcp_gets_no_datagram() {
    world([over_tcp()]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TCP
        40ms Q1: answer of S1 over TCP
        1000ms Q2: ask S1 over TCP
        1020ms Q2: answer of S1 over TCP
        ",
    );
    world([over_tcp().tcp([dropped()])]).plays(
        "
        0ms ask S1 over TCP
        250ms ask S1 over TCP, connection 2
        5000ms failed: no answer (S1)
        ",
    );
}

#[test]
fn with_use_vc_a_server_that_may_have_tls_is_asked_over_tcp_beside_it() {
    world([opportunistic().use_vc().tls([dropped()])]).plays(
        "
        0ms ask S1 over TLS
        50ms S1 unencrypted: TLS was not up in time
        50ms ask S1 over TCP
        90ms answer of S1 over TCP
        ",
    );
}

// Over a connection the reply has the id of the question, so it can answer no other.
#[test] // R-7858-3.3c
fn a_reply_to_another_question_over_tcp_is_a_failure_of_the_server() {
    world([over_tcp().tcp([connected().says(Said::ToAnother)])]).plays(
        "
        0ms ask S1 over TCP
        40ms S1 over TCP: an answer to another question
        40ms failed: lookup failed (S1): an answer to another question
        ",
    );
}

#[test]
fn a_truncated_reply_over_tcp_is_a_failure_of_the_server() {
    world([over_tcp().tcp([connected().says(Said::Truncated)])]).plays(
        "
        0ms ask S1 over TCP
        40ms S1 over TCP: truncated
        40ms failed: lookup failed (S1): truncated on a stream
        ",
    );
}

#[test]
fn the_question_without_edns_goes_over_the_same_connection() {
    let fates = [Fate::Says(Said::NoEdns, 20), answer(20)];
    world([over_tcp().tcp([connected().on(fates)])]).plays(
        "
        0ms ask S1 over TCP
        40ms S1 over TCP: does not understand EDNS
        40ms ask S1 over TCP without EDNS
        60ms answer of S1 over TCP
        ",
    );
}

#[test]
fn a_server_that_never_understands_edns_has_failed() {
    world([over_tcp().tcp([connected().says(Said::NoEdns)])]).plays(
        "
        0ms ask S1 over TCP
        40ms S1 over TCP: does not understand EDNS
        40ms ask S1 over TCP without EDNS
        60ms S1 over TCP: does not understand EDNS
        60ms failed: server failure (S1): does not understand EDNS
        ",
    );
}
