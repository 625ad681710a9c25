//! The memory of the servers' ports: which TLS port is dead and left alone for a while
//! (R-7858-3.1d; RFC 9539 section 4.3 calls that damping), and where UDP gets no answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::route::Route;
use crate::mutex::Mutex;

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

/// See the module. All runtimes share it.
#[derive(Debug, Default)]
pub(in crate::dns) struct Ports(Mutex<HashMap<Route, Memory>>);

#[derive(Debug, Default)]
struct Memory {
    had_tls: bool,
    dead: Option<Dead>,
    plain_answered_at: Option<Instant>,
    udp_silent_at: Option<Instant>,
    warned_at: Option<Instant>,
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
pub(in crate::dns) enum Tls {
    /// Nothing is known against it.
    Try,
    /// It is dead for this reason.
    LeaveAlone(Arc<str>),
    /// It was dead for this reason: a probe is due, for which plain DNS does not wait.
    Probe(Arc<str>),
}

impl Ports {
    /// Gives `Probe` to one caller when the time has come, and `LeaveAlone` to the others
    /// meanwhile.
    pub(in crate::dns) fn tls(&self, route: &Route, now: Instant) -> Tls {
        let mut routes = self.0.lock();
        match routes.get_mut(route).and_then(|memory| memory.dead.as_mut()) {
            None => Tls::Try,
            Some(dead) if now < dead.until => Tls::LeaveAlone(dead.why.clone()),
            // The doubt has not been confirmed.
            Some(dead) if dead.times == 0 => Tls::Try,
            Some(dead) => {
                dead.until = now + ALONE;
                Tls::Probe(dead.why.clone())
            }
        }
    }

    /// The port may be dead. For this time no question waits for it.
    pub(in crate::dns) fn tls_is_doubtful(
        &self,
        route: &Route,
        why: &str,
        now: Instant,
        lasts: Duration,
    ) {
        self.change(route, |memory| {
            let doubt = Dead { why: why.into(), times: 0, found_at: now, until: now + lasts };
            memory.dead.get_or_insert(doubt);
        });
    }

    /// True if a warning is due that a server that had TLS is asked in plaintext.
    pub(in crate::dns) fn is_warning_due(&self, route: &Route, now: Instant) -> bool {
        let mut routes = self.0.lock();
        let Some(memory) = routes.get_mut(route).filter(|memory| memory.had_tls) else {
            return false;
        };
        let due = memory.warned_at.is_none_or(|at| at + WARNED_FOR <= now);
        memory.warned_at = if due { Some(now) } else { memory.warned_at };
        due
    }

    /// The port has answered. A handshake alone would say little: some servers do no more.
    pub(in crate::dns) fn tls_is_up(&self, route: &Route) {
        self.change(route, |memory| {
            memory.had_tls = true;
            memory.dead = None;
        });
    }

    /// The port is dead: refused, its handshake has failed, or its reply is no answer. Failures
    /// that come together count once.
    pub(in crate::dns) fn tls_is_dead(&self, route: &Route, why: &str, now: Instant) {
        if self.change(route, |memory| memory.bury(why, now)) {
            tracing::debug!(server = %route.server.ip(), why, "no TLS: left alone");
        }
    }

    /// The port is silent. That counts only if plain DNS has answered since.
    pub(in crate::dns) fn tls_is_silent(
        &self,
        route: &Route,
        why: &str,
        since: Instant,
        now: Instant,
    ) {
        let plain = self.change(route, |memory| memory.plain_answered_at);
        if plain.is_some_and(|at| since <= at) {
            self.tls_is_dead(route, why, now);
        }
    }

    pub(in crate::dns) fn plain_has_answered(&self, route: &Route, now: Instant) {
        self.change(route, |memory| memory.plain_answered_at = Some(now));
    }

    /// UDP was silent and TCP has answered, or UDP has answered.
    pub(in crate::dns) fn note_udp(&self, route: &Route, silent: bool, now: Instant) {
        // Most servers are never silent and need no memory.
        if silent || self.is_udp_silent(route, now) {
            self.change(route, |memory| memory.udp_silent_at = silent.then_some(now));
        }
    }

    pub(in crate::dns) fn is_udp_silent(&self, route: &Route, now: Instant) -> bool {
        let at = self.0.lock().get(route).and_then(|memory| memory.udp_silent_at);
        at.is_some_and(|at| now < at + UDP_SILENT_FOR)
    }

    fn change<T>(&self, route: &Route, change: impl FnOnce(&mut Memory) -> T) -> T {
        let mut routes = self.0.lock();
        if routes.len() >= MAX_ROUTES && !routes.contains_key(route) {
            // A route that never had TLS goes first, and among those the one that is asked again
            // soonest.
            let until = |memory: &Memory| memory.dead.as_ref().map(|dead| dead.until);
            let first = routes.iter().min_by_key(|(_, memory)| (memory.had_tls, until(memory)));
            let first = first.map(|(route, _)| route.clone());
            first.and_then(|route| routes.remove(&route));
        }
        change(routes.entry(route.clone()).or_default())
    }
}

impl Memory {
    /// True if that was not known.
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

    /// How long the port is left alone from now on, in seconds.
    fn alone(ports: &Ports, now: Instant) -> u64 {
        let mut later = now;
        while matches!(ports.tls(&route(1), later), Tls::LeaveAlone(_)) {
            later += SECOND;
        }
        (later - now).as_secs()
    }

    #[test] // R-7858-3.1d, C-DOTNEG
    fn a_dead_port_is_left_alone_for_longer_and_longer() {
        let (ports, mut now) = (Ports::default(), Instant::now());
        assert_eq!(ports.tls(&route(1), now), Tls::Try);
        let mut times = Vec::new();
        for _ in 0..12 {
            ports.tls_is_dead(&route(1), "refused", now);
            let seconds = alone(&ports, now);
            times.push(seconds);
            now += SECOND * u32::try_from(seconds).unwrap();
        }
        assert_eq!(times, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]);
        assert_eq!(ports.tls(&route(2), now), Tls::Try);
        let elsewhere = Route { local: Some([203, 0, 113, 1].into()), ..route(1) };
        assert_eq!(ports.tls(&elsewhere, now), Tls::Try);
    }

    #[test] // R-7858-3.1d
    fn two_questions_that_find_out_together_have_found_out_once() {
        let (ports, now) = (Ports::default(), Instant::now());
        ports.tls_is_dead(&route(1), "refused", now);
        ports.tls_is_dead(&route(1), "refused", now + SECOND);
        assert_eq!(alone(&ports, now), 10);
        let later = now + ALONE;
        ports.tls_is_dead(&route(1), "refused", later);
        assert_eq!(alone(&ports, later), 20);
    }

    #[test]
    fn one_that_had_tls_is_asked_again_within_a_minute() {
        let (ports, mut now) = (Ports::default(), Instant::now());
        ports.tls_is_up(&route(1));
        for seconds in [10, 20, 40, 60, 60] {
            ports.tls_is_dead(&route(1), "refused", now);
            assert_eq!(alone(&ports, now), seconds);
            now += SECOND * u32::try_from(seconds).unwrap();
        }
        ports.tls_is_up(&route(1));
        assert_eq!(ports.tls(&route(1), now), Tls::Try);
    }

    #[test]
    fn when_the_time_is_over_one_caller_probes() {
        let (ports, now) = (Ports::default(), Instant::now());
        ports.tls_is_dead(&route(1), "refused", now);
        let later = now + ALONE;
        assert_eq!(ports.tls(&route(1), later), Tls::Probe("refused".into()));
        assert_eq!(ports.tls(&route(1), later), Tls::LeaveAlone("refused".into()));
    }

    #[test]
    fn silence_counts_only_where_plain_dns_has_answered_meanwhile() {
        let (ports, start) = (Ports::default(), Instant::now());
        ports.tls_is_silent(&route(1), "silent", start, start + SECOND);
        assert_eq!(ports.tls(&route(1), start + SECOND), Tls::Try);
        ports.plain_has_answered(&route(1), start + SECOND);
        ports.tls_is_silent(&route(1), "silent", start + 2 * SECOND, start + 4 * SECOND);
        assert_eq!(ports.tls(&route(1), start + 4 * SECOND), Tls::Try);
        ports.tls_is_silent(&route(1), "silent", start, start + 2 * SECOND);
        assert_eq!(ports.tls(&route(1), start + 2 * SECOND), Tls::LeaveAlone("silent".into()));
    }

    #[test]
    fn silent_udp_is_remembered_for_a_minute_or_until_it_answers() {
        let (ports, now) = (Ports::default(), Instant::now());
        ports.note_udp(&route(1), false, now);
        assert!(!ports.is_udp_silent(&route(1), now));
        ports.note_udp(&route(1), true, now);
        assert!(ports.is_udp_silent(&route(1), now + UDP_SILENT_FOR - SECOND));
        assert!(!ports.is_udp_silent(&route(1), now + UDP_SILENT_FOR));
        ports.note_udp(&route(1), false, now);
        assert!(!ports.is_udp_silent(&route(1), now));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (ports, now) = (Ports::default(), Instant::now());
        for port in 1..=1_000 {
            let server = ([192, 0, 2, 1], port).into();
            ports.tls_is_dead(&Route { server, ..route(1) }, "refused", now + SECOND * port.into());
        }
        assert_eq!(ports.0.lock().len(), MAX_ROUTES);
        let newest = Route { server: ([192, 0, 2, 1], 1_000).into(), ..route(1) };
        assert!(matches!(ports.tls(&newest, now), Tls::LeaveAlone(_)));
    }
}
