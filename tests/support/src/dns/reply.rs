//! What the server says: told by a test, made into messages.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// What a question gets.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    code: ResponseCode,
    answers: Vec<Record>,
    authorities: Vec<Record>,
    pub(super) delay: Duration,
    silent: bool,
    tcp_only: bool,
    garbage: bool,
    truncated: bool,
    pub(super) hang_up: bool,
    no_edns: bool,
    many: u16,
    forged: Vec<Forgery>,
}

/// What an attacker gets wrong.
#[derive(Clone, Copy, Debug)]
pub enum Forgery {
    Id,
    Name,
    Type,
    NotAReply,
    Short,
    /// Not forged: a router mixes two questions, so the address has the type of the other one.
    OtherAddress,
}

impl Reply {
    /// Addresses of the name that was asked.
    pub fn addrs(ttl: u32, addrs: &[&str]) -> Self {
        addrs.iter().fold(Self::default(), |reply, addr| reply.addr_of(".", ttl, addr))
    }

    /// So many A records with a TTL of 60 s, from 10.0.0.0 upwards, packed as tightly as the wire
    /// allows.
    pub fn many(count: u16) -> Self {
        Self { many: count, ..Self::default() }
    }

    /// An error code and nothing else.
    pub fn code(code: ResponseCode) -> Self {
        Self { code, ..Self::default() }
    }

    /// NODATA without an SOA.
    pub fn none() -> Self {
        Self::default()
    }

    /// NXDOMAIN without an SOA.
    pub fn nxdomain() -> Self {
        Self::code(ResponseCode::NXDomain)
    }

    /// Never answers; over TCP the connection stays open.
    pub fn silence() -> Self {
        Self { silent: true, ..Self::default() }
    }

    /// Over UDP there is no answer.
    pub fn tcp_only(mut self) -> Self {
        self.tcp_only = true;
        self
    }

    /// The right header and question, and then nonsense.
    pub fn garbage() -> Self {
        Self { garbage: true, ..Self::default() }
    }

    /// TC over UDP; everything over TCP.
    pub fn truncated(mut self) -> Self {
        self.truncated = true;
        self
    }

    /// Closes the TCP connection in place of an answer.
    pub fn hang_up(mut self) -> Self {
        self.hang_up = true;
        self
    }

    /// FORMERR to every question with EDNS.
    pub fn no_edns(mut self) -> Self {
        self.no_edns = true;
        self
    }

    /// Comes so much later, in tokio's time.
    pub fn after(mut self, millis: u64) -> Self {
        self.delay = Duration::from_millis(millis);
        self
    }

    /// Preceded by a forged reply with the address 192.0.2.66.
    pub fn forged(mut self, forgery: Forgery) -> Self {
        self.forged.push(forgery);
        self
    }

    /// An SOA of the root, which makes "none" last so many seconds.
    pub fn soa(mut self, ttl: u32, minimum: u32) -> Self {
        let soa = SOA::new(Name::root(), Name::root(), 1, 2, 3, 4, minimum);
        self.authorities.push(Record::from_rdata(Name::root(), ttl, RData::SOA(soa)));
        self
    }

    /// A CNAME; the owner `.` is the name that was asked.
    pub fn cname(mut self, owner: &str, ttl: u32, target: &str) -> Self {
        let data = RData::CNAME(CNAME(name(target)));
        self.answers.push(Record::from_rdata(name(owner), ttl, data));
        self
    }

    /// An address; the owner `.` is the name that was asked.
    pub fn addr_of(mut self, owner: &str, ttl: u32, addr: &str) -> Self {
        let data = match addr.parse().unwrap() {
            IpAddr::V4(ip) => RData::A(A(ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
        };
        self.answers.push(Record::from_rdata(name(owner), ttl, data));
        self
    }
}

pub(super) fn name(text: &str) -> Name {
    let text = text.trim_end_matches('.');
    if text.is_empty() {
        Name::root()
    } else {
        Name::from_labels(text.split('.').map(str::as_bytes)).unwrap()
    }
}

/// What goes back, message by message.
pub(super) fn messages(query: &Message, reply: &Reply, tcp: bool) -> Vec<Vec<u8>> {
    if reply.silent || reply.tcp_only && !tcp {
        return Vec::new();
    }
    let mut all: Vec<_> = reply.forged.iter().map(|forgery| forged(query, *forgery)).collect();
    let mut message = response(query);
    if reply.many > 0 {
        // Nothing may come after the answers that are put there by hand.
        message.edns = None;
    }
    if reply.no_edns && query.edns.is_some() {
        message.metadata.response_code = ResponseCode::FormErr;
        message.edns = None;
    } else if reply.truncated && !tcp {
        message.metadata.truncation = true;
    } else {
        message.metadata.response_code = reply.code;
        message.answers.clone_from(&reply.answers);
        message.authorities.clone_from(&reply.authorities);
    }
    for record in message.answers.iter_mut().filter(|record| record.name.is_root()) {
        record.name = query.queries[0].name.clone();
    }
    let mut bytes = message.to_vec().unwrap();
    if reply.many > 0 && (tcp || !reply.truncated) {
        append_many(&mut bytes, reply.many);
    }
    if reply.garbage {
        // Five answers are announced, and this is what comes.
        bytes[7] = 5;
        bytes.extend([0xff; 40]);
    }
    all.push(bytes);
    all
}

/// hickory compresses only the first names of a message; here each owner is a pointer to the
/// question.
fn append_many(bytes: &mut Vec<u8>, count: u16) {
    bytes[6..8].copy_from_slice(&count.to_be_bytes());
    for i in 0..count {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0]);
        bytes.extend(i.to_be_bytes());
    }
}

fn response(query: &Message) -> Message {
    let mut message = query.clone();
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    message
}

fn forged(query: &Message, forgery: Forgery) -> Vec<u8> {
    let mut message = response(query);
    let owner = query.queries[0].name.clone();
    let data = RData::A(A(Ipv4Addr::new(192, 0, 2, 66)));
    message.answers.push(Record::from_rdata(owner, 60, data));
    match forgery {
        Forgery::Id => message.metadata.id ^= 1,
        Forgery::Name => message.queries[0].name = name("forged.test"),
        Forgery::Type => message.queries[0].query_type = RecordType::TXT,
        Forgery::NotAReply => message.metadata.message_type = MessageType::Query,
        Forgery::OtherAddress => {
            let owner = query.queries[0].name.clone();
            let data = RData::AAAA(AAAA(Ipv6Addr::LOCALHOST));
            message.answers = vec![Record::from_rdata(owner, 60, data)];
        }
        Forgery::Short => return message.to_vec().unwrap()[..7].to_vec(),
    }
    message.to_vec().unwrap()
}
