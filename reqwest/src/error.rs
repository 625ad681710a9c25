//! The error of a request that got no response.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy;

use crate::causes::{causes, on_one_line};
use crate::words::{Escaped, Time, shown};

/// The error of a request that got no response. A client returns it in a
/// [`reqwest_middleware::Error::Middleware`], where [`Error::find_in`] finds it.
///
/// `Display` is one line with the host and every cause once. [`source`](StdError::source) leads to
/// the causes, so a printer of all causes shows them again. If no connection could be made, an
/// [`he::Error`] with its report is among them: [`he::Error::find_in`] finds it, also in the
/// [`reqwest_middleware::Error`].
///
/// If the body of a response fails, that is a `reqwest::Error`, as in reqwest.
///
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Error {
    failure: Arc<Failure>,
    below: Option<Box<Below>>,
}

/// The first cause of an [`Error`], with the same error in it. reqwest-retry wraps an error that it
/// does not retry as `#[error(transparent)]`, and a walk along `source` then goes from
/// reqwest-retry's error to the first cause of ours, past our own. This cause leads back to it.
#[derive(Debug, Clone)]
struct Below(Error);

#[derive(Debug)]
struct Failure {
    host: String,
    kind: ErrorKind,
}

#[derive(Debug)]
enum ErrorKind {
    /// The request cannot be sent at all.
    Request(reqwest::Error),
    Http(legacy::Error),
    Redirect(Redirect),
    TimedOut(io::Error),
}

impl Error {
    /// Finds this error among the causes of another error, such as a [`reqwest_middleware::Error`]:
    /// also below the errors of other middlewares (reqwest-retry), of anyhow and of services, and
    /// inside an `io::Error`.
    ///
    /// ```
    /// # fn doc(error: reqwest_middleware::Error) {
    /// let late = he_reqwest::Error::find_in(&error).is_some_and(|error| error.is_timeout());
    /// # }
    /// # fn with_anyhow(error: anyhow::Error) {
    /// let late = he_reqwest::Error::find_in(&*error).is_some_and(|error| error.is_timeout());
    /// # }
    /// ```
    #[must_use]
    pub fn find_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        causes(error).find_map(|cause| match cause.downcast_ref::<Below>() {
            Some(Below(error)) => Some(error),
            None => cause.downcast_ref(),
        })
    }

    /// True if a time-out expired: that of the request, or one of the call that makes its
    /// connection.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        let mut io = causes(self).filter_map(|error| error.downcast_ref::<io::Error>());
        io.any(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    /// True if no connection could be made.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(&self.failure.kind, ErrorKind::Http(error) if error.is_connect())
    }

    /// True if a redirect was refused: one too many, or to a scheme that is neither `http` nor
    /// `https`.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        matches!(self.failure.kind, ErrorKind::Redirect(_))
    }

    fn new(host: &str, kind: ErrorKind) -> Self {
        let failure = Arc::new(Failure { host: host.into(), kind });
        let below = Below(Self { failure: failure.clone(), below: None });
        Self { failure, below: Some(Box::new(below)) }
    }

    pub(crate) fn request(host: &str, error: reqwest::Error) -> Self {
        // A URL may have secrets.
        Self::new(host, ErrorKind::Request(error.without_url()))
    }

    pub(crate) fn http(uri: &Uri, error: legacy::Error) -> Self {
        Self::new(shown(uri), ErrorKind::Http(error))
    }

    pub(crate) fn redirect(uri: &Uri, error: Redirect) -> Self {
        Self::new(shown(uri), ErrorKind::Redirect(error))
    }

    pub(crate) fn timed_out(host: &str, after: Duration) -> Self {
        Self::new(host, ErrorKind::TimedOut(late("no response", after)))
    }
}

/// The error of a time-out: `what` did not happen in time.
pub(crate) fn late(what: &str, after: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{what} within {}", Time(after)))
}

/// The reason why a redirect is not followed.
#[derive(Debug)]
pub(crate) enum Redirect {
    TooMany(usize),
    Scheme(String),
}

impl fmt::Display for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(limit) => write!(f, "more than {limit} redirects"),
            Self::Scheme(scheme) => {
                write!(f, "a redirect whose scheme is {}, neither http nor https", Escaped(scheme))
            }
        }
    }
}

impl StdError for Redirect {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request to {} failed: ", Escaped(&self.failure.host))?;
        match &self.failure.kind {
            ErrorKind::Request(error) => write!(f, "{}", Escaped(&on_one_line(error))),
            ErrorKind::Http(error) => match he::Error::find_in(error) {
                Some(error) => write!(f, "{error}"),
                None => write!(f, "{}", Escaped(&on_one_line(error))),
            },
            ErrorKind::Redirect(error) => write!(f, "{error}"),
            ErrorKind::TimedOut(error) => write!(f, "{error}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        if let Some(below) = &self.below {
            return Some(&**below);
        }
        Some(match &self.failure.kind {
            ErrorKind::Request(error) => error,
            ErrorKind::Http(error) => error,
            ErrorKind::Redirect(error) => error,
            ErrorKind::TimedOut(error) => error,
        })
    }
}

impl fmt::Display for Below {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no response")
    }
}

impl StdError for Below {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
