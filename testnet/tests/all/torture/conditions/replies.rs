//! Names that others find, N-4 to N-6: replies that are not as they should be.

use super::{FIRST, PLAIN, Row, chain, found, nonsense, silence};
use crate::torture::message::{FORMERR, OK, address, opt};

pub(super) const ROWS: &[Row] = &[
    Row {
        words: "N-4 OPT in the answer section in place of the address",
        behaviour: |ask| nonsense(ask, true, |question| question.reply(OK, &[opt()])),
        ..PLAIN
    },
    Row {
        words: "N-4 OPT in the answer section, then the address",
        behaviour: |ask| {
            nonsense(ask, true, |question| question.reply(OK, &[opt(), address(1, 60)]))
        },
        ..PLAIN
    },
    Row {
        words: "N-4 the question copied with its OPT, the address behind it",
        behaviour: |ask| {
            nonsense(ask, true, |question| question.copied([1, 0, 1], &address(1, 60)))
        },
        ..PLAIN
    },
    Row {
        words: "N-4 an address, and an additional record that is not there",
        behaviour: |ask| {
            nonsense(ask, false, |question| question.raw(OK, [1, 0, 1], &address(1, 60)))
        },
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
        ..PLAIN
    },
    Row {
        words: "N-4 a reply cut within its records without TC, whole without EDNS",
        behaviour: |ask| {
            nonsense(ask, true, |question| question.raw(OK, [2, 0, 0], &address(1, 60)))
        },
        ..PLAIN
    },
    Row {
        words: "N-4 the same over UDP in both forms, whole over TCP",
        behaviour: |ask| match ask.tcp {
            true => found(ask, 1),
            false => nonsense(ask, false, |question| question.raw(OK, [2, 0, 0], &[0xc0])),
        },
        ..PLAIN
    },
    Row {
        words: "N-4 FORMERR as a header alone that promises a question",
        behaviour: |ask| nonsense(ask, true, |question| question.bare_header(FORMERR)),
        ..PLAIN
    },
    Row {
        words: "N-5 a router that drops EDNS, and TCP that is silent",
        behaviour: |ask| match ask.question.edns || ask.tcp {
            true => silence(),
            false => found(ask, 1),
        },
        servers: FIRST,
        ..PLAIN
    },
    Row {
        words: "N-5 a router that drops EDNS, and TCP that is closed",
        behaviour: |ask| if ask.question.edns { silence() } else { found(ask, 1) },
        servers: FIRST,
        tcp: false,
        ..PLAIN
    },
    Row { words: "N-6 9 CNAMEs in one reply", behaviour: |ask| chain(ask, 9), ..PLAIN },
    Row { words: "N-6 16 CNAMEs in one reply", behaviour: |ask| chain(ask, 16), ..PLAIN },
];
