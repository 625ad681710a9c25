//! Laws of the race, over worlds drawn at random. A world that breaks one is printed as a timeline
//! that can be pasted as a test. Many cases: see `.ci/README.md`.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use he::{
    AttemptOutcome, AttemptReport, ErrorKind, Family, LookupOutcome, Outcome, Record, Report,
};
use he_test_support::cases::check;
use he_test_support::dialled::paused;
use he_test_support::{A, Aaaa, Played};

use crate::machine::Play;
use crate::random::{Random, worlds};

/// The machine's player itself panics if a wait does not lie in the future, if one has nothing in
/// flight and nothing to start, if an address and port is dialled twice, and if the end does not
/// stay the end.
fn plays_by(law: impl Fn(&Random, &Played)) -> impl Fn(Random) {
    move |random| law(&random, &random.world().run())
}

fn ended(attempt: &AttemptReport) -> Duration {
    attempt.started_after() + attempt.elapsed().unwrap()
}

fn has_failed(attempt: &AttemptReport) -> bool {
    matches!(attempt.outcome(), AttemptOutcome::Failed(_) | AttemptOutcome::TimedOut)
}

fn connected(played: &Played) -> bool {
    matches!(played.report.outcome(), Outcome::Connected(_))
}

#[test] // R-8305-5f, F-5, F-6
fn no_start_comes_10_ms_after_one_that_sent_a_packet() {
    check(
        "10 ms",
        1_000,
        &worlds(),
        plays_by(|_, played| {
            let attempts = played.report.attempts();
            for (n, next) in
                attempts.iter().enumerate().filter(|(_, a)| !a.addr().ip().is_loopback())
            {
                for before in attempts[..n].iter().filter(|before| !before.is_local()) {
                    let gap = next.started_after() - before.started_after();
                    assert!(gap >= Duration::from_millis(10), "{gap:?} before {}", next.addr());
                }
            }
        }),
    );
}

#[test]
fn the_times_of_dns_and_of_the_attempts_are_the_whole_call() {
    check(
        "dns_elapsed + connect_elapsed",
        1_000,
        &worlds(),
        plays_by(|_, Played { report, .. }| {
            let (dns, connect) = (report.dns_elapsed(), report.connect_elapsed());
            assert_eq!(dns.is_some(), !report.lookups().is_empty());
            assert_eq!(connect.is_some(), !report.attempts().is_empty());
            let parts = [dns, connect].into_iter().flatten().sum::<Duration>();
            assert_eq!(parts, report.elapsed(), "{report}");
        }),
    );
}

#[test] // R-8305-5a, R-8305-5c, R-8305-5i
fn starts_are_one_delay_apart_while_none_fails_and_nothing_is_shaken() {
    check(
        "connect_delay",
        1_000,
        &worlds(),
        plays_by(|random, played| {
            let delay = random.config(he::Config::new()).connect_delay;
            for pair in played.report.attempts().windows(2) {
                let (from, to) = (pair[0].started_after(), pair[1].started_after());
                let failed = |a: &&AttemptReport| has_failed(a) && (from..=to).contains(&ended(a));
                if played.report.attempts().iter().filter(failed).count() == 0 {
                    assert!(to - from >= delay, "{:?} between {pair:?}", to - from);
                }
            }
        }),
    );
}

#[test] // R-V3-4.2a, R-V3-4.2b, R-V3-4.2e, F-1
fn nothing_is_dialled_before_the_preferred_family_has_answered_or_was_waited_for() {
    check(
        "AAAA wait",
        1_000,
        &worlds(),
        plays_by(|random, played| {
            let Some(first) = played.report.attempts().first() else { return };
            // Which family is preferred hangs on the routes: there are timelines for those that go.
            if random.is_list() || random.loses_routes() {
                return;
            }
            let config = random.config(he::Config::new());
            let preferred = match config.family {
                Family::V4Only | Family::PreferV4 => A,
                Family::Any | Family::V6Only | _ => Aaaa,
            };
            let answered_at = |record: Record| {
                let lookup = played.report.lookups().iter().find(|l| l.record() == record)?;
                let gave = !matches!(lookup.outcome(), LookupOutcome::Abandoned);
                gave.then(|| lookup.elapsed().unwrap())
            };
            let at = first.started_after();
            if answered_at(preferred).is_some_and(|settled| settled <= at) {
                return;
            }
            let other = if preferred == A { Aaaa } else { A };
            assert!(!random.dialable(other).is_empty());
            assert_eq!(at, answered_at(other).unwrap() + config.aaaa_timeout);
        }),
    );
}

#[test] // the promise of Config::worst_case
fn a_race_ends_by_its_worst_case() {
    check(
        "worst case",
        1_000,
        &worlds(),
        plays_by(|random, played| {
            let config = random.config(he::Config::new());
            let count = u32::try_from(random.all_dialable().len()).unwrap();
            let shaken = played.report.attempts().iter().any(|a| a.tcp_elapsed().is_some());
            let worst =
                if shaken { config.worst_case_with(count) } else { config.worst_case(count) };
            let elapsed = Duration::from_millis(played.elapsed);
            assert!(elapsed <= worst, "{elapsed:?} is more than {worst:?}");
        }),
    );
}

#[test]
fn a_race_connects_if_an_address_accepts_in_time_and_only_to_one_that_does() {
    check(
        "connects",
        1_000,
        &worlds(),
        plays_by(|random, played| {
            if let Some(winner) = played.winner() {
                assert!(random.would_accept(winner) && random.all_dialable().contains(&winner));
            }
            let config = random.config(he::Config::new());
            let mut unbound = config;
            unbound.total_timeout = Duration::MAX;
            let count = u32::try_from(random.all_dialable().len()).unwrap();
            if unbound.worst_case_with(count) > config.total_timeout {
                return;
            }
            let accepts = |record| random.dialable(record).iter().any(|a| random.would_accept(*a));
            let known = |record| {
                let lookups = &mut played.report.lookups().iter();
                random.is_list()
                    || lookups.any(|lookup| {
                        lookup.record() == record
                            && matches!(lookup.outcome(), LookupOutcome::Answered(_))
                    })
            };
            let should = [Aaaa, A].into_iter().any(|record| accepts(record) && known(record));
            assert_eq!(connected(played), should, "{}", played.log.join("\n"));
        }),
    );
}

#[test]
fn a_report_is_whole_and_has_one_winner_or_none() {
    check(
        "report",
        1_000,
        &worlds(),
        plays_by(|random, played| {
            let report = &played.report;
            let dialable = random.all_dialable();
            let won = |a: &&AttemptReport| matches!(a.outcome(), AttemptOutcome::Won);
            assert_eq!(
                report.attempts().iter().filter(won).count(),
                usize::from(connected(played))
            );
            is_closed(report);
            for attempt in report.attempts() {
                assert!(dialable.contains(&attempt.addr()), "{} is not allowed", attempt.addr());
                assert!(ended(attempt) <= report.elapsed(), "{attempt:?}");
            }
            let known = |record| {
                let answered = report.lookups().iter().any(|l| {
                    l.record() == record && matches!(l.outcome(), LookupOutcome::Answered(_))
                });
                if answered || random.is_list() { random.dialable(record) } else { Vec::new() }
            };
            let known: HashSet<SocketAddr> = known(Aaaa).into_iter().chain(known(A)).collect();
            let refused_at_once = played.error_kind() == Some(ErrorKind::InvalidInput);
            if !refused_at_once {
                assert_eq!(report.attempts().len() + report.not_tried(), known.len());
            }
        }),
    );
}

/// Nothing in it is running.
fn is_closed(report: &Report) {
    assert!(!matches!(report.outcome(), Outcome::Running));
    for attempt in report.attempts() {
        assert!(!matches!(attempt.outcome(), AttemptOutcome::Running), "{attempt:?}");
        assert!(attempt.elapsed().is_some(), "{attempt:?}");
    }
    for lookup in report.lookups() {
        assert!(!matches!(lookup.outcome(), LookupOutcome::Running), "{lookup:?}");
        assert!(lookup.elapsed().is_some(), "{lookup:?}");
    }
}

/// Events of the same ms may come in either order, and then the stories differ.
#[test] // R-8305-5l
fn the_machine_and_the_connector_tell_the_same_story() {
    check(
        "same story",
        500,
        &worlds(),
        plays_by(|random, played| {
            if played.ties > 0 {
                return;
            }
            let told = paused(random.world().run_dialled());
            let log = |played: &Played| {
                let cancels = |line: &&String| !line.contains(" timed out ");
                played.log.iter().filter(cancels).cloned().collect::<Vec<_>>()
            };
            assert_eq!(log(&told), log(played));
            assert_eq!(told.attempts, played.attempts);
            assert_eq!(told.elapsed, played.elapsed);
            assert_eq!(told.winner(), played.winner());
            assert_eq!(told.error_kind(), played.error_kind());
            assert_eq!(outcomes(&told.report), outcomes(&played.report));
        }),
    );
}

fn outcomes(report: &Report) -> Vec<String> {
    let attempts = report.attempts().iter().map(|a| format!("{:?} {:?}", a.elapsed(), a.outcome()));
    let lookups = report.lookups().iter().map(|l| format!("{:?} {:?}", l.elapsed(), l.outcome()));
    attempts.chain(lookups).collect()
}
