//! What an error and a report say, word by word, with times that are exact because time stands
//! still between the events.

use std::time::Duration;

use he::{Answer, LookupError, LookupErrorKind, Origin};
use he_test_support::addr::addrs;
use he_test_support::dialled::paused;
use he_test_support::{A, Aaaa, World, addr, script};

use crate::machine::Play;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// The one line of the failed connect.
fn error_of(world: &World) -> String {
    paused(world.run_dialled()).error.unwrap()
}

/// The waterfall.
fn report_of(world: &World) -> String {
    let dialled = paused(world.run_dialled()).report.to_string();
    assert_eq!(dialled, world.run().report.to_string(), "the machine tells the same story");
    dialled
}

// DNS first, then the attempts in order, each with address, port, cause and time.
#[test]
fn an_error_tells_the_whole_story() {
    let world = script().dns(Aaaa, 8, &[]).dns(A, 9, &["192.0.2.1", "192.0.2.2"]);
    assert_eq!(
        error_of(&world.refuses("192.0.2.1", 12)),
        "cannot connect to example.com: every attempt failed; AAAA: no records; A: 2 addresses; \
         192.0.2.1:443: connection refused after 12ms; 192.0.2.2:443: timed out after 10s"
    );
}

// The wait for the preferred family belongs to DNS, and a lookup that still runs afterwards does not.
#[test]
fn a_report_splits_its_time_between_dns_and_the_attempts() {
    let parts = |world: &World| {
        let report = world.run().report;
        (report.dns_elapsed(), report.connect_elapsed())
    };
    let a = script().dns(A, 9, &["192.0.2.1"]).refuses("192.0.2.1", 12);
    assert_eq!(parts(&a.clone().dns(Aaaa, 8, &[])), (Some(MS(9)), Some(MS(12))));
    assert_eq!(parts(&a.dns(Aaaa, 200, &[])), (Some(MS(59)), Some(MS(141))));
    let none = script().dns(Aaaa, 8, &[]).dns(A, 9, &[]);
    assert_eq!(parts(&none), (Some(MS(9)), None));
    let list = script().addrs(&["192.0.2.1#443"]).refuses("192.0.2.1", 12);
    assert_eq!(parts(&list), (None, Some(MS(12))));
}

// A time-out lists what was still running, lookups included.
#[test]
fn a_time_out_tells_what_still_ran() {
    let world = script().config(|c| c.with_total_timeout(MS(1_500)));
    assert_eq!(
        error_of(&world.clone().dns(Aaaa, 30, &["2001:db8::1"])),
        "cannot connect to example.com: timed out after 1.5s; AAAA: 1 address; \
         A: still asking after 1.5s; [2001:db8::1]:443: still connecting after 1.47s"
    );
    assert_eq!(
        error_of(&world),
        "cannot connect to example.com: timed out after 1.5s; AAAA: still asking after 1.5s; \
         A: still asking after 1.5s"
    );
}

// Attempts that all ran into their time-out say so one by one.
#[test]
fn silent_addresses_are_told_with_their_time() {
    let world = script().addrs(&["192.0.2.1#443", "[2001:db8::1]:853"]);
    assert_eq!(
        error_of(&world.config(|c| c.with_connect_timeout(MS(4_500)))),
        "cannot connect to any of 2 addresses: timed out after 4.75s; \
         192.0.2.1:443: timed out after 4.5s; [2001:db8::1]:853: timed out after 4.5s"
    );
}

// What DNS said, who said it, and whether it was remembered.
#[test]
fn lookups_that_fail_tell_why() {
    assert_eq!(
        error_of(&script()),
        "cannot connect to example.com: lookup failed; AAAA: no answer after 5s; \
         A: no answer after 5s"
    );
    let world = script().dns_fails(Aaaa, 30, LookupErrorKind::NoSuchName);
    assert_eq!(
        error_of(&world.dns_fails(A, 31, LookupErrorKind::NoSuchName)),
        "cannot connect to example.com: no such name; AAAA: no such name; A: no such name"
    );
    let refused = LookupError::from(LookupErrorKind::Refused).with_server(addr("192.0.2.53#53"));
    let world = script().answers(Aaaa, 120, Err(refused.clone()));
    assert_eq!(
        error_of(&world.answers(
            A,
            31,
            Err(refused.with_name("www.example.net.").with_cached(true))
        )),
        "cannot connect to example.com: lookup failed; \
         AAAA: refused (192.0.2.53:53) after 120ms; \
         A: refused (www.example.net., 192.0.2.53:53, cached)"
    );
}

// Addresses that were never dialled are told with the reason.
#[test]
fn addresses_that_are_passed_over_are_told() {
    let world = script().dns(Aaaa, 5, &["::", "fe80::1"]).dns(A, 5, &["10.0.0.1"]);
    assert_eq!(
        error_of(&world.allow(|_| false)),
        "cannot connect to example.com: every address is forbidden; AAAA: 2 addresses; \
         A: 1 address; ::: the unspecified address; \
         fe80::1: a link-local address without a zone; 10.0.0.1:443: forbidden"
    );
    let list: Vec<String> = (1..=34).map(|n| format!("192.0.2.{n}")).collect();
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    let world =
        script().dns(Aaaa, 0, &[]).dns(A, 0, &list).config(|c| c.with_total_timeout(MS(100)));
    assert_eq!(
        error_of(&world),
        "cannot connect to example.com: timed out after 100ms; AAAA: no records; \
         A: 34 addresses; 192.0.2.1:443: still connecting after 100ms; \
         2 more addresses left out; 31 more not tried"
    );
}

// A local failure took no time; a dial's own error keeps its words.
#[test]
fn causes_keep_their_words() {
    let list = ["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#80"];
    let world = script().addrs(&list).fails_locally("192.0.2.1").tls_fails("192.0.2.2", 20, 30);
    assert_eq!(
        error_of(&world.refuses("192.0.2.3", 7)),
        "cannot connect to any of 3 addresses: every attempt failed; \
         192.0.2.1:443: network unreachable; 192.0.2.2:443: bad certificate after 50ms; \
         192.0.2.3:80: connection refused after 7ms"
    );
}

// What is wrong with the input is said in words.
#[test]
fn bad_input_is_told_in_words() {
    let text = |world: &World| error_of(world);
    assert_eq!(
        text(&script().config(|c| c.with_connect_delay(MS(1)))),
        "cannot connect to example.com: connect_delay must be from 10 ms to 2 s (RFC 8305 section 8)"
    );
    assert_eq!(text(&script().addrs(&[])), "cannot connect: the list of addresses is empty");
    assert_eq!(
        text(&script().addrs(&["192.0.2.1"])),
        "cannot connect: 192.0.2.1:0: port 0 cannot be connected to"
    );
}

// The report of a win names the family that failed to answer: racing hides it otherwise.
#[test] // R-8305-9.3, R-6555-5.2, S07
fn a_report_is_a_waterfall_of_the_race() {
    let answer = Answer::from(addrs(&["192.0.2.1", "192.0.2.2", "192.0.2.3"]));
    let answer =
        answer.with_name("cdn.example.net.").with_server(addr("192.0.2.53#53"), Origin::Udp);
    let world =
        script().dns(Aaaa, 25, &["2001:db8::1"]).answers(A, 50, Ok(answer.with_cached(true)));
    let world = world.accepts("192.0.2.1", 25);
    assert_eq!(
        format!("\n{}", report_of(&world)),
        "
example.com:443                           0ms             100             200             300
  AAAA   2001:db8::1                25ms  ████
  A                                 50ms  ████████
         192.0.2.1, 192.0.2.2 and 1 more as cdn.example.net. (192.0.2.53:53, cached)
  try 1  [2001:db8::1]:443     cancelled      ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
  try 2  192.0.2.1:443      won at 300ms                                              ████
  connected to 192.0.2.1:443 after 300ms"
    );
}

// The report of a failure ends with its reason.
#[test] // R-6555-5.2, S14
fn a_report_of_a_failure_ends_with_the_reason() {
    let world = script().dns_fails(Aaaa, 100, LookupErrorKind::ServerFailure);
    let world = world.dns(A, 50, &["192.0.2.1", "192.0.2.2"]).tls_fails("192.0.2.2", 20, 30);
    assert_eq!(
        format!("\n{}", report_of(&world.config(|c| c.with_connect_timeout(MS(150))))),
        "
example.com:443                                 0ms             100             200             300
  AAAA   server failure                  100ms  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
  A      192.0.2.1, 192.0.2.2             50ms  ████████
  try 1  192.0.2.1:443               timed out                  ░░░░░░░░░░░░░░░░░░░░░░░░
  try 2  192.0.2.2:443         bad certificate                                          ░░░▒▒▒▒▒
  failed after 300ms: every attempt failed"
    );
}
