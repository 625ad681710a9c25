//! Why there is no response.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy;

use crate::words::{Escaped, Time, shown};

/// A request that got no response. It is in a [`reqwest_middleware::Error::Middleware`]; [`Error::of`]
/// finds it there.
///
/// `Display` says which host was asked, and [`source`](StdError::source) why that failed: of a connect, an
/// [`he::Error`] with its report, which
/// [`among_causes`](he::Error::among_causes) finds in the [`reqwest_middleware::Error`] as well.
///
/// A body that fails later is a `reqwest::Error`, as with reqwest.
#[derive(Debug)]
pub struct Error {
    host: String,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    /// It cannot be sent at all.
    Request(reqwest::Error),
    Http(legacy::Error),
    Redirect(Redirect),
    TimedOut(io::Error),
}

impl Error {
    /// This error in that of a client.
    #[must_use]
    pub fn of(error: &reqwest_middleware::Error) -> Option<&Self> {
        match error {
            reqwest_middleware::Error::Middleware(error) => error.downcast_ref(),
            reqwest_middleware::Error::Reqwest(_) => None,
        }
    }

    /// Whether a time-out ended it: that of the request, or one of the connect.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        let causes = std::iter::successors(self.source(), |error| (*error).source());
        let mut io = causes.filter_map(|error| error.downcast_ref::<io::Error>());
        io.any(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    /// Whether no connection could be made.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(&self.cause, Cause::Http(error) if error.is_connect())
    }

    /// Whether there were too many redirects, or one to where nobody goes.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        matches!(self.cause, Cause::Redirect(_))
    }

    pub(crate) fn request(host: &str, error: reqwest::Error) -> Self {
        Self { host: host.into(), cause: Cause::Request(error) }
    }

    pub(crate) fn http(uri: &Uri, error: legacy::Error) -> Self {
        Self { host: shown(uri).into(), cause: Cause::Http(error) }
    }

    pub(crate) fn redirect(uri: &Uri, error: Redirect) -> Self {
        Self { host: shown(uri).into(), cause: Cause::Redirect(error) }
    }

    pub(crate) fn timed_out(host: &str, after: Duration) -> Self {
        let cause = Cause::TimedOut(late("no response", after));
        Self { host: host.into(), cause }
    }
}

/// What is not done within the time-out of a request.
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
        Some(match &self.cause {
            Cause::Request(error) => error,
            Cause::Http(error) => error,
            Cause::Redirect(error) => error,
            Cause::TimedOut(error) => error,
        })
    }
}
