//! What the name servers know, how they behave, and what they were asked.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType, rdata};

use crate::clock::Moment;
use crate::world::World;

/// An answer as the zone has it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) reply: Reply,
    pub(crate) after: Duration,
    pub(crate) ttl: u32,
    /// Over UDP it says only that it is too long.
    pub(crate) truncated: bool,
    /// So many questions are passed over before one is answered.
    pub(crate) to_ignore: u32,
}

/// What is said.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Records(Vec<RData>),
    Code(ResponseCode),
    Nothing,
}

impl Entry {
    pub(crate) fn of(reply: Reply) -> Self {
        Self { reply, after: Duration::ZERO, ttl: 300, truncated: false, to_ignore: 0 }
    }
}

/// A question as it came in.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When.
    pub at: Moment,
    /// Whom.
    pub server: IpAddr,
    /// From which port.
    pub port: u16,
    /// The name, in lower case, without a dot at the end.
    pub name: String,
    /// AAAA or A.
    pub record: RecordType,
    /// By what way.
    pub over: Over,
    /// The message's length in bytes.
    pub len: usize,
}

/// The way of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// UDP.
    Udp,
    /// TCP, in clear.
    Tcp,
    /// TLS.
    Tls {
        /// The number of the connection: its place in
        /// [`Net::tls_connections`](crate::Net::tls_connections), all servers together.
        connection: usize,
        /// Whether its handshake resumed a session.
        resumed: bool,
    },
}

impl Over {
    /// Over TLS.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Tls { .. })
    }
}

/// How a name server behaves, whatever it is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mood {
    pub(crate) code: Option<ResponseCode>,
    pub(crate) after: Duration,
    pub(crate) never: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Zone {
    entries: HashMap<(String, RecordType), Entry>,
    moods: HashMap<IpAddr, Mood>,
    names: HashSet<&'static str>,
    pub(crate) asked: Vec<Asked>,
}

impl Zone {
    /// The entry for a name: of the type asked for, or its CNAME. `Err` says whether it exists.
    pub(crate) fn find(&self, name: &str, record: RecordType) -> Result<Entry, bool> {
        let of = |record| self.entries.get(&(name.to_owned(), record));
        let found = of(record).or_else(|| of(RecordType::CNAME));
        found.cloned().ok_or_else(|| self.entries.keys().any(|(known, _)| known == name))
    }

    /// Whether this question is one of those that are passed over.
    pub(crate) fn ignores(&mut self, name: &str, record: RecordType) -> bool {
        match self.entries.get_mut(&(name.to_owned(), record)) {
            Some(entry) if entry.to_ignore > 0 => {
                entry.to_ignore -= 1;
                true
            }
            Some(_) | None => false,
        }
    }

    /// The name for as long as the process lives, once.
    fn keep(&mut self, name: String) -> &'static str {
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

/// A name in the DNS. `aaaa`, `a` and `cname` say what it has; the words after them (`after`,
/// `never`, `servfail` ...) hold for the one said last. A name has no records but those.
#[derive(Clone, Copy)]
pub struct DnsName {
    world: &'static World,
    name: &'static str,
    last: RecordType,
}

impl DnsName {
    pub(crate) fn new(world: &'static World, name: &str) -> Self {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        Self { world, name: world.zone().keep(name), last: RecordType::AAAA }
    }

    /// AAAA records.
    pub fn aaaa<H: Into<IpAddr>>(self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.records(RecordType::AAAA, hosts)
    }

    /// A records.
    pub fn a<H: Into<IpAddr>>(self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.records(RecordType::A, hosts)
    }

    /// Another name has the records.
    pub fn cname(self, target: &str) -> Self {
        let target = Name::from_ascii(format!("{target}.")).expect("a name");
        let data = RData::CNAME(rdata::CNAME(target));
        self.set(RecordType::CNAME, Reply::Records(vec![data]))
    }

    /// The answer comes so many milliseconds after the question.
    pub fn after(self, ms: u64) -> Self {
        self.with(|entry| entry.after = Duration::from_millis(ms))
    }

    /// There is no answer.
    pub fn never(self) -> Self {
        self.with(|entry| entry.reply = Reply::Nothing)
    }

    /// The first questions are passed over.
    pub fn ignores_first(self, n: u32) -> Self {
        self.with(|entry| entry.to_ignore = n)
    }

    /// SERVFAIL.
    pub fn servfail(self) -> Self {
        self.with(|entry| entry.reply = Reply::Code(ResponseCode::ServFail))
    }

    /// REFUSED.
    pub fn refused(self) -> Self {
        self.with(|entry| entry.reply = Reply::Code(ResponseCode::Refused))
    }

    /// NXDOMAIN, for this type only, as broken servers do.
    pub fn nxdomain(self) -> Self {
        self.with(|entry| entry.reply = Reply::Code(ResponseCode::NXDomain))
    }

    /// The name exists and has no such record.
    pub fn nodata(self) -> Self {
        self.with(|entry| entry.reply = Reply::Records(Vec::new()))
    }

    /// Over UDP the answer only says that it is too long.
    pub fn truncated(self) -> Self {
        self.with(|entry| entry.truncated = true)
    }

    /// The TTL; 300 s without a word.
    pub fn ttl(self, seconds: u32) -> Self {
        self.with(|entry| entry.ttl = seconds)
    }

    fn records<H: Into<IpAddr>>(
        self,
        kind: RecordType,
        hosts: impl IntoIterator<Item = H>,
    ) -> Self {
        let records = hosts.into_iter().map(|host| RData::from(host.into())).collect::<Vec<_>>();
        assert!(records.iter().all(|data| data.record_type() == kind), "{records:?} in {kind}");
        self.set(kind, Reply::Records(records))
    }

    fn set(self, kind: RecordType, reply: Reply) -> Self {
        let key = (self.name.to_owned(), kind);
        self.world.zone().entries.insert(key, Entry::of(reply));
        Self { last: kind, ..self }
    }

    fn with(self, change: impl FnOnce(&mut Entry)) -> Self {
        let mut zone = self.world.zone();
        let entry = zone.entries.get_mut(&(self.name.to_owned(), self.last));
        change(entry.expect("say aaaa, a or cname first"));
        self
    }
}
