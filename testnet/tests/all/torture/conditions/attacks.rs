//! Group B: attacks on names and name servers. In the order of the findings.
//!
//! N-17 (a hostile name sends others in plaintext) and N-18 (port 853 ends each connection after
//! the handshake) need TLS, which `getaddrinfo` does not speak: they are in `dot_attacks`. N-27,
//! N-28 and N-30 show in no address. The others are not about names.

use super::{FIRST, PLAIN, Row, code, found, found_after};
use crate::torture::message::{A, NXDOMAIN, OK, SERVFAIL, address};
use crate::torture::server::UNREACHABLE;

pub(super) const ROWS: &[Row] = &[
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
        ..PLAIN
    },
    Row {
        words: "N-20 64 replies with wrong ids over UDP, then a forged one with the right id",
        behaviour: |ask| match (ask.tcp, ask.question.rtype) {
            (false, A) => {
                let forged = ask.question.reply(OK, &[address(4, 600)]);
                let id = u16::from_be_bytes([forged[0], forged[1]]);
                let with = |id: u16| (1, [&id.to_be_bytes(), &forged[2..]].concat());
                (1..=64).map(|n| with(id ^ n)).chain([with(id)]).collect()
            }
            _ => found(ask, 1),
        },
        servers: FIRST,
        ..PLAIN
    },
    Row {
        words: "N-21 64 KiB over TCP, with names that are chains of compression pointers",
        behaviour: |ask| match (ask.server, ask.question.rtype, ask.tcp) {
            (1, A, false) => vec![(1, ask.question.truncated())],
            (1, A, true) => vec![(1, ask.question.pointers(1))],
            _ => found(ask, 1),
        },
        max_cpu_ms: 120,
        ..PLAIN
    },
    Row {
        words: "N-24 the last one of 150,000 names of a hosts file",
        behaviour: |ask| code(ask, NXDOMAIN),
        blocked: 150_000,
        hosts: "127.0.0.3 www.test\n",
        right: &[3],
        ..PLAIN
    },
    Row {
        words: "N-26 a forged ICMP message before the first replies over UDP",
        behaviour: |ask| match (ask.tcp, ask.port) {
            (false, ..2) => [vec![(0, UNREACHABLE.to_vec())], found_after(ask, 1, 5)].concat(),
            _ => found(ask, 1),
        },
        servers: FIRST,
        ..PLAIN
    },
];
