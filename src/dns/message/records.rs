//! The records of a reply that a lookup needs, as far as they can be read.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Header, ResponseCode};
use hickory_proto::rr::Name;

use super::wire::{Cursor, RawRecord, WireName};
use crate::race::query::Record;

/// At most this many addresses of a name are kept.
const MAX_ADDRS: usize = 64;
/// The class of the internet.
pub(super) const IN: u16 = 1;

/// Record types.
const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const OPT: u16 = 41;

/// See the module. Some servers copy bytes and counts of the question into the reply, or cut it.
/// Therefore a record that makes no sense is skipped by its length, and only the answer section has
/// to be there as a whole. The work grows with the length of the reply, whatever the reply says.
#[derive(Debug)]
pub(in crate::dns) struct Records {
    code: ResponseCode,
    /// The number of answers that the header announces.
    announced: usize,
    /// The number of answers that are there.
    answers: usize,
    /// The number of A, AAAA, CNAME and OPT answers that make no sense there.
    skipped: usize,
    /// The number of addresses of the type that was not asked.
    of_other_type: usize,
    owners: HashMap<WireName, Owned>,
    soas: Vec<Soa>,
}

/// The records of a name in the answer section.
#[derive(Debug, Default)]
pub(in crate::dns) struct Owned {
    /// The first addresses of the type that was asked.
    pub(in crate::dns) addrs: Vec<SocketAddr>,
    /// The smallest TTL of these.
    pub(in crate::dns) ttl: Duration,
    /// The number of further addresses.
    pub(in crate::dns) left_out: usize,
    /// The target of the first CNAME, and its TTL.
    alias: Option<(WireName, Duration)>,
}

/// An SOA record of the authority section.
#[derive(Debug)]
pub(in crate::dns) struct Soa {
    pub(in crate::dns) zone: Name,
    /// RFC 2308 section 5: the smaller of the SOA's own TTL and its MINIMUM field.
    pub(in crate::dns) ttl: Duration,
}

impl Records {
    /// Reads the sections behind the question.
    pub(super) fn read(header: &Header, mut rest: Cursor<'_>, record: Option<Record>) -> Self {
        let mut records = Self {
            code: header.metadata.response_code,
            announced: header.counts.answers.into(),
            answers: 0,
            skipped: 0,
            of_other_type: 0,
            owners: HashMap::new(),
            soas: Vec::new(),
        };
        // `None` where a section makes no sense any more: the count of the answers shows it.
        let _ = records.read_sections(header, &mut rest, record);
        records
    }

    fn read_sections(
        &mut self,
        header: &Header,
        rest: &mut Cursor<'_>,
        record: Option<Record>,
    ) -> Option<()> {
        for _ in 0..header.counts.answers {
            let answer = rest.record()?;
            self.answers += 1;
            if matches!(answer.rtype, A | AAAA | CNAME | OPT) {
                let is_kept = self.keep(&answer, record).is_some();
                self.skipped += usize::from(!is_kept);
            }
        }
        for _ in 0..header.counts.authorities {
            self.soas.extend(soa(&rest.record()?));
        }
        // The upper bits of the code are in the OPT record (RFC 6891 section 6.1.3). A code that
        // needs them (BADVERS) comes without an answer.
        for _ in (0..header.counts.additionals).filter(|_| self.owners.is_empty()) {
            let additional = rest.record()?;
            if additional.rtype == OPT && additional.owner()?.is_root() {
                let [upper, ..] = additional.ttl.to_be_bytes();
                self.code = ResponseCode::from(upper, self.code.low());
                break;
            }
        }
        Some(())
    }

    /// Keeps a record of the answer section; `None` if it makes no sense there.
    fn keep(&mut self, answer: &RawRecord<'_>, record: Option<Record>) -> Option<()> {
        if answer.class != IN {
            return None;
        }
        let ip: IpAddr = match answer.rtype {
            A => Ipv4Addr::from(answer.data(Cursor::array::<4>)?).into(),
            AAAA => Ipv6Addr::from(answer.data(Cursor::array::<16>)?).into(),
            CNAME => {
                let (owner, target) = (answer.owner()?, answer.data(Cursor::name)?);
                let owned = self.owners.entry(owner).or_default();
                owned.alias.get_or_insert((target, ttl(answer.ttl)));
                return Some(());
            }
            _ => return None,
        };
        let (owner, addr) = (answer.owner()?, SocketAddr::new(ip, 0));
        match record.is_some_and(|record| record.holds(addr)) {
            true => self.owners.entry(owner).or_default().add(addr, ttl(answer.ttl)),
            false => self.of_other_type += 1,
        }
        Some(())
    }

    pub(in crate::dns) fn code(&self) -> ResponseCode {
        self.code
    }

    /// The number of records in the answer section that are there.
    pub(in crate::dns) fn answers(&self) -> usize {
        self.answers
    }

    /// The records of this name in the answer section.
    pub(in crate::dns) fn of(&self, name: &Name) -> Option<&Owned> {
        self.owners.get(&WireName::of(name)?)
    }

    /// The SOA records of the authority section.
    pub(in crate::dns) fn soas(&self) -> &[Soa] {
        &self.soas
    }

    /// True if an address of the type that was asked can be read.
    pub(in crate::dns) fn has_address(&self) -> bool {
        self.owners.values().any(|owned| !owned.addrs.is_empty())
    }

    /// True if it says that there is no such name, or no such record. A CNAME without an end says
    /// no such thing.
    pub(in crate::dns) fn is_negative(&self) -> bool {
        let has_alias = self.owners.values().any(|owned| owned.alias.is_some());
        let goes_on = has_alias && self.soas.is_empty();
        self.code == ResponseCode::NXDomain || !(self.has_address() || goes_on)
    }

    /// True if the reply says nothing at all, and not even that there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.code == ResponseCode::NoError && self.announced == 0 && self.soas.is_empty()
    }

    /// True if it can be read as an answer.
    pub(in crate::dns) fn is_readable(&self) -> bool {
        self.nonsense().is_none()
    }

    /// The reason for which it is not an answer, although the code says so.
    pub(super) fn nonsense(&self) -> Option<String> {
        let is_whole = self.answers == self.announced;
        let says_something = !self.owners.is_empty() || !self.soas.is_empty();
        if is_whole && (says_something || self.code != ResponseCode::NoError) {
            return None;
        }
        if is_whole && self.of_other_type > 0 {
            return Some("an answer to another question".into());
        }
        let (readable, announced) = (self.answers - self.skipped, self.announced);
        let is_readable = is_whole && self.skipped == 0;
        let why = || format!("malformed reply: {readable} of {announced} answers can be read");
        (!is_readable).then(why)
    }
}

impl Owned {
    /// The target of the CNAME, and its TTL.
    pub(in crate::dns) fn alias(&self) -> Option<(Name, Duration)> {
        let (target, ttl) = self.alias.as_ref()?;
        Some((target.to_name()?, *ttl))
    }

    fn add(&mut self, addr: SocketAddr, ttl: Duration) {
        if self.addrs.len() == MAX_ADDRS {
            self.left_out += 1;
            return;
        }
        self.ttl = if self.addrs.is_empty() { ttl } else { self.ttl.min(ttl) };
        self.addrs.push(addr);
    }
}

/// The record of the authority section, if it is an SOA and can be read.
fn soa(record: &RawRecord<'_>) -> Option<Soa> {
    if (record.rtype, record.class) != (SOA, IN) {
        return None;
    }
    let minimum = record.data(|data| {
        let _servers = (data.name()?, data.name()?);
        let [.., minimum] = [data.u32()?, data.u32()?, data.u32()?, data.u32()?, data.u32()?];
        Some(minimum)
    });
    Some(Soa { zone: record.owner()?.to_name()?, ttl: ttl(record.ttl).min(ttl(minimum?)) })
}

/// RFC 2181 section 8: a TTL with the top bit set counts as zero.
fn ttl(seconds: u32) -> Duration {
    Duration::from_secs(i32::try_from(seconds).unwrap_or(0).unsigned_abs().into())
}
