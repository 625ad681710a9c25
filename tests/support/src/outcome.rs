//! How an attempt ended, in words.

use he::{AttemptOutcome, AttemptReport};

/// `won`, `timed out` and so on; for a failed attempt the kind of its error.
pub fn outcome(attempt: &AttemptReport) -> String {
    match attempt.outcome() {
        AttemptOutcome::Running => "running".to_owned(),
        AttemptOutcome::Won => "won".to_owned(),
        AttemptOutcome::Failed(error) => error.kind().to_string(),
        AttemptOutcome::TimedOut => "timed out".to_owned(),
        AttemptOutcome::Cancelled => "cancelled".to_owned(),
        other => panic!("a new outcome: {other:?}"),
    }
}
