//! Which address is next: RFC 6724, RFC 8305 section 4, and answers that come late (section 6).

use he::{Family, Reason, Unusable};
use he_test_support::{A, Aaaa, World, addr, script};

use crate::machine::Play;

/// The order in which the addresses of both families are tried when all stay silent.
fn tried(world: &World) -> Vec<String> {
    world.run().attempts.iter().map(|(_, addr)| addr.ip().to_string()).collect()
}

/// Both answers at once, so that nothing but the rules decides.
fn known(v6: &[&str], v4: &[&str]) -> World {
    script().dns(Aaaa, 30, v6).dns(A, 30, v4)
}

// Families alternate over the whole list, one address of the leading family first.
#[test] // R-8305-4b, R-V3-5a, C-PAFC, R-6555-5.4
fn families_take_turns_over_the_whole_list() {
    let world = known(&["2001:db8::1", "2001:db8::2", "2001:db8::3"], &["192.0.2.1", "192.0.2.2"]);
    let order = ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"];
    assert_eq!(tried(&world), order);
    let world = known(&["2001:db8::1"], &["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    assert_eq!(tried(&world), ["2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.3"]);
}

// The leading family is that of the first address after the sort of RFC 6724.
#[test] // R-8305-4a, R-6724-6, R-6724-6.5, R-6724-6.6, R-6555-4.1, S20
fn the_host_s_policy_decides_which_family_leads() {
    let world = known(&["2001:db8::1", "2001:db8::2"], &["192.0.2.1", "192.0.2.2"]);
    assert_eq!(tried(&world), ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]);
    let ula = world.source("2001:db8::1", Some("fd00::1")).source("2001:db8::2", Some("fd00::1"));
    assert_eq!(tried(&ula), ["192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"]);
}

// A destination without a route goes last in its family, and a family without routes goes second.
#[test] // R-6724-6.1, R-8305-4a, S09, S19
fn what_cannot_be_reached_goes_last() {
    let world = known(&["2001:db8::1", "2001:db8::2"], &["192.0.2.1", "192.0.2.2"]);
    let order = ["192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"];
    assert_eq!(tried(&world.clone().no_route(Aaaa)), order);
    let order = ["2001:db8::2", "192.0.2.1", "2001:db8::1", "192.0.2.2"];
    assert_eq!(tried(&world.source("2001:db8::1", None)), order);
}

// Smaller scope before larger, the longer common prefix before the shorter, else as DNS gave it.
#[test] // R-6724-6.2, R-6724-6.8, R-6724-6.9, R-6724-6.10, F-12, S20
fn addresses_of_one_family_are_sorted_by_the_later_rules() {
    let v6 = ["2001:db8:1::1", "2001:db8:ffff::2", "fe80::1%1", "2001:db8:1::2"];
    let order = ["fe80::1", "2001:db8:ffff::2", "2001:db8:1::1", "2001:db8:1::2"];
    assert_eq!(tried(&known(&v6, &[])), order);
    // A link-local source does not match a global destination.
    let world = known(&v6, &[]).source("2001:db8:ffff::2", Some("fe80::ffff"));
    assert_eq!(tried(&world), ["fe80::1", "2001:db8:1::1", "2001:db8:1::2", "2001:db8:ffff::2"]);
    // The round robin of DNS survives in IPv4, whatever the prefixes say.
    let v4 = ["203.0.113.1", "192.0.2.201", "198.51.100.1"];
    assert_eq!(tried(&known(&[], &v4)), v4);
}

// One attempt an endpoint, however often it is named; a mapped address is its IPv4 address.
#[test] // E-6, F-15, F-14
fn duplicates_are_tried_once() {
    let v6 = ["2001:db8::1", "2001:db8::1", "::ffff:192.0.2.1"];
    let v4 = ["192.0.2.1", "192.0.2.2", "192.0.2.1"];
    assert_eq!(tried(&known(&v6, &v4)), ["2001:db8::1", "192.0.2.1", "192.0.2.2"]);
    let list = ["192.0.2.1#1", "192.0.2.1#2", "192.0.2.1#1", "::ffff:192.0.2.1#2"];
    let starts = script().addrs(&list).run().attempts;
    assert_eq!(starts, [(0, addr("192.0.2.1#1")), (250, addr("192.0.2.1#2"))]);
}

// A mapped address in a AAAA takes its turn as IPv4.
#[test] // F-14, E-7
fn a_mapped_address_counts_as_ipv4() {
    let world = known(&["2001:db8::1", "2001:db8::2", "::ffff:192.0.2.1"], &[]);
    assert_eq!(tried(&world), ["2001:db8::1", "192.0.2.1", "2001:db8::2"]);
}

// What no connection can be made to is dropped, and the report says why.
#[test] // E-7, F-14, R-4007-11, S20
fn unusable_answers_are_dropped_and_reported() {
    let v6 = ["::", "ff02::1", "fe80::1", "2001:db8::1"];
    let played = known(&v6, &["0.0.0.0", "224.0.0.1", "255.255.255.255"]).run();
    assert_eq!(played.attempts, [(30, addr("2001:db8::1#443"))]);
    let passed = played.report.skipped().iter();
    let passed: Vec<_> = passed.map(|p| (p.addr.ip().to_string(), p.reason)).collect();
    let expected = [
        ("::", Unusable::Unspecified),
        ("ff02::1", Unusable::Multicast),
        ("fe80::1", Unusable::NoZone),
        ("0.0.0.0", Unusable::Unspecified),
        ("224.0.0.1", Unusable::Multicast),
        ("255.255.255.255", Unusable::Broadcast),
    ];
    assert_eq!(passed, expected.map(|(ip, why)| (ip.to_owned(), Reason::Unusable(why))));
    known(&["ff02::1"], &["0.0.0.0"]).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms failed: no usable address
        ",
    );
}

// A list of addresses keeps the caller's order.
#[test]
fn a_list_keeps_the_caller_s_order() {
    let list = ["192.0.2.2#80", "192.0.2.1#443", "2001:db8::1#80", "::1#22"];
    let starts = script().addrs(&list).run().attempts;
    let expected = list.iter().enumerate().map(|(n, text)| (250 * n as u64, addr(text)));
    assert_eq!(starts, expected.collect::<Vec<_>>());
}

// A late family is next, ahead of what is left of the first one.
#[test] // R-V3-7a, R-8305-6c, R-8305-3h, F-11, S06
fn a_late_family_is_next() {
    let world = script().dns(Aaaa, 30, &["2001:db8::1", "2001:db8::2"]);
    world.dns(A, 100, &["192.0.2.1"]).accepts("2001:db8::2", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        280ms connect 192.0.2.1:443
        530ms connect [2001:db8::2]:443
        550ms connected [2001:db8::2]:443
        ",
    );
}

// A late address has the place that it would have had from the start, the tried ones counted.
#[test] // R-V3-7a, F-11
fn late_addresses_are_placed_among_those_that_were_tried() {
    let v6 = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"];
    let world = script().dns(Aaaa, 30, &v6).dns(A, 400, &["192.0.2.1", "192.0.2.2"]);
    // From the start: 6.1 4.1 6.2 4.2 6.3 6.4, of which 6.1 and 6.2 have been tried.
    world.accepts("2001:db8::4", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        280ms connect [2001:db8::2]:443
        530ms connect 192.0.2.1:443
        780ms connect 192.0.2.2:443
        1030ms connect [2001:db8::3]:443
        1280ms connect [2001:db8::4]:443
        1300ms connected [2001:db8::4]:443
        ",
    );
}

// The list is used up and the delay is over: a new address starts at once.
#[test] // E-4, F-9, R-V3-6a, S06
fn an_address_after_the_end_of_the_list_starts_at_once() {
    script()
        .dns(Aaaa, 30, &["2001:db8::1"])
        .dns(A, 700, &["192.0.2.1"])
        .accepts("192.0.2.1", 20)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            30ms connect [2001:db8::1]:443
            700ms connect 192.0.2.1:443
            720ms connected 192.0.2.1:443
            ",
        );
}

// A new answer is no reason to hurry: while the delay runs, the next attempt waits for its end.
#[test] // F-9, F-10, R-V3-7d
fn an_address_within_the_delay_waits_for_its_end() {
    script()
        .dns(Aaaa, 30, &["2001:db8::1"])
        .dns(A, 200, &["192.0.2.1"])
        .accepts("192.0.2.1", 20)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            30ms connect [2001:db8::1]:443
            280ms connect 192.0.2.1:443
            300ms connected 192.0.2.1:443
            ",
        );
}

// A failure that found no address starts the next one when it comes, 10 ms after the start before.
#[test] // F-5, F-9, R-8305-5f
fn a_late_answer_after_a_failure_starts_at_once() {
    for (answer_at, start) in [(36, 40), (40, 40), (41, 41), (200, 200), (700, 700)] {
        let world = script().dns(Aaaa, 30, &["2001:db8::1"]).refuses("2001:db8::1", 5);
        let played = world.dns(A, answer_at, &["192.0.2.1"]).accepts("192.0.2.1", 20).run();
        assert_eq!(
            played.attempts,
            [(30, addr("2001:db8::1#443")), (start, addr("192.0.2.1#443"))]
        );
    }
    // A local failure leaves no distance to keep.
    let world = script().dns(Aaaa, 30, &["2001:db8::1"]).fails_locally("2001:db8::1");
    assert_eq!(world.dns(A, 36, &["192.0.2.1"]).run().attempts[1].0, 36);
}

// A late duplicate is no new address.
#[test] // F-15
fn a_late_duplicate_is_not_tried_again() {
    script()
        .dns(Aaaa, 30, &["2001:db8::1", "::ffff:192.0.2.1"])
        .dns(A, 400, &["192.0.2.1"])
        .refuses("2001:db8::1", 20)
        .refuses("192.0.2.1", 20)
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            30ms connect [2001:db8::1]:443
            50ms connect 192.0.2.1:443
            400ms failed: every attempt failed
            ",
        );
}

// An order is never used when it is a second old: lost routes show in the same connect.
#[test] // R-6724-8, C-1S, S20
fn the_order_is_made_again_after_a_second() {
    let v6 = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"];
    let v4 = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    let world = script().dns(Aaaa, 0, &v6).dns(A, 0, &v4).accepts("2001:db8::4", 20);
    // IPv4 leads from 1 s on: 4.1 6.1 4.2 6.2 4.3 6.3 4.4 6.4, of which four have been tried.
    world.loses_route(Aaaa, 300).plays(
        "
        0ms ask AAAA
        0ms ask A
        0ms connect [2001:db8::1]:443
        250ms connect 192.0.2.1:443
        500ms connect [2001:db8::2]:443
        750ms connect 192.0.2.2:443
        1000ms connect 192.0.2.3:443
        1250ms connect [2001:db8::3]:443
        1500ms connect 192.0.2.4:443
        1750ms connect [2001:db8::4]:443
        1770ms connected [2001:db8::4]:443
        ",
    );
}

// A preferred IPv4 leads and the families take turns from there.
#[test] // R-6555-4.1, R-8305-4b
fn a_preferred_ipv4_leads() {
    let world = known(&["2001:db8::1", "2001:db8::2"], &["192.0.2.1", "192.0.2.2"]);
    let order = ["192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"];
    assert_eq!(tried(&world.config(|c| c.with_family(Family::PreferV4))), order);
}
