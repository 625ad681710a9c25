//! Two things at one moment: the outcome is the same every time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use he::race::{Race, Step};
use he::{AttemptOutcome, Config};
use he_test_support::addr::addrs;
use he_test_support::dialled::{Watch, paused};
use he_test_support::{A, Aaaa, addr, script};
use tokio::task::coop::consume_budget;
use tokio::time::{sleep, timeout};

use crate::machine::Play;

const MS: fn(u64) -> Duration = Duration::from_millis;

// Two successes before the next poll: the attempt that started first wins, one stream comes out.
#[test] // E-5, F-20, R-8305-5i, S11
fn the_earlier_start_wins_a_tie() {
    let played = script()
        .dns(Aaaa, 30, &["2001:db8::1"])
        .dns(A, 30, &["192.0.2.1"])
        .accepts("2001:db8::1", 270)
        .accepts("192.0.2.1", 20)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            30ms connect [2001:db8::1]:443
            280ms connect 192.0.2.1:443
            300ms connected [2001:db8::1]:443
            ",
        );
    assert_eq!(played.closed(), [addr("192.0.2.1#443")]);
}

// Whatever the order in which the successes are told.
#[test] // E-5, F-20
fn the_order_of_the_news_does_not_decide_a_tie() {
    for told in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let began = Instant::now();
        let list = addrs(&["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#443"]);
        let mut race = Race::of_addrs(&list, Config::new(), began).unwrap();
        for (id, addr) in list.iter().enumerate() {
            assert_eq!(race.poll(began + MS(250 * id as u64)), Step::Connect(id, *addr));
        }
        let now = began + MS(600);
        told.iter().for_each(|id| race.won(*id, now));
        assert_eq!(race.poll(now), Step::Won(0));
        assert_eq!(race.report().winner().unwrap().addr(), list[0]);
        let mut cancelled = race.report().attempts()[1..].iter();
        assert!(cancelled.all(|a| matches!(a.outcome(), AttemptOutcome::Cancelled)));
    }
}

// AAAA comes as the resolution delay ends: it is there, so it goes first, and only one starts.
#[test] // R-8305-3f, R-8305-3g, C-RD
fn an_answer_at_the_end_of_the_resolution_delay_counts() {
    script()
        .dns(A, 30, &["192.0.2.1"])
        .dns(Aaaa, 80, &["2001:db8::1"])
        .accepts("2001:db8::1", 20)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            80ms connect [2001:db8::1]:443
            100ms connected [2001:db8::1]:443
            ",
        );
    script().dns(A, 30, &["192.0.2.1"]).dns(Aaaa, 80, &[]).accepts("192.0.2.1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        80ms connect 192.0.2.1:443
        100ms connected 192.0.2.1:443
        ",
    );
}

// A failure as the timer fires starts one attempt, not two.
#[test] // R-8305-5a, F-5
fn a_failure_as_the_timer_fires_starts_one_attempt() {
    let list = ["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#443"];
    script().addrs(&list).refuses("192.0.2.1", 250).accepts("192.0.2.3", 20).plays(
        "
        0ms connect 192.0.2.1:443
        250ms connect 192.0.2.2:443
        500ms connect 192.0.2.3:443
        520ms connected 192.0.2.3:443
        ",
    );
}

// A success as the timer fires, as its time-out ends, or as the total ends, is a success.
#[test] // S10
fn a_success_at_the_last_moment_counts() {
    let list = ["192.0.2.1#443", "192.0.2.2#443"];
    script().addrs(&list).accepts("192.0.2.1", 250).plays(
        "
        0ms connect 192.0.2.1:443
        250ms connected 192.0.2.1:443
        ",
    );
    script().addrs(&list[..1]).accepts("192.0.2.1", 10_000).plays(
        "
        0ms connect 192.0.2.1:443
        10000ms connected 192.0.2.1:443
        ",
    );
    let total = script().addrs(&list[..1]).config(|c| c.with_total_timeout(MS(700)));
    total.accepts("192.0.2.1", 700).plays(
        "
        0ms connect 192.0.2.1:443
        700ms connected 192.0.2.1:443
        ",
    );
}

// The end of the call comes before anything new.
#[test]
fn nothing_starts_as_the_total_ends() {
    let list = ["192.0.2.1#443", "192.0.2.2#443"];
    script().addrs(&list).config(|c| c.with_total_timeout(MS(250))).plays(
        "
        0ms connect 192.0.2.1:443
        250ms failed: timed out
        ",
    );
}

// An answer as its lookup is given up counts.
#[test] // R-8305-3h
fn an_answer_as_the_patience_ends_counts() {
    script().dns(A, 5_000, &["192.0.2.1"]).accepts("192.0.2.1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        5000ms connect 192.0.2.1:443
        5020ms connected 192.0.2.1:443
        ",
    );
}

// The last attempt fails as the last lookup answers: the answer is used.
#[test] // E-2
fn a_failure_as_the_last_answer_comes_is_not_the_end() {
    script()
        .dns(Aaaa, 30, &["2001:db8::1"])
        .dns(A, 50, &["192.0.2.1"])
        .refuses("2001:db8::1", 20)
        .accepts("192.0.2.1", 20)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            30ms connect [2001:db8::1]:443
            50ms connect 192.0.2.1:443
            70ms connected 192.0.2.1:443
            ",
        );
}

// Both answers at one moment: the order of the news does not matter.
#[test] // R-8305-4a, R-V3-4.2a
fn both_answers_at_once_are_one_list() {
    for (aaaa, a) in [(30, 30), (31, 31)] {
        let world = script().dns(A, a, &["192.0.2.1"]).dns(Aaaa, aaaa, &["2001:db8::1"]);
        let first = world.run().attempts[0];
        assert_eq!(first, (aaaa, addr("2001:db8::1#443")));
    }
}

// A dial that succeeds before its time-out is due, and is heard of after it: the connection is not
// kept, and the winner's is its own.
#[test] // S10, S12
fn a_success_that_is_heard_of_too_late_is_not_kept() {
    let list = ["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#443"];
    let world = script().addrs(&list).config(|c| c.with_connect_timeout(MS(100)));
    let world = world.refuses("192.0.2.1", 20).accepts("192.0.2.2", 99).accepts("192.0.2.3", 20);
    paused(async {
        let watch = Watch::begins_now();
        let connector = world.connector(&watch);
        let mut connect = world.connect(&connector, &watch);
        assert!(timeout(MS(118), &mut connect).await.is_err());
        // While nobody polls it, the second dial succeeds (at 119 ms) and its time is over (120
        // ms).
        sleep(MS(2)).await;
        assert_eq!(watch.connections.count(), 1);
        // Of a task whose budget is used up, tokio tells the time and not who has ended.
        let polled = poll_fn(|cx| {
            while pin!(consume_budget()).poll(cx).is_ready() {}
            Poll::Ready(connect.as_mut().poll(cx).is_ready())
        });
        assert!(!polled.await);
        let established = connect.await.unwrap();
        assert_eq!(established.addr, addr("192.0.2.3#443"));
        assert_eq!(established.stream.addr, established.addr);
        assert_eq!(watch.connections.count(), 1);
        let second = &established.report.attempts()[1];
        assert!(matches!(second.outcome(), AttemptOutcome::TimedOut));
        assert_eq!(watch.now(), 140);
    });
}
