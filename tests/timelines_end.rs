//! How a race ends, and what it leaves behind: a winner, an error, or a report of what was dropped.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::time::{Duration, Instant};

use he::race::{Race, Step};
use he::{AttemptOutcome, Config, ErrorKind, LookupOutcome, Outcome};
use support::addr::addrs;
use support::{A, Aaaa, addr, script};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A race over one address, which is being dialled.
fn dialling(began: Instant) -> Race {
    let mut race = Race::of_addrs(&addrs(&["192.0.2.1#443"]), Config::new(), began).unwrap();
    assert_eq!(race.poll(began), Step::Connect(0, addr("192.0.2.1#443")));
    race
}

// Whoever drops the race closes its books: what ran is told as cut short.
#[test] // S12
fn an_abandoned_race_says_what_still_ran() {
    let began = Instant::now();
    let mut race = Race::new("example.com", &[443], Config::new(), began).unwrap();
    assert_eq!(race.poll(began), Step::Resolve(0, Aaaa));
    assert_eq!(race.poll(began), Step::Resolve(1, A));
    let answer = addrs(&["2001:db8::1", "2001:db8::2"]);
    race.resolved(0, Ok(he::Answer::from(answer)), began + MS(30));
    assert_eq!(race.poll(began + MS(30)), Step::Connect(0, addr("2001:db8::1#443")));
    race.abandon(began + MS(70));
    let report = race.report();
    assert_eq!((report.outcome(), report.elapsed()), (Outcome::Dropped, MS(70)));
    assert!(matches!(report.lookups()[1].outcome(), LookupOutcome::Abandoned));
    assert!(matches!(report.attempts()[0].outcome(), AttemptOutcome::Cancelled));
    assert_eq!(report.not_tried(), 1);
    // It stays so, and is no error. Nothing has timed out.
    race.abandon(began + MS(90));
    assert_eq!(race.poll(began + MS(90)), Step::Over);
    assert_eq!(race.report().elapsed(), MS(70));
    assert!(race.into_error().is_none());
}

// A race that is over cannot be dropped any more.
#[test]
fn a_won_race_stays_won() {
    let began = Instant::now();
    let mut race = dialling(began);
    race.won(0, began + MS(20));
    assert_eq!(race.poll(began + MS(20)), Step::Won(0));
    race.abandon(began + MS(50));
    assert_eq!(race.report().outcome(), Outcome::Connected(0));
    assert_eq!(race.report().elapsed(), MS(20));
    assert!(race.into_error().is_none());
}

// A lost race gives the error that tells its story; one that runs has none.
#[test] // S14
fn a_lost_race_gives_its_error() {
    let began = Instant::now();
    let mut race = dialling(began);
    race.failed(0, std::io::ErrorKind::ConnectionRefused.into(), true, began + MS(12));
    assert_eq!(race.poll(began + MS(12)), Step::Fail(ErrorKind::Connect));
    let error = race.into_error().unwrap();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(
        error.to_string(),
        "cannot connect to 192.0.2.1:443: every attempt failed; \
         192.0.2.1:443: connection refused after 12ms"
    );
    assert!(dialling(began).into_error().is_none());
}

// Counted are pairs of address and port: those that may be dialled and had no turn.
#[test] // E-8
fn what_had_no_turn_is_counted() {
    let two = script().ports(&[443, 80, 25]).dns(Aaaa, 0, &["2001:db8::1", "2001:db8::2"]);
    let world = two.dns(A, 0, &["192.0.2.1"]).accepts("2001:db8::1", 20);
    assert_eq!(world.run().report.not_tried(), 9 - 1);
    let gated = world.clone().allow(|addr| addr.port() != 25);
    assert_eq!(gated.run().report.not_tried(), 6 - 1);
    let listed = script().addrs(&["10.0.0.1#443", "192.0.2.1#443", "192.0.2.1#80", "192.0.2.2#1"]);
    let listed = listed.accepts("192.0.2.1", 20);
    assert_eq!(listed.run().report.not_tried(), 4 - 2, "the first one is silent");
    let gated = listed.allow(|addr| addr != "10.0.0.1:443".parse().unwrap());
    assert_eq!(gated.run().report.not_tried(), 3 - 1);
}

#[test]
fn a_race_shows_its_settings_and_its_facts() {
    let text = format!("{:?}", dialling(Instant::now()));
    assert!(text.starts_with("Race { config: Config {"), "{text}");
    assert!(text.contains("report: Report {") && text.contains("192.0.2.1:443"), "{text}");
}
