//! The scenarios of other implementations (tests/data/scenarios.json), replayed on the machine in
//! virtual time and on the connector in tokio's paused time.
//!
//! How they are read: any failure starts the next attempt; a failure after 0 ms is a local one;
//! `fe80::` gets a zone; time-outs are raised where a scenario needs it; expected is
//! `under_default_policy`, else `under_kick_any`, else `expect`.

use std::path::Path;
use std::time::Duration;

use he::Record;
use he_test_support::dialled::paused;
use he_test_support::{Played, World};

use crate::machine::Play;
use crate::scenarios::{self, Expected, Scenario, endpoint};

/// What comes of a scenario.
enum Verdict {
    Agreed,
    /// Another test has it.
    Elsewhere(&'static str),
    /// The rule of this crate that makes it otherwise; what the rule gives is checked.
    Disagreed(&'static str),
    Skipped(&'static str),
}

use Verdict::{Agreed, Disagreed, Elsewhere, Skipped};

#[test]
fn every_scenario_has_its_verdict() {
    let scenarios = scenarios::all();
    let mut count = [0; 4];
    let mut of_those_that_agree = 0;
    for scenario in &scenarios {
        let (place, word, why) = match verdict(scenario) {
            Agreed => (0, "agreed", ""),
            Elsewhere(test) if is_a_test(test) => (1, "agreed elsewhere", test),
            Elsewhere(test) => panic!("{}: there is no test {test}", scenario.id()),
            Disagreed(rule) => (2, "disagreed", rule),
            Skipped(why) => (3, "skipped", why),
        };
        println!("{:<40} {word:<16} {why}", scenario.id());
        count[place] += 1;
        of_those_that_agree += u32::from(place < 2 && scenario.agrees_with_the_standards());
    }
    let [here, elsewhere, disagreed, skipped] = count;
    println!("{here} agreed, {elsewhere} elsewhere, {disagreed} disagreed, {skipped} skipped");
    println!("{of_those_that_agree} of those in which their authors see no conflict with the RFCs");
    assert_eq!(scenarios.len(), 88);
    assert_eq!(count, [71, 9, 6, 2]);
    assert_eq!(of_those_that_agree, 71);
}

/// Each test in this crate is a function of its own name.
fn is_a_test(name: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let of_a_test =
        |before: &str| before.rsplit("\n\n").next().is_some_and(|it| it.contains("test"));
    let holds = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split_once(&format!("fn {name}(")).is_some_and(|(before, _)| of_a_test(before))
    };
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if holds(&path) {
                return true;
            }
        }
    }
    false
}

fn verdict(scenario: &Scenario) -> Verdict {
    match (scenario.id(), scenario.kind()) {
        ("trio-close-all", _) => Elsewhere("a_loser_that_panics_when_it_is_closed_harms_nobody"),
        ("trio-local-address-family-mismatch", _) => {
            Elsewhere("a_local_address_of_the_other_family_is_refused")
        }
        ("trio-one-host-failed-after-connect", _) => {
            Elsewhere("a_caller_that_fails_after_the_connect_closes_its_connection")
        }
        ("robur-caller-drops", _) => {
            caller_drops(scenario);
            Elsewhere("whenever_the_call_is_dropped_nothing_stays_behind")
        }
        ("robur-unneeded-late-success", _) => unneeded_success(scenario),
        ("draft-dns-drain-1s", _) => {
            replay(scenario, &scenario.expected());
            Elsewhere("lookups_that_are_out_at_the_win_may_finish_for_a_second")
        }
        ("draft-preferred-family-by-route", _) => replay(scenario, &scenario.expected()),
        ("draft-min-gap-10ms", _) => refused(scenario),
        ("draft-dns-update-fires-timer-early", _) => early_timer(scenario),
        ("draft-svcb-failure-encrypted-dns", _) => no_svcb(scenario),
        ("robur-resolve-retry", _) => {
            asks_once(scenario);
            assert!(is_a_test("a_silent_server_is_asked_at_0_100_and_1000_ms_and_never_again"));
            Disagreed("asking again: the resolver's business, after 100 ms and 1 s")
        }
        ("robur-resolve-retry-only-missing", _) => {
            Elsewhere("only_the_missing_type_is_asked_again")
        }
        ("dot-resolvconf-changed", _) => {
            Elsewhere("a_replaced_resolv_conf_counts_from_the_next_look_on")
        }
        ("dot-single-connect-in-flight", _) => {
            assert!(is_a_test("cold_questions_share_one_connection"));
            Elsewhere("fifty_questions_for_a_name_at_once_are_one_connection")
        }
        ("dot-pin-mismatch", _) => Elsewhere("a_wrong_pin_is_told_with_the_one_that_was_found"),
        (_, "nat64") => Skipped("NAT64 is left to the network (CLAT, DNS64)"),
        (_, "order") => order(scenario),
        _ if scenario.is_race() => race(scenario),
        (id, kind) => panic!("{id}: no reading for the kind {kind}"),
    }
}

/// Plays it on both, and both have to come to the same.
fn play(world: &World) -> Played {
    let machine = world.run();
    let dialled = paused(world.run_dialled());
    assert_eq!(machine.attempts, dialled.attempts);
    assert_eq!(machine.winner(), dialled.winner());
    assert_eq!(machine.elapsed, dialled.elapsed);
    assert_eq!(machine.error_kind(), dialled.error_kind());
    assert_eq!(machine.closed(), dialled.closed());
    machine
}

#[track_caller]
fn replay(scenario: &Scenario, expected: &Expected) -> Verdict {
    let played = play(&scenario.world());
    if let Some(what) = expected.differs_from(&played) {
        panic!("{}: {what}", scenario.id());
    }
    Agreed
}

fn race(scenario: &Scenario) -> Verdict {
    let (expected, world) = (scenario.expected(), scenario.world());
    if let Some(otherwise) = with_distance(&expected, &world) {
        replay(scenario, &otherwise);
        return Disagreed("next attempt: 10 ms after a start that sent a packet (R-8305-5f)");
    }
    let late = scenario.targets().is_empty();
    if let Some(otherwise) = with_late_addresses(&expected, &world).filter(|_| late) {
        replay(scenario, &otherwise);
        return Disagreed("order: late addresses as if there from the start (F-11)");
    }
    replay(scenario, &expected)
}

/// What the rule of the 10 ms makes of it: an attempt that starts sooner after one that sent a
/// packet moves, and everything after it with it. `None` if nothing moves.
fn with_distance(expected: &Expected, world: &World) -> Option<Expected> {
    let mut moved = expected.clone();
    let attempts = moved.attempts.as_mut()?;
    let mut late = 0;
    for next in 1..attempts.len() {
        let (before, addr) = attempts[next - 1];
        attempts[next].0 += late;
        let sent = !world.fails_locally_at(addr);
        let gap = attempts[next].0 - before;
        if sent && gap < 10 && !attempts[next].1.ip().is_loopback() {
            late += 10 - gap;
            attempts[next].0 += 10 - gap;
        }
    }
    moved.elapsed = moved.elapsed.map(|ms| ms + late);
    (late > 0).then_some(moved)
}

/// What the place of late addresses makes of it: each start takes the first that has not been
/// tried, of all that are known by then, the families in turns. `None` if that changes nothing.
fn with_late_addresses(expected: &Expected, world: &World) -> Option<Expected> {
    let mut otherwise = expected.clone();
    let mut tried = Vec::new();
    for (at, addr) in otherwise.attempts.as_mut()? {
        let known = |record| match world.answer(record) {
            Some((answered_at, Ok(answer))) if answered_at <= *at => answer.addrs().to_vec(),
            _ => Vec::new(),
        };
        let all = by_turns(&known(Record::Aaaa), &known(Record::A));
        let untried = all.iter().find(|addr| !tried.contains(*addr))?;
        tried.push(*untried);
        *addr = *untried;
        addr.set_port(443);
    }
    (otherwise.attempts != expected.attempts).then_some(otherwise)
}

/// Only the order of the starts counts, of addresses that all stay silent.
fn order(scenario: &Scenario) -> Verdict {
    let endpoints = |names: &[&str]| names.iter().map(|name| endpoint(name)).collect::<Vec<_>>();
    let expected = scenario.expect("order").as_array().unwrap();
    let expected: Vec<&str> = expected.iter().map(|name| name.as_str().unwrap()).collect();
    let targets = scenario.targets();
    let leads = |name: &&str| name.starts_with(&targets[0][..1]);
    let (leading, other): (Vec<&str>, Vec<&str>) = targets.iter().partition(|name| leads(name));
    let by_turns = by_turns(&leading, &other);
    let agrees = !scenario.param("sources").is_null() || by_turns == expected;
    let world = scenario.world().config(|c| c.with_total_timeout(Duration::from_secs(9)));
    let starts: Vec<_> = play(&world).attempts.iter().map(|(_, addr)| *addr).collect();
    if agrees {
        assert_eq!(starts, endpoints(&expected), "{}", scenario.id());
        return Agreed;
    }
    assert_eq!(starts, endpoints(&by_turns), "{}", scenario.id());
    Disagreed("order: then families alternate (R-8305-4b)")
}

/// The families take turns.
fn by_turns<T: Copy>(leading: &[T], other: &[T]) -> Vec<T> {
    let turns = 0..leading.len().max(other.len());
    turns.flat_map(|n| [leading.get(n), other.get(n)]).flatten().copied().collect()
}

/// A configuration that is refused: there is nothing to play.
fn refused(scenario: &Scenario) -> Verdict {
    assert_eq!(scenario.expect("rejected_or_clamped_to_ms"), 10);
    assert_eq!(scenario.world().plays("0ms failed: invalid input").attempts, []);
    Agreed
}

/// The draft's MAY is not done: the attempt starts when its delay is over.
fn early_timer(scenario: &Scenario) -> Verdict {
    let mut expected = scenario.expected();
    let world = scenario.world();
    let delay = u64::try_from(world.config.connect_delay.as_millis()).unwrap();
    let attempts = expected.attempts.as_mut().unwrap();
    for next in 1..attempts.len() {
        attempts[next].0 = attempts[next - 1].0 + delay;
    }
    replay(scenario, &expected);
    Disagreed("a new answer does not cut the delay short (F-10)")
}

/// No HTTPS record is asked for, so its failure is not seen: AAAA decides.
fn no_svcb(scenario: &Scenario) -> Verdict {
    let played =
        play(&scenario.world().config(|c| c.with_total_timeout(Duration::from_millis(200))));
    assert_eq!(played.attempts, [(0, endpoint("2001:db8::1"))]);
    Disagreed("queries: AAAA and A, no HTTPS (F-31)")
}

/// The race's part: one question a type, given up after time-out × tries.
fn asks_once(scenario: &Scenario) {
    let tries = scenario.param("resolve_tries").as_u64().unwrap();
    let tries = u32::try_from(tries).unwrap();
    let played = play(&scenario.world().config(|c| c.with_resolve_retries(tries)));
    assert_eq!(Some(played.elapsed), scenario.expect("elapsed_ms").as_u64());
    assert_eq!(played.log, ["0ms ask AAAA", "0ms ask A", "3000ms failed: lookup failed"]);
}

/// With the delay of the other scenarios of that peer both attempts run when the first succeeds.
fn unneeded_success(scenario: &Scenario) -> Verdict {
    let world = scenario.world().config(|c| c.with_connect_delay(Duration::from_millis(50)));
    let closed = u64::try_from(play(&world).closed().len()).unwrap();
    assert_eq!(Some(closed), scenario.expect("closed_count").as_u64());
    Agreed
}

/// Up to the drop it is a race; what the drop leaves behind is tested elsewhere.
fn caller_drops(scenario: &Scenario) {
    let cancel = scenario.param("cancel_at_ms").as_u64().unwrap();
    let world = scenario.world().config(|c| c.with_total_timeout(Duration::from_millis(cancel)));
    assert_eq!(play(&world).closed().len(), 2);
}
