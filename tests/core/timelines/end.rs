//! How a race ends, and what it leaves behind: a winner, an error, or a report of what was dropped.

use std::time::{Duration, Instant};

use he::race::{Race, Step, Surroundings};
use he::{AttemptOutcome, Config, ErrorKind, LookupOutcome, Outcome};
use he_test_support::addr::addrs;
use he_test_support::{A, Aaaa, addr, script};

use crate::machine::Play;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A race over one address, which is being dialled.
fn dialling(began: Instant) -> Race {
    let mut race = Race::of_addrs(addrs(&["192.0.2.1#443"]), Config::new(), began).unwrap();
    assert_eq!(race.poll(began), Step::Connect(0, addr("192.0.2.1#443")));
    race
}

// Whoever drops the race closes its books: what ran is told as cut short.
#[test] // S12
fn an_abandoned_race_says_what_still_ran() {
    let began = Instant::now();
    let mut race = Race::new("example.com", [443], Config::new(), began).unwrap();
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

/// A race that only finds addresses, with both lookups asked.
fn resolving(began: Instant) -> Race {
    let mut race = Race::resolving("example.com", Config::new(), began).unwrap();
    assert_eq!(race.poll(began), Step::Resolve(0, Aaaa));
    assert_eq!(race.poll(began), Step::Resolve(1, A));
    race
}

// It ends where a race that connects would start its first attempt, with all addresses that are
// known by then, in the order in which that race would try them.
#[test] // R-V3-4.2a
fn a_race_that_only_resolves_ends_where_it_would_dial() {
    let began = Instant::now();
    let mut race = resolving(began);
    race.resolved(1, Ok(he::Answer::from(addrs(&["192.0.2.1", "192.0.2.2"]))), began + MS(10));
    assert_eq!(race.poll(began + MS(10)), Step::Wait(began + MS(60)), "the Resolution Delay");
    race.resolved(0, Ok(he::Answer::from(addrs(&["2001:db8::1"]))), began + MS(30));
    assert_eq!(race.poll(began + MS(30)), Step::Resolved);
    let found: Vec<_> = race.addrs().collect();
    assert_eq!(found, addrs(&["2001:db8::1", "192.0.2.1", "192.0.2.2"]));
    let report = race.report();
    assert_eq!((report.outcome(), report.elapsed()), (Outcome::Resolved, MS(30)));
    assert_eq!((report.ports(), report.attempts().len(), report.not_tried()), (&[][..], 0, 0));
    // The end stays the end, and is no error.
    race.abandon(began + MS(40));
    assert_eq!(race.poll(began + MS(40)), Step::Resolved);
    assert!(race.into_error().is_none());
}

#[test] // R-V3-4.2b
fn a_race_that_only_resolves_waits_for_aaaa_no_longer_than_one_that_connects() {
    let began = Instant::now();
    let mut race = resolving(began);
    race.resolved(1, Ok(he::Answer::from(addrs(&["192.0.2.1"]))), began + MS(10));
    assert_eq!(race.poll(began + MS(60)), Step::Resolved);
    assert_eq!(race.addrs().collect::<Vec<_>>(), addrs(&["192.0.2.1"]));
    assert!(matches!(race.report().lookups()[0].outcome(), LookupOutcome::Abandoned));
}

#[test] // R-3493-LIT
fn a_literal_is_resolved_at_once_past_the_gate_and_without_a_port() {
    let began = Instant::now();
    let race = Race::resolving("192.0.2.1", Config::new(), began).unwrap();
    let (asked, note) = std::sync::mpsc::channel();
    let gate = move |addr| asked.send(addr).is_ok();
    let mut race = race.with_surroundings(Surroundings::default().with_gate(gate));
    assert_eq!(race.poll(began), Step::Resolved);
    assert_eq!(race.addrs().collect::<Vec<_>>(), addrs(&["192.0.2.1"]));
    assert_eq!(note.try_iter().collect::<Vec<_>>(), addrs(&["192.0.2.1"]));
}

#[test]
fn a_race_that_only_resolves_fails_as_one_that_connects() {
    let began = Instant::now();
    let mut race = resolving(began);
    for id in 0..2 {
        race.resolved(id, Err(he::LookupErrorKind::NoSuchName.into()), began + MS(5));
    }
    assert_eq!(race.poll(began + MS(5)), Step::Fail(ErrorKind::NoSuchName));
}
