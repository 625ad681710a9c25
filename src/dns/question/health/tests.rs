//! The memory of the name servers, and how long each part of it lasts.

use super::*;
use crate::race::binding::Binding;

const SECOND: Duration = Duration::from_secs(1);

fn route(last: u8) -> Route {
    let server = ([192, 0, 2, last], 53).into();
    Route { server, local: None, binding: Binding::default() }
}

fn skips(health: &mut Health, route: &Route, now: Instant) -> bool {
    matches!(health.tls_advice(route, now), TlsAdvice::Skip(_))
}

/// How long the port is left alone from now on, in seconds.
fn alone(health: &mut Health, now: Instant) -> u64 {
    let mut later = now;
    while skips(health, &route(1), later) {
        later += SECOND;
    }
    (later - now).as_secs()
}

#[test] // R-7858-3.1d, C-DOTNEG
fn a_dead_port_is_left_alone_for_longer_and_longer() {
    let (mut health, mut now) = (Health::default(), Instant::now());
    assert_eq!(health.tls_advice(&route(1), now), TlsAdvice::Use);
    let mut times = Vec::new();
    for _ in 0..12 {
        health.note_tls_dead(&route(1), "refused", now);
        let seconds = alone(&mut health, now);
        times.push(seconds);
        now += SECOND * u32::try_from(seconds).unwrap();
    }
    assert_eq!(times, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]);
    assert_eq!(health.tls_advice(&route(2), now), TlsAdvice::Use);
    let elsewhere = Route { local: Some([203, 0, 113, 1].into()), ..route(1) };
    assert_eq!(health.tls_advice(&elsewhere, now), TlsAdvice::Use);
}

#[test] // R-7858-3.1d
fn two_questions_that_find_out_together_have_found_out_once() {
    let (mut health, now) = (Health::default(), Instant::now());
    assert!(health.note_tls_dead(&route(1), "refused", now));
    assert!(!health.note_tls_dead(&route(1), "refused", now + SECOND));
    assert_eq!(alone(&mut health, now), 10);
    let later = now + ALONE;
    assert!(health.note_tls_dead(&route(1), "refused", later));
    assert_eq!(alone(&mut health, later), 20);
}

#[test]
fn one_that_had_tls_is_asked_again_within_a_minute() {
    let (mut health, mut now) = (Health::default(), Instant::now());
    health.note_tls_answer(&route(1));
    for seconds in [10, 20, 40, 60, 60] {
        health.note_tls_dead(&route(1), "refused", now);
        assert_eq!(alone(&mut health, now), seconds);
        now += SECOND * u32::try_from(seconds).unwrap();
    }
    health.note_tls_answer(&route(1));
    assert_eq!(health.tls_advice(&route(1), now), TlsAdvice::Use);
}

#[test]
fn when_the_time_is_over_one_caller_probes() {
    let (mut health, now) = (Health::default(), Instant::now());
    health.note_tls_dead(&route(1), "refused", now);
    let later = now + ALONE;
    assert_eq!(health.tls_advice(&route(1), later), TlsAdvice::Probe("refused".into()));
    assert_eq!(health.tls_advice(&route(1), later), TlsAdvice::Skip("refused".into()));
}

#[test]
fn silence_counts_only_where_plain_dns_has_answered_meanwhile() {
    let (mut health, start) = (Health::default(), Instant::now());
    assert!(!health.note_tls_silent(&route(1), "silent", start, start + SECOND));
    assert_eq!(health.tls_advice(&route(1), start + SECOND), TlsAdvice::Use);
    health.note_plain_answer(&route(1), start + SECOND);
    let late = start + 2 * SECOND;
    assert!(!health.note_tls_silent(&route(1), "silent", late, late + 2 * SECOND));
    assert_eq!(health.tls_advice(&route(1), start + 4 * SECOND), TlsAdvice::Use);
    assert!(health.note_tls_silent(&route(1), "silent", start, late));
    assert_eq!(health.tls_advice(&route(1), late), TlsAdvice::Skip("silent".into()));
}

#[test]
fn silent_udp_is_remembered_for_a_minute_or_until_it_answers() {
    let (mut health, now) = (Health::default(), Instant::now());
    health.note_udp(&route(1), false, now);
    assert!(!health.is_udp_silent(&route(1), now));
    health.note_udp(&route(1), true, now);
    assert!(health.is_udp_silent(&route(1), now + UDP_SILENT_FOR - SECOND));
    assert!(!health.is_udp_silent(&route(1), now + UDP_SILENT_FOR));
    health.note_udp(&route(1), false, now);
    assert!(!health.is_udp_silent(&route(1), now));
}

#[test] // R-8305-3.1b
fn a_silent_or_unreachable_server_is_asked_last_for_a_minute_or_until_it_replies() {
    let (mut health, start) = (Health::default(), Instant::now());
    let order = |health: &mut Health, now| {
        health.order(3, false, |server| route(u8::try_from(server).unwrap()), now)
    };
    assert_eq!(order(&mut health, start), [0, 1, 2]);
    health.note_silent(&route(0), start);
    assert_eq!(order(&mut health, start), [1, 2, 0]);
    health.note_unreachable(&route(1), start + SECOND);
    assert_eq!(order(&mut health, start + SECOND), [2, 0, 1]);
    assert_eq!(order(&mut health, start + LAST_FOR), [0, 2, 1]);
    health.note_reply(&route(1), start + LAST_FOR);
    assert_eq!(order(&mut health, start + LAST_FOR), [0, 1, 2]);
    // The silence is known until a reply comes.
    assert!(health.is_silent(&route(0)));
    health.note_reply(&route(0), start + LAST_FOR);
    assert!(!health.is_silent(&route(0)));
}

#[test]
fn rotate_begins_with_each_in_turn() {
    let (mut health, now) = (Health::default(), Instant::now());
    health.note_silent(&route(0), now);
    let turn = |health: &mut Health| health.order(3, true, |_| route(0), now)[0];
    assert_eq!([0; 4].map(|_: i32| turn(&mut health)), [0, 1, 2, 0]);
    assert!(health.order(0, true, |_| route(0), now).is_empty());
}

#[test]
fn a_server_that_has_replied_is_alive_for_ten_minutes_unless_it_is_silent() {
    let (mut health, now) = (Health::default(), Instant::now());
    assert!(!health.is_alive(&route(1), now));
    health.note_reply(&route(1), now);
    assert!(health.is_alive(&route(1), now + ALIVE_FOR - SECOND));
    assert!(!health.is_alive(&route(1), now + ALIVE_FOR));
    health.note_silent(&route(1), now + SECOND);
    assert!(!health.is_alive(&route(1), now + SECOND));
}

#[test]
fn silence_to_edns_is_remembered_for_ten_minutes_or_until_it_is_answered() {
    let (mut health, now) = (Health::default(), Instant::now());
    health.note_edns(&route(1), true, now);
    assert!(health.needs_no_edns(&route(1), now + NO_EDNS_FOR - SECOND));
    assert!(!health.needs_no_edns(&route(1), now + NO_EDNS_FOR));
    health.note_edns(&route(1), false, now);
    assert!(!health.needs_no_edns(&route(1), now));
}

#[test]
fn a_warning_comes_once_a_minute_and_only_where_there_was_tls() {
    let (mut health, now) = (Health::default(), Instant::now());
    assert!(!health.take_warning(&route(1), now));
    health.note_tls_answer(&route(1));
    assert!(health.take_warning(&route(1), now));
    assert!(!health.take_warning(&route(1), now + WARNED_FOR - SECOND));
    assert!(health.take_warning(&route(1), now + WARNED_FOR));
}

#[test]
fn what_is_remembered_is_bounded() {
    let (mut health, now) = (Health::default(), Instant::now());
    for port in 1..=1_000 {
        let server = ([192, 0, 2, 1], port).into();
        let route = Route { server, ..route(1) };
        health.note_tls_dead(&route, "refused", now + SECOND * port.into());
    }
    assert_eq!(health.routes.len(), MAX_ROUTES);
    let newest = Route { server: ([192, 0, 2, 1], 1_000).into(), ..route(1) };
    assert!(skips(&mut health, &newest, now));
}
