//! The conditions, in the order of the findings N-n. Each is one row of the table.

use super::message::{
    A, AAAA, FORMERR, NXDOMAIN, OK, Question, REFUSED, SERVFAIL, address, address_of, cname, opt,
};
use super::server::{Ask, Behaviour, Replies};

/// A condition, and what is right under it.
pub(crate) struct Row {
    /// The finding and the condition, in words.
    pub(crate) words: &'static str,
    /// The replies of both servers.
    pub(crate) behaviour: Behaviour,
    /// The lines of resolv.conf after its two name servers. If they begin with `one`, it has the first
    /// server only.
    pub(crate) resolv_conf: &'static str,
    /// Lines of the hosts file.
    pub(crate) hosts: &'static str,
    /// Names that are looked up one after the other, each with a pause in ms before it.
    pub(crate) names: &'static [(u64, &'static str)],
    /// The last number of the address that each name should have; 0 for none.
    pub(crate) right: &'static [u8],
    pub(crate) state: State,
}

/// The state of a row. A test fails where it is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// `he` finds what is right.
    Right,
    /// It does not. The rules of one question to the name servers have to change for it.
    NotYet,
    /// It does or does not, by the order in which questions arrive. The same rules have to change.
    Chance,
}

use State::{Chance, NotYet, Right};

const PLAIN: Row = Row {
    words: "both servers answer",
    behaviour: |ask| found(ask, 1),
    resolv_conf: "",
    hosts: "",
    names: &[(0, "www.test")],
    right: &[1],
    state: Right,
};

/// An A record with this last number after 1 ms, and no AAAA.
fn found(ask: &Ask, last: u8) -> Replies {
    found_after(ask, last, 1)
}

fn found_after(ask: &Ask, last: u8, after: u64) -> Replies {
    let question = &ask.question;
    vec![(
        after,
        match question.rtype {
            A => question.reply(OK, &[address(last, 600)]),
            _ => question.none(OK),
        },
    )]
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

pub(crate) const ROWS: &[Row] = &[
    PLAIN,
    Row {
        words: "N-1 the first server takes 400 ms, the second says NXDOMAIN at once",
        behaviour: |ask| match ask.server {
            1 => found_after(ask, 1, 400),
            _ => code(ask, NXDOMAIN),
        },
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-1 one slow name, then an inside name that only the first server knows",
        behaviour: |ask| match (ask.server, ask.question.name.as_str()) {
            (1, "www.slow.test") => found_after(ask, 1, 400),
            (1, _) => found(ask, 1),
            (_, "www.slow.test") => found_after(ask, 2, 20),
            _ => code(ask, NXDOMAIN),
        },
        names: &[(0, "www.slow.test"), (0, "db.corp.test"), (200, "db.corp.test")],
        right: &[2, 1, 1],
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-2 a name that comes into being after a second",
        behaviour: |ask| match ask.at.as_millis() {
            ..1_000 => code(ask, NXDOMAIN),
            _ => found(ask, 1),
        },
        names: &[(0, "db.test"), (3_200, "db.test")],
        right: &[0, 1],
        ..PLAIN
    },
    Row {
        words: "N-3 a search domain that ends in SERVFAIL",
        behaviour: |ask| bad_domain(ask, |ask| code(ask, SERVFAIL)),
        resolv_conf: "search bad.test\noptions ndots:5\n",
        ..PLAIN
    },
    Row {
        words: "N-3 a search domain that ends in REFUSED",
        behaviour: |ask| bad_domain(ask, |ask| code(ask, REFUSED)),
        resolv_conf: "search bad.test\noptions ndots:5\n",
        ..PLAIN
    },
    Row {
        words: "N-3 a search domain that is silent",
        behaviour: |ask| bad_domain(ask, |_| silence()),
        resolv_conf: "search bad.test\noptions ndots:5\n",
        ..PLAIN
    },
    Row {
        words: "N-4 OPT in the answer section in place of the address",
        behaviour: |ask| nonsense(ask, true, |question| question.reply(OK, &[opt()])),
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-4 OPT in the answer section, then the address",
        behaviour: |ask| {
            nonsense(ask, true, |question| question.reply(OK, &[opt(), address(1, 60)]))
        },
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-4 the question copied with its OPT, the address behind it",
        behaviour: |ask| {
            nonsense(ask, true, |question| question.copied([1, 0, 1], &address(1, 60)))
        },
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-4 an address, and an additional record that is not there",
        behaviour: |ask| {
            nonsense(ask, false, |question| question.raw(OK, [1, 0, 1], &address(1, 60)))
        },
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-4 an address, and nonsense as the additional record",
        behaviour: |ask| {
            nonsense(ask, false, |question| {
                let record = [&address(1, 60)[..], &[0xc0, 0xff, 0, 1]].concat();
                question.raw(OK, [1, 0, 1], &record)
            })
        },
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-4 a reply cut within its records without TC, whole without EDNS",
        behaviour: |ask| {
            nonsense(ask, true, |question| question.raw(OK, [2, 0, 0], &address(1, 60)))
        },
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-4 the same over UDP in both forms, whole over TCP",
        behaviour: |ask| match ask.tcp {
            true => found(ask, 1),
            false => nonsense(ask, false, |question| question.raw(OK, [2, 0, 0], &[0xc0])),
        },
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-4 FORMERR as a header alone that promises a question",
        behaviour: |ask| nonsense(ask, true, |question| question.bare_header(FORMERR)),
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-5 a router that drops EDNS, and TCP that is silent",
        behaviour: |ask| match ask.question.edns || ask.tcp {
            true => silence(),
            false => found(ask, 1),
        },
        resolv_conf: "one",
        state: NotYet,
        ..PLAIN
    },
    Row { words: "N-6 9 CNAMEs in one reply", behaviour: |ask| chain(ask, 9), ..PLAIN },
    Row { words: "N-6 16 CNAMEs in one reply", behaviour: |ask| chain(ask, 16), ..PLAIN },
    Row {
        words: "N-7 the only server takes 3.5 s",
        behaviour: |ask| found_after(ask, 1, 3_500),
        resolv_conf: "one",
        ..PLAIN
    },
    Row {
        words: "N-7 the only server takes 4.5 s",
        behaviour: |ask| found_after(ask, 1, 4_500),
        resolv_conf: "one",
        ..PLAIN
    },
    Row {
        words: "N-8 the packets of the first two source ports are lost",
        behaviour: |ask| if ask.port < 2 { silence() } else { found(ask, 1) },
        resolv_conf: "one",
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "N-11 a name of twelve digits, and one whose last label is a number",
        names: &[(0, "482910384756"), (0, "redis.1")],
        right: &[1, 1],
        ..PLAIN
    },
    Row {
        words: "N-12 one question a TCP connection, the others ignored",
        behaviour: |ask| match ask.before_on_connection {
            0 => found(ask, 1),
            _ => silence(),
        },
        resolv_conf: "options use-vc\n",
        names: &[(0, "one.test"), (100, "two.test"), (100, "three.test")],
        right: &[1, 1, 1],
        state: Chance,
        ..PLAIN
    },
    Row {
        words: "N-14 a hosts line with a name that is not ASCII",
        behaviour: |ask| code(ask, NXDOMAIN),
        hosts: "127.0.0.3 b\u{fc}cher.test\n",
        names: &[(0, "b\u{fc}cher.test")],
        right: &[3],
        ..PLAIN
    },
    Row {
        words: "N-15 truncated over UDP, whole over TCP",
        behaviour: |ask| match ask.tcp {
            true => found(ask, 1),
            false => vec![(1, ask.question.truncated())],
        },
        ..PLAIN
    },
    Row {
        words: "N-19 SERVFAIL for one name, then an inside name",
        behaviour: |ask| match (ask.server, ask.question.name.as_str()) {
            (1, "evil.test") => code(ask, SERVFAIL),
            (1, _) => found(ask, 1),
            (_, "evil.test") => found(ask, 2),
            _ => code(ask, NXDOMAIN),
        },
        names: &[(0, "evil.test"), (0, "db.corp.test")],
        right: &[2, 1],
        state: NotYet,
        ..PLAIN
    },
    Row {
        words: "AAAA is silent",
        behaviour: |ask| match ask.question.rtype {
            AAAA => silence(),
            _ => found(ask, 1),
        },
        ..PLAIN
    },
    Row {
        words: "the first server is silent",
        behaviour: |ask| if ask.server == 1 { silence() } else { found(ask, 2) },
        right: &[2],
        ..PLAIN
    },
];
