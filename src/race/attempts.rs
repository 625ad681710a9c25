//! Attempts: when the next one starts, how one ends, and what it means that all have.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Race, Step};
use crate::race::answer::LookupErrorKind;
use crate::race::config::{MAX_CONNECT_DELAY, MIN_CONNECT_DELAY};
use crate::race::report::ErrorKind;
use crate::race::report::{AttemptOutcome, AttemptReport, LookupReport, Span};

/// Attempts.
impl Race {
    /// The TCP handshake of an attempt is done and its dial goes on: TLS, a proxy, a greeting.
    pub fn tcp_up(&mut self, id: usize, now: Instant) {
        let Some(attempt) = self.running_attempt(id) else { return };
        if attempt.tcp_up.is_none() {
            attempt.tcp_up = Some(now);
            self.shaking.push(id);
        }
    }

    /// An attempt has failed. `sent` is false if no packet has left the host for it: then the next
    /// one need not keep the distance of 10 ms (F-6).
    pub fn failed(&mut self, id: usize, error: io::Error, sent: bool, now: Instant) {
        let Some(attempt) = self.running_attempt(id) else { return };
        attempt.sent = sent;
        self.end(id, AttemptOutcome::Failed(Arc::new(error)), now);
    }

    /// An attempt has succeeded. If several do before the next poll, the one that was started
    /// first wins (F-20).
    pub fn won(&mut self, id: usize, now: Instant) {
        let Some(attempt) = self.running_attempt(id) else { return };
        attempt.span.to = Some(now);
        self.winner = Some(self.winner.map_or(id, |other| other.min(id)));
    }

    pub(crate) fn is_trying(&self, id: usize) -> bool {
        self.report.attempts.get(id).is_some_and(AttemptReport::is_running)
    }

    fn running_attempt(&mut self, id: usize) -> Option<&mut AttemptReport> {
        self.report.attempts.get_mut(id).filter(|a| a.is_running())
    }

    pub(super) fn start(&mut self, addr: SocketAddr, now: Instant) -> Step {
        if let Some(last) = self.report.attempts.last().filter(|last| last.sent) {
            self.sent_before = Some(last.span.from);
        }
        let (span, outcome) = (Span::starting(now), AttemptOutcome::Running);
        self.report.attempts.push(AttemptReport { addr, span, tcp_up: None, sent: true, outcome });
        self.kicked = false;
        self.running += 1;
        Step::Connect(self.report.attempts.len() - 1, addr)
    }

    pub(super) fn end(&mut self, id: usize, outcome: AttemptOutcome, now: Instant) {
        let attempt = &mut self.report.attempts[id];
        attempt.outcome = outcome;
        attempt.span.to = Some(now);
        self.kicked = true;
        self.running -= 1;
        self.shaking.retain(|other| *other != id);
        let ended = |a: &AttemptReport| !a.is_running();
        while self.report.attempts.get(self.oldest).is_some_and(ended) {
            self.oldest += 1;
        }
    }

    /// When the next attempt may start; `None` while there is no address for it.
    pub(super) fn next_start(&self) -> Option<Instant> {
        let next = self.candidates.peek()?;
        let Some(last) = self.report.attempts.last() else {
            return self.first_addr_at.map(|at| self.gate_opens_at(at));
        };
        let sent_at = if last.sent { Some(last.span.from) } else { self.sent_before };
        let floor = match sent_at {
            // R-8305-5f protects the network; nothing leaves for a loopback address.
            Some(at) if !next.ip().is_loopback() => at + MIN_CONNECT_DELAY,
            _ => last.span.from,
        };
        if self.kicked {
            return Some(floor); // F-5: the failure is answered at once
        }
        Some((last.span.from + self.config.connect_delay).max(self.handshake_ends_at(last)))
    }

    /// F-18: while a handshake runs on top of TCP, the timer moves out to its expected end, at
    /// most to C-CADmax after the start before.
    fn handshake_ends_at(&self, last: &AttemptReport) -> Instant {
        let expected = |id: &usize| {
            let attempt = &self.report.attempts[*id];
            let up = attempt.tcp_up?;
            let rtt = up.saturating_duration_since(attempt.span.from);
            let handshake = rtt.saturating_mul(3).saturating_add(Duration::from_millis(100));
            Some(up + handshake.min(MAX_CONNECT_DELAY))
        };
        let latest = self.shaking.iter().filter_map(expected).max();
        latest.map_or(last.span.from, |at| at.min(last.span.from + MAX_CONNECT_DELAY))
    }

    /// Everything has ended and nothing has won: why.
    pub(super) fn failure(&self) -> ErrorKind {
        let report = &self.report;
        let timed_out = |a: &AttemptReport| matches!(a.outcome, AttemptOutcome::TimedOut);
        if !report.attempts.is_empty() {
            let all = report.attempts.iter().all(timed_out);
            return if all { ErrorKind::TimedOut } else { ErrorKind::Connect };
        }
        let errors = || report.lookups.iter().filter_map(LookupReport::error);
        if errors().any(|error| !error.kind().is_negative()) {
            return ErrorKind::Lookup;
        }
        if self.candidates.has_forbidden() {
            return ErrorKind::Forbidden;
        }
        let no_such =
            |l: &LookupReport| l.error().is_some_and(|e| e.kind() == LookupErrorKind::NoSuchName);
        let unknown = !report.lookups.is_empty() && report.lookups.iter().all(no_such);
        if unknown { ErrorKind::NoSuchName } else { ErrorKind::NoAddress }
    }
}
