//! The error of a lookup.

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::race::causes::timed_out;
use crate::race::text::Escaped;

/// The reason why a lookup gave no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LookupErrorKind {
    /// NXDOMAIN: the name does not exist.
    NoSuchName,
    /// NODATA: the name exists and has no records of this type.
    NoRecords,
    /// SERVFAIL, or another reply that says that the server has failed.
    ServerFailure,
    /// REFUSED: the server refuses to answer this host.
    Refused,
    /// No answer in time. There may have been replies that did not suffice, such as a truncated one;
    /// the cause names them.
    TimedOut,
    /// No name server is configured, or none could be reached.
    NoNameServer,
    /// The name server could not be authenticated: its certificate does not satisfy the server's
    /// usage profile, or there are no root certificates or no crypto provider to verify it with. No
    /// question was sent.
    Untrusted,
    /// Any other failure, such as a reply that makes no sense.
    Other,
}

impl LookupErrorKind {
    /// True if the lookup worked and the answer is "none", so that the same question gives the same
    /// answer.
    #[must_use]
    pub fn is_negative(self) -> bool {
        matches!(self, Self::NoSuchName | Self::NoRecords)
    }
}

impl fmt::Display for LookupErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchName => "no such name",
            Self::NoRecords => "no records",
            Self::ServerFailure => "server failure",
            Self::Refused => "refused",
            Self::TimedOut => "no answer",
            Self::NoNameServer => "no name server",
            Self::Untrusted => "name server not authenticated",
            Self::Other => "lookup failed",
        })
    }
}

/// The error of a lookup that gave no addresses: the reason, the server that gave it, and a mark if
/// it comes from a cache. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LookupError {
    kind: LookupErrorKind,
    server: Option<SocketAddr>,
    other_servers: usize,
    name: Option<Arc<str>>,
    plaintext_reason: Option<Arc<str>>,
    cached: bool,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl LookupError {
    /// An error with a kind and nothing else.
    #[must_use]
    pub fn new(kind: LookupErrorKind) -> Self {
        Self {
            kind,
            server: None,
            other_servers: 0,
            name: None,
            plaintext_reason: None,
            cached: false,
            cause: None,
        }
    }

    /// "No records", with the server, the name and the cache mark of another outcome.
    pub(crate) fn no_records_of(
        server: Option<SocketAddr>,
        name: Option<Arc<str>>,
        cached: bool,
    ) -> Self {
        Self { server, name, cached, ..Self::new(LookupErrorKind::NoRecords) }
    }

    /// Sets the server that failed, by its answer or by its silence.
    #[must_use]
    pub fn with_server(mut self, server: SocketAddr) -> Self {
        self.server = Some(server);
        self
    }

    /// Sets the number of other servers that did not answer either, besides
    /// [`server`](Self::server). Default 0.
    #[must_use]
    pub fn with_other_servers(mut self, count: usize) -> Self {
        self.other_servers = count;
        self
    }

    /// Sets the name that was asked last, if it differs from the typed one.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the reason why the question was sent in plaintext: see
    /// [`Answer::with_plaintext_reason`](crate::Answer::with_plaintext_reason). `Display` leaves it
    /// out.
    #[must_use]
    pub fn with_plaintext_reason(mut self, why: impl Into<Arc<str>>) -> Self {
        self.plaintext_reason = Some(why.into());
        self
    }

    /// Sets the underlying error, which [`source`](StdError::source) returns. `Display` shows it.
    ///
    /// If an [`io::Error`](std::io::Error) is among its causes,
    /// [`Error::io_error`](crate::Error::io_error) finds it, and
    /// [`Error::is_transient`](crate::Error::is_transient) goes by it.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// Sets the underlying error, and the text by which `Display` shows it.
    #[cfg(feature = "dns")]
    pub(crate) fn with_worded_cause(
        self,
        words: impl Into<String>,
        cause: Arc<dyn StdError + Send + Sync>,
    ) -> Self {
        self.with_cause(Worded { words: words.into(), cause })
    }

    /// Says if the failure is from the resolver's cache: no server was asked this time. Default
    /// false.
    #[must_use]
    pub fn with_cached(mut self, cached: bool) -> Self {
        self.cached = cached;
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> LookupErrorKind {
        self.kind
    }

    /// See [`with_server`](Self::with_server).
    #[must_use]
    pub fn server(&self) -> Option<SocketAddr> {
        self.server
    }

    /// See [`with_other_servers`](Self::with_other_servers).
    #[must_use]
    pub fn other_servers(&self) -> usize {
        self.other_servers
    }

    /// See [`with_name`](Self::with_name).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// See [`Answer::plaintext_reason`](crate::Answer::plaintext_reason).
    #[must_use]
    pub fn plaintext_reason(&self) -> Option<&str> {
        self.plaintext_reason.as_deref()
    }

    /// See [`with_cause`](Self::with_cause).
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    /// The shortest reason in words: the cause if there is one, else the kind.
    #[cfg(feature = "dns")]
    pub(crate) fn reason(&self) -> String {
        self.cause.as_ref().map_or_else(|| self.kind.to_string(), ToString::to_string)
    }

    /// True if it comes from a cache.
    #[must_use]
    pub fn is_cached(&self) -> bool {
        self.cached
    }
}

impl From<LookupErrorKind> for LookupError {
    fn from(kind: LookupErrorKind) -> Self {
        Self::new(kind)
    }
}

/// The error on one line, with foreign text escaped: `server failure (192.0.2.53:53, cached)`,
/// `no answer (192.0.2.53:53 and 2 more)`. Where there was no answer, the cause has the replies that
/// came by then, if there were any: `no answer (192.0.2.53:53): truncated, and no answer over TCP`.
impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.server) {
            (LookupErrorKind::NoNameServer, Some(_)) => f.write_str("name server unreachable")?,
            (kind, _) => write!(f, "{kind}")?,
        }
        let mut notes = Vec::new();
        notes.extend(self.name.as_deref().map(|name| Escaped(name).to_string()));
        notes.extend(self.server.map(|server| match self.other_servers {
            0 => server.to_string(),
            others => format!("{server} and {others} more"),
        }));
        notes.extend(self.cached.then(|| "cached".to_owned()));
        if !notes.is_empty() {
            write!(f, " ({})", notes.join(", "))?;
        }
        match &self.cause {
            Some(cause) => write!(f, ": {}", Escaped(cause)),
            None => Ok(()),
        }
    }
}

/// The source is the cause. Without one it is an `io::Error` of the kind `TimedOut` for
/// [`LookupErrorKind::TimedOut`].
impl StdError for LookupError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause {
            Some(cause) => Some(&**cause),
            None if self.kind == LookupErrorKind::TimedOut => Some(timed_out()),
            None => None,
        }
    }
}

/// An error in other words than its own.
#[cfg(feature = "dns")]
#[derive(Debug)]
struct Worded {
    words: String,
    cause: Arc<dyn StdError + Send + Sync>,
}

#[cfg(feature = "dns")]
impl fmt::Display for Worded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

#[cfg(feature = "dns")]
impl StdError for Worded {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}
