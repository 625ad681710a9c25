//! Port 853 that was found dead: how long it is left alone, who probes it, and the warnings.

use super::world::{
    Change, Fate, NameServer, Said, World, answer, connected, dropped, fails, opportunistic,
    refused, silent, world,
};

/// A server whose port 853 is closed.
fn closed() -> NameServer {
    opportunistic().tls([refused()])
}

/// The first question finds port 853 closed. From 5 s on it does this.
fn closed_then(then: NameServer) -> World {
    world([closed()]).then(5_000, then)
}

// The question does not wait for the probe, and the next one is asked over TLS.
#[test] // R-7858-3.1d, C-DOTNEG
fn a_dead_port_is_left_alone_for_10_s_and_then_probed() {
    closed_then(opportunistic()).asked_at([0, 10_019, 10_020, 10_200]).plays(
        "
        0ms Q1: ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms Q1: S1 unencrypted: connection refused
        20ms Q1: ask S1 over UDP
        40ms Q1: answer of S1 over UDP
        10019ms Q2: S1 unencrypted: connection refused
        10019ms Q2: ask S1 over UDP
        10020ms Q3: probe S1 over TLS
        10020ms Q3: S1 unencrypted: connection refused
        10020ms Q3: ask S1 over UDP
        10020ms probe: ask S1 over TLS, connection 2 for . NS
        10039ms Q2: answer of S1 over UDP
        10040ms Q3: answer of S1 over UDP
        10080ms probe: answer of S1 over TLS, connection 2
        10080ms probe: over
        10200ms Q4: ask S1 over TLS, connection 2
        10220ms Q4: answer of S1 over TLS, connection 2
        ",
    );
}

#[test] // R-7858-3.1d, C-DOTNEG
fn a_port_that_is_dead_again_is_left_alone_for_twice_as_long() {
    world([closed()]).asked_at([0, 10_020, 30_039, 30_040]).plays(
        "
        0ms Q1: ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms Q1: S1 unencrypted: connection refused
        20ms Q1: ask S1 over UDP
        40ms Q1: answer of S1 over UDP
        10020ms Q2: probe S1 over TLS
        10020ms Q2: S1 unencrypted: connection refused
        10020ms Q2: ask S1 over UDP
        10020ms probe: ask S1 over TLS, connection 2 for . NS
        10040ms Q2: answer of S1 over UDP
        10040ms S1 over TLS, connection 2: connection refused
        10040ms probe: over
        30039ms Q3: S1 unencrypted: connection refused
        30039ms Q3: ask S1 over UDP
        30040ms Q4: probe S1 over TLS
        30040ms Q4: S1 unencrypted: connection refused
        30040ms Q4: ask S1 over UDP
        30040ms probe: ask S1 over TLS, connection 3 for . NS
        30059ms Q3: answer of S1 over UDP
        30060ms Q4: answer of S1 over UDP
        30060ms S1 over TLS, connection 3: connection refused
        30060ms probe: over
        ",
    );
}

// One question probes, and the others do not.
#[test] // R-7858-3.1d
fn questions_at_the_same_time_probe_once() {
    closed_then(opportunistic()).asked_at([0, 11_000, 11_000, 11_010]).plays(
        "
        0ms Q1: ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms Q1: S1 unencrypted: connection refused
        20ms Q1: ask S1 over UDP
        40ms Q1: answer of S1 over UDP
        11000ms Q2: probe S1 over TLS
        11000ms Q2: S1 unencrypted: connection refused
        11000ms Q2: ask S1 over UDP
        11000ms probe: ask S1 over TLS, connection 2 for . NS
        11000ms Q3: S1 unencrypted: connection refused
        11000ms Q3: ask S1 over UDP
        11010ms Q4: S1 unencrypted: connection refused
        11010ms Q4: ask S1 over UDP
        11020ms Q2: answer of S1 over UDP
        11020ms Q3: answer of S1 over UDP
        11030ms Q4: answer of S1 over UDP
        11060ms probe: answer of S1 over TLS, connection 2
        11060ms probe: over
        ",
    );
}

// Some servers do no more than that.
#[test] // R-7858-3.1d
fn a_handshake_alone_does_not_revive_a_dead_port() {
    closed_then(opportunistic().tls([silent()])).asked_at([0, 11_000, 12_000, 16_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms Q1: S1 unencrypted: connection refused
        20ms Q1: ask S1 over UDP
        40ms Q1: answer of S1 over UDP
        11000ms Q2: probe S1 over TLS
        11000ms Q2: S1 unencrypted: connection refused
        11000ms Q2: ask S1 over UDP
        11000ms probe: ask S1 over TLS, connection 2 for . NS
        11020ms Q2: answer of S1 over UDP
        11290ms probe: ask S1 over TLS, connection 3 for . NS
        12000ms Q3: S1 unencrypted: connection refused
        12000ms Q3: ask S1 over UDP
        12020ms Q3: answer of S1 over UDP
        15000ms probe: over
        16000ms Q4: S1 unencrypted: TLS is up and silent
        16000ms Q4: ask S1 over UDP
        16020ms Q4: answer of S1 over UDP
        ",
    );
}

#[test] // R-7858-3.1d
fn a_probe_that_is_dropped_shows_a_dead_port() {
    closed_then(opportunistic().tls([dropped()])).asked_at([0, 11_000, 22_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms Q1: S1 unencrypted: connection refused
        20ms Q1: ask S1 over UDP
        40ms Q1: answer of S1 over UDP
        11000ms Q2: probe S1 over TLS
        11000ms Q2: S1 unencrypted: connection refused
        11000ms Q2: ask S1 over UDP
        11000ms probe: ask S1 over TLS, connection 2 for . NS
        11020ms Q2: answer of S1 over UDP
        11250ms probe: ask S1 over TLS, connection 3 for . NS
        13000ms S1 over TLS, connection 2: no TCP connection within 2s
        13250ms S1 over TLS, connection 3: no TCP connection within 2s
        13250ms probe: over
        22000ms Q3: S1 unencrypted: no TCP connection within 2s
        22000ms Q3: ask S1 over UDP
        22020ms Q3: answer of S1 over UDP
        ",
    );
}

#[test] // R-7858-3.1d
fn a_probe_that_is_refused_shows_a_dead_port() {
    let refuses = opportunistic().tls([connected().says(Said::Refused)]);
    closed_then(refuses).asked_at([0, 11_000, 22_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms Q1: S1 unencrypted: connection refused
        20ms Q1: ask S1 over UDP
        40ms Q1: answer of S1 over UDP
        11000ms Q2: probe S1 over TLS
        11000ms Q2: S1 unencrypted: connection refused
        11000ms Q2: ask S1 over UDP
        11000ms probe: ask S1 over TLS, connection 2 for . NS
        11020ms Q2: answer of S1 over UDP
        11060ms probe: S1 over TLS, connection 2: REFUSED
        11060ms probe: over
        22000ms Q3: S1 unencrypted: REFUSED over TLS
        22000ms Q3: ask S1 over UDP
        22020ms Q3: answer of S1 over UDP
        ",
    );
}

// The server is there, and it is ill.
#[test] // N-17
fn a_probe_that_fails_says_nothing_of_the_port() {
    let fails = connected().on([Fate::Says(Said::ServFail, 20), answer(20)]);
    let fails = opportunistic().tls([fails]);
    closed_then(fails).asked_at([0, 11_000, 12_000, 22_000, 23_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        20ms S1 over TLS: connection refused
        20ms Q1: S1 unencrypted: connection refused
        20ms Q1: ask S1 over UDP
        40ms Q1: answer of S1 over UDP
        11000ms Q2: probe S1 over TLS
        11000ms Q2: S1 unencrypted: connection refused
        11000ms Q2: ask S1 over UDP
        11000ms probe: ask S1 over TLS, connection 2 for . NS
        11020ms Q2: answer of S1 over UDP
        11060ms probe: S1 over TLS, connection 2: SERVFAIL
        11060ms probe: over
        12000ms Q3: S1 unencrypted: connection refused
        12000ms Q3: ask S1 over UDP
        12020ms Q3: answer of S1 over UDP
        22000ms Q4: probe S1 over TLS
        22000ms Q4: S1 unencrypted: connection refused
        22000ms Q4: ask S1 over UDP
        22000ms probe: ask S1 over TLS, connection 2 for . NS
        22020ms Q4: answer of S1 over UDP
        22020ms probe: answer of S1 over TLS, connection 2
        22020ms probe: over
        23000ms Q5: ask S1 over TLS, connection 2
        23020ms Q5: answer of S1 over TLS, connection 2
        ",
    );
}

// Nothing says that the network was there.
#[test] // R-7858-3.1d
fn a_silent_port_where_plaintext_is_silent_too_does_not_count_as_dead() {
    world([opportunistic().dead()]).then(2_500, opportunistic()).asked_at([0, 6_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        50ms Q1: S1 unencrypted: TLS was not up in time
        50ms Q1: ask S1 over UDP
        150ms Q1: ask S1 over UDP
        300ms Q1: ask S1 over TCP
        550ms Q1: ask S1 over TCP, connection 2
        1050ms Q1: ask S1 over UDP without EDNS
        2000ms S1 over TLS: no TCP connection within 2s
        5000ms Q1: failed: no answer (S1)
        6000ms Q2: ask S1 over TLS, connection 2
        6060ms Q2: answer of S1 over TLS, connection 2
        ",
    );
}

// A closed port 53 does not say that the server was there.
#[test] // R-7858-3.1d
fn a_silent_port_where_plaintext_is_refused_does_not_count_as_dead() {
    let closed_53 = opportunistic().dead().udp([Fate::Ends("connection refused", 20)]);
    world([closed_53]).then(2_500, opportunistic()).asked_at([0, 6_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        50ms Q1: S1 unencrypted: TLS was not up in time
        50ms Q1: ask S1 over UDP
        70ms Q1: S1 over UDP: connection refused
        70ms Q1: ask S1 over UDP
        70ms Q1: ask S1 over TCP
        90ms Q1: S1 over UDP: connection refused
        320ms Q1: ask S1 over TCP, connection 2
        2000ms S1 over TLS: no TCP connection within 2s
        5000ms Q1: failed: no answer (S1): over UDP: connection refused
        6000ms Q2: ask S1 over TLS, connection 2
        6060ms Q2: answer of S1 over TLS, connection 2
        ",
    );
}

#[test] // R-7858-3.1d
fn a_silent_port_where_plaintext_is_answered_counts_as_dead() {
    world([opportunistic().tls([dropped()])])
        .then(2_500, opportunistic())
        .asked_at([0, 6_000])
        .plays(
            "
            0ms Q1: ask S1 over TLS
            50ms Q1: S1 unencrypted: TLS was not up in time
            50ms Q1: ask S1 over UDP
            70ms Q1: answer of S1 over UDP
            2000ms S1 over TLS: no TCP connection within 2s
            6000ms Q2: S1 unencrypted: no TCP connection within 2s
            6000ms Q2: ask S1 over UDP
            6020ms Q2: answer of S1 over UDP
            ",
        );
}

/// The port works at first, and the server ends the connection.
fn lost() -> World {
    world([opportunistic()]).then(500, closed()).change(500, Change::Ends(0))
}

// A server that had TLS is left alone for at most a minute.
#[test] // R-8310-6.5
fn a_server_that_had_tls_and_lost_it_is_a_warning_once_a_minute() {
    lost().asked_at([0, 1_000, 2_000, 61_020]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        500ms S1 over TLS: closed by the server
        1000ms Q2: ask S1 over TLS, connection 2
        1020ms S1 over TLS, connection 2: connection refused
        1020ms Q2: S1 unencrypted, with a warning: connection refused
        1020ms Q2: ask S1 over UDP
        1040ms Q2: answer of S1 over UDP
        2000ms Q3: S1 unencrypted: connection refused
        2000ms Q3: ask S1 over UDP
        2020ms Q3: answer of S1 over UDP
        61020ms Q4: probe S1 over TLS
        61020ms Q4: S1 unencrypted, with a warning: connection refused
        61020ms Q4: ask S1 over UDP
        61020ms probe: ask S1 over TLS, connection 3 for . NS
        61040ms Q4: answer of S1 over UDP
        61040ms S1 over TLS, connection 3: connection refused
        61040ms probe: over
        ",
    );
}

// The spare of the connection is refused, and the answer to the slow question is SERVFAIL. Both say
// nothing against the connection.
#[test]
fn a_port_that_is_dead_for_new_connections_is_still_asked_over_an_old_one() {
    let slow = connected().on([answer(20), Fate::Says(Said::ServFail, 400), answer(20)]);
    let server = opportunistic().tls([slow, fails("closed during the TLS handshake")]);
    world([server.udp([answer(300)])]).asked_at([0, 1_000, 1_600]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1290ms S1 over TLS, connection 2: closed during the TLS handshake
        1290ms Q2: S1 unencrypted, with a warning: TLS was not up in time
        1290ms Q2: ask S1 over UDP
        1350ms Q2: ask S1 over UDP
        1400ms Q2: S1 over TLS: SERVFAIL
        1400ms Q2: failed: server failure (S1:853)
        1600ms Q3: ask S1 over TLS
        1620ms Q3: answer of S1 over TLS
        ",
    );
}
