//! The handle by which a test sets the records of a name.

use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType, rdata};

use crate::world::World;
use crate::zone::{Entry, Reply};

/// A name in the DNS. `aaaa`, `a` and `cname` set its records, and it has no others. The methods
/// after them (`after`, `never`, `servfail` ...) change the records that were set last.
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

    /// A CNAME: the name is an alias of another one.
    pub fn cname(self, target: &str) -> Self {
        let target = Name::from_ascii(format!("{target}.")).expect("a name");
        let data = RData::CNAME(rdata::CNAME(target));
        self.set(RecordType::CNAME, Reply::Records(vec![data]))
    }

    /// The answer comes `ms` milliseconds after the question.
    pub fn after(self, ms: u64) -> Self {
        self.with(|entry| entry.after = Duration::from_millis(ms))
    }

    /// No answer comes.
    pub fn never(self) -> Self {
        self.with(|entry| entry.reply = Reply::Nothing)
    }

    /// The first `n` questions get no answer.
    pub fn ignores_first(self, n: u32) -> Self {
        self.with(|entry| entry.to_ignore = n)
    }

    /// The answer is SERVFAIL.
    pub fn servfail(self) -> Self {
        self.with(|entry| entry.reply = Reply::Code(ResponseCode::ServFail))
    }

    /// The answer is REFUSED.
    pub fn refused(self) -> Self {
        self.with(|entry| entry.reply = Reply::Code(ResponseCode::Refused))
    }

    /// The answer is NXDOMAIN for this type only, as from broken servers.
    pub fn nxdomain(self) -> Self {
        self.with(|entry| entry.reply = Reply::Code(ResponseCode::NXDomain))
    }

    /// The answer is NODATA: the name exists and has no such record.
    pub fn nodata(self) -> Self {
        self.with(|entry| entry.reply = Reply::Records(Vec::new()))
    }

    /// Over UDP the answer is truncated to nothing.
    pub fn truncated(self) -> Self {
        self.with(|entry| entry.truncated = true)
    }

    /// Over TLS no answer comes, whereas other names get one.
    pub fn silent_over_tls(self) -> Self {
        self.with(|entry| entry.silent_over_tls = true)
    }

    /// The TTL; 300 s by default.
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
        change(entry.expect("aaaa, a or cname comes first"));
        self
    }
}
