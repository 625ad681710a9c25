//! What is remembered of the name servers between two questions: which of them goes first, which
//! TLS port is dead and left alone for a while (R-7858-3.1d; RFC 9539 section 4.3 calls that
//! damping), where UDP gets no answer, and how the links have behaved. It is a value, and all times
//! are passed in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::link_health::LinkHealth;
use super::preference::Preference;
use super::route::Route;

/// A dead port is left alone for this time at first, and twice as long each time it is found dead
/// again, up to [`MAX_ALONE`].
const ALONE: Duration = Duration::from_secs(10);
/// RFC 7858 section 3.1: "such as one hour".
const MAX_ALONE: Duration = Duration::from_secs(3_600);
/// The limit for a server that had TLS before, because it is more likely to have it again.
const MAX_ALONE_HAD_TLS: Duration = Duration::from_secs(60);
/// TCP goes first for this time where UDP was silent.
const UDP_SILENT_FOR: Duration = Duration::from_secs(60);
/// At most one warning a server comes in this time.
const WARNED_FOR: Duration = Duration::from_secs(60);
/// At most this many routes are remembered.
const MAX_ROUTES: usize = 256;

/// See the module. All runtimes share it: a connection belongs to one runtime, but a server is the
/// same for all of them.
#[derive(Debug, Default)]
pub(crate) struct Health {
    pub(super) preference: Preference,
    routes: HashMap<Route, RouteHealth>,
}

#[derive(Debug, Default)]
struct RouteHealth {
    had_tls: bool,
    dead: Option<Dead>,
    plain_answered_at: Option<Instant>,
    udp_silent_at: Option<Instant>,
    warned_at: Option<Instant>,
    tcp: LinkHealth,
    tls: LinkHealth,
}

#[derive(Debug)]
struct Dead {
    why: Arc<str>,
    /// How often in a row it was found dead; 0 while that is not certain.
    times: u32,
    found_at: Instant,
    until: Instant,
}

/// How to treat a TLS port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TlsAdvice {
    /// Nothing is known against it.
    Use,
    /// It is dead for this reason.
    Skip(Arc<str>),
    /// It was dead for this reason: a probe is due, for which plain DNS does not wait.
    Probe(Arc<str>),
}

/// The TLS port of a server.
impl Health {
    /// Gives `Probe` to one caller when the time has come, and `Skip` to the others meanwhile.
    pub(super) fn tls_advice(&mut self, route: &Route, now: Instant) -> TlsAdvice {
        match self.routes.get_mut(route).and_then(|health| health.dead.as_mut()) {
            None => TlsAdvice::Use,
            Some(dead) if now < dead.until => TlsAdvice::Skip(dead.why.clone()),
            // The doubt has not been confirmed.
            Some(dead) if dead.times == 0 => TlsAdvice::Use,
            Some(dead) => {
                dead.until = now + ALONE;
                TlsAdvice::Probe(dead.why.clone())
            }
        }
    }

    /// The port has answered. A handshake alone would say little: some servers do no more.
    pub(super) fn tls_is_up(&mut self, route: &Route) {
        let health = self.route_mut(route);
        health.had_tls = true;
        health.dead = None;
    }

    /// The port may be dead. For this time no question waits for it.
    pub(super) fn tls_is_doubtful(
        &mut self,
        route: &Route,
        why: &str,
        now: Instant,
        lasts: Duration,
    ) {
        let doubt = Dead { why: why.into(), times: 0, found_at: now, until: now + lasts };
        self.route_mut(route).dead.get_or_insert(doubt);
    }

    /// The port is dead: refused, its handshake has failed, or its reply is no answer. Failures
    /// that come together count once. Returns true if that was not known.
    pub(crate) fn tls_is_dead(&mut self, route: &Route, why: &str, now: Instant) -> bool {
        self.route_mut(route).bury(why, now)
    }

    /// The port is silent. That counts only if plain DNS has answered since. Returns true if it
    /// counts and was not known.
    pub(crate) fn tls_is_silent(
        &mut self,
        route: &Route,
        why: &str,
        since: Instant,
        now: Instant,
    ) -> bool {
        let plain = self.routes.get(route).and_then(|health| health.plain_answered_at);
        plain.is_some_and(|at| since <= at) && self.tls_is_dead(route, why, now)
    }

    /// True if a warning is due that a server that had TLS is asked in plaintext.
    pub(super) fn is_warning_due(&mut self, route: &Route, now: Instant) -> bool {
        let health = self.routes.get_mut(route).filter(|health| health.had_tls);
        let Some(health) = health else { return false };
        let due = health.warned_at.is_none_or(|at| at + WARNED_FOR <= now);
        health.warned_at = if due { Some(now) } else { health.warned_at };
        due
    }
}

/// Plain DNS, and the links.
impl Health {
    pub(super) fn plain_has_answered(&mut self, route: &Route, now: Instant) {
        self.route_mut(route).plain_answered_at = Some(now);
    }

    /// UDP was silent and TCP has answered, or UDP has answered.
    pub(super) fn note_udp(&mut self, route: &Route, silent: bool, now: Instant) {
        // Most servers are never silent and need no memory.
        if silent || self.is_udp_silent(route, now) {
            self.route_mut(route).udp_silent_at = silent.then_some(now);
        }
    }

    pub(super) fn is_udp_silent(&self, route: &Route, now: Instant) -> bool {
        let at = self.routes.get(route).and_then(|health| health.udp_silent_at);
        at.is_some_and(|at| now < at + UDP_SILENT_FOR)
    }

    /// The link over TLS, or over TCP.
    pub(super) fn link(&self, route: &Route, is_tls: bool) -> LinkHealth {
        let of = |health: &RouteHealth| if is_tls { health.tls } else { health.tcp };
        self.routes.get(route).map(of).unwrap_or_default()
    }

    pub(super) fn link_mut(&mut self, route: &Route, is_tls: bool) -> &mut LinkHealth {
        let health = self.route_mut(route);
        if is_tls { &mut health.tls } else { &mut health.tcp }
    }

    fn route_mut(&mut self, route: &Route) -> &mut RouteHealth {
        if self.routes.len() >= MAX_ROUTES && !self.routes.contains_key(route) {
            // A route that never had TLS goes first, and among those the one that is asked again
            // soonest.
            let until = |health: &RouteHealth| health.dead.as_ref().map(|dead| dead.until);
            let first = self.routes.iter().min_by_key(|(_, it)| (it.had_tls, until(it)));
            let first = first.map(|(route, _)| route.clone());
            first.and_then(|route| self.routes.remove(&route));
        }
        self.routes.entry(route.clone()).or_default()
    }
}

impl RouteHealth {
    fn bury(&mut self, why: &str, now: Instant) -> bool {
        let is_known = |dead: &Dead| dead.times > 0 && now < dead.found_at + ALONE;
        if self.dead.as_ref().is_some_and(is_known) {
            return false;
        }
        let times = self.dead.as_ref().map_or(0, |dead| dead.times);
        let most = if self.had_tls { MAX_ALONE_HAD_TLS } else { MAX_ALONE };
        let until = now + ALONE.saturating_mul(1 << times.min(16)).min(most);
        self.dead = Some(Dead { why: why.into(), times: times + 1, found_at: now, until });
        true
    }
}

#[cfg(test)]
mod tests {
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
            health.tls_is_dead(&route(1), "refused", now);
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
        assert!(health.tls_is_dead(&route(1), "refused", now));
        assert!(!health.tls_is_dead(&route(1), "refused", now + SECOND));
        assert_eq!(alone(&mut health, now), 10);
        let later = now + ALONE;
        assert!(health.tls_is_dead(&route(1), "refused", later));
        assert_eq!(alone(&mut health, later), 20);
    }

    #[test]
    fn one_that_had_tls_is_asked_again_within_a_minute() {
        let (mut health, mut now) = (Health::default(), Instant::now());
        health.tls_is_up(&route(1));
        for seconds in [10, 20, 40, 60, 60] {
            health.tls_is_dead(&route(1), "refused", now);
            assert_eq!(alone(&mut health, now), seconds);
            now += SECOND * u32::try_from(seconds).unwrap();
        }
        health.tls_is_up(&route(1));
        assert_eq!(health.tls_advice(&route(1), now), TlsAdvice::Use);
    }

    #[test]
    fn when_the_time_is_over_one_caller_probes() {
        let (mut health, now) = (Health::default(), Instant::now());
        health.tls_is_dead(&route(1), "refused", now);
        let later = now + ALONE;
        assert_eq!(health.tls_advice(&route(1), later), TlsAdvice::Probe("refused".into()));
        assert_eq!(health.tls_advice(&route(1), later), TlsAdvice::Skip("refused".into()));
    }

    #[test]
    fn a_doubt_that_is_not_confirmed_ends_by_itself() {
        let (mut health, now) = (Health::default(), Instant::now());
        health.tls_is_doubtful(&route(1), "silent", now, SECOND);
        let last = now + SECOND - Duration::from_millis(1);
        assert_eq!(health.tls_advice(&route(1), last), TlsAdvice::Skip("silent".into()));
        assert_eq!(health.tls_advice(&route(1), now + SECOND), TlsAdvice::Use);
        // A doubt about a port that is known to be dead adds nothing.
        health.tls_is_dead(&route(2), "refused", now);
        health.tls_is_doubtful(&route(2), "silent", now, SECOND);
        assert_eq!(health.tls_advice(&route(2), last), TlsAdvice::Skip("refused".into()));
    }

    #[test]
    fn silence_counts_only_where_plain_dns_has_answered_meanwhile() {
        let (mut health, start) = (Health::default(), Instant::now());
        assert!(!health.tls_is_silent(&route(1), "silent", start, start + SECOND));
        assert_eq!(health.tls_advice(&route(1), start + SECOND), TlsAdvice::Use);
        health.plain_has_answered(&route(1), start + SECOND);
        let late = start + 2 * SECOND;
        assert!(!health.tls_is_silent(&route(1), "silent", late, late + 2 * SECOND));
        assert_eq!(health.tls_advice(&route(1), start + 4 * SECOND), TlsAdvice::Use);
        assert!(health.tls_is_silent(&route(1), "silent", start, late));
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

    #[test]
    fn a_warning_comes_once_a_minute_and_only_where_there_was_tls() {
        let (mut health, now) = (Health::default(), Instant::now());
        assert!(!health.is_warning_due(&route(1), now));
        health.tls_is_up(&route(1));
        assert!(health.is_warning_due(&route(1), now));
        assert!(!health.is_warning_due(&route(1), now + WARNED_FOR - SECOND));
        assert!(health.is_warning_due(&route(1), now + WARNED_FOR));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut health, now) = (Health::default(), Instant::now());
        for port in 1..=1_000 {
            let server = ([192, 0, 2, 1], port).into();
            let route = Route { server, ..route(1) };
            health.tls_is_dead(&route, "refused", now + SECOND * port.into());
        }
        assert_eq!(health.routes.len(), MAX_ROUTES);
        let newest = Route { server: ([192, 0, 2, 1], 1_000).into(), ..route(1) };
        assert!(skips(&mut health, &newest, now));
    }
}
