//! How long a question waits for a server before it asks the next one, or the only one again.

use super::world::{
    Change, Fate, NameServer, Question, Said, World, answer, closed, connected, dropped,
    opportunistic, plain, refused, strict, world,
};

fn udp<const N: usize>(fates: [Fate; N]) -> NameServer {
    plain().udp(fates).tcp([dropped()])
}

/// The first server answers after these times, and then it is silent. Returns the time from the
/// question to the second server.
fn patience_after(answers: &[Fate]) -> u64 {
    let mut times: Vec<_> = (1_000..).step_by(1_000).take(answers.len() + 1).collect();
    let mut world = world([plain(), plain()]);
    for (fate, at) in answers.iter().zip(&times) {
        world = world.change(at - 500, Change::Becomes(0, udp([*fate])));
    }
    let last = times.pop().expect("one more than answers");
    world = world.change(last - 500, Change::Becomes(0, udp([Fate::Silence])));
    let questions = times.iter().chain([&last]).map(|at| Question { at: *at, within: 5_000 });
    let played = World { questions: questions.collect(), ..world }.play();
    let sends = played.sends.iter();
    let second = sends.filter(|sent| sent.asking == answers.len()).find(|it| it.form.server == 1);
    second.expect("the second server is asked").at - last
}

// SRTT + 4 RTTVAR: after one answer that is three times its round trip.
#[test] // N-1
fn the_next_server_is_asked_after_a_time_that_is_learnt() {
    let after =
        |answers: &[u64]| patience_after(&answers.iter().map(|ms| answer(*ms)).collect::<Vec<_>>());
    assert_eq!(after(&[]), 50);
    assert_eq!(after(&[20]), 60);
    assert_eq!(after(&[30]), 90);
    assert_eq!(after(&[40, 40]), 100);
}

#[test] // N-1
fn the_patience_is_50_to_250_ms() {
    assert_eq!(patience_after(&[answer(1)]), 50);
    assert_eq!(patience_after(&[answer(5), answer(5)]), 50);
    assert_eq!(patience_after(&[answer(100)]), 250);
    assert_eq!(patience_after(&[answer(200), answer(200)]), 250);
}

// They come quickly, and say nothing of the time that an answer takes.
#[test] // N-1
fn error_codes_teach_no_patience() {
    for said in [Said::ServFail, Said::Refused] {
        assert_eq!(patience_after(&[Fate::Says(said, 30)]), 50);
        assert_eq!(patience_after(&[answer(30), Fate::Says(said, 1)]), 90);
    }
    assert_eq!(patience_after(&[Fate::Says(Said::NoName, 30)]), 90);
    assert_eq!(patience_after(&[closed(30)]), 50);
}

// Each datagram has an id of its own, so the answer to the first one is known as such. The question
// was repeated at 250 ms.
#[test] // N-1, N-8
fn a_question_that_was_repeated_over_udp_teaches_patience() {
    assert_eq!(patience_after(&[answer(240)]), 250);
    assert_eq!(patience_after(&[answer(260)]), 250);
}

// It is late for the question, which has the answer of another server.
#[test] // N-1
fn a_late_answer_teaches_patience() {
    world([udp([answer(90)]), plain()]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        90ms Q1: late answer of S1 over UDP
        90ms Q1: over
        1000ms Q2: ask S1 over UDP
        1090ms Q2: answer of S1 over UDP
        ",
    );
}

#[test]
fn the_only_server_is_asked_again_after_100_ms_or_what_is_learnt() {
    let lost = || udp([Fate::Silence, answer(20)]);
    world([udp([answer(20)])]).then(500, lost()).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over UDP
        1060ms Q2: ask S1 over UDP
        1080ms Q2: answer of S1 over UDP
        ",
    );
    world([udp([answer(90)])]).then(500, lost()).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        90ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over UDP
        1250ms Q2: ask S1 over UDP
        1250ms Q2: ask S1 over TCP
        1270ms Q2: answer of S1 over UDP
        ",
    );
    world([udp([answer(120)])]).then(500, lost()).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        100ms Q1: ask S1 over UDP
        120ms Q1: answer of S1 over UDP
        1000ms Q2: ask S1 over UDP
        1250ms Q2: ask S1 over UDP
        1250ms Q2: ask S1 over TCP
        1270ms Q2: answer of S1 over UDP
        ",
    );
}

// With several servers repetitions stay at 250 ms and 1 s.
#[test]
fn what_is_learnt_of_one_of_several_servers_repeats_no_datagram_earlier() {
    world([udp([answer(20)]), plain().dead()])
        .then(500, udp([Fate::Silence, answer(20)]))
        .asked_at([0, 1_000])
        .plays(
            "
            0ms Q1: ask S1 over UDP
            20ms Q1: answer of S1 over UDP
            1000ms Q2: ask S1 over UDP
            1060ms Q2: ask S2 over UDP
            1250ms Q2: ask S1 over UDP
            1250ms Q2: ask S1 over TCP
            1270ms Q2: answer of S1 over UDP
            ",
        );
}

// A second party learns the name.
#[test] // N-1
fn a_strict_server_of_which_nothing_is_known_has_250_ms_from_when_tls_is_up() {
    let slow = strict().tls([connected().after(60, 60).on([answer(400)])]);
    world([slow, strict()]).plays(
        "
        0ms ask S1 over TLS
        370ms ask S1 over TLS, connection 2
        370ms ask S2 over TLS
        430ms answer of S2 over TLS
        500ms ask S1 over TLS, connection 2 for . NS
        520ms late answer of S1 over TLS
        520ms over
        ",
    );
}

#[test] // N-1
fn a_strict_server_that_is_known_has_less() {
    let server = strict().tls([connected().on([answer(20), answer(400)])]);
    world([server, strict()]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1060ms Q2: ask S2 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1310ms Q2: answer of S1 over TLS, connection 2
        ",
    );
}

// Only then has the question left.
#[test] // N-1
fn patience_counts_from_when_tls_is_up() {
    let server = opportunistic().head_start(200).tls([connected().after(60, 60).on([answer(100)])]);
    world([server, plain()]).plays(
        "
        0ms ask S1 over TLS
        170ms ask S2 over UDP
        190ms answer of S2 over UDP
        220ms late answer of S1 over TLS
        220ms over
        ",
    );
}

#[test] // N-1
fn where_the_question_does_not_leave_the_next_server_is_asked_after_250_ms() {
    let server = opportunistic().head_start(400).tls([dropped()]);
    world([server, plain()]).plays(
        "
        0ms ask S1 over TLS
        250ms ask S2 over UDP
        270ms answer of S2 over UDP
        500ms ask S1 over UDP for . NS
        520ms answer of S1 over UDP for . NS
        520ms over
        ",
    );
}

#[test] // N-1, N-26
fn an_error_of_a_socket_ends_the_patience() {
    let server = plain().udp([closed(10), answer(20)]).tcp([refused()]);
    world([server, plain()]).plays(
        "
        0ms ask S1 over UDP
        10ms S1 over UDP: connection refused
        10ms ask S1 over UDP
        10ms ask S1 over TCP
        10ms ask S2 over UDP
        30ms answer of S1 over UDP
        ",
    );
}
