//! From the answers of DNS to the first attempt: RFC 8305 section 3, draft v3 section 4.

use std::time::{Duration, Instant};

use he::race::{Race, Step};
use he::{Answer, Config, Family};
use he_test_support::addr::addrs;
use he_test_support::{A, Aaaa, World, script};

use crate::machine::Play;

/// Both lookups answer, and every address accepts.
fn answers_at(aaaa: u64, a: u64) -> World {
    script()
        .dns(Aaaa, aaaa, &["2001:db8::1"])
        .dns(A, a, &["192.0.2.1"])
        .accepts("2001:db8::1", 20)
        .accepts("192.0.2.1", 20)
}

// AAAA and A are asked back to back, AAAA first; AAAA with addresses starts IPv6 at once.
#[test] // R-8305-3a, R-8305-3d, R-V3-4.1a, R-V3-4.1b, R-V3-4.1f, R-V3-4.2a, R-V3-4.2i, R-V3-6.1a, R-6555-4.1, S01
fn both_families_answer_and_ipv6_goes_first() {
    answers_at(30, 32).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        50ms connected [2001:db8::1]:443
        ",
    );
}

// A question carries its name, the other question of the race, and its own deadline.
#[test] // R-8305-3a, C-TRIES, C-DNSTO
fn a_question_says_what_its_resolver_has_to_know() {
    let ms = |began: Instant, ms| began + Duration::from_millis(ms);
    let asked = |config: Config| {
        let began = Instant::now();
        let mut race = Race::new("Robur.COOP.", [443], config, began).unwrap();
        assert!(race.query(0).is_none(), "not asked yet");
        assert_eq!(race.poll(began), Step::Resolve(0, Aaaa));
        assert_eq!(race.poll(ms(began, 7)), Step::Resolve(1, A));
        (began, race.query(0).unwrap(), race.query(1).unwrap())
    };
    let (began, aaaa, a) = asked(Config::new());
    assert_eq!((aaaa.name(), aaaa.record(), aaaa.siblings()), ("robur.coop.", Aaaa, &[A][..]));
    assert_eq!((a.name(), a.record(), a.siblings()), ("robur.coop.", A, &[Aaaa][..]));
    assert_eq!(aaaa.deadline(), Some(ms(began, 5_000)));
    assert_eq!(a.deadline(), Some(ms(began, 5_007)));
    // The total ends it earlier; without any limit there are 365 days.
    let (began, _, a) = asked(Config::new().with_total_timeout(Duration::from_millis(900)));
    assert_eq!(a.deadline(), Some(ms(began, 900)));
    let endless =
        Config::new().with_resolve_timeout(Duration::MAX).with_total_timeout(Duration::MAX);
    let (began, aaaa, _) = asked(endless);
    assert_eq!(aaaa.deadline(), Some(began + Duration::from_secs(31_536_000)));
}

// With one family there is no other question; a literal has none at all.
#[test] // R-3493-LIT
fn a_single_question_has_no_siblings() {
    let now = Instant::now();
    let config = Config::new().with_family(Family::V4Only);
    let mut race = Race::new("robur.coop", [443], config, now).unwrap();
    assert_eq!(race.poll(now), Step::Resolve(0, A));
    assert!(race.query(0).unwrap().siblings().is_empty());
    let race = Race::new("192.0.2.1", [443], Config::new(), now).unwrap();
    assert!(race.query(0).is_none() && race.name().is_none());
}

// A first: IPv4 holds, and an AAAA within 50 ms starts IPv6 the moment it comes.
#[test] // R-8305-3e, R-8305-3f, R-V3-4.2h, C-RD, S02
fn an_aaaa_within_the_resolution_delay_goes_first() {
    answers_at(40, 30).plays(
        "
        0ms ask AAAA
        0ms ask A
        40ms connect [2001:db8::1]:443
        60ms connected [2001:db8::1]:443
        ",
    );
}

// A first: 50 ms after it IPv4 starts with what is there.
#[test] // R-8305-3e, R-8305-3g, R-V3-4.2b, R-V3-4.2f, C-RD, S03
fn an_aaaa_after_the_resolution_delay_comes_too_late() {
    answers_at(180, 30).plays(
        "
        0ms ask AAAA
        0ms ask A
        80ms connect 192.0.2.1:443
        100ms connected 192.0.2.1:443
        ",
    );
}

// Addresses that come while attempts run join them, at the attempts' pace.
#[test] // R-8305-3h, S03
fn a_late_aaaa_joins_the_running_race() {
    script()
        .dns(A, 30, &["192.0.2.1"])
        .dns(Aaaa, 180, &["2001:db8::1"])
        .accepts("2001:db8::1", 20)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            80ms connect 192.0.2.1:443
            330ms connect [2001:db8::1]:443
            350ms connected [2001:db8::1]:443
            ",
        );
}

// No connect waits for every answer: one that never comes costs at most the resolution delay.
#[test] // R-8305-3b, R-8305-3c, R-V3-4.2b, S05
fn an_answer_that_never_comes_is_not_waited_for() {
    script().dns(Aaaa, 30, &["2001:db8::1"]).accepts("2001:db8::1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        50ms connected [2001:db8::1]:443
        ",
    );
    script().dns(A, 30, &["192.0.2.1"]).accepts("192.0.2.1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        80ms connect 192.0.2.1:443
        100ms connected 192.0.2.1:443
        ",
    );
}

// The resolution delay is a setting; zero takes whatever is first.
#[test] // C-RD, R-V3-9
fn the_resolution_delay_can_be_set() {
    for (delay, at) in [(0, 30), (1, 31), (200, 180), (100, 130)] {
        let played =
            answers_at(180, 30).config(|c| c.with_aaaa_timeout(Duration::from_millis(delay))).run();
        assert_eq!(played.attempts[0].0, at, "after {delay} ms");
        assert_eq!(played.attempts[0].1.is_ipv4(), at < 180, "after {delay} ms");
    }
    let forever = script().dns(A, 30, &["192.0.2.1"]).accepts("192.0.2.1", 20);
    forever.config(|c| c.with_aaaa_timeout(Duration::MAX)).plays(
        "
        0ms ask AAAA
        0ms ask A
        5000ms connect 192.0.2.1:443
        5020ms connected 192.0.2.1:443
        ",
    );
}

// Preferred is the family with a default route: without an IPv6 route, A alone opens the gate.
#[test] // R-V3-4.2e, R-6724-6.1, S19
fn a_host_without_an_ipv6_route_does_not_wait_for_aaaa() {
    answers_at(180, 30).no_route(Aaaa).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect 192.0.2.1:443
        50ms connected 192.0.2.1:443
        ",
    );
    answers_at(20, 40).no_route(Aaaa).plays(
        "
        0ms ask AAAA
        0ms ask A
        40ms connect 192.0.2.1:443
        60ms connected 192.0.2.1:443
        ",
    );
}

// With a default route for IPv6 alone AAAA is waited for; with none, nobody is.
#[test] // R-V3-4.2e, S19
fn a_host_without_an_ipv4_route_waits_for_aaaa() {
    answers_at(40, 30).no_route(A).plays(
        "
        0ms ask AAAA
        0ms ask A
        40ms connect [2001:db8::1]:443
        60ms connected [2001:db8::1]:443
        ",
    );
    answers_at(180, 30).no_route(A).no_route(Aaaa).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect 192.0.2.1:443
        50ms connected 192.0.2.1:443
        ",
    );
}

// IPv6 by the routes of a VPN only: no hold for AAAA, and its addresses are of use all the same.
#[test] // R-V3-4.2e, R-V3-4.1d, S19
fn ipv6_routes_of_a_vpn_are_used_and_not_waited_for() {
    // 2001:db8::1 stands for every address that a default route leads to.
    script()
        .source("2001:db8::1", None)
        .dns(A, 30, &["192.0.2.1"])
        .dns(Aaaa, 100, &["2001:db8:5::1"])
        .accepts("2001:db8:5::1", 20)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            30ms connect 192.0.2.1:443
            280ms connect [2001:db8:5::1]:443
            300ms connected [2001:db8:5::1]:443
            ",
        );
}

// An answer counts until its lookup is given up.
#[test] // R-8305-3h
fn a_slow_answer_counts_until_the_end_of_its_lookup() {
    answers_at(4_999, 9_000).plays(
        "
        0ms ask AAAA
        0ms ask A
        4999ms connect [2001:db8::1]:443
        5019ms connected [2001:db8::1]:443
        ",
    );
    answers_at(5_001, 5_001).plays(
        "
        0ms ask AAAA
        0ms ask A
        5000ms failed: lookup failed
        ",
    );
}

// The end of a TTL cancels nothing.
#[test] // R-V3-4.4a, R-8305-6a
fn an_expired_answer_keeps_its_attempt() {
    let answer = Answer::from(addrs(&["2001:db8::1"]));
    let answer = Ok(answer.with_ttl(Duration::from_secs(1)));
    script().answers(Aaaa, 30, answer).dns(A, 30, &[]).accepts("2001:db8::1", 1_500).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        1530ms connected [2001:db8::1]:443
        ",
    );
}
