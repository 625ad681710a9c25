//! The wire format of questions and replies. hickory-proto encodes questions; this module decides
//! which reply belongs to a question, and of which kind it is. [`records`] has what a lookup needs
//! of a reply, as far as it can be read, and [`wire`] reads it from the bytes. hickory-proto would
//! decode the whole reply or nothing, and follow compression pointers without a limit.

use std::net::Ipv4Addr;
use std::sync::Arc;

use hickory_proto::op::{self, Header, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RecordType};
use hickory_proto::serialize::binary::BinDecodable;

use self::records::{IN, Records};
use self::wire::{Cursor, WireName};
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::host::check_query_name;
use crate::race::query::Record;

pub(super) mod records;
mod wire;

/// The size that a server may send over UDP without fragments (C-EDNS, DNS flag day 2020).
const PAYLOAD: u16 = 1232;
/// Over TLS the length of a question is a multiple of this (RFC 8467 section 4.1).
const BLOCK: usize = 128;
/// The bytes of code and length of an EDNS option (RFC 6891 section 6.1.2).
const OPTION_HEADER: usize = 4;
/// Codes of a server that does not understand EDNS. hickory-proto has two names for 16, BADVERS,
/// and decodes it as the other one.
const NO_EDNS: [ResponseCode; 4] =
    [ResponseCode::FormErr, ResponseCode::NotImp, ResponseCode::BADVERS, ResponseCode::BADSIG];

/// A name and one of its record types.
#[derive(Debug, Clone)]
pub(super) struct Question {
    name: Name,
    /// `None` for the neutral question, of which only the code of the reply counts.
    record: Option<Record>,
}

/// An encoded question, with an id of its own.
pub(super) struct Packet {
    id: u16,
    edns: Edns,
    pub(super) bytes: Arc<[u8]>,
}

/// The EDNS part of a question (RFC 6891).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edns {
    /// None, for servers that do not understand it.
    Without,
    /// The size of a reply that is accepted over UDP.
    Plain,
    /// Over TLS: padding, and an empty client-subnet option, so the server forwards no address
    /// (R-8310-11.1a, R-8310-11.1b).
    Private,
}

/// The kind of a received message.
pub(super) enum ReplyKind {
    /// Not a reply to this question: listening goes on (R-5452-9).
    Nothing,
    /// The reply did not fit (TC). TCP has the whole one.
    Truncated,
    /// The server does not understand EDNS.
    WithoutEdns,
    /// The server could not answer or refused to.
    Failed(LookupError),
    /// It should be an answer, and cannot be read as one: the reason, and what could be read.
    Unreadable(LookupError, Records),
    /// NOERROR or NXDOMAIN.
    Reply(Records),
}

impl Question {
    pub(super) fn new(name: Name, record: Record) -> Self {
        Self { name, record: Some(record) }
    }

    /// The name servers of the root. Every resolver can answer it, and no third party chooses it.
    pub(super) fn neutral() -> Self {
        Self { name: Name::root(), record: None }
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn rtype(&self) -> RecordType {
        self.record.map_or(RecordType::NS, rtype)
    }

    /// Encodes the question with a random id, which `Message::query` takes from `rand`'s generator
    /// for secrets (R-5452-9). A question is about one type, never ANY (R-8482). Its name is in
    /// lower case: mixed case ("0x20") makes some servers fail.
    pub(super) fn encode(&self, edns: Edns) -> Result<Packet, LookupError> {
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(self.name.clone(), self.rtype()));
        if edns != Edns::Without {
            let mut options = op::Edns::new();
            options.set_max_payload(PAYLOAD).set_version(0);
            message.set_edns(options);
        }
        if edns == Edns::Private {
            pad(&mut message)?;
        }
        let bytes = bytes_of(&message)?.into();
        Ok(Packet { id: message.metadata.id, edns, bytes })
    }

    /// The kind of these bytes as a reply to this question, which was sent as `packet`. The header
    /// decides as much as it can, because what stands behind it may make no sense.
    pub(super) fn read(&self, packet: &Packet, bytes: &[u8]) -> ReplyKind {
        let header = Header::from_bytes(bytes).ok();
        let Some(header) = header.filter(|header| packet.is_answered_by(header)) else {
            return ReplyKind::Nothing;
        };
        let code = header.metadata.response_code;
        if packet.needs_no_edns(code) {
            return ReplyKind::WithoutEdns;
        }
        let mut rest = Cursor::behind_header(bytes);
        if !self.is_repeated(&header, &mut rest) {
            return ReplyKind::Nothing;
        }
        if header.metadata.truncation {
            return ReplyKind::Truncated;
        }
        if is_error(code) {
            return ReplyKind::Failed(failed(code));
        }
        self.reply_kind(packet, &header, Records::read(&header, rest, self.record))
    }

    /// True if the reply repeats the question. A server that did not understand it may leave it
    /// out, and some announce it all the same.
    fn is_repeated(&self, header: &Header, rest: &mut Cursor<'_>) -> bool {
        let mut question = || Some((rest.name()?, rest.u16()?, rest.u16()?));
        let question = match header.counts.queries {
            0 => None,
            1 => question(),
            2.. => return false,
        };
        match question {
            // Names are compared without regard to case.
            Some((name, of_type, class)) => {
                let is_same = WireName::of(&self.name) == Some(name);
                is_same && of_type == u16::from(self.rtype()) && class == IN
            }
            None => is_error(header.metadata.response_code),
        }
    }

    fn reply_kind(&self, packet: &Packet, header: &Header, records: Records) -> ReplyKind {
        let code = records.code();
        if packet.needs_no_edns(code) {
            ReplyKind::WithoutEdns
        } else if is_error(code) {
            ReplyKind::Failed(failed(code))
        } else if is_lame(header, &records) {
            ReplyKind::Failed(failure("neither an answer nor recursion"))
        } else if let Some(why) = records.nonsense() {
            ReplyKind::Unreadable(other(why), records)
        } else {
            ReplyKind::Reply(records)
        }
    }
}

impl Packet {
    /// True if a message with this header is a reply to this packet.
    fn is_answered_by(&self, header: &Header) -> bool {
        let meta = &header.metadata;
        let is_reply = meta.message_type == MessageType::Response && meta.op_code == OpCode::Query;
        is_reply && meta.id == self.id
    }

    /// True if this code asks for a question without EDNS.
    fn needs_no_edns(&self, code: ResponseCode) -> bool {
        self.edns != Edns::Without && NO_EDNS.contains(&code)
    }
}

/// Pads the message to the next multiple of [`BLOCK`] (RFC 7830, RFC 8467).
fn pad(message: &mut Message) -> Result<(), LookupError> {
    let Some(edns) = &mut message.edns else { return Ok(()) };
    let nowhere = ClientSubnet::new(Ipv4Addr::UNSPECIFIED.into(), 0, 0);
    edns.options_mut().insert(EdnsOption::Subnet(nowhere));
    let length = bytes_of(message)?.len() + OPTION_HEADER;
    let padding = vec![0; length.next_multiple_of(BLOCK) - length];
    let Some(edns) = &mut message.edns else { return Ok(()) };
    edns.options_mut().insert(EdnsOption::Unknown(EdnsCode::Padding.into(), padding));
    Ok(())
}

fn bytes_of(message: &Message) -> Result<Vec<u8>, LookupError> {
    message.to_vec().map_err(|e| other(e.to_string()))
}

/// True if the server does not recurse and only points elsewhere. That is no answer; glibc asks the
/// next server as well.
fn is_lame(header: &Header, records: &Records) -> bool {
    let meta = &header.metadata;
    records.is_empty() && !meta.authoritative && !meta.recursion_available
}

fn is_error(code: ResponseCode) -> bool {
    !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain)
}

/// The failure with this code.
fn failed(code: ResponseCode) -> LookupError {
    if code == ResponseCode::ServFail {
        LookupErrorKind::ServerFailure.into()
    } else if code == ResponseCode::Refused {
        LookupErrorKind::Refused.into()
    } else {
        failure(code.to_str())
    }
}

/// The DNS type of a record.
pub(super) fn rtype(record: Record) -> RecordType {
    match record {
        Record::Aaaa => RecordType::AAAA,
        Record::A => RecordType::A,
    }
}

/// The name in wire format, or the reason why there is none.
pub(super) fn wire_name(name: &str) -> Result<Name, LookupError> {
    if name.is_empty() {
        return Ok(Name::root());
    }
    check_query_name(name).map_err(|why| other(why.to_string()))?;
    Name::from_labels(name.split('.').map(str::as_bytes)).map_err(|e| other(e.to_string()))
}

/// A name as text: lower case, no dot at its end.
pub(super) fn text_name(name: &Name) -> String {
    let mut text = name.to_ascii();
    text.make_ascii_lowercase();
    if text.len() > 1 && text.ends_with('.') {
        text.pop();
    }
    text
}

fn failure(why: &str) -> LookupError {
    LookupError::from(LookupErrorKind::ServerFailure).with_cause(why)
}

fn other(why: String) -> LookupError {
    LookupError::from(LookupErrorKind::Other).with_cause(why)
}

#[cfg(test)]
mod tests;
