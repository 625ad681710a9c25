//! Lookups and addresses: what is asked, when the first attempt may start.

use std::time::Instant;

use super::{FAR, Race, Step};
use crate::race::answer::{Answer, LookupError};
use crate::race::binding::Binding;
use crate::race::config::Family;
use crate::race::report::{LookupOutcome, LookupReport, Span};
use crate::resolve::{Query, Record};

/// Lookups and addresses.
impl Race {
    /// The answer to [`Step::Resolve`]. A late one joins the race as if it had been there from the
    /// start (R-V3-7a); one that comes after the end is ignored.
    pub fn resolved(&mut self, record: Record, result: Result<Answer, LookupError>, now: Instant) {
        let running = |l: &&mut LookupReport| l.record == record && l.is_running();
        let Some(lookup) = self.report.lookups.iter_mut().find(running) else { return };
        lookup.span.to = Some(now);
        match result.and_then(refuse_empty) {
            Err(error) => lookup.outcome = LookupOutcome::Failed(error),
            Ok(answer) => {
                lookup.outcome = LookupOutcome::Answered(answer.clone());
                self.candidates.admit(&answer, &mut self.report);
                self.note_first_addr(now);
            }
        }
    }

    /// The question that belongs to [`Step::Resolve`]: the name, the other record type of this
    /// race, and when the answer is no longer waited for. `None` if there is nothing to look up.
    #[must_use]
    pub fn query(&self, record: Record) -> Option<Query> {
        let asked = self.report.lookups.iter().find(|l| l.record == record)?.span.from;
        let patience = asked.checked_add(self.config.lookup_timeout());
        Some(Query {
            name: self.name()?.clone(),
            record,
            sibling: self.records().iter().copied().find(|other| *other != record),
            deadline: patience.into_iter().chain(self.total_deadline()).min().or(Some(asked + FAR)),
            binding: Binding::default(),
        })
    }

    /// What is asked, in this order.
    pub(super) fn records(&self) -> &'static [Record] {
        match (self.name(), self.config.family) {
            (None, _) => &[],
            (_, Family::Any | Family::PreferV4) => &[Record::Aaaa, Record::A], // R-8305-3a
            (_, Family::V4Only) => &[Record::A],
            (_, Family::V6Only) => &[Record::Aaaa],
        }
    }

    pub(super) fn ask(&mut self, record: Record, now: Instant) -> Step {
        let (span, outcome) = (Span::starting(now), LookupOutcome::Running);
        if self.report.lookups.is_empty() {
            self.report.lookups.reserve_exact(self.records().len()); // else it would be four
        }
        self.report.lookups.push(LookupReport { record, span, outcome });
        Step::Resolve(record)
    }

    pub(crate) fn is_asking(&self, record: Record) -> bool {
        self.report.lookups.iter().any(|l| l.record == record && l.is_running())
    }

    pub(super) fn lookups_running(&self) -> bool {
        self.report.lookups.iter().any(LookupReport::is_running)
    }

    pub(super) fn admit_given(&mut self, now: Instant) {
        if self.candidates.admit_given(&mut self.report) {
            self.note_first_addr(now);
        }
    }

    fn note_first_addr(&mut self, now: Instant) {
        if self.first_addr_at.is_none() && !self.candidates.is_empty() {
            self.first_addr_at = Some(now);
        }
    }

    /// R-V3-4.2e: which record type is waited for. The system is only asked where it matters: an
    /// address is known, nothing is tried yet, and the other answer is still out.
    pub(super) fn choose_preferred(&mut self) {
        let waiting = self.report.attempts.is_empty() && self.first_addr_at.is_some();
        if self.preferred.is_none() && waiting && self.lookups_running() {
            self.preferred = self.sources.preferred(match self.config.family {
                Family::V4Only | Family::PreferV4 => [Record::A, Record::Aaaa],
                Family::V6Only | Family::Any => [Record::Aaaa, Record::A],
            });
        }
    }

    /// R-V3-4.2a and b: an address is known, and the preferred family has answered, one way or the
    /// other, or has been waited for. The wait starts once (F-1).
    pub(super) fn gate_opens_at(&self, first_addr_at: Instant) -> Instant {
        let out = |l: &LookupReport| Some(l.record) == self.preferred && l.is_running();
        match self.report.lookups.iter().any(out) {
            true => {
                first_addr_at.checked_add(self.config.aaaa_timeout).unwrap_or(first_addr_at + FAR)
            }
            false => first_addr_at,
        }
    }
}

/// An answer without addresses is a negative one.
fn refuse_empty(answer: Answer) -> Result<Answer, LookupError> {
    if !answer.addrs().is_empty() {
        return Ok(answer);
    }
    Err(LookupError::no_records_of(answer.server, answer.name, answer.cached))
}
