//! What happened: every lookup and every attempt, with its start, its end and its outcome.
//!
//! The machine keeps its facts in this form, so nothing is recorded twice and nothing is missing.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::answer::{Answer, LookupError};
use crate::order::Unusable;
use crate::resolve::Record;

/// The story of one connect. `Display` draws it as a waterfall, feature `serde` serializes it.
///
/// All times count from the call.
#[derive(Debug, Clone)]
pub struct Report {
    pub(crate) host: Arc<str>,
    pub(crate) ports: Arc<[u16]>,
    pub(crate) began: Instant,
    pub(crate) ended: Option<Instant>,
    pub(crate) outcome: Outcome,
    pub(crate) lookups: Vec<LookupReport>,
    pub(crate) attempts: Vec<AttemptReport>,
    pub(crate) passed_over: Vec<PassedOver>,
    pub(crate) cut: usize,
}

/// How a connect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It has not ended.
    Running,
    /// This attempt won (an index into [`Report::attempts`]).
    Connected(usize),
    /// It failed.
    Failed(ErrorKind),
    /// The caller dropped the future.
    Dropped,
}

/// What kind of failure ended the connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The host, the ports or the configuration make no sense. No packet has left.
    InvalidInput,
    /// The name does not exist.
    NoSuchName,
    /// The name exists and has no usable address of the families asked for.
    NoAddress,
    /// The lookup failed: a server failure, a refusal, no name server, no answer.
    Lookup,
    /// The caller's gate refused every address.
    Forbidden,
    /// Every attempt failed.
    Connect,
    /// `total_timeout` is over, or every attempt ran into `connect_timeout`.
    TimedOut,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidInput => "invalid input",
            Self::NoSuchName => "no such name",
            Self::NoAddress => "no usable address",
            Self::Lookup => "lookup failed",
            Self::Forbidden => "every address is forbidden",
            Self::Connect => "every attempt failed",
            Self::TimedOut => "timed out",
        })
    }
}

/// One lookup of one record type.
#[derive(Debug, Clone)]
pub struct LookupReport {
    pub(crate) record: Record,
    pub(crate) span: Span,
    pub(crate) outcome: LookupOutcome,
}

/// How a lookup ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LookupOutcome {
    /// It was still out when the report was taken.
    Running,
    /// It gave addresses.
    Answered(Answer),
    /// It gave none.
    Failed(LookupError),
    /// The connect ended before it did.
    Abandoned,
}

/// One connection attempt.
#[derive(Debug, Clone)]
pub struct AttemptReport {
    pub(crate) addr: SocketAddr,
    pub(crate) span: Span,
    pub(crate) tcp_up: Option<Instant>,
    pub(crate) sent: bool,
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

/// An address that was known and never dialled, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PassedOver {
    /// The address; its port is 0 where it came from a resolver.
    pub addr: SocketAddr,
    /// The reason.
    pub reason: Reason,
}

/// Why an address was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// No connection can be made to such an address.
    Unusable(Unusable),
    /// The caller's gate ([`Connector::allow`](crate::Connector::allow)) refused it.
    Forbidden,
    /// [`Config::family`](crate::Config::family) excludes it.
    OtherFamily,
}

/// From when to when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: Instant,
    pub(crate) to: Option<Instant>,
}

impl Span {
    pub(crate) fn starting(now: Instant) -> Self {
        Self { from: now, to: None }
    }
}

impl Report {
    pub(crate) fn new(host: Arc<str>, ports: Arc<[u16]>, began: Instant) -> Self {
        Self {
            host,
            ports,
            began,
            ended: None,
            outcome: Outcome::Running,
            lookups: Vec::new(),
            attempts: Vec::new(),
            passed_over: Vec::new(),
            cut: 0,
        }
    }

    /// The host as the caller typed it; empty for a list of addresses.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The ports, without duplicates; empty for a list of addresses.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// How long it took; until the last event if it has not ended.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let spans = self.lookups.iter().map(|l| l.span).chain(self.attempts.iter().map(|a| a.span));
        let last = || spans.map(|span| span.to.unwrap_or(span.from)).max();
        self.since_call(self.ended.or_else(last).unwrap_or(self.began))
    }

    /// Every lookup in the order it was asked.
    #[must_use]
    pub fn lookups(&self) -> &[LookupReport] {
        &self.lookups
    }

    /// Every attempt in the order it was started.
    #[must_use]
    pub fn attempts(&self) -> &[AttemptReport] {
        &self.attempts
    }

    /// The attempt that won.
    #[must_use]
    pub fn winner(&self) -> Option<&AttemptReport> {
        match self.outcome {
            Outcome::Connected(index) => self.attempts.get(index),
            Outcome::Running | Outcome::Failed(_) | Outcome::Dropped => None,
        }
    }

    /// Addresses that were known and never dialled, with the reason; the first 64 of them.
    #[must_use]
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// How many addresses were left out because a call takes 32 of each family.
    #[must_use]
    pub fn cut(&self) -> usize {
        self.cut
    }

    /// When the call began, by tokio's clock; of a race without tokio, what its driver said.
    #[must_use]
    pub fn called_at(&self) -> Instant {
        self.began
    }

    /// A time of this report as a duration since the call.
    pub(crate) fn since_call(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.began)
    }

    /// The name that owns the addresses, if it is not the one that was typed.
    #[must_use]
    pub fn final_name(&self) -> Option<&str> {
        self.lookups.iter().find_map(|lookup| match &lookup.outcome {
            LookupOutcome::Answered(answer) => answer.name(),
            LookupOutcome::Running | LookupOutcome::Failed(_) | LookupOutcome::Abandoned => None,
        })
    }

    /// Closes the books: whatever still runs is abandoned.
    pub(crate) fn close(&mut self, outcome: Outcome, now: Instant) {
        self.ended = Some(now);
        self.outcome = outcome;
        for lookup in self.lookups.iter_mut().filter(|l| l.is_running()) {
            lookup.span.to = Some(now);
            lookup.outcome = LookupOutcome::Abandoned;
        }
        for attempt in self.attempts.iter_mut().filter(|a| a.is_running()) {
            attempt.span.to = Some(now);
            attempt.outcome = AttemptOutcome::Cancelled;
        }
    }
}

impl LookupReport {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.outcome, LookupOutcome::Running)
    }

    /// The record type.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> &LookupOutcome {
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
        self.span.to.map(|to| to.saturating_duration_since(self.span.from))
    }
}

impl AttemptReport {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.outcome, AttemptOutcome::Running)
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
        self.span.to.map(|to| to.saturating_duration_since(self.span.from))
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
}
