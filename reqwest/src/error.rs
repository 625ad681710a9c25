//! The error of a request that got no response.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy;

use crate::words::{Escaped, Time, shown};

/// The error of a request that got no response. A client returns it in a
/// [`reqwest_middleware::Error::Middleware`], where [`Error::of`] finds it.
///
/// `Display` names the host, and [`source`](StdError::source) says why the request failed. If no
/// connection could be made, an [`he::Error`] with its report is among the causes:
/// [`find_in`](he::Error::find_in) finds it, also in the [`reqwest_middleware::Error`].
///
/// If the body of a response fails, that is a `reqwest::Error`, as in reqwest.
#[derive(Debug)]
pub struct Error {
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
    /// Finds this error in the error of a client.
    #[must_use]
    pub fn of(error: &reqwest_middleware::Error) -> Option<&Self> {
        match error {
            reqwest_middleware::Error::Middleware(error) => error.downcast_ref(),
            reqwest_middleware::Error::Reqwest(_) => None,
        }
    }

    /// True if a time-out expired: that of the request, or one of the call that makes its
    /// connection.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        let causes = std::iter::successors(self.source(), |error| (*error).source());
        let mut io = causes.filter_map(|error| error.downcast_ref::<io::Error>());
        io.any(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    /// True if no connection could be made.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(&self.kind, ErrorKind::Http(error) if error.is_connect())
    }

    /// True if a redirect was refused: one too many, or to a scheme that is neither `http` nor
    /// `https`.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        matches!(self.kind, ErrorKind::Redirect(_))
    }

    pub(crate) fn request(host: &str, error: reqwest::Error) -> Self {
        Self { host: host.into(), kind: ErrorKind::Request(error) }
    }

    pub(crate) fn http(uri: &Uri, error: legacy::Error) -> Self {
        Self { host: shown(uri).into(), kind: ErrorKind::Http(error) }
    }

    pub(crate) fn redirect(uri: &Uri, error: Redirect) -> Self {
        Self { host: shown(uri).into(), kind: ErrorKind::Redirect(error) }
    }

    pub(crate) fn timed_out(host: &str, after: Duration) -> Self {
        let kind = ErrorKind::TimedOut(late("no response", after));
        Self { host: host.into(), kind }
    }
}

/// The error of a time-out: `what` did not happen in time.
pub(crate) fn late(what: &str, after: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{what} within {}", Time(after)))
}

/// Why a redirect is not followed.
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
        write!(f, "request to {} failed", Escaped(&self.host))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(match &self.kind {
            ErrorKind::Request(error) => error,
            ErrorKind::Http(error) => error,
            ErrorKind::Redirect(error) => error,
            ErrorKind::TimedOut(error) => error,
        })
    }
}
