//! The memory of the name servers between two questions: which of them are alive, silent or
//! unreachable, which TLS port is dead and left alone for a while (R-7858-3.1d; RFC 9539 section
//! 4.3 calls that damping), where UDP or EDNS gets no answer, and how the links have behaved. It is
//! a value, and all times are passed in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::link_health::LinkHealth;
use super::route::Route;
use super::rtt::Rtt;

/// A dead port is left alone for this time at first, and twice as long each time it is found dead
/// again, up to [`MAX_ALONE`].
const ALONE: Duration = Duration::from_secs(10);
/// RFC 7858 section 3.1: "such as one hour".
const MAX_ALONE: Duration = Duration::from_secs(3_600);
/// The limit for a server that had TLS before, because it is more likely to have it again.
const MAX_ALONE_HAD_TLS: Duration = Duration::from_secs(60);
/// TCP goes first for this time where UDP was silent.
const UDP_SILENT_FOR: Duration = Duration::from_secs(60);
/// Questions leave without EDNS for this time where only those are answered.
const NO_EDNS_FOR: Duration = Duration::from_secs(600);
/// A server that was silent or unreachable is asked last for this time.
const LAST_FOR: Duration = Duration::from_secs(60);
/// A server that has replied within this time is alive, if it was not silent since.
const ALIVE_FOR: Duration = Duration::from_secs(600);
/// At most one warning a server comes in this time.
const WARNED_FOR: Duration = Duration::from_secs(60);
/// At most this many routes are remembered.
const MAX_ROUTES: usize = 256;

/// The memory of the name servers. All runtimes share it: a connection belongs to one runtime, but
/// a server is the same for all of them.
#[derive(Debug, Default)]
pub(in crate::dns) struct Health {
    routes: HashMap<Route, RouteHealth>,
    /// How many questions have begun, for `rotate`.
    turns: usize,
}

#[derive(Debug, Default)]
struct RouteHealth {
    /// The time of the last reply, whatever it said.
    heard_at: Option<Instant>,
    /// The server was silent, and nothing has come since.
    is_silent: bool,
    /// Until then it is asked last.
    last_until: Option<Instant>,
    rtt: Rtt,
    /// When a question with EDNS was last answered over UDP.
    edns_at: Option<Instant>,
    no_edns_at: Option<Instant>,
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
    /// How often in a row it was found dead.
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

/// The servers, and their order.
impl Health {
    /// The indices of the servers in the order in which a question asks them (R-8305-3.1b). The
    /// order of the configuration is a preference: only a server that was silent or unreachable
    /// stands behind the others, for 60 s or until it replies.
    pub(super) fn order(
        &mut self,
        servers: usize,
        rotate: bool,
        route: impl Fn(usize) -> Route,
        now: Instant,
    ) -> Vec<usize> {
        let mut order: Vec<_> = (0..servers).collect();
        if rotate && servers > 0 {
            order.rotate_left(self.turns % servers);
            self.turns = self.turns.wrapping_add(1);
        } else if servers > 1 && self.routes.values().any(|health| health.is_last(now)) {
            let is_last = |server: &usize| {
                self.routes.get(&route(*server)).is_some_and(|health| health.is_last(now))
            };
            order.sort_by_cached_key(is_last);
        }
        order
    }

    /// A reply has come. It shows that the server is alive, whatever it says.
    pub(super) fn note_reply(&mut self, route: &Route, now: Instant) {
        let health = self.route_mut(route);
        health.heard_at = Some(now);
        health.is_silent = false;
        health.last_until = None;
    }

    /// True if the server has replied since then, to any question.
    pub(super) fn was_heard_since(&self, route: &Route, then: Instant) -> bool {
        self.routes.get(route).is_some_and(|health| health.heard_at.is_some_and(|at| then <= at))
    }

    /// True if the server has replied within ten minutes and was not silent since.
    pub(super) fn is_alive(&self, route: &Route, now: Instant) -> bool {
        let heard = |health: &RouteHealth| health.heard_at.is_some_and(|at| now < at + ALIVE_FOR);
        self.routes.get(route).is_some_and(|health| !health.is_silent && heard(health))
    }

    /// True if the server was silent when it was last asked.
    pub(super) fn is_silent(&self, route: &Route) -> bool {
        self.routes.get(route).is_some_and(|health| health.is_silent)
    }

    pub(super) fn note_silent(&mut self, route: &Route, now: Instant) {
        let health = self.route_mut(route);
        health.is_silent = true;
        health.last_until = Some(now + LAST_FOR);
    }

    pub(super) fn note_unreachable(&mut self, route: &Route, now: Instant) {
        self.route_mut(route).last_until = Some(now + LAST_FOR);
    }

    pub(super) fn note_rtt(&mut self, route: &Route, sample: Duration) {
        self.route_mut(route).rtt.note(sample);
    }

    /// The time after which a reply of this server is late; `None` if nothing is known.
    pub(super) fn patience(&self, route: &Route) -> Option<Duration> {
        self.routes.get(route)?.rtt.patience()
    }
}

/// The TLS port of a server.
impl Health {
    /// Gives `Probe` to one caller when the time has come, and `Skip` to the others meanwhile.
    pub(super) fn tls_advice(&mut self, route: &Route, now: Instant) -> TlsAdvice {
        match self.routes.get_mut(route).and_then(|health| health.dead.as_mut()) {
            None => TlsAdvice::Use,
            Some(dead) if now < dead.until => TlsAdvice::Skip(dead.why.clone()),
            Some(dead) => {
                dead.until = now + ALONE;
                TlsAdvice::Probe(dead.why.clone())
            }
        }
    }

    /// The port has answered. A handshake alone would say little: some servers do no more.
    pub(super) fn note_tls_answer(&mut self, route: &Route) {
        let health = self.route_mut(route);
        health.had_tls = true;
        health.dead = None;
    }

    /// The port is dead: refused, its handshake has failed, or its reply is no answer. Failures
    /// that come together count once. Returns true if that was not known.
    pub(in crate::dns) fn note_tls_dead(&mut self, route: &Route, why: &str, now: Instant) -> bool {
        self.route_mut(route).note_dead(why, now)
    }

    /// The port is silent. That counts only if plain DNS has answered since. Returns true if it
    /// counts and was not known.
    pub(in crate::dns) fn note_tls_silent(
        &mut self,
        route: &Route,
        why: &str,
        since: Instant,
        now: Instant,
    ) -> bool {
        let plain = self.routes.get(route).and_then(|health| health.plain_answered_at);
        plain.is_some_and(|at| since <= at) && self.note_tls_dead(route, why, now)
    }

    /// True if a warning is due that a server that had TLS is asked in plaintext.
    pub(super) fn take_warning(&mut self, route: &Route, now: Instant) -> bool {
        let health = self.routes.get_mut(route).filter(|health| health.had_tls);
        let Some(health) = health else { return false };
        let due = health.warned_at.is_none_or(|at| at + WARNED_FOR <= now);
        health.warned_at = if due { Some(now) } else { health.warned_at };
        due
    }
}

/// Plain DNS, and the links.
impl Health {
    pub(super) fn note_plain_answer(&mut self, route: &Route, now: Instant) {
        self.route_mut(route).plain_answered_at = Some(now);
    }

    /// `silent`: TCP has answered and UDP has not. Otherwise UDP has answered.
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

    /// `silent`: only a question without EDNS was answered. Otherwise one with EDNS was.
    pub(super) fn note_edns(&mut self, route: &Route, silent: bool, now: Instant) {
        let health = self.route_mut(route);
        // One slow name says nothing against EDNS where it works.
        let works = health.edns_at.is_some_and(|at| now < at + NO_EDNS_FOR);
        match silent {
            true if works => {}
            true => health.no_edns_at = Some(now),
            false => (health.no_edns_at, health.edns_at) = (None, Some(now)),
        }
    }

    pub(super) fn needs_no_edns(&self, route: &Route, now: Instant) -> bool {
        let at = self.routes.get(route).and_then(|health| health.no_edns_at);
        at.is_some_and(|at| now < at + NO_EDNS_FOR)
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
            // A route that never had TLS goes first, and among those the one that has not replied
            // for the longest time.
            let first = self.routes.iter().min_by_key(|(_, it)| (it.had_tls, it.heard_at));
            let first = first.map(|(route, _)| route.clone());
            first.and_then(|route| self.routes.remove(&route));
        }
        self.routes.entry(route.clone()).or_default()
    }
}

impl RouteHealth {
    fn is_last(&self, now: Instant) -> bool {
        self.last_until.is_some_and(|until| now < until)
    }

    fn note_dead(&mut self, why: &str, now: Instant) -> bool {
        let is_known = |dead: &Dead| now < dead.found_at + ALONE;
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
mod tests;
