//! Lookups: the questions, and the time at which the known answers are enough to start.

use std::time::Instant;

use super::address::IpVersion;
use super::answer::{Answer, LookupError, LookupErrorKind};
use super::config::{Config, Family};
use super::later;
use super::name::Name;
use super::order::SourceAddrs;
use super::query::{Record, Records};
use super::report::{LookupOutcome, LookupReport, Report};

/// The questions of the race, and the wait for the preferred answer. The lookups themselves are in
/// the report.
pub(super) struct Lookups {
    family: Family,
    /// The time at which the first usable address became known.
    first_addr_at: Option<Instant>,
    /// The IP version whose answer the race waits for, once that matters.
    preferred: Option<IpVersion>,
}

impl Lookups {
    pub(super) fn new(family: Family) -> Self {
        Self { family, first_addr_at: None, preferred: None }
    }

    /// The record types of the host's addresses, in the order of their lookups.
    fn records(&self) -> &'static [Record] {
        match self.family {
            Family::Any | Family::PreferV4 => &[Record::Aaaa, Record::A], // R-8305-3a
            Family::V4Only => &[Record::A],
            Family::V6Only => &[Record::Aaaa],
        }
    }

    /// The record types that the race asks for besides this one.
    pub(super) fn siblings(&self, record: Record) -> Records {
        self.records().iter().copied().filter(|other| *other != record).collect()
    }

    /// Starts the next lookup of this name, if one is left, and returns its number and record type.
    #[inline]
    pub(super) fn start_next(
        &self,
        name: &Name,
        report: &mut Report,
        now: Instant,
    ) -> Option<(usize, Record)> {
        let id = report.lookups.len();
        let record = *self.records().get(id)?;
        if id == 0 {
            report.lookups.reserve_exact(self.records().len()); // A push would reserve four.
        }
        report.lookups.push(LookupReport::starting(name.clone(), record, report.span_from(now)));
        Some((id, record))
    }

    /// Records the end of a lookup, and returns its answer if that has addresses.
    #[inline]
    pub(super) fn ended(
        id: usize,
        result: Result<Answer, LookupError>,
        report: &mut Report,
        now: Instant,
    ) -> Option<Answer> {
        let lookup = report.lookups.get_mut(id).filter(|lookup| lookup.is_running())?;
        lookup.span.to = Some(now);
        match result.and_then(empty_is_negative) {
            Err(error) => {
                lookup.outcome = LookupOutcome::Failed(error);
                None
            }
            Ok(answer) => {
                lookup.outcome = LookupOutcome::Answered(answer.clone());
                Some(answer)
            }
        }
    }

    /// Ends the lookups whose time is over.
    #[inline]
    pub(super) fn expire(config: &Config, report: &mut Report, now: Instant) {
        while Self::deadline(config, report).is_some_and(|at| at <= now) {
            let Some(lookup) = report.lookups.iter_mut().find(|it| it.is_running()) else { return };
            lookup.span.to = Some(now);
            lookup.outcome = LookupOutcome::Failed(LookupErrorKind::TimedOut.into());
        }
    }

    /// The time at which the oldest lookup times out. All lookups have the same time-out, so the
    /// oldest one reaches it first.
    #[inline]
    pub(super) fn deadline(config: &Config, report: &Report) -> Option<Instant> {
        let oldest = report.lookups.iter().find(|lookup| lookup.is_running())?;
        oldest.span.from.checked_add(config.lookup_timeout())
    }

    /// Records the time at which the first usable address became known.
    pub(super) fn note_first_addr(&mut self, now: Instant) {
        self.first_addr_at.get_or_insert(now);
    }

    /// R-V3-4.2e: chooses the IP version that the race waits for. It asks the system only where
    /// that matters: an address is known, no attempt has started, and the other answer is
    /// outstanding.
    #[inline]
    pub(super) fn choose_preferred(&mut self, sources: &SourceAddrs, report: &Report) {
        let is_waiting = report.attempts.is_empty() && self.first_addr_at.is_some();
        if self.preferred.is_none() && is_waiting && any_running(report) {
            self.preferred = sources.preferred(self.family.leads());
        }
    }

    /// R-V3-4.2a and b: the time at which the first attempt may start. By then an address is known,
    /// and the preferred lookup or the Resolution Delay has ended. The delay starts once (F-1).
    #[inline]
    pub(super) fn first_start(&self, config: &Config, report: &Report) -> Option<Instant> {
        let first_addr_at = self.first_addr_at?;
        let is_awaited = |lookup: &LookupReport| {
            lookup.is_running()
                && self.preferred.is_some_and(|it| lookup.record.ip_version() == Some(it))
        };
        match report.lookups.iter().any(is_awaited) {
            true => Some(later(first_addr_at, config.aaaa_timeout)),
            false => Some(first_addr_at),
        }
    }
}

/// True if a lookup is unanswered.
#[inline]
pub(super) fn any_running(report: &Report) -> bool {
    report.lookups.iter().any(LookupReport::is_running)
}

/// Turns an answer without addresses into a negative one.
#[inline]
fn empty_is_negative(answer: Answer) -> Result<Answer, LookupError> {
    if !answer.addrs().is_empty() {
        return Ok(answer);
    }
    Err(LookupError::no_records_of(answer.server, answer.name, answer.cached))
}
