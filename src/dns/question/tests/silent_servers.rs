//! Which server goes last for a minute: one that was silent or unreachable, and never one that is
//! slow or has replied.

use super::world::{
    Change, Fate, NameServer, Said, answer, closed, connected, dropped, ends, mute, opportunistic,
    over_tcp, plain, refused, silent, strict, world,
};

/// A server that is silent over TCP. This becomes of its datagrams.
fn udp<const N: usize>(fates: [Fate; N]) -> NameServer {
    plain().udp(fates).tcp([dropped()])
}

#[test] // N-1
fn a_slow_server_stays_first() {
    let slow = world([udp([answer(400)]), plain()]).then(900, plain());
    slow.asked_at([0, 1_000, 2_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        400ms Q1: late answer of S1 over UDP
        400ms Q1: over
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        2000ms Q3: ask S1 over UDP
        2020ms Q3: answer of S1 over UDP
        ",
    );
}

#[test] // N-1
fn one_lost_datagram_demotes_nobody() {
    world([udp([Fate::Silence, answer(20)]), plain()])
        .then(900, plain())
        .asked_at([0, 1_000])
        .plays(
            "
            0ms Q1: ask S1 over UDP
            50ms Q1: ask S2 over UDP
            70ms Q1: answer of S2 over UDP
            250ms Q1: ask S1 over UDP
            250ms Q1: ask S1 over TCP
            270ms Q1: late answer of S1 over UDP
            270ms Q1: over
            1000ms Q2: ask S1 over UDP
            1020ms Q2: answer of S1 over UDP
            ",
        );
}

// The first server is known to be alive, so the second question waits for it.
#[test] // N-1
fn a_server_that_is_silent_to_one_name_and_answers_the_neutral_question_stays_first() {
    world([udp([Fate::Silence]).neutral(answer(20)), plain()]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        500ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over UDP for . NS
        520ms Q1: answer of S1 over UDP for . NS
        520ms Q1: over
        1000ms Q2: ask S1 over UDP
        1050ms Q2: ask S2 over UDP
        1250ms Q2: ask S1 over UDP
        1250ms Q2: ask S1 over TCP
        1250ms Q2: ask S1 over TCP, connection 2
        1500ms Q2: ask S1 over UDP for . NS
        1520ms Q2: answer of S1 over UDP for . NS
        2000ms Q2: answer of S2 over UDP
        ",
    );
}

#[test] // N-1
fn the_neutral_question_shows_that_a_server_for_tcp_is_alive() {
    world([over_tcp().tcp([silent()]).neutral(answer(20)), plain()]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TCP
        70ms Q1: ask S2 over UDP
        90ms Q1: answer of S2 over UDP
        270ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over TCP, connection 2 for . NS
        520ms Q1: answer of S1 over TCP, connection 2 for . NS
        520ms Q1: over
        1000ms Q2: ask S1 over TCP, connection 2
        1050ms Q2: ask S2 over UDP
        1250ms Q2: ask S1 over TCP, connection 3
        1500ms Q2: ask S1 over TCP, connection 3 for . NS
        1520ms Q2: answer of S1 over TCP, connection 3 for . NS
        2000ms Q2: answer of S2 over UDP
        ",
    );
}

// Neither question leaves: there is no connection, or none with TLS.
#[test] // N-1
fn a_server_that_takes_no_question_is_silent_as_well() {
    let firsts = [over_tcp().tcp([dropped()]), strict().tls([dropped()]), strict().tls([mute()])];
    for first in firsts {
        let played = world([first, plain()]).asked_at([0, 1_400]).play();
        let later = played.log.iter().filter(|line| line.starts_with("14"));
        let expected = ["1400ms Q2: ask S2 over UDP", "1420ms Q2: answer of S2 over UDP"];
        assert!(later.eq(expected), "{:#?}", played.log);
    }
}

// The second question is asked while the first one still listens, and the third one after that.
#[test] // N-1
fn a_dead_server_is_asked_last_from_1070_ms_on() {
    world([udp([Fate::Silence]), plain()]).asked_at([0, 1_069, 1_071]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        500ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over UDP for . NS
        1000ms Q1: ask S1 over UDP without EDNS
        1069ms Q2: ask S1 over UDP
        1070ms Q1: over
        1071ms Q3: ask S2 over UDP
        1091ms Q3: answer of S2 over UDP
        1119ms Q2: ask S2 over UDP
        1139ms Q2: answer of S2 over UDP
        1319ms Q2: ask S1 over UDP
        1319ms Q2: ask S1 over TCP
        1319ms Q2: ask S1 over TCP, connection 2
        1569ms Q2: ask S1 over UDP for . NS
        2069ms Q2: ask S1 over UDP without EDNS
        2139ms Q2: over
        ",
    );
}

// The neutral question was not sent, or its answer was not waited for.
#[test] // N-1
fn a_question_that_is_dropped_teaches_nothing() {
    for drops_at in [300, 1_000] {
        let played = world([udp([Fate::Silence]), plain()])
            .change(drops_at, Change::Drops(0))
            .asked_at([0, 2_000])
            .play();
        let drops = format!("{drops_at}ms Q1: dropped");
        assert!(played.log.contains(&drops), "{:#?}", played.log);
        assert!(
            played.log.iter().any(|it| it == "2000ms Q2: ask S1 over UDP"),
            "{:#?}",
            played.log
        );
    }
}

#[test] // N-1, N-19
fn an_error_code_demotes_nobody() {
    for said in [Said::ServFail, Said::Refused] {
        let played = world([plain().says(said), plain()]).asked_at([0, 1_000]).play();
        let first =
            played.sends.iter().filter(|sent| sent.asking == 1).map(|sent| sent.form.server);
        assert_eq!(first.take(1).collect::<Vec<_>>(), [0], "{:#?}", played.log);
    }
}

// The minute begins when the ports are found closed.
#[test] // N-1
fn a_server_that_cannot_be_reached_is_asked_last_for_a_minute() {
    world([plain().closed(), plain()]).then(500, plain()).asked_at([0, 60_039, 60_040]).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: S1 over UDP: connection refused
        20ms Q1: ask S1 over UDP
        20ms Q1: ask S1 over TCP
        20ms Q1: ask S2 over UDP
        40ms Q1: S1 over UDP: connection refused
        40ms S1 over TCP: connection refused
        40ms Q1: answer of S2 over UDP
        60039ms Q2: ask S2 over UDP
        60040ms Q3: ask S1 over UDP
        60059ms Q2: answer of S2 over UDP
        60060ms Q3: answer of S1 over UDP
        ",
    );
}

// It ignores the second question and the neutral one for a while, and answers the third one
// meanwhile.
#[test] // N-1
fn a_server_that_answers_other_questions_meanwhile_is_not_silent() {
    world([plain(), plain()])
        .asked_at([0, 1_000, 1_600, 2_500])
        .change(900, Change::Becomes(0, plain().dead()))
        .change(1_550, Change::Becomes(0, plain()))
        .plays(
            "
            0ms Q1: ask S1 over UDP
            20ms Q1: answer of S1 over UDP
            1000ms Q2: ask S1 over UDP
            1060ms Q2: ask S2 over UDP
            1250ms Q2: ask S1 over UDP
            1250ms Q2: ask S1 over TCP
            1500ms Q2: ask S1 over TCP, connection 2
            1500ms Q2: ask S1 over UDP for . NS
            1600ms Q3: ask S1 over UDP
            1620ms Q3: answer of S1 over UDP
            2000ms Q2: answer of S2 over UDP
            2000ms Q2: ask S1 over UDP without EDNS
            2020ms Q2: late answer of S1 over UDP
            2020ms Q2: over
            2500ms Q4: ask S1 over UDP
            2520ms Q4: answer of S1 over UDP
            ",
        );
}

#[test] // N-1, N-19
fn a_strict_server_that_ends_its_connections_at_one_name_stays_first() {
    let at_the_second = connected().on([answer(20), ends()]);
    let at_each = || connected().on([ends()]);
    let first = strict().tls([at_the_second, at_each(), at_each(), connected()]);
    world([first, strict()]).asked_at([0, 1_000, 2_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1020ms S1 over TLS: closed by the server
        1020ms Q2: ask S1 over TLS, connection 2
        1060ms Q2: ask S2 over TLS
        1080ms S1 over TLS, connection 2: closed by the server
        1080ms Q2: ask S1 over TLS, connection 3
        1140ms S1 over TLS, connection 3: closed by the server
        1140ms Q2: answer of S2 over TLS
        2000ms Q3: ask S1 over TLS, connection 4
        2060ms Q3: answer of S1 over TLS, connection 4
        ",
    );
}

// EDNS works. Of the second question only the third send is answered, which has none.
#[test] // N-5
fn one_slow_name_does_not_end_edns() {
    let slow = || plain().tcp([dropped()]).udp([Fate::Silence, Fate::Silence, answer(20)]);
    world([plain()]).then(500, slow()).then(2_500, plain()).asked_at([0, 1_000, 3_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over UDP
        1060ms Q2: ask S1 over UDP
        1250ms Q2: ask S1 over TCP
        1500ms Q2: ask S1 over TCP, connection 2
        2000ms Q2: ask S1 over UDP without EDNS
        2020ms Q2: answer of S1 over UDP
        3000ms Q3: ask S1 over UDP
        3020ms Q3: answer of S1 over UDP
        ",
    );
}

// Port 53 is closed, so nothing shows that the server is there at all.
#[test] // R-7858-3.1d
fn a_silent_tls_port_beside_a_closed_port_53_is_not_remembered_as_dead() {
    let server = opportunistic().udp([closed(20)]).tcp([refused()]).tls([dropped()]);
    world([server]).within(2_500).asked_at([0, 3_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        50ms Q1: S1 unencrypted: TLS was not up in time
        50ms Q1: ask S1 over UDP
        70ms Q1: S1 over UDP: connection refused
        70ms Q1: ask S1 over UDP
        70ms Q1: ask S1 over TCP
        90ms Q1: S1 over UDP: connection refused
        90ms S1 over TCP: connection refused
        2000ms S1 over TLS: no TCP connection within 2s
        2000ms Q1: failed: name server unreachable (S1): connection refused
        3000ms Q2: ask S1 over TLS, connection 2
        3050ms Q2: S1 unencrypted: TLS was not up in time
        3050ms Q2: ask S1 over UDP
        3070ms Q2: S1 over UDP: connection refused
        3070ms Q2: ask S1 over UDP
        3070ms Q2: ask S1 over TCP, connection 2
        3090ms Q2: S1 over UDP: connection refused
        3090ms S1 over TCP, connection 2: connection refused
        5000ms S1 over TLS, connection 2: no TCP connection within 2s
        5000ms Q2: failed: name server unreachable (S1): connection refused
        ",
    );
}
