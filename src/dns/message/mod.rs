//! The wire format of questions and replies. hickory-proto encodes and decodes; this module decides
//! which reply belongs to a question, and of which kind it is.

use std::net::Ipv4Addr;
use std::sync::Arc;

use hickory_proto::op::{self, Header, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::host::check_query_name;
use crate::race::query::Record;

/// The size that a server may send over UDP without fragments (C-EDNS, DNS flag day 2020).
const PAYLOAD: u16 = 1232;
/// Over TLS the length of a question is a multiple of this (RFC 8467 section 4.1).
const BLOCK: usize = 128;
/// The bytes of code and length of an EDNS option (RFC 6891 section 6.1.2).
const OPTION_HEADER: usize = 4;

/// A name and one of its record types.
#[derive(Debug, Clone)]
pub(super) struct Question {
    name: Name,
    record: Record,
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
    /// NOERROR or NXDOMAIN.
    Reply(Message),
}

impl Question {
    pub(super) fn new(name: Name, record: Record) -> Self {
        Self { name, record }
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn record(&self) -> Record {
        self.record
    }

    /// Encodes the question with a random id, which `Message::query` takes from `rand`'s generator
    /// for secrets (R-5452-9). A question is about one type, never ANY (R-8482). Its name is in
    /// lower case: mixed case ("0x20") makes some servers fail.
    pub(super) fn encode(&self, edns: Edns) -> Result<Packet, LookupError> {
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(self.name.clone(), rtype(self.record)));
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

    /// The kind of these bytes as a reply to this question, which was sent as `packet`.
    pub(super) fn read(&self, packet: &Packet, bytes: &[u8]) -> ReplyKind {
        let Some(header) = self.matching_header(packet, bytes) else { return ReplyKind::Nothing };
        if header.metadata.truncation {
            return ReplyKind::Truncated;
        }
        match Message::from_vec(bytes) {
            Ok(message) => self.reply_kind(packet, message),
            Err(e) => ReplyKind::Failed(other(format!("malformed reply: {e}"))),
        }
    }

    /// The header, if it is a reply to this question: id, QR and the question itself.
    fn matching_header(&self, packet: &Packet, bytes: &[u8]) -> Option<Header> {
        let mut decoder = BinDecoder::new(bytes);
        let header = Header::read(&mut decoder).ok()?;
        let meta = &header.metadata;
        let reply = meta.message_type == MessageType::Response && meta.op_code == OpCode::Query;
        if !reply || meta.id != packet.id {
            return None;
        }
        let good = matches!(meta.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
        match header.counts.queries {
            // A server that did not understand the question may leave it out.
            0 if !good => Some(header),
            1 => {
                let asked = Query::read(&mut decoder).ok()?;
                // Names are compared without regard to case.
                let same = asked.name == self.name
                    && asked.query_type == rtype(self.record)
                    && asked.query_class == DNSClass::IN;
                same.then_some(header)
            }
            _ => None,
        }
    }

    fn reply_kind(&self, packet: &Packet, message: Message) -> ReplyKind {
        let code = message.metadata.response_code;
        let no_edns = [ResponseCode::FormErr, ResponseCode::NotImp, ResponseCode::BADVERS];
        if is_lame(&message) {
            ReplyKind::Failed(failure("neither an answer nor recursion"))
        } else if matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
            ReplyKind::Reply(message)
        } else if packet.edns != Edns::Without && no_edns.contains(&code) {
            ReplyKind::WithoutEdns
        } else if code == ResponseCode::ServFail {
            ReplyKind::Failed(LookupErrorKind::ServerFailure.into())
        } else if code == ResponseCode::Refused {
            ReplyKind::Failed(LookupErrorKind::Refused.into())
        } else {
            ReplyKind::Failed(failure(code.to_str()))
        }
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
fn is_lame(message: &Message) -> bool {
    let meta = &message.metadata;
    let empty = meta.response_code == ResponseCode::NoError && message.answers.is_empty();
    let has_soa = message.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
    empty && !meta.authoritative && !meta.recursion_available && !has_soa
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
