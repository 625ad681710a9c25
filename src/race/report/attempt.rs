//! A connection attempt in a report, and its line.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(feature = "serde")]
use super::cause::CauseText;
use super::cause::ErrorWords;
use super::span::{Span, still};
use super::text::Time;
use crate::race::endpoint::{Endpoint, EndpointOrigin};

/// One connection attempt.
#[derive(Debug, Clone)]
pub struct AttemptReport {
    pub(crate) addr: SocketAddr,
    pub(crate) origin: EndpointOrigin,
    pub(crate) span: Span,
    pub(crate) tcp_up: Option<Instant>,
    pub(crate) sent: bool,
    pub(crate) words: ErrorWords,
    pub(crate) outcome: AttemptOutcome,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// It was still under way when the report was taken.
    Running,
    /// It is the connection that the caller got.
    Won,
    /// It failed. The error is the dial's own: it can be downcast.
    Failed(Arc<io::Error>),
    /// It took longer than `connect_timeout`.
    TimedOut,
    /// Another attempt won, or the connect ended.
    Cancelled,
}

impl AttemptReport {
    #[inline]
    pub(crate) fn starting(endpoint: Endpoint, words: ErrorWords, now: Instant) -> Self {
        let (Endpoint { addr, origin, .. }, span) = (endpoint, Span::starting(now));
        let outcome = AttemptOutcome::Running;
        Self { addr, origin, span, tcp_up: None, sent: true, words, outcome }
    }

    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.outcome, AttemptOutcome::Running)
    }

    /// The lookup that has found the address, as an index into
    /// [`Report::lookups`](crate::Report::lookups); `None` if no lookup was needed.
    #[must_use]
    pub fn lookup(&self) -> Option<usize> {
        match self.origin {
            EndpointOrigin::Lookup(id) => Some(id.into()),
            EndpointOrigin::List | EndpointOrigin::Host => None,
        }
    }

    /// The address and port that were dialled.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> &AttemptOutcome {
        &self.outcome
    }

    /// When it was started.
    #[must_use]
    pub fn started_at(&self) -> Instant {
        self.span.from
    }

    /// How long it took, or had taken when the connect ended.
    #[must_use]
    pub fn elapsed(&self) -> Option<Duration> {
        self.span.elapsed()
    }

    /// How long the TCP handshake took, where the dial went on after it and told so.
    #[must_use]
    pub fn tcp_elapsed(&self) -> Option<Duration> {
        self.tcp_up.map(|up| up.saturating_duration_since(self.span.from))
    }

    /// Whether it failed before a packet left the host: no route, an option, no such interface.
    #[must_use]
    pub fn is_local(&self) -> bool {
        !self.sent
    }

    /// The error of an attempt that failed by itself.
    #[must_use]
    pub fn error(&self) -> Option<&io::Error> {
        match &self.outcome {
            AttemptOutcome::Failed(error) => Some(error),
            AttemptOutcome::Running
            | AttemptOutcome::Won
            | AttemptOutcome::TimedOut
            | AttemptOutcome::Cancelled => None,
        }
    }

    /// Why it failed, in words.
    #[cfg(feature = "serde")]
    pub(crate) fn cause(&self) -> Option<CauseText<'_>> {
        self.error().map(|error| self.words.of(error))
    }
}

/// `192.0.2.1:443: connection refused after 12ms`.
impl fmt::Display for AttemptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.addr)?;
        let took = self.elapsed();
        match (&self.outcome, took) {
            (AttemptOutcome::Failed(error), Some(took)) if self.sent => {
                write!(f, "{} after {}", self.words.of(error), Time(took))
            }
            (AttemptOutcome::Failed(error), _) => write!(f, "{}", self.words.of(error)),
            (AttemptOutcome::TimedOut, Some(took)) => write!(f, "timed out after {}", Time(took)),
            (AttemptOutcome::TimedOut, None) => f.write_str("timed out"),
            (AttemptOutcome::Won, _) => f.write_str("connected"),
            (AttemptOutcome::Running | AttemptOutcome::Cancelled, took) => {
                still(f, "connecting", took)
            }
        }
    }
}
