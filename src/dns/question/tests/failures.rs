//! The error of a question without an answer: which server it names, and what it says of others.

use super::world::{
    Fate, NameServer, Said, World, closed, connected, dropped, opportunistic, over_tcp, plain,
    refused, silent, world,
};

fn says(said: Said, ms: u64) -> Fate {
    Fate::Says(said, ms)
}

/// Truncated over UDP, and silent over TCP.
fn truncated() -> NameServer {
    plain().udp([says(Said::Truncated, 20)]).tcp([silent()])
}

/// FORMERR to the question with EDNS, and silent without it.
fn no_edns() -> NameServer {
    plain().udp([says(Said::NoEdns, 20), Fate::Silence]).tcp([dropped()])
}

fn dead() -> NameServer {
    plain().dead()
}

/// Asserts the error of the only question.
#[track_caller]
fn error(world: &World, expected: &str) {
    let played = world.play();
    let last = played.log.last().and_then(|line| line.split_once("ms failed: "));
    assert_eq!(last.map(|(_, error)| error), Some(expected), "{:#?}", played.log);
}

#[test]
fn what_a_server_said_is_reported_before_silence_and_silence_before_closed_ports() {
    error(&world([plain().closed(), dead(), plain().says(Said::Refused)]), "refused (S3)");
    error(&world([plain().closed(), dead()]), "no answer (S2)");
    error(
        &world([plain().closed(), plain().closed()]),
        "name server unreachable (S1): connection refused",
    );
}

#[test]
fn among_equals_the_server_that_was_asked_first_is_reported() {
    let (fails, refuses) = (plain().says(Said::ServFail), plain().says(Said::Refused));
    error(&world([fails.clone(), refuses.clone()]), "server failure (S1)");
    error(&world([refuses, fails]), "refused (S1)");
}

#[test]
fn an_error_that_a_server_gave_is_reported_before_a_reply_that_makes_no_sense() {
    let senseless = plain().says(Said::Nonsense);
    error(&world([senseless.clone(), plain().says(Said::ServFail)]), "server failure (S2)");
    error(&world([senseless, dead()]), "lookup failed (S1): malformed reply");
}

// The third server is asked at 100 ms. A server that cannot be reached is not silent.
#[test]
fn silence_names_the_first_server_and_how_many_more_were_asked() {
    error(&world([dead(), dead(), dead()]), "no answer (S1 and 2 more)");
    error(&world([dead(), dead(), dead()]).within(95), "no answer (S1 and 1 more)");
    error(&world([plain().closed(), dead(), dead()]), "no answer (S2 and 1 more)");
    error(&world([dead(), plain().closed()]), "no answer (S1)");
}

#[test] // N-15
fn a_truncated_reply_is_reported_where_tcp_is_silent_or_dropped() {
    let expected = "no answer (S1): truncated, and no answer over TCP";
    error(&world([truncated()]), expected);
    error(&world([truncated().tcp([dropped()])]), expected);
}

#[test] // N-15
fn of_two_servers_that_have_said_the_same_it_is_reported_once() {
    let expected = "no answer (S1 and 1 more): truncated, and no answer over TCP";
    error(&world([truncated(), truncated()]), expected);
}

#[test] // N-15
fn the_reply_of_one_server_is_reported_beside_the_silence_of_another() {
    let text =
        |nth| format!("no answer (S1 and 1 more): S{nth}: truncated, and no answer over TCP");
    error(&world([dead(), truncated()]), &text(2));
    error(&world([truncated(), dead()]), &text(1));
}

#[test] // N-15
fn different_replies_are_reported_with_their_servers() {
    let expected = "no answer (S1 and 1 more): S1: truncated, and no answer over TCP, \
                    S2: does not understand EDNS, and no answer without it";
    error(&world([truncated(), no_edns()]), expected);
}

#[test] // N-15
fn a_server_that_does_not_understand_edns_is_reported_over_udp_and_tcp() {
    let expected = "no answer (S1): does not understand EDNS, and no answer without it";
    error(&world([no_edns()]), expected);
    let no_edns = connected().on([says(Said::NoEdns, 20), Fate::Silence]);
    error(&world([over_tcp().tcp([no_edns, silent()])]), expected);
}

#[test] // N-15
fn a_closed_port_is_reported_beside_silence_over_the_other_transport() {
    let closed_tcp = plain().udp([Fate::Silence]).tcp([refused()]);
    error(&world([closed_tcp]), "no answer (S1): over TCP: connection refused");
    let closed_udp = plain().udp([closed(300)]).tcp([silent()]);
    error(&world([closed_udp]), "no answer (S1): over UDP: connection refused");
}

#[test] // N-15
fn an_error_that_a_server_gave_is_reported_before_a_truncated_reply() {
    error(&world([truncated(), plain().says(Said::ServFail)]), "server failure (S2)");
}

// A server that may have TLS is asked in plaintext as well, and so it is reported with port 53.
#[test] // N-15
fn of_a_server_that_may_have_tls_the_replies_in_plaintext_are_reported() {
    let silent_tls = |plain: NameServer| {
        let NameServer { udp, tcp, .. } = plain;
        NameServer { udp, tcp, ..opportunistic().tls([dropped()]) }
    };
    error(&world([silent_tls(dead())]), "no answer (S1)");
    let expected = "no answer (S1): truncated, and no answer over TCP";
    error(&world([silent_tls(truncated())]), expected);
    error(&world([opportunistic().dead().tls([refused()])]), "no answer (S1)");
}

// Over TLS it does not understand EDNS. Over UDP it is silent, and TCP is closed.
#[test] // N-15
fn a_reply_over_tls_is_reported_before_a_closed_port() {
    let no_edns = connected().on([says(Said::NoEdns, 20), Fate::Silence]);
    let server = opportunistic().udp([Fate::Silence]).tcp([refused()]).tls([no_edns, silent()]);
    let expected = "no answer (S1): does not understand EDNS, and no answer without it";
    error(&world([server]), expected);
}
