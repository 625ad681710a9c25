//! A lookup in a report, and its text.

use std::fmt;
use std::time::Duration;

use super::Ip;
use super::span::{Span, still};
use crate::race::answer::{Answer, LookupError, Origin};
use crate::race::name::Name;
use crate::race::query::Record;
use crate::race::text::{Escaped, Time};

/// A lookup of one record type.
#[derive(Debug, Clone)]
pub struct LookupReport {
    pub(crate) name: Name,
    pub(crate) record: Record,
    pub(crate) span: Span,
    pub(crate) outcome: LookupOutcome,
}

/// The outcome of a lookup. Two failures are equal if their errors are of one kind.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LookupOutcome {
    /// It had not been answered when the report was taken.
    Running,
    /// It gave addresses.
    Answered(Answer),
    /// It gave none.
    Failed(LookupError),
    /// The call ended before the lookup did.
    Abandoned,
}

impl PartialEq for LookupOutcome {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Answered(a), Self::Answered(b)) => a == b,
            (Self::Failed(a), Self::Failed(b)) => a.kind() == b.kind(),
            (Self::Running, Self::Running) | (Self::Abandoned, Self::Abandoned) => true,
            (Self::Running | Self::Answered(_) | Self::Failed(_) | Self::Abandoned, _) => false,
        }
    }
}

impl Eq for LookupOutcome {}

impl LookupReport {
    #[inline]
    pub(crate) fn starting(name: Name, record: Record, span: Span) -> Self {
        Self { name, record, span, outcome: LookupOutcome::Running }
    }

    /// True if it has not ended yet.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.outcome, LookupOutcome::Running)
    }

    /// The name that was looked up, in lower-case A-labels.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The record type.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record
    }

    /// The outcome.
    #[must_use]
    pub fn outcome(&self) -> &LookupOutcome {
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

    /// The error of a lookup that gave no addresses.
    #[must_use]
    pub fn error(&self) -> Option<&LookupError> {
        match &self.outcome {
            LookupOutcome::Failed(error) => Some(error),
            LookupOutcome::Running | LookupOutcome::Answered(_) | LookupOutcome::Abandoned => None,
        }
    }
}

/// `AAAA: no records`, `A: 2 addresses`.
impl fmt::Display for LookupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.record)?;
        match (&self.outcome, self.elapsed()) {
            (LookupOutcome::Failed(error), took) => {
                write!(f, "{error}")?;
                match took {
                    Some(took) if took >= SLOW => write!(f, " after {}", Time(took)),
                    _ => Ok(()),
                }
            }
            (LookupOutcome::Answered(answer), _) => match answer.addrs().len() {
                1 => f.write_str("1 address"),
                n => write!(f, "{n} addresses"),
            },
            (LookupOutcome::Running | LookupOutcome::Abandoned, took) => still(f, "asking", took),
        }
    }
}

/// A lookup that failed faster than this is shown without its time.
const SLOW: Duration = Duration::from_millis(100);

/// An answer in short: `192.0.2.1 (192.0.2.53:853 over TLS)`, or
/// `2001:db8::1, 2001:db8::2 and 3 more as cdn.example (192.0.2.53:53, cached)`.
pub(crate) struct Addresses<'a>(pub(crate) &'a Answer);

/// The number of addresses that are shown of an answer.
const SHOWN: usize = 2;

impl fmt::Display for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(answer) = self;
        for (index, addr) in answer.addrs().iter().take(SHOWN).enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, Ip(*addr))?;
        }
        if let Some(more) = answer.addrs().len().checked_sub(SHOWN).filter(|more| *more > 0) {
            write!(f, " and {more} more")?;
        }
        if let Some(name) = answer.name() {
            write!(f, " as {}", Escaped(name))?;
        }
        let server = answer.server().map(|server| match answer.origin() {
            Origin::Tls => format!("{server} over TLS"),
            Origin::Unknown | Origin::Hosts | Origin::System | Origin::Udp | Origin::Tcp => {
                server.to_string()
            }
        });
        let origin = match answer.origin() {
            it @ (Origin::Hosts | Origin::System) => Some(it.to_string()),
            Origin::Unknown | Origin::Udp | Origin::Tcp | Origin::Tls => None,
        };
        let also = if answer.origin() == Origin::Tls { "also " } else { "" };
        let plaintext_reason =
            answer.plaintext_reason().map(|why| format!("{also}in plaintext: {}", Escaped(why)));
        let cached = answer.is_cached().then(|| "cached".to_owned());
        let notes =
            [server, origin, plaintext_reason, cached].into_iter().flatten().collect::<Vec<_>>();
        if notes.is_empty() { Ok(()) } else { write!(f, " ({})", notes.join(", ")) }
    }
}
