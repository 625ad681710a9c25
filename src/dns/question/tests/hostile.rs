//! A name that a third party may choose condemns no TLS port, whatever becomes of it. A port that
//! ends its connections does so itself.

use super::world::{
    Fate, NameServer, Question, Said, World, answer, closed, closes, connected, ends,
    opportunistic, refused, silent, strict, world,
};
use crate::dns::question::Via;

/// The second question is for a hostile name, of which this becomes over TLS. All others are
/// answered.
fn hostile(fate: Fate) -> World {
    World { hostile: Some((1, fate)), ..world([opportunistic()]) }
}

#[test] // N-17
fn a_name_that_gets_no_answer_over_tls_condemns_no_port() {
    hostile(Fate::Silence).asked_at([0, 1_000, 1_900, 2_030, 2_100]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        1900ms Q3: ask S1 over TLS, connection 2
        1920ms Q3: answer of S1 over TLS, connection 2
        2000ms Q2: S1 unencrypted, with a warning: TLS is up and silent
        2000ms Q2: ask S1 over UDP
        2020ms Q2: answer of S1 over UDP
        2020ms Q2: ask S1 over TLS, connection 2 for . NS
        2030ms Q4: ask S1 over TLS, connection 2
        2040ms Q2: answer of S1 over TLS, connection 2 for . NS
        2040ms Q2: over
        2050ms Q4: answer of S1 over TLS, connection 2
        2100ms Q5: ask S1 over TLS, connection 2
        2120ms Q5: answer of S1 over TLS, connection 2
        ",
    );
}

#[test] // N-17
fn a_name_that_is_refused_over_tls_condemns_no_port() {
    hostile(Fate::Says(Said::Refused, 20)).asked_at([0, 1_000, 1_045, 1_100]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1020ms Q2: S1 over TLS: REFUSED
        1020ms Q2: S1 unencrypted, with a warning: REFUSED over TLS
        1020ms Q2: ask S1 over UDP
        1040ms Q2: answer of S1 over UDP
        1040ms Q2: ask S1 over TLS for . NS
        1045ms Q3: ask S1 over TLS
        1060ms Q2: answer of S1 over TLS for . NS
        1060ms Q2: over
        1065ms Q3: answer of S1 over TLS
        1100ms Q4: ask S1 over TLS
        1120ms Q4: answer of S1 over TLS
        ",
    );
}

// Questions that come while it is open, or while the port is in doubt, stay with TLS.
#[test] // N-17
fn a_name_that_ends_its_connections_condemns_no_port() {
    hostile(ends()).asked_at([0, 1_000, 1_095, 1_200]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1020ms S1 over TLS: closed by the server
        1020ms Q2: ask S1 over TLS, connection 2
        1080ms S1 over TLS, connection 2: closed by the server
        1080ms Q2: ask S1 over TLS, connection 3
        1080ms Q2: S1 unencrypted, with a warning: TLS was not up in time
        1080ms Q2: ask S1 over UDP
        1095ms Q3: ask S1 over TLS, connection 3
        1100ms Q2: answer of S1 over UDP
        1100ms Q2: ask S1 over TLS, connection 3 for . NS
        1140ms S1 over TLS, connection 3: closed by the server
        1140ms Q2: ask S1 over TLS, connection 4 for . NS
        1140ms Q3: ask S1 over TLS, connection 4
        1200ms Q4: ask S1 over TLS, connection 4
        1200ms Q2: answer of S1 over TLS, connection 4 for . NS
        1200ms Q2: over
        1200ms Q3: answer of S1 over TLS, connection 4
        1220ms Q4: answer of S1 over TLS, connection 4
        ",
    );
}

// Also where the hostile name comes first, so that the port has not answered yet.
#[test] // N-17
fn whatever_becomes_of_one_name_over_tls_no_other_is_asked_in_plaintext() {
    let fates = [
        Fate::Silence,
        ends(),
        Fate::Says(Said::Refused, 20),
        Fate::Says(Said::Refused, 600),
        Fate::Says(Said::Nonsense, 20),
        Fate::Says(Said::ToAnother, 20),
        Fate::Says(Said::Truncated, 20),
        Fate::Says(Said::Unreadable, 20),
        Fate::Says(Said::ServFail, 20),
    ];
    for fate in fates {
        let first = World { hostile: Some((0, fate)), ..world([opportunistic()]) }.asked_at([0]);
        let later = (2_500..).step_by(250).take(20);
        for (mut world, hostile) in [(hostile(fate).asked_at([0, 1_000]), 1), (first, 0)] {
            world.questions.extend(later.clone().map(|at| Question { at, within: 5_000 }));
            let played = world.play();
            let others = played.sends.iter().filter(|sent| sent.asking != hostile);
            assert!(others.clone().count() >= 20);
            assert!(others.clone().all(|it| it.form.via == Via::Tls), "{fate:?} {:#?}", played.log);
            assert!(played.ends.len() >= 21, "{fate:?} {:#?}", played.log);
        }
    }
}

#[test] // N-17
fn a_port_that_does_not_answer_the_neutral_question_either_is_dead() {
    let tls = [connected().on([answer(20), Fate::Silence]), silent()];
    world([opportunistic().tls(tls)]).asked_at([0, 1_000, 3_100]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: answer of S1 over TLS
        1000ms Q2: ask S1 over TLS
        1250ms Q2: ask S1 over TLS, connection 2
        2000ms Q2: S1 unencrypted, with a warning: TLS is up and silent
        2000ms Q2: ask S1 over UDP
        2020ms Q2: answer of S1 over UDP
        2020ms Q2: ask S1 over TLS, connection 2 for . NS
        2270ms Q2: ask S1 over TLS, connection 3 for . NS
        3020ms Q2: over
        3100ms Q3: S1 unencrypted: TLS is up and silent
        3100ms Q3: ask S1 over UDP
        3120ms Q3: answer of S1 over UDP
        ",
    );
}

/// Port 853 ends each connection as soon as it is up.
fn closing() -> NameServer {
    opportunistic().tls([closes()])
}

#[test] // N-18
fn a_port_that_ends_each_connection_after_the_handshake_costs_two_connections_once() {
    world([closing().head_start(100)]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        40ms S1 over TLS: closed by the server
        40ms Q1: ask S1 over TLS, connection 2
        80ms S1 over TLS, connection 2: closed by the server
        80ms Q1: S1 unencrypted: closed by the server
        80ms Q1: ask S1 over UDP
        100ms Q1: answer of S1 over UDP
        1000ms Q2: S1 unencrypted: closed by the server
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        ",
    );
}

#[test] // N-18
fn the_head_start_does_not_begin_again_with_each_connection() {
    world([closing()]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        40ms S1 over TLS: closed by the server
        40ms Q1: ask S1 over TLS, connection 2
        50ms Q1: S1 unencrypted: TLS was not up in time
        50ms Q1: ask S1 over UDP
        70ms Q1: answer of S1 over UDP
        70ms Q1: ask S1 over TLS, connection 2 for . NS
        80ms S1 over TLS, connection 2: closed by the server
        80ms Q1: ask S1 over TLS, connection 3 for . NS
        120ms S1 over TLS, connection 3: closed by the server
        120ms Q1: over
        1000ms Q2: S1 unencrypted: closed by the server
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        ",
    );
}

// The plaintext answer comes before the second connection has ended at the question.
#[test] // N-18
fn a_port_that_ends_each_connection_at_the_question_is_judged_as_well() {
    world([opportunistic().tls([connected().on([ends()])])]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms S1 over TLS: closed by the server
        60ms Q1: ask S1 over TLS, connection 2
        60ms Q1: S1 unencrypted: TLS was not up in time
        60ms Q1: ask S1 over UDP
        80ms Q1: answer of S1 over UDP
        80ms Q1: ask S1 over TLS, connection 2 for . NS
        120ms S1 over TLS, connection 2: closed by the server
        120ms Q1: ask S1 over TLS, connection 3 for . NS
        180ms S1 over TLS, connection 3: closed by the server
        180ms Q1: over
        1000ms Q2: S1 unencrypted: closed by the server
        1000ms Q2: ask S1 over UDP
        1020ms Q2: answer of S1 over UDP
        ",
    );
}

#[test] // N-18
fn a_port_that_ends_each_connection_beside_a_closed_port_53_is_a_failure() {
    let closed_53 = closing().head_start(100).udp([closed(20)]).tcp([refused()]);
    world([closed_53]).plays(
        "
        0ms ask S1 over TLS
        40ms S1 over TLS: closed by the server
        40ms ask S1 over TLS, connection 2
        80ms S1 over TLS, connection 2: closed by the server
        80ms S1 unencrypted: closed by the server
        80ms ask S1 over UDP
        100ms S1 over UDP: connection refused
        100ms ask S1 over UDP
        100ms ask S1 over TCP
        120ms S1 over UDP: connection refused
        120ms S1 over TCP: connection refused
        120ms failed: name server unreachable (S1): connection refused
        ",
    );
    world([strict().tls([closes()])]).plays(
        "
        0ms ask S1 over TLS
        40ms S1 over TLS: closed by the server
        40ms ask S1 over TLS, connection 2
        80ms S1 over TLS, connection 2: closed by the server
        80ms failed: name server unreachable (S1:853): closed by the server
        ",
    );
}
