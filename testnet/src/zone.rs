//! The records and the behaviour of the name servers, and the questions that they received.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, RecordType};

use crate::clock::Moment;

/// An answer in the zone.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) reply: Reply,
    pub(crate) after: Duration,
    pub(crate) ttl: u32,
    /// Over UDP it is truncated to nothing.
    pub(crate) truncated: bool,
    /// Over TLS no answer comes.
    pub(crate) silent_over_tls: bool,
    /// How many questions get no answer before one does.
    pub(crate) to_ignore: u32,
}

/// The content of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Records(Vec<RData>),
    Code(ResponseCode),
    Nothing,
}

impl Entry {
    pub(crate) fn of(reply: Reply) -> Self {
        Self {
            reply,
            after: Duration::ZERO,
            ttl: 300,
            truncated: false,
            silent_over_tls: false,
            to_ignore: 0,
        }
    }
}

/// A question as a name server received it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When it arrived.
    pub at: Moment,
    /// The address of the server.
    pub server: IpAddr,
    /// The port of the client.
    pub port: u16,
    /// The name, in lower case, without a dot at the end.
    pub name: String,
    /// AAAA or A.
    pub record: RecordType,
    /// The transport.
    pub over: Over,
    /// The message's length in bytes.
    pub len: usize,
}

/// The transport of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// UDP.
    Udp,
    /// TCP, unencrypted.
    Tcp,
    /// TLS.
    Tls {
        /// The number of the connection, see
        /// [`TlsConnection::number`](crate::TlsConnection::number).
        connection: usize,
        /// True if its handshake resumed a session.
        resumed: bool,
    },
}

impl Over {
    /// True if it is TLS.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Tls { .. })
    }
}

/// How a name server answers all questions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mood {
    pub(crate) code: Option<ResponseCode>,
    pub(crate) after: Duration,
    pub(crate) never: bool,
}

/// The records of all names, the behaviour of all name servers, and their questions.
#[derive(Debug, Default)]
pub(crate) struct Zone {
    pub(crate) entries: HashMap<(String, RecordType), Entry>,
    moods: HashMap<IpAddr, Mood>,
    names: HashSet<&'static str>,
    pub(crate) asked: Vec<Asked>,
}

impl Zone {
    /// The entry for a name: of the type in question, or its CNAME. `Err` says whether the name
    /// exists.
    pub(crate) fn find(&self, name: &str, record: RecordType) -> Result<Entry, bool> {
        let of = |record| self.entries.get(&(name.to_owned(), record));
        let found = of(record).or_else(|| of(RecordType::CNAME));
        found.cloned().ok_or_else(|| self.entries.keys().any(|(known, _)| known == name))
    }

    /// True if this question is one of the first ones, which get no answer.
    pub(crate) fn ignores(&mut self, name: &str, record: RecordType) -> bool {
        match self.entries.get_mut(&(name.to_owned(), record)) {
            Some(entry) if entry.to_ignore > 0 => {
                entry.to_ignore -= 1;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Keeps the name for as long as the process lives, only once.
    pub(crate) fn keep(&mut self, name: String) -> &'static str {
        let known = self.names.get(name.as_str()).copied();
        known.unwrap_or_else(|| {
            let name = Box::leak(name.into_boxed_str());
            self.names.insert(name);
            name
        })
    }

    pub(crate) fn mood(&mut self, server: IpAddr) -> &mut Mood {
        self.moods.entry(server).or_default()
    }
}
