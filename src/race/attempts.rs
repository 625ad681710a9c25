//! Attempts: the start of the next one, and the end of each.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::{Config, MAX_CONNECT_DELAY, MIN_CONNECT_DELAY};
use super::endpoint::Endpoint;
use super::report::{AttemptOutcome, AttemptReport, Report};
use super::surroundings::Surroundings;

/// The pace of the attempts. The attempts themselves are in the report.
#[derive(Default)]
pub(super) struct Pace {
    /// An attempt has failed, and none has been started since.
    failure_unanswered: bool,
    /// The start of the latest attempt, before the last one, that sent a packet.
    sent_before: Option<Instant>,
    /// Every attempt before this one has ended.
    oldest: usize,
    running: usize,
    /// The attempts whose TCP handshake is done and whose dial goes on.
    handshaking: Vec<usize>,
}

impl Pace {
    #[inline]
    pub(super) fn start(
        &mut self,
        endpoint: Endpoint,
        surroundings: &Surroundings,
        report: &mut Report,
        now: Instant,
    ) -> usize {
        if let Some(last) = report.attempts.last().filter(|last| last.sent) {
            self.sent_before = Some(last.span.from);
        }
        let span = report.span_from(now);
        report.attempts.push(AttemptReport::starting(endpoint, surroundings.error_words, span));
        self.failure_unanswered = false;
        self.running += 1;
        report.attempts.len() - 1
    }

    pub(super) fn tcp_up(&mut self, id: usize, report: &mut Report, now: Instant) {
        let Some(attempt) = report.running_attempt(id) else { return };
        if attempt.tcp_up.is_none() {
            attempt.tcp_up = Some(now);
            self.handshaking.push(id);
        }
    }

    #[inline]
    pub(super) fn failed(
        &mut self,
        id: usize,
        error: io::Error,
        sent: bool,
        report: &mut Report,
        now: Instant,
    ) {
        let Some(attempt) = report.running_attempt(id) else { return };
        attempt.sent = sent;
        self.end(id, AttemptOutcome::Failed(Arc::new(error)), report, now);
    }

    /// Ends the oldest attempt if its time is over, and returns its number. All attempts have the
    /// same time-out, so the oldest one reaches it first.
    #[inline]
    pub(super) fn expire(
        &mut self,
        config: &Config,
        report: &mut Report,
        now: Instant,
    ) -> Option<usize> {
        self.deadline(config, report).filter(|at| *at <= now)?;
        let id = self.oldest;
        self.end(id, AttemptOutcome::TimedOut, report, now);
        Some(id)
    }

    /// The time at which the oldest attempt times out.
    #[inline]
    pub(super) fn deadline(&self, config: &Config, report: &Report) -> Option<Instant> {
        let oldest = report.attempts.get(self.oldest)?;
        oldest.span.from.checked_add(config.connect_timeout)
    }

    #[inline]
    fn end(&mut self, id: usize, outcome: AttemptOutcome, report: &mut Report, now: Instant) {
        let attempt = &mut report.attempts[id];
        attempt.outcome = outcome;
        attempt.span.to = Some(now);
        self.failure_unanswered = true;
        self.running -= 1;
        self.handshaking.retain(|other| *other != id);
        while report.attempts.get(self.oldest).is_some_and(|attempt| !attempt.is_running()) {
            self.oldest += 1;
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running == 0
    }

    /// The time at which the attempt to this endpoint may start; `None` for the first attempt,
    /// because the lookups decide about it.
    #[inline]
    pub(super) fn next_start(
        &self,
        next: &Endpoint,
        config: &Config,
        report: &Report,
    ) -> Option<Instant> {
        let last = report.attempts.last()?;
        if self.failure_unanswered {
            return Some(self.earliest_start(next, last)); // F-5: a failure ends the wait
        }
        let handshake = self.handshake_ends_at(last, report);
        Some((last.span.from + config.connect_delay).max(handshake))
    }

    /// The earliest start after a failure. R-8305-5f protects the network, so it does not apply to
    /// a loopback address, for which no packet leaves the host.
    fn earliest_start(&self, next: &Endpoint, last: &AttemptReport) -> Instant {
        let sent_at = if last.sent { Some(last.span.from) } else { self.sent_before };
        match sent_at {
            Some(at) if !next.addr.ip().is_loopback() => at + MIN_CONNECT_DELAY,
            Some(_) | None => last.span.from,
        }
    }

    /// F-18: while a handshake runs on top of TCP, the next start moves to the expected end of that
    /// handshake, at most to C-CADmax after the start before.
    fn handshake_ends_at(&self, last: &AttemptReport, report: &Report) -> Instant {
        let expected = |id: &usize| {
            let attempt = &report.attempts[*id];
            let up = attempt.tcp_up?;
            let rtt = up.saturating_duration_since(attempt.span.from);
            let handshake = rtt.saturating_mul(3).saturating_add(Duration::from_millis(100));
            Some(up + handshake.min(MAX_CONNECT_DELAY))
        };
        let latest = self.handshaking.iter().filter_map(expected).max();
        latest.map_or(last.span.from, |at| at.min(last.span.from + MAX_CONNECT_DELAY))
    }
}
