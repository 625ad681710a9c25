//! The error of a call: one line with every cause, and the report behind it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Instant;

use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::causes::{self, is_used_up, timed_out};
use crate::race::option_error::OptionError;
use crate::race::report::{AttemptReport, ErrorKind, LookupReport, Outcome, Report, Summary};
use crate::race::text::Escaped;

/// The error of a call.
///
/// `Display` is one line with every cause once: DNS first, then the attempts in order, each with
/// address, port, cause and time.
///
/// For programs, [`io_error`](Self::io_error) is the `io::Error` that tells most, and
/// [`report`](Self::report) has those of all attempts:
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let connector = he::Connector::without_resolver();
/// let error = connector.connect("127.0.0.1", &[1]).await.unwrap_err();
/// let cause = error.io_error().map(std::io::Error::kind);
/// assert_eq!(cause, Some(std::io::ErrorKind::ConnectionRefused));
/// # });
/// ```
///
/// It is the [`source`](StdError::source) as well, so code that walks the causes finds it with its
/// kind and its number. A printer of all causes therefore shows that cause twice.
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

    /// The `io::Error` of the first attempt or lookup that failed by itself. It is the
    /// [`source`](StdError::source).
    ///
    /// | [`kind`](Self::kind) | the error |
    /// |---|---|
    /// | `Connect` | that of the first attempt that failed by itself |
    /// | `TimedOut` | one of the kind [`TimedOut`](io::ErrorKind::TimedOut), without a number |
    /// | `Lookup` | the same if a lookup had no answer; else the first one among the causes of the [`LookupError`]s: of the connection to the name server, for instance |
    /// | any other | none |
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        match self.kind {
            ErrorKind::Connect => self.report.attempts.iter().find_map(AttemptReport::error),
            ErrorKind::TimedOut => Some(timed_out()),
            ErrorKind::Lookup if self.is_silent() => Some(timed_out()),
            ErrorKind::Lookup => self.lookup_errors().find_map(|error| causes::io_error(error)),
            ErrorKind::InvalidInput
            | ErrorKind::NoSuchName
            | ErrorKind::NoAddress
            | ErrorKind::Forbidden => None,
        }
    }

    /// The system's number of [`io_error`](Self::io_error), or of the first one among its causes
    /// that has a number.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        self.io_error().and_then(|error| causes::raw_os_error(error))
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
        causes::causes(error).find_map(|cause| cause.downcast_ref())
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
    /// Among failed lookups and attempts, a single one that may pass is enough. Descriptors and
    /// memory that are used up may pass; a resolv.conf that this process may not read stays. A
    /// refused socket option stays refused, and so does an error of the kinds `InvalidInput`,
    /// `InvalidData` (a certificate, for example) and `Unsupported`. A dial's other errors count as
    /// transient. For a finer judgement, examine [`AttemptReport::error`].
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.kind {
            ErrorKind::TimedOut => true,
            ErrorKind::Lookup => self.lookup_errors().any(lookup_may_pass),
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

    /// True if a lookup had no answer.
    fn is_silent(&self) -> bool {
        self.lookup_errors().any(|error| error.kind() == LookupErrorKind::TimedOut)
    }

    /// The kind for callers of `std::io`: for failed attempts, the kind of the first one with an
    /// error of its own.
    fn io_kind(&self) -> io::ErrorKind {
        match self.kind {
            ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
            ErrorKind::NoSuchName | ErrorKind::NoAddress => io::ErrorKind::NotFound,
            ErrorKind::Lookup if self.is_silent() => io::ErrorKind::TimedOut,
            // A refused question says nothing of the host.
            ErrorKind::Lookup => io::ErrorKind::Other,
            ErrorKind::Forbidden => io::ErrorKind::PermissionDenied,
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::Connect => self.io_error().map_or(io::ErrorKind::Other, io::Error::kind),
        }
    }

    /// The error of the lookup that ended the call: its cause, which stands last in the line, or
    /// the error itself.
    fn lookup_source(&self) -> Option<&(dyn StdError + 'static)> {
        let failed = |error: &&LookupError| !error.kind().is_negative();
        let error = self.lookup_errors().find(failed).or_else(|| self.lookup_errors().next())?;
        error.source().or(Some(error))
    }
}

/// True for a failure of a server or of the path to it, and where descriptors or memory are used
/// up.
fn lookup_may_pass(error: &LookupError) -> bool {
    if is_used_up(error) {
        return true;
    }
    match error.kind() {
        LookupErrorKind::NoSuchName | LookupErrorKind::NoRecords | LookupErrorKind::Untrusted => {
            false
        }
        // With a server, that server was unreachable. Without, none is configured, or the
        // configuration cannot be read.
        LookupErrorKind::NoNameServer => error.server().is_some(),
        LookupErrorKind::ServerFailure
        | LookupErrorKind::Refused
        | LookupErrorKind::TimedOut
        | LookupErrorKind::Other => true,
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

/// The source is [`Error::io_error`]. Without one it is the cause of the [`LookupError`] that ended
/// the call, or that error itself.
impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        if let Some(error) = self.io_error() {
            return Some(error);
        }
        match self.kind {
            ErrorKind::Lookup | ErrorKind::NoSuchName | ErrorKind::NoAddress => {
                self.lookup_source()
            }
            ErrorKind::InvalidInput
            | ErrorKind::Forbidden
            | ErrorKind::Connect
            | ErrorKind::TimedOut => None,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.io_kind(), error)
    }
}
