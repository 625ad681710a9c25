//! Reports as text without times, so that tests can compare them.

use he::{LookupOutcome, Report};
use he_test_support::outcome::outcome;

/// One line for each lookup, then one line for each attempt, such as `AAAA: 1` and
/// `[2001:db8::1]:443: cancelled`.
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
    let attempts =
        report.attempts().iter().map(|attempt| format!("{}: {}", attempt.addr(), outcome(attempt)));
    lookups.chain(attempts).collect()
}
