//! The outcomes of the candidates of a search list so far, and the decision that follows from them.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::race::answer::{Answer, LookupError};

/// The candidates in the order of the search list. They are asked one after the other; a silent one
/// is not abandoned while the next one is asked beside it.
pub(super) struct Heard {
    /// Most lookups have one.
    names: SmallVec<[Arc<str>; 1]>,
    /// The candidates that were asked.
    asked: SmallVec<[Candidate; 1]>,
    /// The number of record types of the call besides the lookup's own.
    siblings: usize,
    /// The candidate that is the host, for all record types.
    host: Option<usize>,
}

/// A candidate, and its outcomes so far.
struct Candidate {
    own: Option<Result<Answer, LookupError>>,
    are_siblings_asked: bool,
    /// The siblings that have not ended.
    siblings_left: usize,
    /// The TTL of an address, once there is one of any record type.
    address: Option<Duration>,
}

impl Candidate {
    fn has_ended(&self) -> bool {
        self.own.is_some() && self.siblings_left == 0
    }
}

impl Heard {
    pub(super) fn new(names: impl Iterator<Item = Arc<str>>, siblings: usize) -> Self {
        Self { names: names.collect(), asked: SmallVec::new(), siblings, host: None }
    }

    pub(super) fn name(&self, nth: usize) -> &Arc<str> {
        &self.names[nth]
    }

    /// The number of candidates that were not asked yet.
    pub(super) fn left(&self) -> usize {
        self.names.len() - self.asked.len()
    }

    /// Begins with the next candidate, and returns its number.
    pub(super) fn start(&mut self) -> usize {
        let siblings_left = self.siblings;
        let candidate =
            Candidate { own: None, are_siblings_asked: false, siblings_left, address: None };
        self.asked.push(candidate);
        self.asked.len() - 1
    }

    /// True if the next candidate may have to be asked while this one is silent.
    pub(super) fn may_go_on(&self) -> bool {
        self.host.is_none() && self.left() > 0
    }

    /// True if the next candidate is asked now: the latest one has no addresses, or its share of the
    /// time is over.
    pub(super) fn goes_on(&self, is_share_over: bool) -> bool {
        let has_ended = self.asked.last().is_none_or(Candidate::has_ended);
        self.may_go_on() && (has_ended || is_share_over)
    }

    /// The lookup's own record type has ended for this candidate.
    pub(super) fn own(&mut self, nth: usize, outcome: Result<Answer, LookupError>) {
        let candidate = &mut self.asked[nth];
        candidate.address = candidate.address.or(address_ttl(&outcome));
        candidate.own = Some(outcome);
        self.decide();
    }

    /// Another record type has ended for this candidate.
    pub(super) fn sibling(&mut self, nth: usize, outcome: &Result<Answer, LookupError>) {
        let candidate = &mut self.asked[nth];
        candidate.address = candidate.address.or(address_ttl(outcome));
        candidate.siblings_left -= 1;
        self.decide();
    }

    /// The earliest candidate that has an address when one is needed is the host, and stays it.
    fn decide(&mut self) {
        let first = || self.asked.iter().position(|candidate| candidate.address.is_some());
        self.host = self.host.or_else(first);
    }

    /// A candidate whose other record types have to be asked now: its own type has no address, or is
    /// silent while another candidate is asked beside it.
    pub(super) fn take_due(&mut self, is_share_over: bool) -> Option<usize> {
        let due = (0..self.asked.len()).find(|nth| self.is_due(*nth, is_share_over))?;
        self.asked[due].are_siblings_asked = true;
        Some(due)
    }

    fn is_due(&self, nth: usize, is_share_over: bool) -> bool {
        let candidate = &self.asked[nth];
        let is_newest = nth + 1 == self.asked.len();
        let is_last = nth + 1 == self.names.len();
        let is_alone = self.asked[..nth].iter().all(Candidate::has_ended);
        // After the last name there is nothing to decide.
        if candidate.are_siblings_asked || self.host.is_some() || (is_last && is_alone) {
            return false;
        }
        match &candidate.own {
            Some(outcome) => outcome.is_err(),
            None => !is_alone || (is_newest && is_share_over),
        }
    }

    /// The host, and the outcome of the lookup's own type for it, once both are known.
    pub(super) fn host(&self) -> Option<(usize, &Result<Answer, LookupError>)> {
        let host = self.host?;
        Some((host, self.asked[host].own.as_ref()?))
    }

    /// The TTL of the host's addresses.
    pub(super) fn address_ttl(&self) -> Duration {
        let host = self.host.and_then(|host| self.asked[host].address);
        host.unwrap_or_default()
    }

    /// True if no candidate has an address: all have ended. The other record types of the last one
    /// do not matter.
    pub(super) fn is_over(&self) -> bool {
        let Some((last, before)) = self.asked.split_last() else { return self.names.is_empty() };
        self.host.is_none()
            && self.left() == 0
            && last.own.is_some()
            && before.iter().all(Candidate::has_ended)
    }

    /// The errors of the lookup's own type, with the candidates that they are about.
    pub(super) fn errors(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &LookupError)> {
        let named = self.names.iter().zip(&self.asked);
        named.filter_map(|(name, asked)| Some((name, asked.own.as_ref()?.as_ref().err()?)))
    }
}

fn address_ttl(outcome: &Result<Answer, LookupError>) -> Option<Duration> {
    outcome.as_ref().ok().map(|answer| answer.ttl().unwrap_or_default())
}
