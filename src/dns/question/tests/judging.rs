//! A TLS port that is up and silent while plaintext answers: the neutral question shows in a second
//! if it is dead or if only one name is slow.

use super::world::{
    Fate, NameServer, Said, World, answer, connected, ends, opportunistic, silent, world,
};

/// The first question takes so long over TLS. All others take a round trip.
fn slow(ms: u64) -> NameServer {
    opportunistic().tls([connected().on([answer(ms), answer(20)])])
}

fn one(server: NameServer) -> World {
    world([server])
}

// The port is good: only the name was slow.
#[test] // R-8310-5c, N-17
fn a_slow_first_name_does_not_make_a_dead_port_of_a_good_one() {
    one(slow(600)).asked_at([0, 700]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        290ms Q1: S1 unencrypted: TLS is up and silent
        290ms Q1: ask S1 over UDP
        310ms Q1: answer of S1 over UDP
        310ms Q1: ask S1 over TLS for . NS
        330ms Q1: answer of S1 over TLS for . NS
        330ms Q1: over
        700ms Q2: ask S1 over TLS, connection 2
        720ms Q2: answer of S1 over TLS, connection 2
        ",
    );
}

// One name says nothing of the others.
#[test] // R-8310-5c, N-17
fn questions_while_a_port_is_in_doubt_stay_with_tls() {
    one(slow(600).neutral(answer(300))).asked_at([0, 400, 700]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        290ms Q1: S1 unencrypted: TLS is up and silent
        290ms Q1: ask S1 over UDP
        310ms Q1: answer of S1 over UDP
        310ms Q1: ask S1 over TLS for . NS
        400ms Q2: ask S1 over TLS, connection 2
        420ms Q2: answer of S1 over TLS, connection 2
        560ms Q1: ask S1 over TLS, connection 2 for . NS
        610ms Q1: answer of S1 over TLS for . NS
        610ms Q1: over
        700ms Q3: ask S1 over TLS, connection 2
        720ms Q3: answer of S1 over TLS, connection 2
        ",
    );
}

// The second question is asked while the port is in doubt.
#[test] // R-8310-5c, R-7858-3.1d, N-17
fn a_port_that_answers_nothing_in_a_second_is_dead() {
    let server = opportunistic().tls([silent()]);
    one(server).then(2_000, opportunistic()).asked_at([0, 1_000, 1_400, 11_310]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        290ms Q1: S1 unencrypted: TLS is up and silent
        290ms Q1: ask S1 over UDP
        310ms Q1: answer of S1 over UDP
        310ms Q1: ask S1 over TLS for . NS
        560ms Q1: ask S1 over TLS, connection 2 for . NS
        1000ms Q2: ask S1 over TLS, connection 2
        1250ms Q2: ask S1 over TLS, connection 3
        1250ms Q2: S1 unencrypted: TLS is up and silent
        1250ms Q2: ask S1 over UDP
        1270ms Q2: answer of S1 over UDP
        1270ms Q2: ask S1 over TLS, connection 2 for . NS
        1310ms Q1: over
        1400ms Q3: S1 unencrypted: TLS is up and silent
        1400ms Q3: ask S1 over UDP
        1420ms Q3: answer of S1 over UDP
        1520ms Q2: ask S1 over TLS, connection 3 for . NS
        2270ms Q2: over
        11310ms Q4: probe S1 over TLS
        11310ms Q4: S1 unencrypted: TLS is up and silent
        11310ms Q4: ask S1 over UDP
        11310ms probe: ask S1 over TLS, connection 3 for . NS
        11330ms Q4: answer of S1 over UDP
        11560ms probe: ask S1 over TLS, connection 4 for . NS
        11620ms probe: answer of S1 over TLS, connection 4
        11620ms probe: over
        ",
    );
}

// The second question was on the connection before the doubt. Its SERVFAIL says nothing against the
// port, although the neutral question has no answer.
#[test] // R-8310-5c, N-17
fn a_reply_to_another_question_shows_that_the_port_is_alive() {
    let server = connected().on([answer(5_000), Fate::Says(Said::ServFail, 700), answer(20)]);
    let server = opportunistic().tls([server]).neutral(Fate::Silence);
    one(server).asked_at([0, 100, 2_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        100ms Q2: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        290ms Q1: S1 unencrypted: TLS is up and silent
        290ms Q1: ask S1 over UDP
        310ms Q1: answer of S1 over UDP
        310ms Q1: ask S1 over TLS for . NS
        350ms Q2: ask S1 over TLS, connection 2
        350ms Q2: S1 unencrypted: TLS is up and silent
        350ms Q2: ask S1 over UDP
        370ms Q2: answer of S1 over UDP
        370ms Q2: ask S1 over TLS, connection 2 for . NS
        560ms Q1: ask S1 over TLS, connection 2 for . NS
        790ms Q2: ask S1 over TLS, connection 3 for . NS
        800ms Q2: S1 over TLS: SERVFAIL
        1310ms Q1: over
        1370ms Q2: over
        2000ms Q3: ask S1 over TLS, connection 3
        2500ms Q3: ask S1 over TLS, connection 4
        2500ms Q3: S1 unencrypted: TLS is up and silent
        2500ms Q3: ask S1 over UDP
        2520ms Q3: answer of S1 over UDP
        2520ms Q3: ask S1 over TLS, connection 3 for . NS
        2700ms Q3: S1 over TLS, connection 3: SERVFAIL
        3520ms Q3: over
        ",
    );
}

// The second question is asked while the port is in doubt.
#[test] // R-8310-5c, R-7858-3.1d, N-17
fn a_port_that_refuses_the_neutral_question_is_dead() {
    let server = connected().on([Fate::Says(Said::Refused, 600)]);
    one(opportunistic().tls([server])).asked_at([0, 700, 2_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        290ms Q1: S1 unencrypted: TLS is up and silent
        290ms Q1: ask S1 over UDP
        310ms Q1: answer of S1 over UDP
        310ms Q1: ask S1 over TLS for . NS
        560ms Q1: ask S1 over TLS, connection 2 for . NS
        640ms Q1: S1 over TLS: REFUSED
        700ms Q2: ask S1 over TLS, connection 2
        910ms Q1: S1 over TLS: REFUSED
        910ms Q1: over
        1300ms Q2: S1 over TLS, connection 2: REFUSED
        1300ms Q2: S1 unencrypted: REFUSED over TLS
        1300ms Q2: ask S1 over UDP
        1320ms Q2: answer of S1 over UDP
        1320ms Q2: ask S1 over TLS, connection 2 for . NS
        1920ms Q2: S1 over TLS, connection 2: REFUSED
        1920ms Q2: over
        2000ms Q3: S1 unencrypted: TLS is up and silent
        2000ms Q3: ask S1 over UDP
        2020ms Q3: answer of S1 over UDP
        ",
    );
}

// The server is there, and plaintext would bring the same.
#[test] // R-8310-5c, N-17
fn a_port_that_says_servfail_to_the_neutral_question_is_not_dead() {
    one(slow(600).neutral(Fate::Says(Said::ServFail, 20))).asked_at([0, 700]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        290ms Q1: S1 unencrypted: TLS is up and silent
        290ms Q1: ask S1 over UDP
        310ms Q1: answer of S1 over UDP
        310ms Q1: ask S1 over TLS for . NS
        330ms Q1: S1 over TLS: SERVFAIL
        330ms Q1: over
        700ms Q2: ask S1 over TLS, connection 2
        720ms Q2: answer of S1 over TLS, connection 2
        ",
    );
}

// The neutral question does no better.
#[test] // R-7858-3.4b, R-7858-3.1d, N-17
fn a_port_that_ends_its_connections_late_is_dead() {
    let server = connected().on([Fate::Ends("closed by the server", 600)]);
    one(opportunistic().tls([server, connected().on([ends()])])).asked_at([0, 800]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        290ms Q1: S1 unencrypted: TLS is up and silent
        290ms Q1: ask S1 over UDP
        310ms Q1: answer of S1 over UDP
        310ms Q1: ask S1 over TLS for . NS
        350ms S1 over TLS, connection 2: closed by the server
        640ms S1 over TLS: closed by the server
        640ms Q1: ask S1 over TLS, connection 3 for . NS
        700ms S1 over TLS, connection 3: closed by the server
        700ms Q1: over
        800ms Q2: S1 unencrypted: TLS is up and silent
        800ms Q2: ask S1 over UDP
        820ms Q2: answer of S1 over UDP
        ",
    );
}

// The server does not understand EDNS, and says so after the question was sent in plaintext.
#[test] // R-8310-5c, R-7858-3.1d
fn a_port_that_is_asked_again_without_edns_is_judged_as_well() {
    let server = connected().on([Fate::Says(Said::NoEdns, 360), Fate::Silence]);
    let server = opportunistic().udp([answer(200)]).tls([server, silent()]);
    one(server).asked_at([0, 2_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        290ms Q1: S1 unencrypted: TLS is up and silent
        290ms Q1: ask S1 over UDP
        390ms Q1: ask S1 over UDP
        400ms Q1: S1 over TLS: does not understand EDNS
        400ms Q1: ask S1 over TLS, connection 2 without EDNS
        490ms Q1: answer of S1 over UDP
        490ms Q1: ask S1 over TLS, connection 2 for . NS
        990ms Q1: ask S1 over TLS, connection 3 for . NS
        1490ms Q1: over
        2000ms Q2: S1 unencrypted: TLS is up and silent
        2000ms Q2: ask S1 over UDP
        2200ms Q2: answer of S1 over UDP
        ",
    );
}

/// The first question is answered over TLS, so the port has shown that it works. The second one
/// takes so long.
fn slow_later(ms: u64) -> NameServer {
    let first = connected().on([answer(20), answer(ms), answer(20)]);
    opportunistic().tls([first, connected().on([answer(ms), answer(20)])])
}

// Names differ in speed.
#[test] // R-8310-5c
fn a_slow_name_on_a_connection_that_has_answered_is_not_asked_in_plaintext() {
    one(slow_later(900)).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1900ms Q2: answer of S1 over TLS
        ",
    );
}

#[test] // R-8310-5c
fn a_name_that_takes_more_than_a_second_is_asked_in_plaintext_as_well() {
    one(slow_later(1_500)).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        2000ms Q2: S1 unencrypted, with a warning: TLS is up and silent
        2000ms Q2: ask S1 over UDP
        2020ms Q2: answer of S1 over UDP
        2020ms Q2: ask S1 over TLS, connection 2 for . NS
        2040ms Q2: answer of S1 over TLS, connection 2 for . NS
        2040ms Q2: over
        ",
    );
}

// A port that has answered before is not dead for one slow name. The question does not wait for the
// silent connection: a third one is opened at once.
#[test] // R-8310-5c
fn other_questions_stay_with_a_port_that_has_answered() {
    one(slow_later(1_500)).asked_at([0, 1_000, 2_100]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        2000ms Q2: S1 unencrypted, with a warning: TLS is up and silent
        2000ms Q2: ask S1 over UDP
        2020ms Q2: answer of S1 over UDP
        2020ms Q2: ask S1 over TLS, connection 2 for . NS
        2040ms Q2: answer of S1 over TLS, connection 2 for . NS
        2040ms Q2: over
        2100ms Q3: ask S1 over TLS, connection 2
        2120ms Q3: answer of S1 over TLS, connection 2
        ",
    );
}

// A server that has an answer is only one of several. The port of another one is not judged: the
// neutral question is only to show that the server is not silent.
#[test] // N-1, N-17
fn a_port_is_not_judged_where_another_server_has_answered() {
    world([slow(5_000).udp([Fate::Silence]), opportunistic()]).plays(
        "
        0ms ask S1 over TLS
        90ms ask S2 over TLS
        150ms answer of S2 over TLS
        290ms ask S1 over TLS, connection 2
        500ms ask S1 over TLS, connection 2 for . NS
        500ms ask S1 over UDP for . NS
        520ms answer of S1 over TLS, connection 2 for . NS
        520ms over
        ",
    );
}

// The port ignores the neutral question, and answers the question itself late.
#[test] // N-17
fn a_late_answer_to_the_question_itself_shows_that_the_port_is_alive() {
    let slow = connected().on([answer(600)]);
    world([opportunistic().tls([slow]).neutral(Fate::Silence)]).asked_at([0, 3_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        290ms Q1: ask S1 over TLS, connection 2
        290ms Q1: S1 unencrypted: TLS is up and silent
        290ms Q1: ask S1 over UDP
        310ms Q1: answer of S1 over UDP
        310ms Q1: ask S1 over TLS for . NS
        560ms Q1: ask S1 over TLS, connection 2 for . NS
        640ms Q1: late answer of S1 over TLS
        640ms Q1: over
        3000ms Q2: ask S1 over TLS, connection 2
        3500ms Q2: ask S1 over TLS, connection 3
        3600ms Q2: answer of S1 over TLS, connection 2
        ",
    );
}
