//! How a world played out.

use std::net::SocketAddr;

use he::{AttemptOutcome, ErrorKind, Outcome, Report};

/// The outside of one race: what was started when, and how it ended.
#[derive(Debug, Clone)]
pub struct Played {
    /// One line a step.
    pub log: Vec<String>,
    /// Starts, in ms since the call.
    pub attempts: Vec<(u64, SocketAddr)>,
    pub elapsed: u64,
    pub report: Report,
    /// The text of the error.
    pub error: Option<String>,
    /// How often several things happened in the same ms, as far as the machine's world knows.
    pub ties: usize,
}

impl Played {
    pub fn winner(&self) -> Option<SocketAddr> {
        self.report.winner().map(|attempt| attempt.addr())
    }

    pub fn error_kind(&self) -> Option<ErrorKind> {
        match self.report.outcome() {
            Outcome::Failed(kind) => Some(kind),
            Outcome::Running | Outcome::Connected(_) | Outcome::Dropped | _ => None,
        }
    }

    /// The losers: what had to be closed at the end, in the order of their starts.
    pub fn closed(&self) -> Vec<SocketAddr> {
        let attempts = self.report.attempts().iter();
        let cancelled = attempts.filter(|a| matches!(a.outcome(), AttemptOutcome::Cancelled));
        cancelled.map(|attempt| attempt.addr()).collect()
    }

    /// How many attempts failed by themselves.
    pub fn errors(&self) -> usize {
        self.report.attempts().iter().filter(|attempt| attempt.error().is_some()).count()
    }
}
