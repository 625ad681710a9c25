//! When the next attempt starts: RFC 8305 section 5, draft v3 section 6, and what neither says of
//! attempts that fail (F-5, F-6).

use std::time::Duration;

use he_test_support::{A, Aaaa, World, addr, script};

use crate::machine::Play;

/// One address of each family, known after 30 ms.
fn one_of_each() -> World {
    script().dns(Aaaa, 30, &["2001:db8::1"]).dns(A, 30, &["192.0.2.1"])
}

/// Three IPv4 addresses of a list: nothing to look up, nothing to sort.
fn three() -> World {
    script().addrs(&["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#443"])
}

// One attempt, then the next 250 ms later; the winner ends the others.
#[test] // R-8305-5a, R-8305-5c, C-CAD, R-V3-6a, R-8305-5i, R-8305-9.3, R-6555-4.4, S07
fn a_silent_v6_address_costs_one_connect_delay() {
    let played = one_of_each().accepts("192.0.2.1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        280ms connect 192.0.2.1:443
        300ms connected 192.0.2.1:443
        ",
    );
    assert_eq!(played.closed(), [addr("2001:db8::1#443")]);
    assert_eq!(played.report.attempts()[0].elapsed(), Some(Duration::from_millis(270)));
}

// The next attempt does not touch the earlier one: its late success still wins.
#[test] // R-8305-5b, S12
fn an_earlier_attempt_goes_on_and_may_win() {
    one_of_each().accepts("2001:db8::1", 600).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        280ms connect 192.0.2.1:443
        630ms connected [2001:db8::1]:443
        ",
    );
    // A lost SYN is sent again after 1 s.
    script().dns(Aaaa, 30, &["2001:db8::1"]).dns(A, 30, &[]).accepts("2001:db8::1", 1_020).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        1050ms connected [2001:db8::1]:443
        ",
    );
}

// A SYN-ACK just before the timer saves the second attempt; just after it, the faster one wins.
#[test] // R-8305-5b, R-8305-5c, R-8305-5j, S10
fn a_photo_finish_is_decided_by_the_timer() {
    one_of_each().accepts("2001:db8::1", 240).accepts("192.0.2.1", 5).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        270ms connected [2001:db8::1]:443
        ",
    );
    one_of_each().accepts("2001:db8::1", 300).accepts("192.0.2.1", 5).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect [2001:db8::1]:443
        280ms connect 192.0.2.1:443
        285ms connected 192.0.2.1:443
        ",
    );
}

// A failure starts the next attempt at once, but never within 10 ms of the start before.
#[test] // R-8305-FAIL, R-8305-5f, C-CADmin, E-1, F-5, R-5461-2, S08, S09
fn a_refusal_starts_the_next_attempt_at_once() {
    for (refused_after, next_at) in
        [(0, 40), (1, 40), (5, 40), (9, 40), (10, 40), (11, 41), (30, 60)]
    {
        let played =
            one_of_each().refuses("2001:db8::1", refused_after).accepts("192.0.2.1", 20).run();
        let starts = [(30, addr("2001:db8::1#443")), (next_at, addr("192.0.2.1#443"))];
        assert_eq!(played.attempts, starts, "refused after {refused_after} ms");
        assert_eq!(played.elapsed, next_at + 20);
    }
}

// After a failure the delay counts from the new start.
#[test] // F-5, R-V3-6a
fn the_next_delay_counts_from_the_new_start() {
    three().refuses("192.0.2.1", 30).accepts("192.0.2.3", 20).plays(
        "
        0ms connect 192.0.2.1:443
        30ms connect 192.0.2.2:443
        280ms connect 192.0.2.3:443
        300ms connected 192.0.2.3:443
        ",
    );
}

// Any running attempt's failure starts the next one, an older one's as well.
#[test] // F-5
fn a_failure_of_an_older_attempt_counts_too() {
    three().refuses("192.0.2.1", 320).accepts("192.0.2.3", 20).plays(
        "
        0ms connect 192.0.2.1:443
        250ms connect 192.0.2.2:443
        320ms connect 192.0.2.3:443
        340ms connected 192.0.2.3:443
        ",
    );
    // 10 ms after the youngest start.
    three().refuses("192.0.2.1", 253).accepts("192.0.2.3", 20).plays(
        "
        0ms connect 192.0.2.1:443
        250ms connect 192.0.2.2:443
        260ms connect 192.0.2.3:443
        280ms connected 192.0.2.3:443
        ",
    );
}

// Several failures at one moment start one attempt.
#[test] // R-8305-5a, R-8305-5f, F-5
fn simultaneous_failures_start_one_attempt() {
    let list = ["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#443", "192.0.2.4#443"];
    let world = script().addrs(&list).accepts("192.0.2.4", 20);
    world.clone().refuses("192.0.2.1", 300).refuses("192.0.2.2", 50).plays(
        "
        0ms connect 192.0.2.1:443
        250ms connect 192.0.2.2:443
        300ms connect 192.0.2.3:443
        550ms connect 192.0.2.4:443
        570ms connected 192.0.2.4:443
        ",
    );
    // Also where the distance of 10 ms holds it back.
    world.refuses("192.0.2.1", 252).refuses("192.0.2.2", 4).plays(
        "
        0ms connect 192.0.2.1:443
        250ms connect 192.0.2.2:443
        260ms connect 192.0.2.3:443
        510ms connect 192.0.2.4:443
        530ms connected 192.0.2.4:443
        ",
    );
}

// A failure without a packet has not burdened the network: the next one starts with no distance.
#[test] // F-6, S09
fn a_local_failure_is_skipped_without_a_pause() {
    three().fails_locally("192.0.2.1").fails_locally("192.0.2.2").accepts("192.0.2.3", 20).plays(
        "
        0ms connect 192.0.2.1:443
        0ms connect 192.0.2.2:443
        0ms connect 192.0.2.3:443
        20ms connected 192.0.2.3:443
        ",
    );
}

// The distance is kept to the last packet that was sent, across attempts that sent none.
#[test] // F-6, R-8305-5f
fn a_local_failure_does_not_shorten_the_distance_to_a_packet() {
    let list = ["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#443", "192.0.2.4#443"];
    script()
        .addrs(&list)
        .refuses("192.0.2.1", 1)
        .fails_locally("192.0.2.2")
        .refuses("192.0.2.3", 1)
        .accepts("192.0.2.4", 20)
        .plays(
            "
            0ms connect 192.0.2.1:443
            10ms connect 192.0.2.2:443
            10ms connect 192.0.2.3:443
            20ms connect 192.0.2.4:443
            40ms connected 192.0.2.4:443
            ",
        );
    // While one that was sent before goes on, a local failure moves nothing but itself.
    script().addrs(&list).fails_locally("192.0.2.2").accepts("192.0.2.4", 20).plays(
        "
        0ms connect 192.0.2.1:443
        250ms connect 192.0.2.2:443
        250ms connect 192.0.2.3:443
        500ms connect 192.0.2.4:443
        520ms connected 192.0.2.4:443
        ",
    );
}

// Nothing leaves the host for a loopback address: no distance before one.
#[test] // R-8305-5f
fn loopback_addresses_need_no_distance() {
    let list = ["127.0.0.1#1", "127.0.0.1#2", "::1#3", "192.0.2.1#4", "127.0.0.1#5"];
    script().addrs(&list).refuses("127.0.0.1", 0).refuses("::1", 0).refuses("192.0.2.1", 1).plays(
        "
        0ms connect 127.0.0.1:1
        0ms connect 127.0.0.1:2
        0ms connect [::1]:3
        10ms connect 192.0.2.1:4
        11ms connect 127.0.0.1:5
        11ms failed: every attempt failed
        ",
    );
}

// One timer: a regular ladder over the whole list, families in turn, up to the last address.
#[test] // R-V3-6a, R-V3-5a, R-8305-4b, R-6555-5.4, S13
fn a_long_list_of_silent_addresses_is_a_regular_ladder() {
    let v6 = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8::5"];
    let v4 = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"];
    let world = script().dns(Aaaa, 30, &v6).dns(A, 30, &v4).accepts("192.0.2.5", 20);
    let played = world.run();
    let at = |n: usize| 30 + 250 * n as u64;
    let by_turns = v6.iter().zip(v4).flat_map(|(v6, v4)| [addr(v6), addr(v4)]).enumerate();
    let expected = by_turns.map(|(n, mut addr)| {
        addr.set_port(443);
        (at(n), addr)
    });
    assert_eq!(played.attempts, expected.collect::<Vec<_>>());
    assert_eq!(played.elapsed, 2_300);
    assert_eq!(played.closed().len(), 9);

    let one_v4 = script().dns(Aaaa, 30, &v6).dns(A, 30, &["192.0.2.1"]).accepts("192.0.2.1", 20);
    assert_eq!(one_v4.run().elapsed, 300);
}

// At the end of the list the timer is gone; what runs is waited for.
#[test] // E-3, R-V3-6a
fn an_exhausted_list_waits_for_what_runs() {
    three().accepts("192.0.2.2", 3_000).tells_waits().plays(
        "
        0ms connect 192.0.2.1:443
        0ms wait until 250ms
        250ms connect 192.0.2.2:443
        250ms wait until 500ms
        500ms connect 192.0.2.3:443
        500ms wait until 10000ms
        3250ms connected 192.0.2.2:443
        ",
    );
}

// Every address refused: one error, as soon as the last one has failed.
#[test] // S14, C-CADmin, R-8305-5f
fn refusals_all_over_fail_at_the_last_one() {
    let played =
        three().refuses("192.0.2.1", 1).refuses("192.0.2.2", 1).refuses("192.0.2.3", 1).plays(
            "
            0ms connect 192.0.2.1:443
            10ms connect 192.0.2.2:443
            20ms connect 192.0.2.3:443
            21ms failed: every attempt failed
            ",
        );
    assert_eq!(played.errors(), 3);
}

// The delay is the caller's from 10 ms to 2 s.
#[test] // R-8305-5g, R-8305-5h, C-CADmin, C-CADmax, R-V3-9, S40
fn the_connect_delay_can_be_set() {
    for delay in [10, 50, 100, 250, 2_000] {
        let world = three().config(|c| c.with_connect_delay(Duration::from_millis(delay)));
        let played = world.accepts("192.0.2.3", 20).run();
        let starts: Vec<u64> = played.attempts.iter().map(|(at, _)| *at).collect();
        assert_eq!(starts, [0, delay, 2 * delay]);
    }
}

// It wants to be woken when something is due, and not before.
#[test] // R-V3-6a, C-RD, C-CAD
fn wake_ups_are_exact() {
    script()
        .dns(A, 30, &["192.0.2.1"])
        .dns(Aaaa, 400, &["2001:db8::1"])
        .refuses("192.0.2.1", 1)
        .accepts("2001:db8::1", 20)
        .tells_waits()
        .plays(
            "
            0ms ask AAAA
            0ms ask A
            0ms wait until 5000ms
            30ms wait until 80ms
            80ms connect 192.0.2.1:443
            80ms wait until 5000ms
            81ms wait until 5000ms
            400ms connect [2001:db8::1]:443
            400ms wait until 10400ms
            420ms connected [2001:db8::1]:443
            ",
        );
}
