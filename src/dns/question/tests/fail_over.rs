//! The next server, beside one that is silent and in place of one that fails.

use super::world::{
    Change, Fate, NameServer, Said, World, answer, connected, dropped, never, opportunistic,
    over_tcp, plain, silent, world,
};

/// The first server does this, and the second one is good.
fn beside_a_good_one(first: NameServer) -> World {
    world([first, plain()])
}

// The next server is asked 250 ms after the one before.
#[test] // R-8305-3.1b, R-DOT-HE
fn a_silent_server_costs_250_ms() {
    beside_a_good_one(plain().dead()).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        70ms answer of S2 over UDP
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        500ms ask S1 over TCP, connection 2
        500ms ask S1 over UDP for . NS
        1000ms ask S1 over UDP without EDNS
        1070ms over
        ",
    );
}

#[test] // R-8305-3.1b
fn two_silent_servers_cost_500_ms() {
    world([plain().dead(), plain().dead(), plain()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        100ms ask S3 over UDP
        120ms answer of S3 over UDP
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        300ms ask S2 over UDP
        300ms ask S2 over TCP
        500ms ask S1 over TCP, connection 2
        500ms ask S1 over UDP for . NS
        550ms ask S2 over TCP, connection 2
        550ms ask S2 over UDP for . NS
        1000ms ask S1 over UDP without EDNS
        1050ms ask S2 over UDP without EDNS
        1120ms over
        ",
    );
}

// A failure of a server is no reason to wait.
#[test] // R-8305-3.1b
fn the_next_server_is_asked_at_once_when_one_fails() {
    for (said, text) in [(Said::ServFail, "SERVFAIL"), (Said::Refused, "REFUSED")] {
        beside_a_good_one(plain().says(said)).plays(&format!(
            "
            0ms ask S1 over UDP
            20ms S1 over UDP: {text}
            20ms ask S2 over UDP
            40ms answer of S2 over UDP
            "
        ));
    }
}

#[test] // R-8305-3.1b
fn a_closed_port_costs_a_round_trip() {
    beside_a_good_one(plain().closed()).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: connection refused
        20ms ask S1 over UDP
        20ms ask S1 over TCP
        20ms ask S2 over UDP
        40ms S1 over UDP: connection refused
        40ms S1 over TCP: connection refused
        40ms answer of S2 over UDP
        ",
    );
}

// S2 is asked in its turn at 250 ms, S3 in place of S1, and S4 250 ms after S3.
#[test] // R-8305-3.1b
fn each_failure_starts_one_more_server() {
    let fails = plain().udp([Fate::Says(Said::ServFail, 300)]);
    let fails = fails.tcp([dropped()]);
    world([fails, plain().dead(), plain().dead(), plain()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        100ms ask S3 over UDP
        150ms ask S4 over UDP
        170ms answer of S4 over UDP
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        300ms S1 over UDP: SERVFAIL
        300ms ask S2 over UDP
        300ms ask S2 over TCP
        350ms ask S3 over UDP
        350ms ask S3 over TCP
        550ms ask S2 over TCP, connection 2
        550ms ask S2 over UDP for . NS
        600ms ask S3 over TCP, connection 2
        600ms ask S3 over UDP for . NS
        1050ms ask S2 over UDP without EDNS
        1100ms ask S3 over UDP without EDNS
        1170ms over
        ",
    );
}

#[test] // R-8305-3.1b
fn two_failures_at_once_start_two_servers() {
    let fails_after = |ms| plain().udp([Fate::Says(Said::ServFail, ms)]).tcp([dropped()]);
    world([fails_after(400), fails_after(150), plain(), plain()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        100ms ask S3 over UDP
        120ms answer of S3 over UDP
        200ms S2 over UDP: SERVFAIL
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        400ms S1 over UDP: SERVFAIL
        400ms over
        ",
    );
}

// Every question stays open.
#[test]
fn a_slow_server_still_wins_over_a_silent_one() {
    world([over_tcp().tcp([connected().on([answer(900)])]), plain().dead()]).plays(
        "
        0ms ask S1 over TCP
        70ms ask S2 over UDP
        270ms ask S1 over TCP, connection 2
        320ms ask S2 over UDP
        320ms ask S2 over TCP
        500ms ask S1 over TCP, connection 2 for . NS
        570ms ask S2 over TCP, connection 2
        570ms ask S2 over UDP for . NS
        770ms ask S1 over TCP, connection 3 for . NS
        920ms answer of S1 over TCP
        ",
    );
}

#[test]
fn when_all_servers_have_failed_nothing_is_waited_for() {
    world([plain().says(Said::ServFail), plain().says(Said::Refused)]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: SERVFAIL
        20ms ask S2 over UDP
        40ms S2 over UDP: REFUSED
        40ms failed: server failure (S1)
        ",
    );
}

#[test]
fn an_answer_at_the_deadline_counts() {
    world([plain()]).within(20).plays(
        "
        0ms ask S1 over UDP
        20ms answer of S1 over UDP
        ",
    );
    world([plain()]).within(19).plays(
        "
        0ms ask S1 over UDP
        19ms failed: no answer (S1)
        ",
    );
}

// The first lookup has less time than the one that joins it.
#[test] // R-9520-3.2a
fn a_lookup_that_joins_extends_the_deadline() {
    let joins = Change::Joins(0, 5_000);
    let slow = plain().udp([answer(400)]).tcp([dropped()]);
    world([slow]).within(300).change(100, joins).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        400ms answer of S1 over UDP
        ",
    );
}

#[test]
fn without_a_server_there_is_an_error_at_once() {
    world([]).plays(
        "
        0ms failed: no name server: none is configured
        ",
    );
}

// Port 853 is for TLS, also where resolv.conf has it.
#[test] // R-7858-3.1c
fn a_server_with_port_853_is_never_asked_in_plaintext() {
    world([never(), plain()]).plays(
        "
        0ms ask S2 over UDP
        20ms answer of S2 over UDP
        ",
    );
    world([never()]).plays(
        "
        0ms failed: name server unreachable (S1:853): port 853 is for TLS, never for plain DNS
        ",
    );
}

// TLS to the second server is as patient as TLS to the first one.
#[test] // R-8305-3.1b
fn a_second_server_may_have_tls_as_well() {
    world([opportunistic().dead(), opportunistic()]).plays(
        "
        0ms ask S1 over TLS
        50ms S1 unencrypted: TLS was not up in time
        50ms ask S1 over UDP
        100ms ask S2 over TLS
        160ms answer of S2 over TLS
        300ms ask S1 over UDP
        300ms ask S1 over TCP
        500ms ask S1 over UDP for . NS
        550ms ask S1 over TCP, connection 2
        1050ms ask S1 over UDP without EDNS
        1160ms over
        ",
    );
}

// The two answers of the first server, over TLS and in plaintext.
#[test] // R-8305-3.1b
fn a_first_server_that_refuses_costs_its_two_answers() {
    world([opportunistic().says(Said::Refused), opportunistic()]).plays(
        "
        0ms ask S1 over TLS
        60ms S1 over TLS: REFUSED
        60ms S1 unencrypted: REFUSED over TLS
        60ms ask S1 over UDP
        80ms S1 over UDP: REFUSED
        80ms ask S2 over TLS
        140ms answer of S2 over TLS
        ",
    );
}

// The first server has the time for TLS until the second one is asked.
#[test] // R-8305-3.1b
fn a_first_server_whose_tls_is_up_and_silent_gives_way_to_the_second() {
    let mute = opportunistic().tls([silent()]).udp([answer(100)]);
    world([mute, opportunistic()]).plays(
        "
        0ms ask S1 over TLS
        90ms ask S2 over TLS
        150ms answer of S2 over TLS
        290ms ask S1 over TLS, connection 2
        500ms ask S1 over TLS, connection 2 for . NS
        500ms ask S1 over UDP for . NS
        600ms answer of S1 over UDP for . NS
        600ms over
        ",
    );
}

// The first server says REFUSED in plaintext while its TLS is silent. The answer of the second one
// ends the question, and the TLS port is judged all the same: the next question leaves it alone.
#[test] // R-7858-3.1d
fn a_server_that_has_failed_is_judged_while_another_one_is_asked() {
    let refuses = opportunistic().says(Said::Refused).tls([silent()]);
    world([refuses, plain().udp([answer(200)])])
        .change(1_400, Change::Becomes(1, plain().dead()))
        .within(600)
        .asked_at([0, 2_000])
        .plays(
            "
            0ms Q1: ask S1 over TLS
            90ms Q1: ask S2 over UDP
            290ms Q1: answer of S2 over UDP
            290ms Q1: ask S1 over TLS, connection 2
            500ms Q1: ask S1 over TLS, connection 2 for . NS
            500ms Q1: ask S1 over UDP for . NS
            520ms Q1: S1 over UDP: REFUSED
            520ms Q1: over
            2000ms Q2: ask S1 over TLS, connection 2
            2050ms Q2: ask S2 over UDP
            2250ms Q2: ask S1 over TLS, connection 3
            2250ms Q2: S1 unencrypted: TLS is up and silent
            2250ms Q2: ask S1 over UDP
            2270ms Q2: S1 over UDP: REFUSED
            2270ms Q2: ask S1 over TLS, connection 2 for . NS
            2300ms Q2: ask S2 over UDP
            2300ms Q2: ask S2 over TCP
            2520ms Q2: ask S1 over TLS, connection 3 for . NS
            2550ms Q2: ask S2 over TCP, connection 2
            2550ms Q2: ask S2 over UDP for . NS
            2600ms Q2: failed: refused (S1)
            3270ms Q2: over
            ",
        );
}
