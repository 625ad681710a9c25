//! Names that others find, N-1 to N-3: which server counts, how long "none" lasts, the search list.

use super::{PLAIN, Row, bad_domain, code, found, found_after, found_for, silence};
use crate::torture::message::{NXDOMAIN, REFUSED, SERVFAIL};

pub(super) const ROWS: &[Row] = &[
    PLAIN,
    Row {
        words: "N-1 the first server takes 400 ms, the second says NXDOMAIN at once",
        behaviour: |ask| match ask.server {
            1 => found_after(ask, 1, 400),
            _ => code(ask, NXDOMAIN),
        },
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
        ..PLAIN
    },
    Row {
        words: "N-1 the first datagram of each question to the first server is lost",
        behaviour: |ask| match (ask.server, ask.repeats) {
            (1, 0) => silence(),
            (1, _) => found(ask, 1),
            _ => code(ask, NXDOMAIN),
        },
        names: &[(0, "db.corp.test"), (0, "web.corp.test")],
        right: &[1, 1],
        ..PLAIN
    },
    Row {
        words: "N-1 the first server is silent to one name, then an inside name",
        behaviour: |ask| match (ask.server, ask.question.name.as_str()) {
            (1, "www.slow.test") => silence(),
            (1, _) => found(ask, 1),
            (_, "www.slow.test") => found(ask, 2),
            _ => code(ask, NXDOMAIN),
        },
        names: &[(0, "www.slow.test"), (0, "db.corp.test")],
        right: &[2, 1],
        ..PLAIN
    },
    Row {
        words: "N-1 the first server has answered and now takes 600 ms, the second differs",
        behaviour: |ask| match (ask.server, ask.question.name.as_str()) {
            (1, "www.test") => found(ask, 1),
            (1, _) => found_after(ask, 1, 600),
            _ => found(ask, 2),
        },
        names: &[(0, "www.test"), (0, "db.test")],
        right: &[1, 1],
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
        words: "N-2 a candidate of the search list that comes into being after a second",
        behaviour: |ask| match (ask.question.name.as_str(), ask.at.as_millis()) {
            ("db.a.test", 1_000..) => found(ask, 2),
            ("db.b.test", _) => found_for(ask, 1, 5),
            _ => code(ask, NXDOMAIN),
        },
        resolv_conf: "search a.test b.test\n",
        // It is not asked again while the address under `b.test` lasts.
        names: &[(0, "db"), (3_000, "db"), (2_500, "db")],
        right: &[1, 1, 2],
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
        words: "N-3 five search domains that are silent",
        behaviour: |ask| bad_domain(ask, |_| silence()),
        resolv_conf: "search a.bad.test b.bad.test c.bad.test d.bad.test bad.test\n\
                      options ndots:5\n",
        ..PLAIN
    },
    Row {
        words: "N-3 a search domain that has the host and takes 3.5 s",
        behaviour: |ask| match ask.question.name.as_str() {
            "db.a.test" => found_after(ask, 1, 3_500),
            _ => code(ask, NXDOMAIN),
        },
        resolv_conf: "search a.test b.test\n",
        names: &[(0, "db")],
        ..PLAIN
    },
];
