//! Laws that hold in every world: random servers, ports, faults and questions.
//! `PROPTEST_CASES=1000000 cargo test --release --lib dns::question::tests::laws` plays a million
//! worlds a law.
//!
//! The network asserts some laws in every world that is played: no wait for a moment that has
//! passed, no inquiry that runs without end, one outcome a question.

use he_test_support::cases::check;
use proptest::prelude::*;

use super::played::{Played, Sent};
use super::world::*;
use crate::dns::question::Via;

/// The longest time in which something may still be sent for a question that has its answer, in ms:
/// an earlier server is listened to for a second, and if only its plain DNS answers then, its TLS
/// port is judged for another one.
const BACKGROUND: u64 = 2_000;
/// A question is sent so often over connections to a server: three times with EDNS and without it,
/// and beside connections that are silent or not up.
const MAX_ON_CONNECTIONS: usize = 10;
/// The number of worlds that a law is checked in, without `PROPTEST_CASES`.
const CASES: u32 = 1_000;

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        4 => Just(Said::Answer),
        2 => Just(Said::NoName),
        1 => Just(Said::ServFail),
        1 => Just(Said::Refused),
        1 => Just(Said::Nonsense),
        1 => Just(Said::Truncated),
        1 => Just(Said::NoEdns),
        1 => Just(Said::ToAnother),
        1 => Just(Said::Unreadable),
        1 => Just(Said::Partial),
    ]
}

fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..60_u64, 2 => 60..700_u64, 1 => 700..6_000_u64]
}

fn fate(end: &'static str) -> impl Strategy<Value = Fate> {
    prop_oneof![
        5 => (said(), millis()).prop_map(|(said, ms)| Fate::Says(said, ms)),
        2 => Just(Fate::Silence),
        1 => millis().prop_map(move |ms| Fate::Ends(end, ms)),
    ]
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        5 => (millis(), 0..200_u64).prop_map(|(tcp, tls)| Start::Connected(tcp, tls)),
        1 => millis().prop_map(Start::Refused),
        1 => Just(Start::Dropped),
        1 => millis().prop_map(Start::Mute),
        1 => (millis(), 0..200_u64).prop_map(|(tcp, tls)| Start::Fails(tcp, tls, "no TLS")),
        1 => (millis(), 0..200_u64)
            .prop_map(|(tcp, tls)| Start::Untrusted(tcp, tls, "wrong name")),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    let fates = prop::collection::vec(fate("closed by the server"), 1..4);
    let closes_after = prop::option::weighted(0.2, 1..4_usize);
    (start(), fates, closes_after).prop_map(|(start, fates, closes_after)| Script {
        start,
        fates,
        closes_after,
    })
}

fn way() -> impl Strategy<Value = Way> {
    let head_start = prop_oneof![Just(0_u64), Just(50), 0..2_000_u64];
    prop_oneof![
        3 => any::<bool>().prop_map(|tcp_only| Way::Plain { tcp_only }),
        4 => (head_start, prop::bool::weighted(0.1))
            .prop_map(|(head_start, tcp_only)| Way::Opportunistic { head_start, tcp_only }),
        2 => Just(Way::Strict),
        1 => Just(Way::Never),
    ]
}

fn name_server() -> impl Strategy<Value = NameServer> {
    let udp = prop::collection::vec(fate("connection refused"), 1..4);
    let scripts = || prop::collection::vec(script(), 1..4);
    let neutral = prop::option::of(fate("connection refused"));
    (way(), udp, scripts(), scripts(), neutral)
        .prop_map(|(way, udp, tcp, tls, neutral)| NameServer { way, udp, tcp, tls, neutral })
}

/// Up to three servers, and up to four questions within some seconds.
fn any_world() -> impl Strategy<Value = World> {
    let servers = prop::collection::vec(name_server(), 0..4);
    let question = (0..8_000_u64, 1..6_000_u64).prop_map(|(at, within)| Question { at, within });
    let questions = prop::collection::vec(question, 1..5);
    (servers, questions, any::<bool>()).prop_map(|(servers, questions, rotate)| World {
        servers,
        questions,
        rotate,
        ..world([])
    })
}

/// The sends of the question with this number.
fn sends_of(played: &Played, asking: usize) -> impl Iterator<Item = &Sent> {
    played.sends.iter().filter(move |sent| sent.asking == asking)
}

#[test] // R-8310-5.1b
fn a_strict_server_gets_nothing_in_plaintext() {
    check("strict", CASES, &any_world(), |world| {
        for Sent { form, .. } in world.play().sends {
            let is_strict = world.servers[form.server].way == Way::Strict;
            assert!(!is_strict || form.via == Via::Tls, "{form:?}");
        }
    });
}

#[test]
fn a_question_ends_by_its_deadline_with_a_reply_that_has_come() {
    check("end", CASES, &any_world(), |world| {
        let played = world.play();
        assert_eq!(played.ends.len(), world.questions.len());
        for end in &played.ends {
            let mut deadlines = world.questions.iter().map(|it| it.at + it.within);
            assert!(deadlines.any(|deadline| end.at <= deadline), "{} ms", end.at);
            let Ok((send, _)) = end.outcome else { continue };
            let mut replies = played.replies.iter().filter(|it| (it.0, it.1) == (end.asking, send));
            let counts = |said: Said| matches!(said, Said::Answer | Said::NoName | Said::Partial);
            assert!(replies.any(|(_, _, said)| counts(*said)), "a reply that did not come");
        }
    });
}

#[test] // R-9520-3.1
fn no_server_gets_more_than_three_datagrams_of_a_question() {
    check("sends", CASES, &any_world(), |world| {
        let played = world.play();
        for Sent { asking, form, .. } in &played.sends {
            let same = |it: &&Sent| {
                (it.form.server, it.form.via, it.form.neutral)
                    == (form.server, form.via, form.neutral)
            };
            let count = sends_of(&played, *asking).filter(same).count();
            let most = match (form.via, form.neutral) {
                (Via::Udp, false) => 3,
                // Once more if the socket fails.
                (Via::Udp, true) => 2,
                (Via::Tcp | Via::Tls, _) => MAX_ON_CONNECTIONS,
            };
            assert!(count <= most, "{count} sends: {form:?}");
        }
    });
}

#[test] // C-DRAIN
fn after_the_end_nobody_is_asked_but_for_two_seconds() {
    check("background", CASES, &any_world(), |world| {
        let played = world.play();
        for end in &played.ends {
            for sent in sends_of(&played, end.asking).filter(|sent| sent.at > end.at) {
                assert!(sent.at <= end.at + BACKGROUND, "{} ms later", sent.at - end.at);
            }
        }
    });
}

#[test] // N-1
fn no_such_name_of_a_later_server_never_counts_before_an_answer() {
    let cases = (0..4_900_u64, 0..5_000_u64, name_server());
    check("negative", CASES, &cases, |(ms, later, third)| {
        let first = plain().udp([answer(ms)]).tcp([dropped()]);
        let second = plain().udp([Fate::Says(Said::NoName, later)]).tcp([dropped()]);
        let third = NameServer { way: Way::Plain { tcp_only: false }, ..third };
        let played = world([first, second, third]).play();
        // Another answer may count, but no negative reply.
        let (send, _) = played.ends[0].outcome.clone().unwrap();
        let said = played.replies.iter().find(|it| (it.0, it.1) == (0, send)).map(|it| it.2);
        assert_ne!(said, Some(Said::NoName), "{:?}", played.log);
    });
}

/// A hostile question, the second one, between others at random times.
fn with_a_hostile_name() -> impl Strategy<Value = (Fate, u64, Vec<u64>)> {
    // A connection or a socket that ends is a failure of its own.
    let fate = prop_oneof![
        3 => (said(), millis()).prop_map(|(said, ms)| Fate::Says(said, ms)),
        1 => Just(Fate::Silence),
    ];
    (fate, 1_000..3_000_u64, prop::collection::vec(1_000..9_000_u64, 1..8))
}

/// Plays it with these servers, which answer all others and the neutral question.
fn play_hostile<const N: usize>(
    servers: [NameServer; N],
    (fate, at, others): (Fate, u64, Vec<u64>),
) -> Played {
    let times = [0, at].into_iter().chain(others);
    let questions = times.map(|at| Question { at, within: 5_000 }).collect();
    World { questions, hostile: Some((1, fate)), ..world(servers) }.play()
}

#[test] // N-17
fn what_becomes_of_one_name_sends_no_other_in_plaintext() {
    check("one name, plaintext", CASES, &with_a_hostile_name(), |case| {
        let played = play_hostile([opportunistic().neutral(answer(RTT))], case);
        let evil = played.askings.iter().position(|question| *question == Some(1));
        for Sent { asking, form, .. } in &played.sends {
            assert!(Some(*asking) == evil || form.via == Via::Tls, "{:#?}", played.log);
        }
    });
}

#[test] // N-1, N-19
fn what_becomes_of_one_name_moves_no_server() {
    check("one name, order", CASES, &with_a_hostile_name(), |case| {
        let played = play_hostile([plain().neutral(answer(RTT)), plain()], case);
        for asking in 0..played.askings.len() {
            let first = sends_of(&played, asking).next().map(|sent| sent.form.server);
            assert_eq!(first, Some(0), "{:#?}", played.log);
        }
    });
}
