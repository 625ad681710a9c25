//! The error of a call: one line with every cause, and the report behind it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Instant;

use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::option_error::OptionError;
use crate::race::report::{AttemptReport, ErrorKind, LookupReport, Outcome, Report, Summary};
use crate::race::text::Escaped;

/// The error of a call.
///
/// `Display` is one line: DNS first, then the attempts in order, each with address, port, cause and
/// time. `source` is `None`, because the causes are in that line already and would be printed
/// twice. To examine a cause, take [`Error::report`] and downcast the `io::Error` of the attempt.
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
            // Unreachable: the connector asks only after a failure.
            Outcome::Running | Outcome::Connected(_) | Outcome::Resolved | Outcome::Dropped => {
                ErrorKind::Connect
            }
        };
        Self::new(kind, report)
    }

    /// The error of a call that did not start, for the reason in `detail`.
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

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Finds the error of a call among the causes of another error, also inside an `io::Error`. An
    /// HTTP client's failed request has it as a cause, for example.
    ///
    /// ```
    /// # fn doc(error: std::io::Error) {
    /// if let Some(error) = he::Error::find_in(&error) {
    ///     println!("{}", error.report());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn find_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let inner = inner.map(|inner| inner as &(dyn StdError + 'static));
            if let Some(found) = inner.unwrap_or(error).downcast_ref() {
                return Some(found);
            }
            // `source` of an `io::Error` skips the error inside it, so the inner error comes first.
            next = inner.or_else(|| error.source());
        }
        None
    }

    /// The report, with every lookup and attempt.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The report, owned.
    #[must_use]
    pub fn into_report(self) -> Report {
        *self.report
    }

    /// True if the same call may succeed later, because failures of the network may pass. Failures
    /// by the caller's input stay, and so does a name that does not exist.
    ///
    /// Among failed attempts, a single one that may pass is enough. A refused socket option stays
    /// refused, and so does an error of the kinds `InvalidInput`, `InvalidData` (a certificate, for
    /// example) and `Unsupported`. A dial's other errors count as transient. For a finer judgement,
    /// examine [`AttemptReport::error`].
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.kind {
            ErrorKind::TimedOut => true,
            ErrorKind::Lookup => self.lookup_errors().any(|error| match error.kind() {
                LookupErrorKind::NoSuchName
                | LookupErrorKind::NoRecords
                | LookupErrorKind::Untrusted => false,
                // With a server, that server was unreachable. Without, no server is configured.
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

    /// The kind for callers of `std::io`: for failed attempts, the kind of the first one.
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

/// True for a failure of the path, which may pass. False for a failure of the caller's options.
fn may_pass(attempt: &AttemptReport) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, PermissionDenied, Unsupported};
    let Some(error) = attempt.error() else { return true };
    if error.get_ref().is_some_and(|inner| inner.is::<OptionError>()) {
        return false;
    }
    // A filter on the path denies by ICMP. This host denies before a packet leaves.
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

/// The kind and the line, without the report.
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
