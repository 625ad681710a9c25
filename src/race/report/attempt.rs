//! A connection attempt in a report, and its text.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(feature = "serde")]
use super::cause::CauseText;
use super::cause::ErrorWords;
use super::span::{Span, still};
use crate::race::endpoint::{Endpoint, EndpointOrigin};
use crate::race::text::Time;

/// A connection attempt.
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

/// The outcome of an attempt. Two failures are equal if their errors are of one kind.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// It was still running when the report was taken.
    Running,
    /// It is the connection that the caller got.
    Won,
    /// It failed. The error is the one of the dial, and it can be downcast.
    Failed(Arc<io::Error>),
    /// It took longer than `connect_timeout`.
    TimedOut,
    /// Another attempt won, or the call ended.
    Cancelled,
}

impl PartialEq for AttemptOutcome {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Failed(a), Self::Failed(b)) => a.kind() == b.kind(),
            (Self::Running, Self::Running)
            | (Self::Won, Self::Won)
            | (Self::TimedOut, Self::TimedOut)
            | (Self::Cancelled, Self::Cancelled) => true,
            (Self::Running | Self::Won | Self::Failed(_) | Self::TimedOut | Self::Cancelled, _) => {
                false
            }
        }
    }
}

impl Eq for AttemptOutcome {}

impl AttemptReport {
    #[inline]
    pub(crate) fn starting(endpoint: Endpoint, words: ErrorWords, span: Span) -> Self {
        let Endpoint { addr, origin, .. } = endpoint;
        let outcome = AttemptOutcome::Running;
        Self { addr, origin, span, tcp_up: None, sent: true, words, outcome }
    }

    /// True if it has not ended yet.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.outcome, AttemptOutcome::Running)
    }

    /// The lookup that found the address, as an index into
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

    /// The outcome.
    #[must_use]
    pub fn outcome(&self) -> &AttemptOutcome {
        &self.outcome
    }

    /// The time from the call to its start.
    #[must_use]
    pub fn started_after(&self) -> Duration {
        self.span.started_after()
    }

    /// The time that it took, or had taken when the call ended.
    #[must_use]
    pub fn elapsed(&self) -> Option<Duration> {
        self.span.elapsed()
    }

    /// The time that the TCP handshake took, if the dial went on after it and reported it.
    #[must_use]
    pub fn tcp_elapsed(&self) -> Option<Duration> {
        self.tcp_up.map(|up| up.saturating_duration_since(self.span.from))
    }

    /// True if it failed before a packet left the host: no route, a socket option, no such
    /// interface.
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

    /// The cause of its failure, in words.
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
