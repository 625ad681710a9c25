//! Why a connect failed: one line that tells the whole story, and the report behind it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Instant;

use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::option_error::OptionError;
use crate::race::report::text::Escaped;
use crate::race::report::{AttemptReport, ErrorKind, LookupReport, Outcome, Report, Summary};

/// A connect that failed.
///
/// `Display` is one line, DNS first, then the attempts in order, each with address, port, cause
/// and time. The causes are in it, so `source` is `None`: they would be printed twice. To look at
/// one, take [`Error::report`] and downcast the `io::Error` of the attempt.
///
/// `io::Error::from` keeps the kind, and this error as its inner value.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    report: Box<Report>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, report: Report) -> Self {
        Self { kind, report: Box::new(report) }
    }

    /// The error of a call that has ended without success.
    pub(crate) fn of(report: Report) -> Self {
        let kind = match report.outcome {
            Outcome::Failed(kind) => kind,
            Outcome::Running | Outcome::Connected(_) | Outcome::Resolved | Outcome::Dropped => {
                ErrorKind::Connect
            }
        };
        Self::new(kind, report)
    }

    /// An error before anything began; `detail` says what is wrong.
    pub(crate) fn before_start(
        kind: ErrorKind,
        detail: &dyn fmt::Display,
        mut report: Report,
        now: Instant,
    ) -> Self {
        report.detail = Some(detail.to_string().into());
        report.close(Outcome::Failed(kind), now);
        Self::new(kind, report)
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error of a connect among an error's causes, whether or not an `io::Error` is around it:
    /// what is at the bottom of a failed request of an HTTP client.
    ///
    /// ```
    /// # fn doc(error: std::io::Error) {
    /// if let Some(error) = he::Error::among_causes(&error) {
    ///     println!("{}", error.report());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn among_causes<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let inner = inner.map(|inner| inner as &(dyn StdError + 'static));
            if let Some(found) = inner.unwrap_or(error).downcast_ref() {
                return Some(found);
            }
            // Of an `io::Error`, `source` is the cause of what is in it.
            next = inner.or_else(|| error.source());
        }
        None
    }

    /// Every lookup and attempt.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The report, owned.
    #[must_use]
    pub fn into_report(self) -> Report {
        *self.report
    }

    /// Whether the same call may succeed later: yes for what the network did, no for what the
    /// caller gave and for a name that does not exist.
    ///
    /// Of failed attempts one that may pass is enough. A socket option that was refused does not
    /// pass, nor does an error of the kinds `InvalidInput`, `InvalidData` (a certificate, say)
    /// and `Unsupported`; a dial's other errors count as transient, for a finer
    /// judgement look at [`AttemptReport::error`].
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.kind {
            ErrorKind::TimedOut => true,
            ErrorKind::Lookup => self.lookup_errors().any(|error| match error.kind() {
                LookupErrorKind::NoSuchName
                | LookupErrorKind::NoRecords
                | LookupErrorKind::Untrusted => false,
                // With a server it could not be reached; without, there is none to ask.
                LookupErrorKind::NoNameServer => error.server().is_some(),
                LookupErrorKind::ServerFailure
                | LookupErrorKind::Refused
                | LookupErrorKind::TimedOut
                | LookupErrorKind::Other => true,
            }),
            ErrorKind::Connect => self.report.attempts.iter().any(may_pass),
            ErrorKind::InvalidInput
            | ErrorKind::NoSuchName
            | ErrorKind::NoAddress
            | ErrorKind::Forbidden => false,
        }
    }

    fn lookup_errors(&self) -> impl Iterator<Item = &LookupError> {
        self.report.lookups.iter().filter_map(LookupReport::error)
    }

    /// The kind that callers of `std::io` know: at the top, that of the first attempt.
    fn io_kind(&self) -> io::ErrorKind {
        let silent = |error: &LookupError| error.kind() == LookupErrorKind::TimedOut;
        match self.kind {
            ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
            ErrorKind::NoSuchName | ErrorKind::NoAddress => io::ErrorKind::NotFound,
            ErrorKind::Lookup if self.lookup_errors().any(silent) => io::ErrorKind::TimedOut,
            ErrorKind::Lookup => io::ErrorKind::Other,
            ErrorKind::Forbidden => io::ErrorKind::PermissionDenied,
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::Connect => {
                let first = self.report.attempts.first().and_then(AttemptReport::error);
                first.map_or(io::ErrorKind::TimedOut, io::Error::kind)
            }
        }
    }
}

/// A failure that lies with the caller's options stays; one that lies with the path may pass.
fn may_pass(attempt: &AttemptReport) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, PermissionDenied, Unsupported};
    let Some(error) = attempt.error() else { return true };
    if error.get_ref().is_some_and(|inner| inner.is::<OptionError>()) {
        return false;
    }
    // A filter on the path says "denied" by ICMP; this host says so before a packet leaves.
    let denied_here = error.kind() == PermissionDenied && !attempt.sent;
    !denied_here && ![InvalidData, InvalidInput, Unsupported].contains(&error.kind())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        match (report.listed, report.attempts.first()) {
            (Some(1), Some(only)) => write!(f, "cannot connect to {}: ", only.addr)?,
            (Some(n), _) if n > 1 && report.detail.is_none() => {
                write!(f, "cannot connect to any of {n} addresses: ")?;
            }
            (Some(_), _) => f.write_str("cannot connect: ")?,
            (None, _) => write!(f, "cannot connect to {}: ", Escaped(report.host()))?,
        }
        write!(f, "{}", Summary(&self.report))
    }
}

/// The kind and the one line; the report prints itself.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.kind)
    }
}

impl StdError for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.io_kind(), error)
    }
}
