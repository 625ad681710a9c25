//! Why a connect failed: one line that tells the whole story, and the report behind it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::answer::{LookupError, LookupErrorKind};
use crate::binding::OptionError;
use crate::report::{
    AttemptOutcome, AttemptReport, ErrorKind, LookupOutcome, LookupReport, Outcome, PassedOver,
    Reason, Report,
};
use crate::text::{Line, Time};

/// A connect that failed.
///
/// `Display` is one line, DNS first, then the attempts in order, each with address, port, cause
/// and time. The causes are in it, so `source` is `None`: they would be printed twice. To look at
/// one, take [`Error::report`] and downcast the `io::Error` of the attempt.
///
/// `io::Error::from` keeps the kind, and this error as its inner value.
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    detail: Option<String>,
    report: Report,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, report: Report) -> Self {
        Self(Box::new(Inner { kind, detail: None, report }))
    }

    /// An error before the first packet; `detail` says what is wrong.
    pub(crate) fn at_the_door(
        kind: ErrorKind,
        detail: &dyn fmt::Display,
        host: &str,
        ports: &[u16],
        now: Instant,
    ) -> Self {
        let mut report = Report::new(Arc::from(host), Arc::from(ports), now);
        report.close(Outcome::Failed(kind), now);
        Self(Box::new(Inner { kind, detail: Some(detail.to_string()), report }))
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Every lookup and attempt.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0.report
    }

    /// The report, owned.
    #[must_use]
    pub fn into_report(self) -> Report {
        self.0.report
    }

    /// Whether the same call may succeed later: yes for what the network did, no for what the
    /// caller gave and for a name that does not exist.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.0.kind {
            ErrorKind::Lookup | ErrorKind::TimedOut => true,
            ErrorKind::Connect => self.0.report.attempts.iter().any(may_pass),
            ErrorKind::InvalidInput
            | ErrorKind::NoSuchName
            | ErrorKind::NoAddress
            | ErrorKind::Forbidden => false,
        }
    }

    /// The kind that callers of `std::io` know: at the top, that of the first attempt.
    fn io_kind(&self) -> io::ErrorKind {
        match self.0.kind {
            ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
            ErrorKind::NoSuchName | ErrorKind::NoAddress => io::ErrorKind::NotFound,
            ErrorKind::Lookup => lookup_io_kind(&self.0.report),
            ErrorKind::Forbidden => io::ErrorKind::PermissionDenied,
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::Connect => self
                .0
                .report
                .attempts
                .first()
                .and_then(AttemptReport::error)
                .map_or(io::ErrorKind::TimedOut, io::Error::kind),
        }
    }
}

/// A failure that lies with the caller's options stays; one that lies with the path may pass.
fn may_pass(attempt: &AttemptReport) -> bool {
    use io::ErrorKind::{AddrNotAvailable, InvalidInput, PermissionDenied, Unsupported};
    let stays = [AddrNotAvailable, InvalidInput, PermissionDenied, Unsupported];
    attempt.error().is_none_or(|error| !stays.contains(&error.kind()))
}

fn lookup_io_kind(report: &Report) -> io::ErrorKind {
    let silent = report
        .lookups
        .iter()
        .filter_map(LookupReport::error)
        .any(|error| error.kind() == LookupErrorKind::TimedOut);
    if silent { io::ErrorKind::TimedOut } else { io::ErrorKind::Other }
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, detail, report } = &*self.0;
        match (report.host.as_ref(), report.attempts.first()) {
            ("", Some(first)) => write!(f, "cannot connect to {}", first.addr)?,
            ("", None) => f.write_str("cannot connect")?,
            (host, _) => write!(f, "cannot connect to {}", Line(host))?,
        }
        match (kind, detail) {
            (_, Some(detail)) => write!(f, ": {detail}")?,
            (ErrorKind::TimedOut, None) => {
                write!(f, ": timed out after {}", Time(report.elapsed()))?
            }
            (_, None) => write!(f, ": {kind}")?,
        }
        report.lookups.iter().try_for_each(|lookup| write!(f, "; {lookup}"))?;
        report.attempts.iter().try_for_each(|attempt| write!(f, "; {attempt}"))?;
        report.passed_over.iter().try_for_each(|passed| write!(f, "; {passed}"))?;
        match report.cut {
            0 => Ok(()),
            cut => write!(f, "; {cut} more addresses left out"),
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

/// An I/O error in the field's words, without the number of the system call's error.
struct Cause<'a>(&'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.0.get_ref().and_then(|inner| inner.downcast_ref::<OptionError>());
        if let Some(error) = inner {
            // The address stands before it.
            return write!(f, "{}: {}", error.option(), Cause(error.cause()));
        }
        match (self.0.raw_os_error(), self.0.kind().to_string()) {
            // std knows no better word for these than the system's own text.
            (None, _) => write!(f, "{}", Line(self.0)),
            (_, kind) if kind == "other error" || kind == "uncategorized error" => {
                write!(f, "{}", Line(self.0))
            }
            (Some(_), kind) => f.write_str(&kind),
        }
    }
}

/// `10.0.0.1:443: forbidden`, without the port where the reason is the address itself.
impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr.port() {
            0 => write!(f, "{}: {}", self.addr.ip(), self.reason),
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

/// The kind and the one line; the report prints itself.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}

impl StdError for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.io_kind(), error)
    }
}
