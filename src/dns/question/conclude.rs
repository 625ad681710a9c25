//! The conclusions from the ends of a server's transports: its outcome, and what is remembered of
//! it.

use std::time::Instant;

use super::failure::rank;
use super::health::Health;
use super::neutral::{Neutral, Purpose};
use super::plain::Plain;
use super::reply::{Answered, is_unreachable, is_useless};
use super::server::{Moment, SILENT, Server, may_differ_in_plaintext, reason};
use super::stream::{GivenUp, Slow, Stream};
use super::transports::Transports;
use super::{Phase, Usage};
use crate::race::answer::{LookupError, LookupErrorKind};

impl Server {
    /// Draws the conclusions. Call it before every decision.
    pub(super) fn conclude(&mut self, at: &mut Moment<'_>) {
        let (connections, now) = (at.connections, at.now);
        self.transports.look(|send| connections.seen(send), now);
        if self.outcome.is_none() {
            self.note_plain(at);
            self.outcome = self.find_outcome(now);
            if let Some(outcome) = &self.outcome {
                if outcome.as_ref().is_err_and(is_unreachable) && !self.was_reached(at.health) {
                    at.health.note_unreachable(&self.route, now);
                }
                self.judge_tls(at);
            }
        }
        self.conclude_neutral(at);
        self.conclude_drain(at);
    }

    /// True if the failure says nothing of the way to the server: this host could not send, or the
    /// server was there and ended its connections at this question.
    fn was_reached(&self, health: &Health) -> bool {
        let Transports { plain, tls } = &self.transports;
        let tcp = plain.as_ref().and_then(|plain| plain.tcp.as_ref());
        let is_given_up = tls.iter().chain(tcp).any(|stream| stream.given_up().is_some());
        let is_heard = self.is_heard || health.was_heard_since(&self.route, self.asked_at);
        self.failed_here || is_given_up || is_heard
    }

    /// Notes what the end of plain DNS says of the server.
    fn note_plain(&mut self, at: &mut Moment<'_>) {
        let plain = self.transports.plain.as_ref().filter(|_| !self.plain_is_noted);
        let Some((plain, outcome)) = plain.and_then(|it| Some((it, it.outcome(at.now)?))) else {
            return;
        };
        self.plain_is_noted = true;
        let is_opportunistic = matches!(self.usage, Usage::Opportunistic { .. });
        if is_opportunistic && !outcome.as_ref().is_err_and(is_unreachable) {
            at.health.note_plain_answer(&self.route, at.now);
        }
        if outcome.is_err() {
            return;
        }
        if let Some(silent) = plain.was_udp_silent() {
            at.health.note_udp(&self.route, silent, at.now);
        }
        if let Some(silent) = plain.needed_no_edns() {
            at.health.note_edns(&self.route, silent, at.now);
        }
    }

    /// The outcome: the first reply, unless it is of a kind that the other transport may change.
    fn find_outcome(&self, now: Instant) -> Option<Result<Answered, LookupError>> {
        let Transports { plain, tls } = &self.transports;
        let plain = plain.as_ref().and_then(|plain| plain.outcome(now));
        let Some(tls) = tls.as_ref() else { return plain };
        let is_strict = matches!(self.usage, Usage::Strict);
        match (tls.end(), plain) {
            (Some(Ok(reply)), _) => Some(Ok(reply)),
            (Some(Err(error)), _) if is_strict || !may_differ_in_plaintext(error) => {
                Some(Err(self.over_tls(error)))
            }
            (_, Some(Ok(reply))) => Some(Ok(reply)),
            (Some(Err(tls)), Some(Err(plain))) => {
                Some(Err(if rank(tls) < rank(&plain) { self.over_tls(tls) } else { plain }))
            }
            (None, Some(Err(error))) if !is_unreachable(&error) => Some(Err(error)),
            (Some(Err(_)) | None, _) => None,
        }
    }

    fn over_tls(&self, error: &LookupError) -> LookupError {
        error.clone().with_server(self.tls_addr)
    }

    /// Decides from the outcome if the TLS port has answered, is dead, or is in doubt. What becomes of
    /// one name only raises a doubt, because a name may be a stranger's choice (N-17).
    fn judge_tls(&mut self, at: &mut Moment<'_>) {
        if !matches!(self.usage, Usage::Opportunistic { .. }) {
            return;
        }
        let Some(tls) = &self.transports.tls else { return };
        let plain = self.transports.plain.as_ref().and_then(|plain| plain.outcome(at.now));
        let doubt = match (tls.end(), plain) {
            (Some(Ok(_)), _) => return self.note_tls_answer(at),
            (Some(Err(error)), Some(Ok(_))) => match tls.given_up() {
                Some(GivenUp::ByThemselves) => return self.note_tls_dead(&reason(error), at),
                Some(GivenUp::AtTheQuestion) => reason(error),
                None if is_useless(error) => reason(error),
                None => return,
            },
            // Plain DNS has answered while the port was silent.
            (None, _) if tls.slow() == Some(Slow::Silent) => SILENT.into(),
            // It has answered while connections came and went.
            (None, _) => match tls.last_unanswered() {
                Some(error) => reason(error),
                None => return,
            },
            (Some(Err(_)), _) => return,
        };
        let transports = Transports::over_tls(None, at.now);
        self.neutral = Some(Neutral::of_a_doubtful_port(doubt.to_string(), transports, at.now));
    }

    fn conclude_neutral(&mut self, at: &mut Moment<'_>) {
        let Some(neutral) = &mut self.neutral else { return };
        let (connections, now) = (at.connections, at.now);
        neutral.transports.look(|send| connections.seen(send), now);
        let is_over = match &neutral.purpose {
            Purpose::Server => self.is_heard || self.outcome.is_some(),
            Purpose::DoubtfulPort(_) | Purpose::DeadPort => self.conclude_port(at),
        };
        if is_over {
            self.neutral = None;
        }
    }

    /// Returns true if it is clear what has become of the TLS port.
    fn conclude_port(&self, at: &mut Moment<'_>) -> bool {
        let Some(neutral) = &self.neutral else { return true };
        let question = self.transports.tls.as_ref().and_then(Stream::end);
        let Some(tls) = &neutral.transports.tls else { return true };
        match (tls.end(), &neutral.purpose) {
            // A late answer shows that the port is only slow.
            _ if matches!(question, Some(Ok(_))) => self.note_tls_answer(at),
            (Some(Ok(_)), _) => self.note_tls_answer(at),
            // The server answers, with SERVFAIL. Plaintext would bring the same.
            (Some(Err(error)), _) if error.kind() == LookupErrorKind::ServerFailure => {}
            (Some(Err(_)), Purpose::DoubtfulPort(why)) => self.note_tls_dead(why, at),
            // Failed handshakes are noted where they happen.
            (Some(Err(error)), _) if is_useless(error) || tls.given_up().is_some() => {
                self.note_tls_dead(&reason(error), at);
            }
            (Some(Err(_)), _) => {}
            (None, _) if at.now < neutral.until => return false,
            // Other questions on this link were answered, so the port is alive.
            (None, _) if self.was_heard_since(neutral.since, at) => {}
            (None, Purpose::DoubtfulPort(why)) => self.note_tls_dead(why, at),
            (None, _) => {
                let latest = tls.latest().map(|send| at.connections.seen(send).phase);
                if let Some(Phase::Up(_)) = latest {
                    at.health.note_tls_silent(&self.route, SILENT, neutral.since, at.now);
                }
            }
        }
        true
    }

    /// The time in which a server may still reply is over.
    fn conclude_drain(&mut self, at: &mut Moment<'_>) {
        let Some(until) = self.drains_until else { return };
        if self.is_heard || self.outcome.is_some() {
            self.drains_until = None;
        } else if until <= at.now {
            self.drains_until = None;
            self.conclude_silence(at);
        }
    }

    /// The question is over at this server. If nothing has come, another one goes first.
    pub(super) fn conclude_silence(&mut self, at: &mut Moment<'_>) {
        if self.outcome.is_none() && self.was_silent(at.health, at.now) {
            at.health.note_silent(&self.route, at.now);
        }
    }

    fn was_heard_since(&self, then: Instant, at: &Moment<'_>) -> bool {
        at.connections.was_tls_heard_since(&self.route, self.index, then)
    }

    fn note_tls_answer(&self, at: &mut Moment<'_>) {
        at.health.link_mut(&self.route, true).is_proven = true;
        at.health.note_tls_answer(&self.route);
    }

    fn note_tls_dead(&self, why: &str, at: &mut Moment<'_>) {
        at.health.link_mut(&self.route, true).is_proven = false;
        at.health.note_tls_dead(&self.route, why, at.now);
    }

    /// The earliest moment at which a conclusion is due.
    pub(super) fn concludes_at(&self) -> Option<Instant> {
        let neutral = self.neutral.as_ref().filter(|neutral| neutral.is_of_a_port());
        let partial = self.transports.plain.as_ref().filter(|_| self.outcome.is_none());
        let partial = partial.and_then(Plain::partial_until);
        let times = [neutral.map(|neutral| neutral.until), partial, self.drains_until];
        times.into_iter().flatten().min()
    }

    /// True if the server is still of interest after the outcome of the question.
    pub(super) fn goes_on(&self) -> bool {
        self.drains_until.is_some() || self.neutral.as_ref().is_some_and(Neutral::is_of_a_port)
    }
}
