//! Answers that give no address: RFC 8305 section 3, draft v3 section 4.2.

use std::time::Duration;

use he::LookupErrorKind;
use he_test_support::{A, Aaaa, script};

use crate::machine::Play;

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
        5000ms failed: every attempt failed
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
        5000ms failed: lookup failed
        ",
    );
    script()
        .config(|c| c.with_resolve_timeout(Duration::from_millis(700)).with_resolve_retries(2))
        .plays(
            "
        0ms ask AAAA
        0ms ask A
        1400ms failed: lookup failed
        ",
        );
}
