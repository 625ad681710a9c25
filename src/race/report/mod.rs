//! The report of a call: every lookup and every attempt, with its start, its end and its outcome.
//!
//! The race keeps its facts in this form, so the report is complete, and each fact is stored once.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::race::address::Unusable;
use crate::race::ports::Ports;

mod attempt;
mod cause;
mod lookup;
#[cfg(feature = "serde")]
mod serialize;
mod span;
mod summary;
mod waterfall;

pub use self::attempt::{AttemptOutcome, AttemptReport};
pub(crate) use self::cause::ErrorWords;
pub(crate) use self::lookup::Addresses;
pub use self::lookup::{LookupOutcome, LookupReport};
pub(crate) use self::span::Span;
pub(crate) use self::summary::{Destination, Summary};

/// The report of one call. Feature `serde` serializes it. `Display` draws it as a waterfall: a row
/// for each lookup and attempt, on a time axis that begins at the call.
///
/// | bar | meaning |
/// |---|---|
/// | `█` | answered, or won |
/// | `▒` | failed |
/// | `░` | no result: cancelled, timed out, or still running; and the time before TCP was connected, where the dial goes on after TCP |
/// | `▓` | no result, after TCP was connected |
#[derive(Debug, Clone)]
pub struct Report {
    pub(crate) host: Arc<str>,
    pub(crate) ports: Ports,
    pub(crate) began: Instant,
    pub(crate) ended: Option<Instant>,
    pub(crate) outcome: Outcome,
    pub(crate) lookups: Vec<LookupReport>,
    /// Most calls have one.
    pub(crate) attempts: SmallVec<[AttemptReport; 1]>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) skipped_more: usize,
    pub(crate) left_out: usize,
    pub(crate) not_tried: usize,
    /// The length of a list of addresses; `None` for a host.
    pub(crate) listed: Option<usize>,
    /// The reason why the call did not start.
    pub(crate) detail: Option<Arc<str>>,
}

/// The outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It has not ended.
    Running,
    /// This attempt won (an index into [`Report::attempts`]).
    Connected(usize),
    /// It failed.
    Failed(ErrorKind),
    /// The call has found addresses, for which it was made ([`Connector::resolve`]). It has no
    /// attempts.
    ///
    /// [`Connector::resolve`]: crate::Connector::resolve
    Resolved,
    /// The caller dropped the future.
    Dropped,
}

/// The kind of failure that ended the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The host, the ports or the configuration are invalid; or a call with TLS has nothing to
    /// verify a certificate with: no root certificates, or no crypto provider. No packet has left.
    InvalidInput,
    /// The name does not exist.
    NoSuchName,
    /// The name exists and has no usable address of the families asked for.
    NoAddress,
    /// The lookup failed: a server failure, a refusal, no name server or none that could be
    /// authenticated, no answer.
    Lookup,
    /// The caller's gate refused every address.
    Forbidden,
    /// Every attempt failed.
    Connect,
    /// `total_timeout` is over, or every attempt took longer than `connect_timeout`.
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

/// An address that was known and never dialled, with the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Skipped {
    /// The address. Its port is 0 in a call that only resolves, and where the address itself is the
    /// reason (`Unusable`, `OtherFamily`) and came from a resolver or from the host.
    pub addr: SocketAddr,
    /// The reason.
    pub reason: Reason,
}

/// The reason why an address was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No connection can be made to such an address.
    Unusable(Unusable),
    /// The caller's gate ([`Connector::with_gate`](crate::Connector::with_gate)) refused it.
    Forbidden,
    /// [`Config::family`](crate::Config::family) excludes it.
    OtherFamily,
}

/// The number of skipped addresses that a report names at most.
const MAX_SKIPPED: usize = 64;

impl Report {
    /// The host as the caller typed it; empty for a list of addresses.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The ports, without duplicates; empty for a list of addresses.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        self.ports.as_slice()
    }

    /// The outcome.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The time that the call took; until the last event if it has not ended.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let spans = self.lookups.iter().map(|l| l.span).chain(self.attempts.iter().map(|a| a.span));
        let last = || spans.map(|span| span.to.unwrap_or(span.from)).max();
        self.since_call(self.ended.or_else(last).unwrap_or(self.began))
    }

    /// The time that the names took: from the call to the start of the first attempt, or the whole
    /// call if none has started. `None` if nothing was looked up.
    ///
    /// The wait for the preferred family belongs to it
    /// ([`Config::aaaa_timeout`](crate::Config::aaaa_timeout)). A lookup that still runs when the
    /// first attempt starts adds nothing; [`LookupReport::elapsed`] is its own time.
    #[must_use]
    pub fn dns_elapsed(&self) -> Option<Duration> {
        let whole = || self.elapsed();
        let until_first = self.attempts.first().map_or_else(whole, AttemptReport::started_after);
        (!self.lookups.is_empty()).then_some(until_first)
    }

    /// The time that the attempts took: from the start of the first one to the end of the call. It
    /// is the rest of [`elapsed`](Self::elapsed) after [`dns_elapsed`](Self::dns_elapsed). `None`
    /// if no attempt has started.
    #[must_use]
    pub fn connect_elapsed(&self) -> Option<Duration> {
        let first = self.attempts.first()?;
        Some(self.elapsed().saturating_sub(first.started_after()))
    }

    /// The lookups, in the order of their starts.
    #[must_use]
    pub fn lookups(&self) -> &[LookupReport] {
        &self.lookups
    }

    /// The attempts, in the order of their starts.
    #[must_use]
    pub fn attempts(&self) -> &[AttemptReport] {
        &self.attempts
    }

    /// The attempt that won.
    #[must_use]
    pub fn winner(&self) -> Option<&AttemptReport> {
        match self.outcome {
            Outcome::Connected(index) => self.attempts.get(index),
            Outcome::Running | Outcome::Failed(_) | Outcome::Resolved | Outcome::Dropped => None,
        }
    }

    /// The addresses that were skipped, with the reason: the first 64 of them.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The number of further addresses that were skipped.
    #[must_use]
    pub fn skipped_more(&self) -> usize {
        self.skipped_more
    }

    /// The number of addresses of the answers that were left out. A call takes 32 of each family,
    /// and the resolver may have kept fewer than it received.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The number of pairs of address and port that had not had their turn when the call ended; 0
    /// while it runs, and after [`Outcome::Resolved`].
    #[must_use]
    pub fn not_tried(&self) -> usize {
        self.not_tried
    }

    /// The reason why the input was refused, or why a name is never looked up; `None` otherwise.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The name that owns the addresses, if it differs from the typed one.
    #[must_use]
    pub fn final_name(&self) -> Option<&str> {
        self.lookups.iter().find_map(|lookup| match &lookup.outcome {
            LookupOutcome::Answered(answer) => answer.name(),
            LookupOutcome::Running | LookupOutcome::Failed(_) | LookupOutcome::Abandoned => None,
        })
    }
}

/// The methods of the race, which keeps its facts here.
impl Report {
    pub(crate) fn new(host: Arc<str>, ports: Ports, began: Instant) -> Self {
        Self {
            host,
            ports,
            began,
            ended: None,
            outcome: Outcome::Running,
            lookups: Vec::new(),
            attempts: SmallVec::new(),
            skipped: Vec::new(),
            skipped_more: 0,
            left_out: 0,
            not_tried: 0,
            listed: None,
            detail: None,
        }
    }

    pub(crate) fn of_list(addrs: usize, began: Instant) -> Self {
        let report = Self::new(Arc::default(), Ports::default(), began);
        Self { listed: Some(addrs), ..report }
    }

    /// The span of a lookup or an attempt that starts now.
    pub(crate) fn span_from(&self, now: Instant) -> Span {
        Span::starting(self.began, now)
    }

    /// A time of this report as a duration since the call.
    pub(crate) fn since_call(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.began)
    }

    /// Adds a skipped address; above the limit, it only counts the address.
    pub(crate) fn skip(&mut self, addr: SocketAddr, reason: Reason) {
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push(Skipped { addr, reason });
        } else {
            self.skipped_more += 1;
        }
    }

    pub(crate) fn running_attempt(&mut self, id: usize) -> Option<&mut AttemptReport> {
        self.attempts.get_mut(id).filter(|attempt| attempt.is_running())
    }

    /// Ends the call. Lookups and attempts that still run are abandoned.
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

/// `10.0.0.1:443: forbidden`, without the port where the reason is the address itself.
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr.port() {
            0 => write!(f, "{}: {}", Ip(self.addr), self.reason),
            _ => write!(f, "{}: {}", self.addr, self.reason),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(why) => write!(f, "{why}"),
            Self::Forbidden => f.write_str("forbidden"),
            Self::OtherFamily => f.write_str("family excluded"),
        }
    }
}

/// An address without its port, with its zone.
pub(crate) struct Ip(pub(crate) SocketAddr);

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => write!(f, "{}%{}", v6.ip(), v6.scope_id()),
            SocketAddr::V4(_) | SocketAddr::V6(_) => write!(f, "{}", self.0.ip()),
        }
    }
}
