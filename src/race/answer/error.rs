//! Why a lookup gave no addresses.

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::race::report::text::Escaped;

/// Why a lookup gave no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LookupErrorKind {
    /// NXDOMAIN: the name does not exist.
    NoSuchName,
    /// NODATA: the name exists and has no records of this type.
    NoRecords,
    /// SERVFAIL, or another answer that says the server could not.
    ServerFailure,
    /// REFUSED: the server does not answer us.
    Refused,
    /// No answer in time.
    TimedOut,
    /// No name server is configured, or none could be reached.
    NoNameServer,
    /// The name server could not be authenticated: its certificate does not satisfy the policy, or
    /// there are no root certificates to verify it with. Nothing was asked.
    Untrusted,
    /// Anything else, an answer that makes no sense among it.
    Other,
}

impl LookupErrorKind {
    /// The lookup worked and the answer is "none": asking again gives the same.
    #[must_use]
    pub fn is_negative(self) -> bool {
        matches!(self, Self::NoSuchName | Self::NoRecords)
    }

    /// Of several failures the one to tell has the lowest: what a server said comes before what made
    /// no sense, that before silence, and that before servers that cannot be reached.
    #[cfg(feature = "dns")]
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::ServerFailure | Self::Refused | Self::Untrusted => 0,
            Self::NoSuchName | Self::NoRecords | Self::Other => 1,
            Self::TimedOut => 2,
            Self::NoNameServer => 3,
        }
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

/// A lookup that gave no addresses: why, who said so, and whether that was remembered.
/// Cheap to clone.
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
    /// An error of which nothing but the kind is known.
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

    /// "No records", and all else as another outcome has it: who said so, of which name, and whether
    /// that was remembered.
    pub(crate) fn no_records_of(
        server: Option<SocketAddr>,
        name: Option<Arc<str>>,
        cached: bool,
    ) -> Self {
        Self { server, name, cached, ..Self::new(LookupErrorKind::NoRecords) }
    }

    /// The server whose answer, or whose silence, this is.
    #[must_use]
    pub fn with_server(mut self, server: SocketAddr) -> Self {
        self.server = Some(server);
        self
    }

    /// So many servers besides [`server`](Self::server) did not answer either. Default 0.
    #[must_use]
    pub fn with_other_servers(mut self, count: usize) -> Self {
        self.other_servers = count;
        self
    }

    /// The name that was asked last, if it is not the one the caller typed.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// See [`Answer::with_plaintext_reason`](crate::Answer::with_plaintext_reason). Not printed with the error.
    #[must_use]
    pub fn with_plaintext_reason(mut self, why: impl Into<Arc<str>>) -> Self {
        self.plaintext_reason = Some(why.into());
        self
    }

    /// What lies behind it. Printed with the error, so not its `source`.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// The failure comes from the resolver's cache: nobody was asked this time.
    #[must_use]
    pub fn from_cache(mut self) -> Self {
        self.cached = true;
        self
    }

    /// Why.
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

    /// The shortest text that says why: the cause if there is one.
    #[cfg(feature = "dns")]
    pub(crate) fn reason(&self) -> String {
        self.cause.as_ref().map_or_else(|| self.kind.to_string(), ToString::to_string)
    }

    /// Whether it comes from a cache.
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

/// On one line, foreign text escaped: `server failure (192.0.2.53:53, cached)`,
/// `no answer (192.0.2.53:53 and 2 more)`.
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

impl StdError for LookupError {}
