//! The next server, beside one that is silent and in place of one that fails.

use super::world::{
    Change, Fate, NameServer, Said, World, answer, connected, dropped, never, opportunistic,
    over_tcp, plain, silent, world,
};

/// The first server does this, and the second one is good.
fn beside_a_good_one(first: NameServer) -> World {
    world([first, plain()])
}

// Nothing is known of the servers, so the next one is asked 50 ms after the one before. When it has
// answered, the earlier one has a second more to show that it is not silent.
#[test] // R-8305-3.1b, R-DOT-HE, N-1
fn a_silent_server_costs_50_ms() {
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

#[test] // R-8305-3.1b, N-1
fn two_silent_servers_cost_100_ms() {
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

// The error may be forged, so the server is asked once more, and over TCP. The next server does not
// wait for that.
#[test] // R-8305-3.1b, N-26
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

// S2 is asked in its turn at 50 ms, S3 in place of S1, and S4 50 ms after S3.
#[test] // R-8305-3.1b
fn each_failure_starts_one_more_server() {
    let fails = plain().udp([Fate::Says(Said::ServFail, 70)]);
    world([fails, plain().dead(), plain().dead(), plain()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        70ms S1 over UDP: SERVFAIL
        70ms ask S3 over UDP
        120ms ask S4 over UDP
        140ms answer of S4 over UDP
        300ms ask S2 over UDP
        300ms ask S2 over TCP
        320ms ask S3 over UDP
        320ms ask S3 over TCP
        550ms ask S2 over TCP, connection 2
        550ms ask S2 over UDP for . NS
        570ms ask S3 over TCP, connection 2
        570ms ask S3 over UDP for . NS
        1050ms ask S2 over UDP without EDNS
        1070ms ask S3 over UDP without EDNS
        1140ms over
        ",
    );
}

#[test] // R-8305-3.1b
fn two_failures_at_once_start_two_servers() {
    let fails_after = |ms| plain().udp([Fate::Says(Said::ServFail, ms)]);
    world([fails_after(60), fails_after(10), plain(), plain()]).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        60ms S1 over UDP: SERVFAIL
        60ms ask S3 over UDP
        60ms S2 over UDP: SERVFAIL
        60ms ask S4 over UDP
        80ms answer of S3 over UDP
        ",
    );
}

// Every question stays open.
#[test] // N-1
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

// The first server has 50 ms from when TLS is up. After the answer only the neutral question goes
// to it in plaintext.
#[test] // R-8305-3.1b, R-8310-5c, N-1
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
#[test] // R-7858-3.1d, N-17
fn a_server_that_has_failed_is_judged_while_another_one_is_asked() {
    let refuses = opportunistic().says(Said::Refused).tls([silent()]);
    world([refuses, plain().udp([answer(300)]).tcp([dropped()])])
        .change(1_400, Change::Becomes(1, plain().dead()))
        .within(600)
        .asked_at([0, 2_000])
        .plays(
            "
            0ms Q1: ask S1 over TLS
            90ms Q1: ask S2 over UDP
            290ms Q1: ask S1 over TLS, connection 2
            290ms Q1: S1 unencrypted: TLS is up and silent
            290ms Q1: ask S1 over UDP
            310ms Q1: S1 over UDP: REFUSED
            310ms Q1: ask S1 over TLS for . NS
            340ms Q1: ask S2 over UDP
            340ms Q1: ask S2 over TCP
            390ms Q1: answer of S2 over UDP
            560ms Q1: ask S1 over TLS, connection 2 for . NS
            1310ms Q1: over
            2000ms Q2: S1 unencrypted: TLS is up and silent
            2000ms Q2: ask S1 over UDP
            2020ms Q2: S1 over UDP: REFUSED
            2020ms Q2: ask S2 over UDP
            2270ms Q2: ask S2 over UDP
            2270ms Q2: ask S2 over TCP
            2270ms Q2: ask S2 over TCP, connection 2
            2520ms Q2: ask S2 over UDP for . NS
            2600ms Q2: failed: refused (S1)
            ",
        );
}
