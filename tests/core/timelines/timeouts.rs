//! How long it may take, and how much: time-outs and limits.

use std::time::{Duration, Instant};

use he::race::{Race, Step};
use he::{Answer, AttemptOutcome, Config, LookupOutcome};
use he_test_support::addr::addrs;
use he_test_support::{A, Aaaa, addr, script};

use crate::machine::Play;

const MS: fn(u64) -> Duration = Duration::from_millis;

// An attempt is given up after 10 s, each counted from its own start; nothing else ends them.
#[test] // C-R2SYN, R-9293-R2, S14
fn silent_attempts_are_given_up_one_by_one() {
    script().dns(Aaaa, 30, &["2001:db8::1", "2001:db8::2"]).dns(A, 30, &["192.0.2.1"]).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        280ms connect 192.0.2.1:443
        530ms connect [2001:db8::2]:443
        10030ms timed out [2001:db8::1]:443
        10280ms timed out 192.0.2.1:443
        10530ms timed out [2001:db8::2]:443
        10530ms failed: timed out
        ",
    );
}

// Attempts that failed, in whatever order, have no time-out left.
#[test]
fn only_what_runs_times_out() {
    let list = ["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#443"];
    script().addrs(&list).refuses("192.0.2.1", 500).refuses("192.0.2.2", 20).plays(
        "
        0ms connect 192.0.2.1:443
        250ms connect 192.0.2.2:443
        270ms connect 192.0.2.3:443
        10270ms timed out 192.0.2.3:443
        10270ms failed: every attempt failed
        ",
    );
}

// A time-out is a failure: the next attempt starts at once.
#[test] // F-5
fn a_timed_out_attempt_starts_the_next_one() {
    script()
        .addrs(&["192.0.2.1#443", "192.0.2.2#443"])
        .config(|c| c.with_connect_timeout(MS(100)))
        .accepts("192.0.2.2", 20)
        .plays(
            "
            0ms connect 192.0.2.1:443
            100ms timed out 192.0.2.1:443
            100ms connect 192.0.2.2:443
            120ms connected 192.0.2.2:443
            ",
        );
    // At least 10 ms after the start before, like any other.
    script()
        .addrs(&["192.0.2.1#443", "192.0.2.2#443"])
        .config(|c| c.with_connect_timeout(MS(4)))
        .accepts("192.0.2.2", 2)
        .plays(
            "
            0ms connect 192.0.2.1:443
            4ms timed out 192.0.2.1:443
            10ms connect 192.0.2.2:443
            12ms connected 192.0.2.2:443
            ",
        );
}

// Time-outs and refusals together are a failure of every attempt; time-outs alone are a time-out.
#[test]
fn the_kind_of_the_error_tells_time_outs_from_refusals() {
    let world = script()
        .addrs(&["192.0.2.1#443", "192.0.2.2#443"])
        .config(|c| c.with_connect_timeout(MS(900)));
    world.clone().refuses("192.0.2.2", 100).plays(
        "
        0ms connect 192.0.2.1:443
        250ms connect 192.0.2.2:443
        900ms timed out 192.0.2.1:443
        900ms failed: every attempt failed
        ",
    );
    world.plays(
        "
        0ms connect 192.0.2.1:443
        250ms connect 192.0.2.2:443
        900ms timed out 192.0.2.1:443
        1150ms timed out 192.0.2.2:443
        1150ms failed: timed out
        ",
    );
}

// The whole call ends after 30 s, whatever still runs.
#[test] // R-9293-R2, S14
fn the_total_ends_everything() {
    let played = script()
        .dns(Aaaa, 30, &["2001:db8::1"])
        .dns(A, 30, &["192.0.2.1"])
        .config(|c| c.with_connect_timeout(MS(60_000)))
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            30ms connect [2001:db8::1]:443
            280ms connect 192.0.2.1:443
            30000ms failed: timed out
            ",
        );
    assert_eq!(played.closed(), [addr("2001:db8::1#443"), addr("192.0.2.1#443")]);
}

// The total covers the lookups as well; the report says that they were still out.
#[test]
fn the_total_covers_the_lookups() {
    let played = script().config(|c| c.with_total_timeout(MS(800))).plays(
        "
        0ms ask AAAA
        0ms ask A
        800ms failed: timed out
        ",
    );
    let abandoned = |l: &he::LookupReport| matches!(l.outcome(), LookupOutcome::Abandoned);
    assert!(played.report.lookups().iter().all(abandoned));
    script().dns(A, 30, &["192.0.2.1"]).config(|c| c.with_total_timeout(MS(79))).plays(
        "
        0ms ask AAAA
        0ms ask A
        79ms failed: timed out
        ",
    );
}

// Without a total the list and its time-outs end it; a wait without an end is one of 365 days.
#[test]
fn no_total_means_none() {
    let world = script().addrs(&["192.0.2.1#443"]).accepts("192.0.2.1", 3_000_000).tells_waits();
    world
        .config(|c| c.with_total_timeout(Duration::MAX).with_connect_timeout(Duration::MAX))
        .plays(
            "
        0ms connect 192.0.2.1:443
        0ms wait until 31536000000ms
        3000000ms connected 192.0.2.1:443
        ",
        );
}

// A hostile answer costs no thousands of SYNs: 32 addresses of a family, and the cut is told.
#[test]
fn at_most_64_addresses_are_taken() {
    let v6: Vec<String> = (1..=4_000).map(|n| format!("2001:db8::{n:x}")).collect();
    let v4: Vec<String> =
        (1..=4_000).map(|n| format!("198.18.{}.{}", n / 250, n % 250 + 1)).collect();
    let (v6, v4): (Vec<&str>, Vec<&str>) =
        (v6.iter().map(String::as_str).collect(), v4.iter().map(String::as_str).collect());

    let both = script().dns(Aaaa, 0, &v6).dns(A, 0, &v4).run();
    let is_v4 = |(_, addr): &&(u64, std::net::SocketAddr)| addr.is_ipv4();
    assert_eq!(both.attempts.len(), 64);
    assert_eq!(both.attempts.iter().filter(is_v4).count(), 32);
    assert_eq!(both.attempts[..2], [(0, addr("2001:db8::1#443")), (250, addr("198.18.0.2#443"))]);
    assert_eq!(both.report.left_out(), 8_000 - 64);

    // One family cannot crowd out the other, even if it is there much earlier.
    let late = script().dns(Aaaa, 0, &v6).dns(A, 2_000, &["192.0.2.1"]).run();
    assert_eq!(late.attempts.len(), 33);
    assert_eq!(late.attempts[8], (2_000, addr("192.0.2.1#443")));
    assert_eq!(late.report.left_out(), 4_000 - 32);
}

// An address that does not fit is left out once, whatever the ports, and however often it comes.
#[test]
fn an_address_is_left_out_once_whatever_the_ports() {
    let v4: Vec<String> = (1..=33).map(|n| format!("192.0.2.{n}")).collect();
    let mut v4: Vec<&str> = v4.iter().map(String::as_str).collect();
    v4.push("192.0.2.33");
    let played = script().ports(&[443, 80]).dns(A, 0, &v4).accepts("192.0.2.1", 20).run();
    assert_eq!(played.report.left_out(), 1);
}

// What the resolver has left out counts with what is left out here.
#[test]
fn the_cut_is_the_resolver_s_and_the_race_s() {
    let v4: Vec<String> = (1..=40).map(|n| format!("192.0.2.{n}")).collect();
    let v4: Vec<&str> = v4.iter().map(String::as_str).collect();
    let answer = Answer::from(addrs(&v4)).with_left_out(5);
    let played = script().answers(A, 0, Ok(answer)).accepts("192.0.2.1", 20).run();
    assert_eq!(played.report.left_out(), 40 - 32 + 5);
}

// The room is a family's, whichever answer its addresses come in.
#[test] // F-14
fn mapped_addresses_take_the_places_of_ipv4() {
    let mapped: Vec<String> = (1..=20).map(|n| format!("::ffff:192.0.2.{n}")).collect();
    let v4: Vec<String> = (1..=20).map(|n| format!("198.51.100.{n}")).collect();
    let (mapped, v4): (Vec<&str>, Vec<&str>) =
        (mapped.iter().map(String::as_str).collect(), v4.iter().map(String::as_str).collect());
    let played = script().dns(Aaaa, 0, &mapped).dns(A, 0, &v4).run();
    assert_eq!((played.attempts.len(), played.report.left_out()), (32, 8));
}

// Addresses that are dropped do not use up the room of good ones.
#[test]
fn bad_addresses_take_no_place() {
    let mut answer = vec!["0.0.0.0"; 100];
    answer.push("192.0.2.1");
    let played = script().dns(Aaaa, 0, &[]).dns(A, 0, &answer).accepts("192.0.2.1", 1).run();
    assert_eq!(played.attempts, [(0, addr("192.0.2.1#443"))]);
    // Of those that are passed over, 64 are told one by one.
    assert_eq!((played.report.skipped().len(), played.report.skipped_more()), (64, 36));
}

// The caller's own list is not cut.
#[test]
fn a_list_of_the_caller_s_is_not_cut() {
    let list: Vec<String> = (1..=100).map(|n| format!("192.0.2.{n}#443")).collect();
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    let played = script().addrs(&list).run();
    assert_eq!(played.attempts.len(), 100);
    assert_eq!(played.elapsed, 30_000);
    let running = |a: &&he::AttemptReport| matches!(a.outcome(), AttemptOutcome::Cancelled);
    // The last start was at 24.75 s; those since 20 s had time left.
    assert_eq!(played.attempts[99].0, 24_750);
    assert_eq!(played.report.attempts().iter().filter(running).count(), 20);
}

// It ends by the worst case that the configuration names.
#[test]
fn the_worst_case_is_a_number() {
    let world = script().dns(A, 4_999, &["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    let worst = world.config.worst_case(3);
    assert_eq!(worst, MS(5_000 + 500 + 10_000));
    // A holds for AAAA, which is given up 1 ms later.
    assert_eq!(MS(world.run().elapsed), worst);
}

// D12: the resolver's time takes the place of the default and of nothing else.
#[test]
fn a_resolver_raises_the_default_time_of_a_lookup() {
    let began = Instant::now();
    for (config, asked, seconds) in [
        (Config::new(), 10, 10),
        (Config::new(), 4, 5),
        (Config::new(), 60, 30),
        (Config::new().with_resolve_timeout(MS(700)).with_resolve_retries(10), 10, 7),
    ] {
        let mut race = Race::new("www.test", [443], config, began).unwrap();
        race.raise_lookup_timeout(Duration::from_secs(asked));
        assert!(matches!(race.poll(began), Step::Resolve(0, _)));
        let deadline = race.query(0).unwrap().deadline().unwrap();
        assert_eq!(deadline - began, Duration::from_secs(seconds));
    }
}

// D21: the call ends with the last attempt that may start, whatever is still unknown.
#[test]
fn after_the_last_attempt_that_may_start_nothing_is_waited_for() {
    let world = script()
        .dns(Aaaa, 1, &["2001:db8::1", "2001:db8::2"])
        .dns(A, 5_000, &["192.0.2.1"])
        .refuses("2001:db8::1", 10)
        .refuses("2001:db8::2", 10)
        .config(|config| config.with_max_attempts(2));
    world.plays(
        "
        0ms ask AAAA
        0ms ask A
        1ms connect [2001:db8::1]:443
        11ms connect [2001:db8::2]:443
        21ms failed: every attempt failed
        ",
    );
}

#[test]
fn addresses_beyond_the_last_attempt_are_counted() {
    let list = ["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#443"];
    let world = script().addrs(&list).config(|config| config.with_max_attempts(2));
    let played = world.plays(
        "
        0ms connect 192.0.2.1:443
        250ms connect 192.0.2.2:443
        10000ms timed out 192.0.2.1:443
        10250ms timed out 192.0.2.2:443
        10250ms failed: timed out
        ",
    );
    assert_eq!(played.report.not_tried(), 1);
}
