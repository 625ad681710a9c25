//! The rows of a report: lookups and attempts, and how each is told on one line.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::race::answer::{Answer, LookupError, Origin};
use crate::race::binding::OptionError;
use crate::race::report::text::{Line, Time, with_causes};
use crate::resolve::Record;

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

impl AttemptReport {
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
}

impl LookupReport {
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

/// A lookup that failed faster than this does not need its time told.
const SLOW: Duration = Duration::from_millis(100);

/// `192.0.2.1:443: connection refused after 12ms`.
impl fmt::Display for AttemptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.addr)?;
        let took = self.elapsed();
        match (&self.outcome, took) {
            (AttemptOutcome::Failed(error), Some(took)) if self.sent => {
                write!(f, "{} after {}", Cause(error), Time(took))
            }
            (AttemptOutcome::Failed(error), _) => write!(f, "{}", Cause(error)),
            (AttemptOutcome::TimedOut, Some(took)) => write!(f, "timed out after {}", Time(took)),
            (AttemptOutcome::TimedOut, None) => f.write_str("timed out"),
            (AttemptOutcome::Won, _) => f.write_str("connected"),
            (AttemptOutcome::Running | AttemptOutcome::Cancelled, took) => {
                still(f, "connecting", took)
            }
        }
    }
}

fn still(f: &mut fmt::Formatter<'_>, doing: &str, took: Option<Duration>) -> fmt::Result {
    match took {
        Some(took) => write!(f, "still {doing} after {}", Time(took)),
        None => write!(f, "still {doing}"),
    }
}

/// An answer in short: `2001:db8::1, 2001:db8::2 and 3 more as cdn.example (192.0.2.53:53, cached)`,
/// `192.0.2.1 (192.0.2.53:853 over TLS)`.
pub(crate) struct Addresses<'a>(pub(crate) &'a Answer);

/// Addresses that are shown of an answer.
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
            write!(f, " as {}", Line(name))?;
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
        let in_clear = answer.in_clear().map(|why| format!("{also}in clear: {}", Line(why)));
        let cached = answer.is_cached().then(|| "cached".to_owned());
        let notes = [server, origin, in_clear, cached].into_iter().flatten().collect::<Vec<_>>();
        if notes.is_empty() { Ok(()) } else { write!(f, " ({})", notes.join(", ")) }
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

/// An I/O error in the field's words, without the number of the system call's error.
pub(crate) struct Cause<'a>(pub(crate) &'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.0.get_ref().and_then(|inner| inner.downcast_ref::<OptionError>());
        if let Some(error) = inner {
            // The address stands before it.
            return write!(f, "{}: {}", error.option(), Cause(error.cause()));
        }
        #[cfg(any(feature = "dns", feature = "rustls"))]
        if let Some(words) = crate::tls::words::of_dial(self.0) {
            return write!(f, "{}", Line(words));
        }
        match (self.0.raw_os_error(), self.0.kind().to_string()) {
            // std knows no better word for these than the system's own text.
            (None, _) => write!(f, "{}", Line(with_causes(self.0))),
            (_, kind) if kind == "other error" || kind == "uncategorized error" => {
                write!(f, "{}", Line(self.0))
            }
            (Some(_), kind) => f.write_str(&kind),
        }
    }
}
