//! Names, servers and networks that mean harm: what a third party may choose or forge ends no
//! question and condemns no port.

use super::world::{
    Fate, NameServer, Question, Said, Script, World, answer, closed, closes, connected, dropped,
    ends, opportunistic, over_tcp, plain, refused, silent, strict, world,
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

/// A server that is silent over TCP. This becomes of its datagrams.
fn forged<const N: usize>(udp: [Fate; N]) -> World {
    world([plain().udp(udp)])
}

/// So many datagrams with a wrong id at this time.
fn strangers(at: u64, count: usize) -> String {
    format!("{at}ms S1 over UDP: an answer to another question\n").repeat(count)
}

#[test] // N-20
fn after_eight_replies_with_a_wrong_id_the_question_is_asked_over_tcp() {
    forged([Fate::Forged(8, 10)]).plays(&format!(
        "
        0ms ask S1 over UDP
        {}
        10ms ask S1 over TCP
        50ms answer of S1 over TCP
        ",
        strangers(10, 8)
    ));
    forged([Fate::Forged(7, 10)]).plays(&format!(
        "
        0ms ask S1 over UDP
        {}
        30ms answer of S1 over UDP
        ",
        strangers(10, 7)
    ));
}

#[test] // N-20, N-8
fn wrong_ids_count_over_all_sends() {
    forged([Fate::Forged(4, 110), Fate::Forged(4, 20)]).plays(&format!(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        {}
        {}
        120ms ask S1 over TCP
        160ms answer of S1 over TCP
        ",
        strangers(110, 4),
        strangers(120, 4)
    ));
}

#[test] // N-20
fn after_wrong_ids_a_closed_tcp_port_is_a_failure() {
    world([plain().udp([Fate::Forged(8, 10)]).tcp([refused()])]).plays(&format!(
        "
        0ms ask S1 over UDP
        {}
        10ms ask S1 over TCP
        30ms S1 over TCP: connection refused
        30ms failed: lookup failed (S1): too many replies with a wrong id, and over TCP: connection refused
        ",
        strangers(10, 8)
    ));
}

// Wrong ids are no sign of life.
#[test] // N-20, N-1
fn a_server_from_which_only_wrong_ids_come_is_silent() {
    let silent = plain().udp([Fate::Says(Said::ToAnother, 20)]).tcp([dropped()]);
    world([silent, plain()]).asked_at([0, 1_100]).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: S1 over UDP: an answer to another question
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        270ms Q1: S1 over UDP: an answer to another question
        500ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over UDP for . NS
        520ms Q1: S1 over UDP: an answer to another question
        1000ms Q1: ask S1 over UDP without EDNS
        1020ms Q1: S1 over UDP: an answer to another question
        1070ms Q1: over
        1100ms Q2: ask S2 over UDP
        1120ms Q2: answer of S2 over UDP
        ",
    );
}

#[test] // N-26
fn a_forged_error_of_a_socket_ends_nothing() {
    world([plain().udp([closed(5), answer(20)]).tcp([dropped()])]).plays(
        "
        0ms ask S1 over UDP
        5ms S1 over UDP: connection refused
        5ms ask S1 over UDP
        5ms ask S1 over TCP
        25ms answer of S1 over UDP
        ",
    );
    world([plain().udp([closed(5)])]).plays(
        "
        0ms ask S1 over UDP
        5ms S1 over UDP: connection refused
        5ms ask S1 over UDP
        5ms ask S1 over TCP
        10ms S1 over UDP: connection refused
        45ms answer of S1 over TCP
        ",
    );
}

// The error of one socket leaves the other one open.
#[test] // N-26, N-8
fn an_error_of_one_socket_leaves_the_answer_to_another_one() {
    world([plain().udp([answer(150), closed(10), Fate::Silence]).tcp([dropped()])]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        110ms S1 over UDP: connection refused
        110ms ask S1 over UDP
        110ms ask S1 over TCP
        150ms answer of S1 over UDP
        ",
    );
}

// One of two servers behind an address is gone, and the port decides which one gets the packet.
#[test] // N-8
fn each_send_may_reach_another_server_behind_the_same_address() {
    world([plain().udp([Fate::Silence, answer(20)]).tcp([dropped()])]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        120ms answer of S1 over UDP
        ",
    );
    world([over_tcp().tcp([dropped(), connected()])]).plays(
        "
        0ms ask S1 over TCP
        250ms ask S1 over TCP, connection 2
        290ms answer of S1 over TCP, connection 2
        ",
    );
    world([strict().tls([dropped(), connected()])]).plays(
        "
        0ms ask S1 over TLS
        250ms ask S1 over TLS, connection 2
        310ms answer of S1 over TLS, connection 2
        ",
    );
}

// The first connection is slow, and comes up before the second one.
#[test] // N-8
fn the_first_connection_may_come_up_all_the_same() {
    world([over_tcp().tcp([connected().after(260, 0), dropped()])]).plays(
        "
        0ms ask S1 over TCP
        250ms ask S1 over TCP, connection 2
        280ms answer of S1 over TCP
        ",
    );
}

/// One question a connection is answered, and the others are ignored.
fn one_a_connection() -> Script {
    connected().on([answer(20), Fate::Silence])
}

#[test] // N-12
fn a_server_that_answers_one_question_a_connection_is_asked_over_another_one() {
    world([over_tcp().tcp([one_a_connection()])]).asked_at([0, 1_000, 2_000, 3_000]).plays(
        "
        0ms Q1: ask S1 over TCP
        40ms Q1: answer of S1 over TCP
        1000ms Q2: ask S1 over TCP
        1250ms Q2: ask S1 over TCP, connection 2
        1290ms Q2: answer of S1 over TCP, connection 2
        2000ms Q3: ask S1 over TCP, connection 2
        2250ms Q3: ask S1 over TCP, connection 3
        2290ms Q3: answer of S1 over TCP, connection 3
        3000ms Q4: ask S1 over TCP, connection 3
        3250ms Q4: ask S1 over TCP, connection 4
        3290ms Q4: answer of S1 over TCP, connection 4
        ",
    );
}
