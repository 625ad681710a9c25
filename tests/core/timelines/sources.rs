//! When source addresses are asked for: where they decide something, and as late as they can be
//! (RFC 6724 section 8, draft v3 section 4.2).

use std::time::Duration;

use he_test_support::routes::Asked;
use he_test_support::{A, Aaaa, World, script};

use crate::machine::Play;

/// The questions for source addresses while a world is played: `30ms 2001:db8::1 192.0.2.1`.
fn asks(world: &World) -> Vec<String> {
    world.run();
    let asked = std::mem::take(&mut *world.routes.asked.lock().unwrap());
    let line = |(at, ips): Asked| {
        let ips: Vec<String> = ips.iter().map(ToString::to_string).collect();
        format!("{at}ms {}", ips.join(" "))
    };
    asked.into_iter().map(line).collect()
}

/// Room for no more than two starts a second.
fn slow(world: World) -> World {
    world.config(|c| c.with_connect_delay(Duration::from_millis(600)))
}

// All destinations at once, when both answers are there.
#[test] // R-6724-6, R-6724-8
fn the_sources_of_all_addresses_are_asked_for_together() {
    let world = script().dns(Aaaa, 30, &["2001:db8:7::1"]).dns(A, 30, &["198.51.100.1"]);
    let world = world.accepts("2001:db8:7::1", 20);
    assert_eq!(asks(&world), ["30ms 2001:db8:7::1 198.51.100.1"]);
}

// A single address is no choice, and a list of the caller's is not sorted.
#[test] // R-6724-6
fn no_choice_needs_no_source() {
    let none: [&str; 0] = [];
    assert_eq!(asks(&script().dns(Aaaa, 30, &["2001:db8::1"]).dns(A, 30, &[])), none);
    assert_eq!(asks(&script().host("192.0.2.1").ports(&[443, 80])), none);
    assert_eq!(asks(&slow(script().addrs(&["192.0.2.1#443", "2001:db8::1#443"]))), none);
}

// The default routes decide whether AAAA is waited for: those of the moment when A is there.
#[test] // R-V3-4.2e
fn default_routes_are_asked_for_when_the_first_address_is_known() {
    let world = script().dns(A, 30, &["198.51.100.1"]).dns(Aaaa, 60, &["2001:db8:7::1"]);
    assert_eq!(
        asks(&world.clone().accepts("2001:db8:7::1", 20)),
        ["30ms 2001:db8::1 192.0.2.1", "60ms 198.51.100.1 2001:db8:7::1"]
    );
    // A route that was lost before that is none.
    world.loses_route(Aaaa, 20).accepts("198.51.100.1", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        30ms connect 198.51.100.1:443
        50ms connected 198.51.100.1:443
        ",
    );
}

// A host whose only IPv6 source is a unique local, 6to4 or Teredo address waits for A, as the order
// puts IPv4 first (RFC 6724 rule 5), and no longer than for AAAA.
#[test] // R-V3-4.2e, R-6724-6.5, F-1
fn ipv4_is_waited_for_where_the_order_puts_it_first() {
    for source in ["fd00::2", "2002:c000:201::2", "2001:0:1::2"] {
        let aaaa = script().dns(Aaaa, 5, &["2001:db8:7::1"]).source("2001:db8::1", Some(source));
        let aaaa = aaaa.source("2001:db8:7::1", Some(source)).source("192.0.2.1", Some("10.0.0.2"));
        aaaa.clone().dns(A, 6, &["198.51.100.1"]).accepts("198.51.100.1", 20).plays(
            "
            0ms ask AAAA
            0ms ask A
            6ms connect 198.51.100.1:443
            26ms connected 198.51.100.1:443
            ",
        );
        aaaa.accepts("2001:db8:7::1", 20).plays(
            "
            0ms ask AAAA
            0ms ask A
            55ms connect [2001:db8:7::1]:443
            75ms connected [2001:db8:7::1]:443
            ",
        );
    }
}

// An answer in which nothing may be dialled is none to wait for another one with.
#[test] // R-V3-4.2a, R-V3-4.2e, F-1
fn an_answer_without_a_usable_address_asks_for_no_routes() {
    let none: [&str; 0] = [];
    let late = |a: &[&str]| script().dns(A, 30, a).dns(Aaaa, 500, &["2001:db8::1"]);
    assert_eq!(asks(&late(&["0.0.0.0"])), none);
    assert_eq!(asks(&late(&["10.0.0.1"]).allow(|addr| addr.is_ipv6())), none);
}

// After a second two addresses are put in order anew: a route may be lost.
#[test] // R-6724-8, C-1S, S20
fn two_addresses_that_are_left_are_ordered_anew() {
    let world = script().dns(Aaaa, 0, &["2001:db8::1", "2001:db8::2"]);
    let world = slow(world.dns(A, 0, &["192.0.2.1", "192.0.2.2"])).loses_route(Aaaa, 700);
    let all = "2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2";
    assert_eq!(asks(&world), [format!("0ms {all}"), format!("1200ms {all}")]);
    world.accepts("192.0.2.2", 20).plays(
        "
        0ms ask AAAA
        0ms ask A
        0ms connect [2001:db8::1]:443
        600ms connect 192.0.2.1:443
        1200ms connect 192.0.2.2:443
        1220ms connected 192.0.2.2:443
        ",
    );
}

// The last address is next however old the order is.
#[test] // R-6724-8, C-1S
fn the_last_address_needs_no_new_order() {
    let world = script().dns(Aaaa, 0, &["2001:db8::1", "2001:db8::2"]).dns(A, 0, &["192.0.2.1"]);
    assert_eq!(asks(&slow(world)), ["0ms 2001:db8::1 2001:db8::2 192.0.2.1"]);
}
