//! Laws that hold in every world: random servers, ports, faults and questions.
//! `PROPTEST_CASES=1000000 cargo test --release --lib dns::question::tests::laws` plays a million
//! worlds a law.
//!
//! The network asserts some laws in every world that is played: no wait for a moment that has
//! passed, no inquiry that runs without end, one outcome a question.

use proptest::prelude::*;

use super::played::{Played, Sent};
use super::world::*;
use crate::dns::question::Via;

/// The longest time in which something may still be sent for a question that has its answer, in ms.
const BACKGROUND: u64 = 1_000;

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        4 => Just(Said::Answer),
        2 => Just(Said::NoName),
        Just(Said::ServFail),
        Just(Said::Refused),
        Just(Said::Nonsense),
        Just(Said::Truncated),
        Just(Said::NoEdns),
        Just(Said::ToAnother),
        Just(Said::Unreadable),
        Just(Said::Partial),
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
        millis().prop_map(Start::Refused),
        Just(Start::Dropped),
        millis().prop_map(Start::Mute),
        (millis(), 0..200_u64).prop_map(|(tcp, tls)| Start::Fails(tcp, tls, "no TLS")),
        (millis(), 0..200_u64).prop_map(|(tcp, tls)| Start::Untrusted(tcp, tls, "wrong name")),
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

proptest! {
    #[test] // R-8310-5.1b
    fn a_strict_server_gets_nothing_in_plaintext(world in any_world()) {
        for Sent { form, .. } in world.play().sends {
            let is_strict = world.servers[form.server].way == Way::Strict;
            prop_assert!(!is_strict || form.via == Via::Tls, "{form:?}");
        }
    }

    #[test]
    fn a_question_ends_by_its_deadline_with_a_reply_that_has_come(world in any_world()) {
        let played = world.play();
        prop_assert_eq!(played.ends.len(), world.questions.len());
        for end in &played.ends {
            let mut deadlines = world.questions.iter().map(|it| it.at + it.within);
            prop_assert!(deadlines.any(|deadline| end.at <= deadline), "{} ms", end.at);
            let Ok((send, _)) = end.outcome else { continue };
            let mut replies = played.replies.iter().filter(|it| (it.0, it.1) == (end.asking, send));
            let counts = |said: Said| matches!(said, Said::Answer | Said::NoName | Said::Partial);
            prop_assert!(replies.any(|(_, _, said)| counts(*said)), "a reply that did not come");
        }
    }

    #[test] // R-9520-3.1
    fn no_server_gets_more_than_three_datagrams_of_a_question(world in any_world()) {
        let played = world.play();
        for Sent { asking, form, .. } in &played.sends {
            let same = |it: &&Sent| {
                (it.form.server, it.form.via, it.form.neutral)
                    == (form.server, form.via, form.neutral)
            };
            let count = sends_of(&played, *asking).filter(same).count();
            let most = match (form.via, form.neutral) {
                (Via::Udp, false) => 3,
                (Via::Udp, true) => 1,
                // Three with EDNS and three without it, and moves of a question that was not sent.
                (Via::Tcp | Via::Tls, _) => 10,
            };
            prop_assert!(count <= most, "{count} sends: {form:?}");
        }
    }

    #[test] // C-DRAIN
    fn after_the_end_nobody_is_asked_but_for_a_second(world in any_world()) {
        let played = world.play();
        for end in &played.ends {
            for sent in sends_of(&played, end.asking).filter(|sent| sent.at > end.at) {
                prop_assert!(sent.at <= end.at + BACKGROUND, "{} ms later", sent.at - end.at);
            }
        }
    }

    #[test] // N-1
    fn no_such_name_of_a_later_server_never_counts_before_an_answer(
        ms in 0..4_900_u64,
        later in 0..5_000_u64,
        third in name_server(),
    ) {
        let first = plain().udp([answer(ms)]).tcp([dropped()]);
        let second = plain().udp([Fate::Says(Said::NoName, later)]);
        let third = NameServer { way: Way::Plain { tcp_only: false }, ..third };
        let played = world([first, second, third]).play();
        let (_, form) = played.ends[0].outcome.clone().unwrap();
        prop_assert_eq!(form.server, 0, "{:?}", played.log);
    }

    #[test] // N-17
    fn what_becomes_of_one_name_sends_no_other_in_plaintext(
        fate in fate(""),
        evil_at in 1_000..3_000_u64,
        others in prop::collection::vec(1_000..6_000_u64, 1..8),
    ) {
        // A connection that ends is a failure of its own.
        prop_assume!(!matches!(fate, Fate::Ends(..)));
        let at = |at| Question { at, within: 5_000 };
        let questions = [0, evil_at].into_iter().chain(others).map(at).collect();
        let hostile = Some((1, fate));
        let evil = World { questions, hostile, ..world([opportunistic().neutral(20)]) };
        let played = evil.play();
        for Sent { asking, form, .. } in &played.sends {
            let question = evil_question(&played, *asking);
            prop_assert!(question || form.via == Via::Tls, "{:?}", played.log);
        }
    }

    #[test] // N-1, N-19
    fn what_becomes_of_one_name_moves_no_server(
        fate in fate("connection refused"),
        evil_at in 1_000..3_000_u64,
        others in prop::collection::vec(1_000..9_000_u64, 1..8),
    ) {
        let at = |at| Question { at, within: 5_000 };
        let questions = [0, evil_at].into_iter().chain(others).map(at).collect();
        // An error of the socket is a failure of the server.
        prop_assume!(!matches!(fate, Fate::Ends(..)));
        let servers = [plain().neutral(20), plain()];
        let evil = World { questions, hostile: Some((1, fate)), ..world(servers) };
        let played = evil.play();
        for asking in 0..played.ends.len() {
            let first = sends_of(&played, asking).next();
            prop_assert_eq!(first.map(|sent| sent.form.server), Some(0), "{:?}", played.log);
        }
    }
}

/// True if this inquiry is the hostile question, which is the second one of its world.
fn evil_question(played: &Played, asking: usize) -> bool {
    let _ = played;
    asking == 1
}
