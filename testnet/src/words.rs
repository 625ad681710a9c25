//! A report in words without times, to compare.

use he::{AttemptOutcome, LookupOutcome, Report};

/// One line a lookup, then one line an attempt: `AAAA: 1`, `[2001:db8::1]:443: cancelled`.
#[must_use]
pub fn words(report: &Report) -> Vec<String> {
    let lookups = report.lookups().iter().map(|lookup| {
        let outcome = match lookup.outcome() {
            LookupOutcome::Answered(answer) => answer.addrs().len().to_string(),
            LookupOutcome::Failed(error) => error.kind().to_string(),
            LookupOutcome::Abandoned => "abandoned".to_owned(),
            other => format!("{other:?}"),
        };
        format!("{}: {outcome}", lookup.record())
    });
    let attempts = report.attempts().iter().map(|attempt| {
        let outcome = match attempt.outcome() {
            AttemptOutcome::Won => "won".to_owned(),
            AttemptOutcome::Cancelled => "cancelled".to_owned(),
            AttemptOutcome::TimedOut => "timed out".to_owned(),
            AttemptOutcome::Failed(error) => error.kind().to_string(),
            other => format!("{other:?}"),
        };
        format!("{}: {outcome}", attempt.addr())
    });
    lookups.chain(attempts).collect()
}
