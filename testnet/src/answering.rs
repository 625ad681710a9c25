//! The answer of a name server to a question, over UDP, TCP or TLS.

use std::time::Duration;

use hickory_proto::op::{OpCode, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType, rdata};

use crate::clock::Moment;
use crate::zone::{Asked, Entry, Over, Reply, Zone};

/// The parts of an answer.
pub(crate) struct Message {
    pub(crate) code: ResponseCode,
    pub(crate) answers: Vec<Record>,
    pub(crate) soa: Vec<Record>,
    pub(crate) truncated: bool,
    silent_over_tls: bool,
}

/// Records the question and makes the answer, with the time from the question to it; `None` if the
/// server does not answer. `code` is the whole answer if it is given.
pub(crate) fn answer(
    zone: &mut Zone,
    asked: Asked,
    op_code: OpCode,
    code: Option<ResponseCode>,
) -> Option<(Message, Duration)> {
    let Asked { server, record, over, .. } = asked;
    let name = asked.name.clone();
    zone.asked.push(asked);
    let mood = *zone.mood(server);
    if mood.never || zone.ignores(&name, record) || op_code != OpCode::Query {
        return None;
    }
    if let Some(code) = code.or(mood.code) {
        return Some((bare(code), mood.after));
    }
    let chain = follow(&name, record, |name| zone.find(name, record));
    let (message, after) = chain?;
    if message.silent_over_tls && over.is_tls() {
        return None;
    }
    let truncated = message.truncated && over == Over::Udp;
    let answers = if truncated { Vec::new() } else { message.answers };
    Some((Message { truncated, answers, ..message }, after + mood.after))
}

/// The name in the form of the zone's keys.
pub(crate) fn plain(name: &Name) -> String {
    name.to_string().trim_end_matches('.').to_ascii_lowercase()
}

/// Waits until then, by a finer timer than tokio's, which counts in milliseconds.
pub(crate) async fn pause(until: Moment) {
    let wait = until - Moment::now();
    if !wait.is_zero() {
        let _ = tokio::task::spawn_blocking(move || std::thread::sleep(wait)).await;
    }
}

fn bare(code: ResponseCode) -> Message {
    let (truncated, silent_over_tls) = (false, false);
    Message { code, answers: Vec::new(), soa: Vec::new(), truncated, silent_over_tls }
}

/// The answer along CNAMEs, as a recursive server gives it. A loop ends after eight names.
fn follow(
    asked: &str,
    record: RecordType,
    find: impl Fn(&str) -> Result<Entry, bool>,
) -> Option<(Message, Duration)> {
    let (mut message, mut after) = (bare(ResponseCode::NoError), Duration::ZERO);
    let mut name = asked.to_owned();
    for _ in 0..8 {
        let entry = match find(&name) {
            Ok(entry) => entry,
            Err(exists) => {
                message.code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
                message.soa = vec![soa(NEGATIVE_TTL)];
                return Some((message, after));
            }
        };
        after += entry.after;
        message.truncated |= entry.truncated;
        message.silent_over_tls |= entry.silent_over_tls;
        let data = match entry.reply {
            Reply::Nothing => return None,
            Reply::Code(code) => {
                message.code = code;
                message.soa.extend((code == ResponseCode::NXDomain).then(|| soa(entry.ttl)));
                return Some((message, after));
            }
            Reply::Records(data) if data.is_empty() => {
                message.soa = vec![soa(entry.ttl)];
                return Some((message, after));
            }
            Reply::Records(data) => data,
        };
        let owner = Name::from_ascii(format!("{name}.")).expect("a name");
        let of = |data: &RData| Record::from_rdata(owner.clone(), entry.ttl, data.clone());
        message.answers.extend(data.iter().map(of));
        match data.first() {
            Some(RData::CNAME(target)) if record != RecordType::CNAME => {
                name = plain(&target.0);
            }
            Some(_) | None => break,
        }
    }
    Some((message, after))
}

/// The longest time for which a negative answer is cached, in seconds.
const NEGATIVE_TTL: u32 = 60;

/// The record that makes a negative answer cacheable.
fn soa(ttl: u32) -> Record {
    let (root, ttl) = (Name::root(), ttl.min(NEGATIVE_TTL));
    let soa = rdata::SOA::new(root.clone(), root.clone(), 1, 3600, 600, 86_400, ttl);
    Record::from_rdata(root, ttl, RData::SOA(soa))
}
