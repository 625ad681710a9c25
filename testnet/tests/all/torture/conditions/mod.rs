//! The conditions, in the order of the findings N-n. Each is one row of the table.

use super::message::{A, OK, Question, address, address_of, cname};
use super::server::{Ask, Behaviour, Replies};

mod attacks;
mod names;
mod replies;
mod servers;

/// All conditions.
pub(crate) fn rows() -> Vec<&'static Row> {
    [servers::ROWS, replies::ROWS, names::ROWS, attacks::ROWS].into_iter().flatten().collect()
}

/// A condition, and what is right under it.
pub(crate) struct Row {
    /// The finding and the condition, in words.
    pub(crate) words: &'static str,
    /// The replies of all servers.
    pub(crate) behaviour: Behaviour,
    /// The servers listen at TCP port 53.
    pub(crate) tcp: bool,
    /// The name servers of resolv.conf.
    pub(crate) servers: &'static str,
    /// The lines of resolv.conf after its name servers.
    pub(crate) resolv_conf: &'static str,
    /// The last lines of the hosts file.
    pub(crate) hosts: &'static str,
    /// The number of other names in the hosts file.
    pub(crate) blocked: usize,
    /// The host 127.0.0.n refuses connections from this time in ms on.
    pub(crate) refuses: Option<(u8, u64)>,
    /// Names that are looked up one after the other, each with a pause in ms before it.
    pub(crate) names: &'static [(u64, &'static str)],
    /// The last number of the address that each name should have; 0 for none.
    pub(crate) right: &'static [u8],
    /// The most CPU time in ms that `he` should take.
    pub(crate) max_cpu_ms: u64,
}

/// Both servers on 127.0.1.n.
const BOTH: &str = "nameserver 127.0.1.1\nnameserver 127.0.1.2\n";
/// The first one alone.
const FIRST: &str = "nameserver 127.0.1.1\n";

const PLAIN: Row = Row {
    words: "both servers answer",
    behaviour: |ask| found(ask, 1),
    tcp: true,
    servers: BOTH,
    resolv_conf: "",
    hosts: "",
    blocked: 0,
    refuses: None,
    names: &[(0, "www.test")],
    right: &[1],
    max_cpu_ms: u64::MAX,
};

/// An A record with this last number after 1 ms, and no AAAA.
fn found(ask: &Ask, last: u8) -> Replies {
    found_after(ask, last, 1)
}

/// The same after this time in ms.
fn found_after(ask: &Ask, last: u8, after: u64) -> Replies {
    found_for(ask, last, 600).into_iter().map(|(_, reply)| (after, reply)).collect()
}

/// The same after 1 ms, with this TTL in seconds.
fn found_for(ask: &Ask, last: u8, ttl: u32) -> Replies {
    let question = &ask.question;
    let reply = match question.rtype {
        A => question.reply(OK, &[address(last, ttl)]),
        _ => question.none(OK),
    };
    vec![(1, reply)]
}

fn code(ask: &Ask, code: u8) -> Replies {
    vec![(1, ask.question.none(code))]
}

fn silence() -> Replies {
    Vec::new()
}

/// These bytes for A; no AAAA. Questions without EDNS get a good reply if `plain_works`.
fn nonsense(ask: &Ask, plain_works: bool, bytes: fn(&Question) -> Vec<u8>) -> Replies {
    let question = &ask.question;
    match question.rtype {
        A if question.edns || !plain_works => vec![(1, bytes(question))],
        _ => found(ask, 1),
    }
}

fn chain(ask: &Ask, length: usize) -> Replies {
    let question = &ask.question;
    if question.rtype != A {
        return code(ask, OK);
    }
    let name = |n: usize| if n == 0 { question.name.clone() } else { format!("c{n}.cdn.test") };
    let mut records: Vec<_> = (0..length).map(|n| cname(&name(n), &name(n + 1))).collect();
    records.push(address_of(&name(length), 1));
    vec![(1, question.reply(OK, &records))]
}

/// Everything under `bad.test` gets this, all other names an address.
fn bad_domain(ask: &Ask, bad: fn(&Ask) -> Replies) -> Replies {
    if ask.question.name.ends_with("bad.test") { bad(ask) } else { found(ask, 1) }
}
