//! Names that others find, N-7 to N-15.
//!
//! The text of N-15 (the error says that UDP did answer) is held by `tests/dns/deadline.rs`. N-16
//! (an error for want of descriptors may pass) is about the kind of an error, which this table does
//! not show.

use super::{FIRST, PLAIN, Row, code, found, found_after, silence};
use crate::torture::message::{A, AAAA, NXDOMAIN, OK, address_v6};

pub(super) const ROWS: &[Row] = &[
    Row {
        words: "N-7 the only server takes 3.5 s",
        behaviour: |ask| found_after(ask, 1, 3_500),
        servers: FIRST,
        ..PLAIN
    },
    Row {
        words: "N-7 the only server takes 4.5 s",
        behaviour: |ask| found_after(ask, 1, 4_500),
        servers: FIRST,
        ..PLAIN
    },
    Row {
        words: "N-7 the same with a search list, whose first candidate is the right one",
        behaviour: |ask| match ask.question.name.as_str() {
            "www.test" => found_after(ask, 1, 3_500),
            _ => code(ask, NXDOMAIN),
        },
        servers: FIRST,
        resolv_conf: "search lan corp.lan\n",
        ..PLAIN
    },
    Row {
        words: "N-8 the packets of the first two source ports are lost",
        behaviour: |ask| if ask.port < 2 { silence() } else { found(ask, 1) },
        servers: FIRST,
        ..PLAIN
    },
    Row {
        words: "N-9 the address moves, and the old host refuses",
        behaviour: |ask| match ask.at.as_millis() {
            ..2_000 => found(ask, 1),
            _ => found(ask, 2),
        },
        refuses: Some((1, 2_000)),
        names: &[(0, "www.test"), (3_000, "www.test"), (100, "www.test")],
        right: &[1, 0, 2],
        ..PLAIN
    },
    Row {
        words: "N-9 the address moves to a name that the search list has before the old one",
        behaviour: |ask| match (ask.question.name.as_str(), ask.at.as_millis()) {
            ("db.a.test", 2_000..) => found(ask, 2),
            ("db.b.test", ..2_000) => found(ask, 1),
            _ => code(ask, NXDOMAIN),
        },
        refuses: Some((1, 2_000)),
        resolv_conf: "search a.test b.test\n",
        names: &[(0, "db"), (3_000, "db"), (100, "db")],
        right: &[1, 0, 2],
        ..PLAIN
    },
    Row {
        words: "N-10 a name server with a zone that its address does not need",
        servers: "nameserver fd78::53%lo\n",
        ..PLAIN
    },
    Row {
        words: "N-10 the same in the hosts file",
        behaviour: |ask| code(ask, NXDOMAIN),
        hosts: "fd78::3%lo www.test\n",
        right: &[3],
        ..PLAIN
    },
    Row {
        words: "N-11 a name of twelve digits, and one whose last label is a number",
        names: &[(0, "482910384756"), (0, "redis.1")],
        right: &[1, 1],
        ..PLAIN
    },
    Row {
        words: "N-11 the same in the hosts file",
        behaviour: |ask| code(ask, NXDOMAIN),
        hosts: "127.0.0.3 482910384756 redis.1\n",
        names: &[(0, "482910384756"), (0, "redis.1")],
        right: &[3, 3],
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
        ..PLAIN
    },
    Row {
        words: "N-13 a router that sends A the AAAA records of a question that it overlaps",
        behaviour: |ask| match ask.question.rtype {
            A if ask.overlaps => vec![(1, ask.question.reply(OK, &[address_v6(1, 600)]))],
            A => found(ask, 1),
            _ => silence(),
        },
        servers: FIRST,
        ..PLAIN
    },
    Row {
        words: "N-13 a router that loses overlapping questions of one name, and no TCP",
        behaviour: |ask| match ask.question.rtype {
            A if !ask.overlaps => found(ask, 1),
            _ => silence(),
        },
        servers: FIRST,
        tcp: false,
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
        words: "N-15 truncated over UDP, and TCP is silent",
        behaviour: |ask| match (ask.server, ask.tcp) {
            (1, false) => vec![(1, ask.question.truncated())],
            (1, true) => silence(),
            _ => found(ask, 2),
        },
        right: &[2],
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
