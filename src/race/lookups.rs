//! Lookups: what is asked, and when the answers that are known are enough to start.

use std::time::Instant;

use super::address::IpVersion;
use super::answer::{Answer, LookupError, LookupErrorKind};
use super::config::{Config, Family};
use super::later;
use super::name::Name;
use super::order::SourceAddrs;
use super::query::{Record, Records};
use super::report::{LookupOutcome, LookupReport, Report};

/// What the race asks, and the wait for the preferred answer. The lookups themselves are in the
/// report.
pub(super) struct Lookups {
    family: Family,
    /// When the first usable address was known.
    first_addr_at: Option<Instant>,
    /// The IP version whose answer is waited for, once it matters.
    preferred: Option<IpVersion>,
}

impl Lookups {
    pub(super) fn new(family: Family) -> Self {
        Self { family, first_addr_at: None, preferred: None }
    }

    /// The record types of the host's addresses, in the order in which they are asked.
    fn records(&self) -> &'static [Record] {
        match self.family {
            Family::Any | Family::PreferV4 => &[Record::Aaaa, Record::A], // R-8305-3a
            Family::V4Only => &[Record::A],
            Family::V6Only => &[Record::Aaaa],
        }
    }

    /// The record types that are asked beside this one.
    pub(super) fn siblings(&self, record: Record) -> Records {
        self.records().iter().copied().filter(|other| *other != record).collect()
    }

    /// Starts the next lookup of this name, if there is one left to start: its number and record type.
    #[inline]
    pub(super) fn ask(
        &self,
        name: &Name,
        report: &mut Report,
        now: Instant,
    ) -> Option<(usize, Record)> {
        let id = report.lookups.len();
        let record = *self.records().get(id)?;
        if id == 0 {
            report.lookups.reserve_exact(self.records().len()); // Without this it would be four.
        }
        report.lookups.push(LookupReport::starting(name.clone(), record, now));
        Some((id, record))
    }

    /// Takes note of how a lookup has ended; gives the answer if it has addresses.
    #[inline]
    pub(super) fn ended(
        id: usize,
        result: Result<Answer, LookupError>,
        report: &mut Report,
        now: Instant,
    ) -> Option<Answer> {
        let lookup = report.lookups.get_mut(id).filter(|lookup| lookup.is_running())?;
        lookup.span.to = Some(now);
        match result.and_then(refuse_empty) {
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

    /// Gives up the lookups whose time is over.
    #[inline]
    pub(super) fn expire(config: &Config, report: &mut Report, now: Instant) {
        while Self::deadline(config, report).is_some_and(|at| at <= now) {
            let Some(lookup) = report.lookups.iter_mut().find(|it| it.is_running()) else { return };
            lookup.span.to = Some(now);
            lookup.outcome = LookupOutcome::Failed(LookupErrorKind::TimedOut.into());
        }
    }

    /// When the next lookup is given up. All lookups have the same time-out, so the oldest one
    /// reaches it first.
    #[inline]
    pub(super) fn deadline(config: &Config, report: &Report) -> Option<Instant> {
        let oldest = report.lookups.iter().find(|lookup| lookup.is_running())?;
        oldest.span.from.checked_add(config.lookup_timeout())
    }

    /// A usable address is known.
    pub(super) fn note_addr(&mut self, now: Instant) {
        self.first_addr_at.get_or_insert(now);
    }

    /// R-V3-4.2e: which IP version is waited for. The system is asked only where it matters: an
    /// address is known, nothing is tried yet, and the other answer is outstanding.
    #[inline]
    pub(super) fn choose_preferred(&mut self, sources: &SourceAddrs, report: &Report) {
        let is_waiting = report.attempts.is_empty() && self.first_addr_at.is_some();
        if self.preferred.is_none() && is_waiting && are_running(report) {
            self.preferred = sources.preferred(match self.family {
                Family::V4Only | Family::PreferV4 => [IpVersion::V4, IpVersion::V6],
                Family::V6Only | Family::Any => [IpVersion::V6, IpVersion::V4],
            });
        }
    }

    /// R-V3-4.2a and b: when the first attempt may start. An address is known, and the preferred
    /// lookup has ended, in one way or the other, or has been waited for. The wait starts once (F-1).
    #[inline]
    pub(super) fn resolution_delay_ends_at(
        &self,
        config: &Config,
        report: &Report,
    ) -> Option<Instant> {
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

/// Whether a lookup is unanswered.
#[inline]
pub(super) fn are_running(report: &Report) -> bool {
    report.lookups.iter().any(LookupReport::is_running)
}

/// An answer without addresses is a negative one.
#[inline]
fn refuse_empty(answer: Answer) -> Result<Answer, LookupError> {
    if !answer.addrs().is_empty() {
        return Ok(answer);
    }
    Err(LookupError::no_records_of(answer.server, answer.name, answer.cached))
}
