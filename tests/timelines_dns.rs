//! From the answers of DNS to the first attempt: RFC 8305 section 3, draft v3 section 4.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::time::Duration;

use he::{Answer, LookupErrorKind};
use support::{A, Aaaa, World, script};

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

// A negative AAAA of any kind ends the wait at once: NODATA, NXDOMAIN, and what cannot come.
#[test] // R-8305-3g, R-V3-4.2d, R-9520-2, F-3, S04
fn a_negative_aaaa_ends_the_wait() {
    use LookupErrorKind::*;
    for why in [NoRecords, NoSuchName, ServerFailure, Refused, TimedOut, NoNameServer, Other] {
        script()
            .dns(A, 30, &["192.0.2.1"])
            .dns_fails(Aaaa, 35, why)
            .accepts("192.0.2.1", 20)
            .plays(
                "
                0ms ask AAAA
                0ms ask A
                35ms connect 192.0.2.1:443
                55ms connected 192.0.2.1:443
            ",
            );
    }
}

// An answer without addresses is NODATA: it ends the wait, and alone it is no usable address.
#[test] // R-V3-4.2d, R-8305-3g
fn an_empty_answer_is_a_negative_one() {
    script().dns(A, 30, &["192.0.2.1"]).dns(Aaaa, 35, &[]).accepts("192.0.2.1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        35ms connect 192.0.2.1:443
        55ms connected 192.0.2.1:443
    ",
    );
    let played = script().dns(A, 30, &[]).dns(Aaaa, 35, &[]).plays(
        "
        0ms ask AAAA
        0ms ask A
        35ms failed: no usable address
    ",
    );
    let kinds = played.report.lookups().iter().map(|l| l.error().unwrap().kind());
    assert_eq!(kinds.collect::<Vec<_>>(), [LookupErrorKind::NoRecords; 2]);
}

// An answer in which nothing is usable is an answer; it starts no clock of its own.
#[test] // R-V3-4.2a, E-7, F-14
fn an_answer_of_unusable_addresses_counts_as_answered() {
    script().dns(A, 30, &["192.0.2.1"]).dns(Aaaa, 35, &["::"]).accepts("192.0.2.1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        35ms connect 192.0.2.1:443
        55ms connected 192.0.2.1:443
    ",
    );
    script()
        .dns(A, 30, &["0.0.0.0"])
        .dns(Aaaa, 500, &["2001:db8::1"])
        .accepts("2001:db8::1", 20)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            500ms connect [2001:db8::1]:443
            520ms connected [2001:db8::1]:443
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
            answers_at(180, 30).config(|c| c.aaaa_timeout(Duration::from_millis(delay))).run();
        assert_eq!(played.attempts[0].0, at, "after {delay} ms");
        assert_eq!(played.attempts[0].1.is_ipv4(), at < 180, "after {delay} ms");
    }
    let forever = script().dns(A, 30, &["192.0.2.1"]).accepts("192.0.2.1", 20);
    forever.config(|c| c.aaaa_timeout(Duration::MAX)).plays(
        "
        0ms ask AAAA
        0ms ask A
        3000ms connect 192.0.2.1:443
        3020ms connected 192.0.2.1:443
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

// With a route for IPv6 alone, or for neither, AAAA is the one that is waited for.
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
        80ms connect 192.0.2.1:443
        100ms connected 192.0.2.1:443
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

// All answers negative: fail at once, with no delay added.
#[test] // R-V3-4.2g, S15
fn a_name_that_does_not_exist_fails_at_once() {
    use LookupErrorKind::*;
    for (aaaa, a, word) in [
        (NoSuchName, NoSuchName, "no such name"),
        (NoSuchName, NoRecords, "no usable address"),
        (NoRecords, NoRecords, "no usable address"),
        (ServerFailure, NoRecords, "lookup failed"),
        (NoSuchName, Refused, "lookup failed"),
        (TimedOut, TimedOut, "lookup failed"),
    ] {
        let log = script().dns_fails(Aaaa, 30, aaaa).dns_fails(A, 31, a).run().log;
        assert_eq!(log, ["0ms ask AAAA", "0ms ask A", &format!("31ms failed: {word}")]);
    }
    script().dns_fails(Aaaa, 0, NoSuchName).dns_fails(A, 0, NoSuchName).plays(
        "
        0ms ask AAAA
        0ms ask A
        0ms failed: no such name
    ",
    );
}

// NXDOMAIN for one type does not stop the other lookup; what is outstanding is waited for.
#[test] // R-V3-4.2g, F-4
fn one_negative_answer_waits_for_the_other() {
    script()
        .dns_fails(Aaaa, 10, LookupErrorKind::NoSuchName)
        .dns(A, 500, &["192.0.2.1"])
        .accepts("192.0.2.1", 20)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            500ms connect 192.0.2.1:443
            520ms connected 192.0.2.1:443
        ",
        );
}

// Every attempt has failed and a lookup is out: its answer decides, or its end.
#[test] // E-2, S14
fn failed_attempts_wait_for_the_lookup_that_is_out() {
    let world = script().dns(A, 30, &["192.0.2.1"]).refuses("192.0.2.1", 20);
    world.clone().plays(
        "
        0ms ask AAAA
        0ms ask A
        80ms connect 192.0.2.1:443
        3000ms failed: every attempt failed
    ",
    );
    world.clone().dns(Aaaa, 700, &[]).plays(
        "
        0ms ask AAAA
        0ms ask A
        80ms connect 192.0.2.1:443
        700ms failed: every attempt failed
    ",
    );
    world.dns(Aaaa, 700, &["2001:db8::1"]).accepts("2001:db8::1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        80ms connect 192.0.2.1:443
        700ms connect [2001:db8::1]:443
        720ms connected [2001:db8::1]:443
    ",
    );
}

// A lookup may take resolve_timeout × resolve_retries, and is asked for once.
#[test] // C-TRIES, C-DNSTO, S15
fn a_silent_resolver_is_given_up() {
    script().plays(
        "
        0ms ask AAAA
        0ms ask A
        3000ms failed: lookup failed
    ",
    );
    script().config(|c| c.resolve_timeout(Duration::from_millis(700)).resolve_retries(2)).plays(
        "
        0ms ask AAAA
        0ms ask A
        1400ms failed: lookup failed
    ",
    );
}

// An answer counts until its lookup is given up.
#[test] // R-8305-3h
fn a_slow_answer_counts_until_the_end_of_its_lookup() {
    answers_at(2_999, 9_000).plays(
        "
        0ms ask AAAA
        0ms ask A
        2999ms connect [2001:db8::1]:443
        3019ms connected [2001:db8::1]:443
    ",
    );
    answers_at(3_001, 3_001).plays(
        "
        0ms ask AAAA
        0ms ask A
        3000ms failed: lookup failed
    ",
    );
}

// The end of a TTL cancels nothing.
#[test] // R-V3-4.4a, R-8305-6a
fn an_expired_answer_keeps_its_attempt() {
    let answer = Answer::from(support::addr::addrs(&["2001:db8::1"]));
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
