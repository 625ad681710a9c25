//! Replies that cannot be read, routers that drop EDNS, and routers that mix two questions: the
//! question is asked in another way.

use std::time::Duration;

use super::world::{
    Fate, NameServer, Said, Script, World, answer, connected, dropped, opportunistic, plain,
    refused, silent, world,
};

const UNREADABLE: Fate = Fate::Says(Said::Unreadable, 20);
const PARTIAL: Fate = Fate::Says(Said::Partial, 20);

fn server<const N: usize>(udp: [Fate; N], tcp: Script) -> NameServer {
    plain().udp(udp).tcp([tcp])
}

#[test] // N-4
fn an_unreadable_reply_is_asked_again_without_edns() {
    for said in [UNREADABLE, PARTIAL] {
        let played = world([server([said, answer(20)], dropped())]).play();
        assert_eq!(
            played.log[2..],
            ["20ms ask S1 over UDP without EDNS", "40ms answer of S1 over UDP"]
        );
    }
}

#[test] // N-4
fn a_reply_that_is_unreadable_without_edns_as_well_is_fetched_over_tcp() {
    world([server([UNREADABLE], connected())]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: malformed reply
        20ms ask S1 over UDP without EDNS
        40ms S1 over UDP: malformed reply
        40ms ask S1 over TCP
        80ms answer of S1 over TCP
        ",
    );
}

#[test] // N-4
fn what_is_unreadable_over_tcp_as_well_is_a_failure() {
    world([server([UNREADABLE], connected().on([UNREADABLE]))]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: malformed reply
        20ms ask S1 over UDP without EDNS
        40ms S1 over UDP: malformed reply
        40ms ask S1 over TCP
        80ms S1 over TCP: malformed reply
        80ms ask S1 over TCP without EDNS
        100ms S1 over TCP: malformed reply
        100ms failed: lookup failed (S1): malformed reply
        ",
    );
}

// The third send has no EDNS, so there is none to leave out.
#[test] // N-4, R-9520-3.1
fn a_third_reply_that_is_unreadable_is_fetched_over_tcp() {
    let third = [Fate::Silence, Fate::Silence, UNREADABLE];
    world([server(third, connected().after(1_000, 0))]).plays(
        "
        0ms ask S1 over UDP
        100ms ask S1 over UDP
        250ms ask S1 over TCP
        500ms ask S1 over TCP, connection 2
        1000ms ask S1 over UDP without EDNS
        1020ms S1 over UDP: malformed reply
        1270ms answer of S1 over TCP
        ",
    );
}

#[test] // N-4
fn a_part_of_a_reply_counts_where_tcp_is_closed() {
    world([server([PARTIAL], refused())]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: malformed reply with an address
        20ms ask S1 over UDP without EDNS
        40ms S1 over UDP: malformed reply with an address
        40ms ask S1 over TCP
        60ms S1 over TCP: connection refused
        60ms answer of S1 over UDP
        ",
    );
}

#[test] // N-4
fn a_part_of_a_reply_counts_after_a_second_without_tcp() {
    world([server([PARTIAL], dropped())]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: malformed reply with an address
        20ms ask S1 over UDP without EDNS
        40ms S1 over UDP: malformed reply with an address
        40ms ask S1 over TCP
        290ms ask S1 over TCP, connection 2
        1040ms answer of S1 over UDP
        ",
    );
}

#[test] // N-4
fn a_part_of_a_reply_counts_where_tcp_brings_no_more() {
    for said in [Said::Unreadable, Said::ServFail, Said::Refused] {
        let played = world([server([PARTIAL], connected().says(said))]).play();
        let last = played.log.last().map(String::as_str);
        assert!(last.is_some_and(|it| it.ends_with("answer of S1 over UDP")), "{:#?}", played.log);
        assert!(played.ends[0].at <= 120, "{:#?}", played.log);
    }
}

#[test] // N-4
fn the_whole_reply_over_tcp_counts_for_more_than_a_part() {
    world([server([PARTIAL], connected())]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: malformed reply with an address
        20ms ask S1 over UDP without EDNS
        40ms S1 over UDP: malformed reply with an address
        40ms ask S1 over TCP
        80ms answer of S1 over TCP
        ",
    );
}

// Nothing of it can be read, so there is nothing to wait for.
#[test] // N-4
fn an_unreadable_reply_without_tcp_is_a_failure() {
    world([server([UNREADABLE], refused())]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: malformed reply
        20ms ask S1 over UDP without EDNS
        40ms S1 over UDP: malformed reply
        40ms ask S1 over TCP
        60ms S1 over TCP: connection refused
        60ms failed: lookup failed (S1): malformed reply
        ",
    );
}

// A part of its reply is an answer.
#[test] // N-4
fn the_next_server_is_asked_while_a_part_of_a_reply_waits() {
    world([server([PARTIAL], dropped()), plain().dead()]).plays(
        "
        0ms ask S1 over UDP
        20ms S1 over UDP: malformed reply with an address
        20ms ask S1 over UDP without EDNS
        40ms S1 over UDP: malformed reply with an address
        40ms ask S1 over TCP
        50ms ask S2 over UDP
        290ms ask S1 over TCP, connection 2
        300ms ask S2 over UDP
        300ms ask S2 over TCP
        550ms ask S2 over TCP, connection 2
        550ms ask S2 over UDP for . NS
        1040ms answer of S1 over UDP
        ",
    );
}

#[test] // N-4
fn an_unreadable_reply_over_tls_is_asked_again_without_edns_and_then_in_plaintext() {
    let tls = connected().on([UNREADABLE, UNREADABLE, answer(20)]);
    world([opportunistic().tls([tls])]).asked_at([0, 1_000]).plays(
        "
        0ms Q1: ask S1 over TLS
        60ms Q1: S1 over TLS: malformed reply
        60ms Q1: ask S1 over TLS without EDNS
        80ms Q1: S1 over TLS: malformed reply
        80ms Q1: S1 unencrypted: malformed reply
        80ms Q1: ask S1 over UDP
        100ms Q1: answer of S1 over UDP
        100ms Q1: ask S1 over TLS for . NS
        120ms Q1: answer of S1 over TLS for . NS
        120ms Q1: over
        1000ms Q2: ask S1 over TLS
        1020ms Q2: answer of S1 over TLS
        ",
    );
}

/// Some router drops questions with EDNS. From the second question on the server answers the first
/// datagram, which has none.
fn no_edns(tcp: Script) -> World {
    let silent = Fate::Silence;
    world([server([silent, silent, answer(20)], tcp.clone())])
        .then(2_000, server([answer(20)], tcp))
        .asked_at([0, 2_500])
}

#[test] // N-5
fn a_router_that_drops_edns_costs_a_second_once() {
    no_edns(refused()).plays(
        "
        0ms Q1: ask S1 over UDP
        100ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        270ms S1 over TCP: connection refused
        1000ms Q1: ask S1 over UDP without EDNS
        1020ms Q1: answer of S1 over UDP
        2500ms Q2: ask S1 over UDP without EDNS
        2520ms Q2: answer of S1 over UDP
        ",
    );
    no_edns(silent()).plays(
        "
        0ms Q1: ask S1 over UDP
        100ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        520ms Q1: ask S1 over TCP, connection 2
        1000ms Q1: ask S1 over UDP without EDNS
        1020ms Q1: answer of S1 over UDP
        2500ms Q2: ask S1 over UDP without EDNS
        2520ms Q2: answer of S1 over UDP
        ",
    );
}

#[test] // N-5
fn after_ten_minutes_edns_is_tried_again() {
    no_edns(refused()).asked_at([0, 601_019, 601_020]).plays(
        "
        0ms Q1: ask S1 over UDP
        100ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        270ms S1 over TCP: connection refused
        1000ms Q1: ask S1 over UDP without EDNS
        1020ms Q1: answer of S1 over UDP
        601019ms Q2: ask S1 over UDP without EDNS
        601020ms Q3: ask S1 over UDP
        601039ms Q2: answer of S1 over UDP
        601040ms Q3: answer of S1 over UDP
        ",
    );
}

// The question with EDNS is answered after 1,100 ms, and so the server is only slow.
#[test] // N-5
fn a_slow_answer_to_the_question_with_edns_teaches_nothing_of_edns() {
    let slow = server([answer(1_100)], dropped());
    world([slow]).then(1_500, plain()).asked_at([0, 2_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        100ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        500ms Q1: ask S1 over TCP, connection 2
        1000ms Q1: ask S1 over UDP without EDNS
        1100ms Q1: answer of S1 over UDP
        2000ms Q2: ask S1 over UDP
        2020ms Q2: answer of S1 over UDP
        ",
    );
}

/// The question is one of two, and its repetitions are later.
fn later(world: World) -> World {
    World { offset: Duration::from_millis(25), ..world }
}

#[test] // N-13
fn repetitions_of_two_questions_do_not_leave_together() {
    later(world([plain().dead()])).plays(
        "
        0ms ask S1 over UDP
        125ms ask S1 over UDP
        250ms ask S1 over TCP
        500ms ask S1 over TCP, connection 2
        1025ms ask S1 over UDP without EDNS
        5000ms failed: no answer (S1)
        ",
    );
    later(world([plain().dead(), plain().dead()])).within(1_100).plays(
        "
        0ms ask S1 over UDP
        50ms ask S2 over UDP
        250ms ask S1 over TCP
        275ms ask S1 over UDP
        300ms ask S2 over TCP
        325ms ask S2 over UDP
        500ms ask S1 over TCP, connection 2
        500ms ask S1 over UDP for . NS
        550ms ask S2 over TCP, connection 2
        550ms ask S2 over UDP for . NS
        1025ms ask S1 over UDP without EDNS
        1075ms ask S2 over UDP without EDNS
        1100ms failed: no answer (S1 and 1 more)
        ",
    );
}
