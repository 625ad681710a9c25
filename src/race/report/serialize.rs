//! `serde::Serialize` for the report. A key that ends in `_ms` is the method of that name, in
//! milliseconds.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::race::address::Unusable;
use crate::race::answer::{LookupErrorKind, Origin};
use crate::race::report::{
    AttemptOutcome, AttemptReport, ErrorKind, Ip, LookupOutcome, LookupReport, Outcome, Reason,
    Report, Skipped,
};

/// A map:
///
/// | key | value |
/// |---|---|
/// | `host`, `ports`, `listed` | the destination; `listed` is the length of a list of addresses, else null |
/// | `outcome` | `connected`, `failed`, `resolved`, `dropped`, `running` |
/// | `error`, `detail` | the kind of failure, and the reason why the input was refused or a name is never looked up |
/// | `winner` | an index into `attempts` |
/// | `elapsed_ms`, `dns_elapsed_ms`, `connect_elapsed_ms` | the whole call, and its two parts |
/// | `lookups` | `record`, `started_after_ms`, `elapsed_ms`, `outcome` (`answered`, `failed`, `abandoned`, `running`), `addresses` (with zones), `name` (the final one), `server`, `origin`, `plaintext_reason` (why the question was sent in plaintext as well), `cached`, `ttl_s`, `kind` and `error` of a failure |
/// | `attempts` | `addr`, `started_after_ms`, `elapsed_ms`, `tcp_elapsed_ms`, `local` (no packet left), `outcome` (`won`, `failed`, `timed_out`, `cancelled`, `running`), `kind` and `error` of a failure |
/// | `skipped`, `skipped_more` | `addr` and `reason` (`unspecified`, `multicast`, `broadcast`, `no_zone`, `forbidden`, `other_family`); how many more |
/// | `left_out`, `not_tried` | the number of addresses left out of the answers; the number of pairs of address and port that had not had their turn |
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (outcome, error, winner) = match self.outcome {
            Outcome::Running => ("running", None, None),
            Outcome::Connected(index) => ("connected", None, Some(index)),
            Outcome::Failed(kind) => ("failed", Some(kind), None),
            Outcome::Resolved => ("resolved", None, None),
            Outcome::Dropped => ("dropped", None, None),
        };
        ReportRow {
            host: self.host(),
            ports: self.ports(),
            listed: self.listed,
            outcome,
            error,
            detail: self.detail(),
            winner,
            elapsed_ms: millis(self.elapsed()),
            dns_elapsed_ms: self.dns_elapsed().map(millis),
            connect_elapsed_ms: self.connect_elapsed().map(millis),
            lookups: self.lookups.iter().map(row_of_lookup).collect(),
            attempts: self.attempts.iter().map(row_of_attempt).collect(),
            skipped: self.skipped.iter().map(row_of_skipped).collect(),
            skipped_more: self.skipped_more,
            left_out: self.left_out,
            not_tried: self.not_tried,
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct ReportRow<'a> {
    host: &'a str,
    ports: &'a [u16],
    listed: Option<usize>,
    outcome: &'static str,
    error: Option<ErrorKind>,
    detail: Option<&'a str>,
    winner: Option<usize>,
    elapsed_ms: f64,
    dns_elapsed_ms: Option<f64>,
    connect_elapsed_ms: Option<f64>,
    lookups: Vec<LookupRow<'a>>,
    attempts: Vec<AttemptRow>,
    skipped: Vec<SkippedRow>,
    skipped_more: usize,
    left_out: usize,
    not_tried: usize,
}

#[derive(Serialize, Default)]
struct LookupRow<'a> {
    record: String,
    started_after_ms: f64,
    elapsed_ms: Option<f64>,
    outcome: &'static str,
    addresses: Vec<String>,
    name: Option<&'a str>,
    server: Option<SocketAddr>,
    origin: Option<Origin>,
    plaintext_reason: Option<&'a str>,
    cached: bool,
    ttl_s: Option<u64>,
    kind: Option<LookupErrorKind>,
    error: Option<String>,
}

#[derive(Serialize)]
struct AttemptRow {
    addr: SocketAddr,
    started_after_ms: f64,
    elapsed_ms: Option<f64>,
    tcp_elapsed_ms: Option<f64>,
    local: bool,
    outcome: &'static str,
    kind: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct SkippedRow {
    addr: String,
    reason: &'static str,
}

fn row_of_skipped(skipped: &Skipped) -> SkippedRow {
    let addr = match skipped.addr.port() {
        0 => Ip(skipped.addr).to_string(),
        _ => skipped.addr.to_string(),
    };
    let reason = match skipped.reason {
        Reason::Unusable(Unusable::Unspecified) => "unspecified",
        Reason::Unusable(Unusable::Multicast) => "multicast",
        Reason::Unusable(Unusable::Broadcast) => "broadcast",
        Reason::Unusable(Unusable::NoZone) => "no_zone",
        Reason::Forbidden => "forbidden",
        Reason::OtherFamily => "other_family",
    };
    SkippedRow { addr, reason }
}

fn row_of_lookup(lookup: &LookupReport) -> LookupRow<'_> {
    let blank = LookupRow {
        record: lookup.record.to_string(),
        started_after_ms: millis(lookup.started_after()),
        elapsed_ms: lookup.elapsed().map(millis),
        outcome: "running",
        ..LookupRow::default()
    };
    match &lookup.outcome {
        LookupOutcome::Running => blank,
        LookupOutcome::Abandoned => LookupRow { outcome: "abandoned", ..blank },
        LookupOutcome::Answered(answer) => LookupRow {
            outcome: "answered",
            addresses: answer.addrs().iter().map(|addr| Ip(*addr).to_string()).collect(),
            name: answer.name(),
            server: answer.server(),
            origin: Some(answer.origin()),
            plaintext_reason: answer.plaintext_reason(),
            cached: answer.is_cached(),
            ttl_s: answer.ttl().map(|ttl| ttl.as_secs()),
            ..blank
        },
        LookupOutcome::Failed(error) => LookupRow {
            outcome: "failed",
            name: error.name(),
            server: error.server(),
            plaintext_reason: error.plaintext_reason(),
            cached: error.is_cached(),
            kind: Some(error.kind()),
            error: Some(error.to_string()),
            ..blank
        },
    }
}

fn row_of_attempt(attempt: &AttemptReport) -> AttemptRow {
    AttemptRow {
        addr: attempt.addr,
        started_after_ms: millis(attempt.started_after()),
        elapsed_ms: attempt.elapsed().map(millis),
        tcp_elapsed_ms: attempt.tcp_elapsed().map(millis),
        local: attempt.is_local(),
        outcome: match attempt.outcome {
            AttemptOutcome::Running => "running",
            AttemptOutcome::Won => "won",
            AttemptOutcome::Failed(_) => "failed",
            AttemptOutcome::TimedOut => "timed_out",
            AttemptOutcome::Cancelled => "cancelled",
        },
        kind: attempt.error().map(|error| error.kind().to_string()),
        error: attempt.cause().map(|cause| cause.to_string()),
    }
}

/// Milliseconds, to the microsecond, because the rest is noise.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::race::endpoint::{Endpoint, EndpointOrigin};
    use crate::race::name::Name;
    use crate::race::ports::Ports;
    use crate::race::query::Record;
    use crate::race::report::{ErrorWords, Span};

    #[test]
    fn a_report_is_a_map_of_facts() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let mut report = Report::new(Arc::from("robur.coop"), Ports::from(443), began);
        let span = Span { called: began, from: began, to: Some(at(12)) };
        let outcome = LookupOutcome::Failed(LookupErrorKind::NoRecords.into());
        let lookup = LookupReport::starting(Name::parse_lossy("robur.coop"), Record::Aaaa, span);
        report.lookups.push(LookupReport { outcome, ..lookup });
        let addr = SocketAddr::from(([192, 0, 2, 1], 443));
        let endpoint = Endpoint::new(addr, EndpointOrigin::List);
        let span = Span { called: began, from: at(12), to: Some(at(32)) };
        let attempt = AttemptReport::starting(endpoint, ErrorWords::default(), span);
        report.attempts.push(AttemptReport { outcome: AttemptOutcome::Won, ..attempt });
        report.close(Outcome::Connected(0), at(32));
        let expected = serde_json::json!({
            "host": "robur.coop", "ports": [443], "listed": null, "detail": null, "outcome": "connected", "error": null,
            "winner": 0, "elapsed_ms": 32.0, "dns_elapsed_ms": 12.0, "connect_elapsed_ms": 20.0, "left_out": 0, "skipped": [],
            "skipped_more": 0, "not_tried": 0,
            "lookups": [{
                "record": "AAAA", "started_after_ms": 0.0, "elapsed_ms": 12.0, "outcome": "failed",
                "addresses": [], "name": null, "server": null, "origin": null, "plaintext_reason": null, "cached": false,
                "ttl_s": null, "kind": "no_records", "error": "no records",
            }],
            "attempts": [{
                "addr": "192.0.2.1:443", "started_after_ms": 12.0, "elapsed_ms": 20.0, "tcp_elapsed_ms": null,
                "local": false, "outcome": "won", "kind": null, "error": null,
            }],
        });
        assert_eq!(serde_json::to_value(&report).unwrap(), expected);
    }
}
