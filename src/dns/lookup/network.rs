//! Everything that is known of one network: the configuration, and what was learned under it. It is
//! dropped as a whole when the network changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ask::ask;
use super::cache::{Cache, Key};
use super::single_flight::SingleFlight;
use crate::dns::config::resolv_conf::Conf;
use crate::dns::link::links::Links;
use crate::race::answer::{Answer, LookupError};
use crate::race::query::Record;

/// A failure at the deadline is stored only if the lookup had at least this time: the second in
/// which a server is expected to answer, less the 5 ms of `give_up_at`. With less time, the failure shows a short deadline and not a bad
/// server, and storing it would fail other lookups.
const MIN_TIME_OF_A_FAILURE: Duration = Duration::from_millis(995);

/// The configuration, and everything that was learned under it. A lookup ends in the network in
/// which it began, so nothing that it learns after a change is used.
#[derive(Debug)]
pub(in crate::dns) struct Network {
    pub(in crate::dns) conf: Conf,
    cache: Cache,
    links: Arc<Links>,
    single_flight: SingleFlight,
}

/// A lookup: the record type that it asks for, and when it began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    pub(super) record: Record,
    pub(super) since: Instant,
}

impl Network {
    pub(in crate::dns) fn new(conf: Conf, links: Links) -> Self {
        let (cache, single_flight) = (Cache::new(), SingleFlight::default());
        Self { conf, cache, links: Arc::new(links), single_flight }
    }

    /// The cached outcome, for this lookup. For another type than its own it may also use an answer
    /// that came since the lookup began and has run out, because both belong to the same call.
    pub(super) fn known(
        &self,
        key: &Key,
        by: Asker,
        now: Instant,
    ) -> Option<Result<Answer, LookupError>> {
        match key.record == by.record {
            true => self.cache.get(key, now),
            false => self.cache.recent(key, by.since, now),
        }
    }

    /// These names were skipped on the way to an address with this TTL.
    pub(super) fn keep_skipped(&self, keys: impl Iterator<Item = Key>, ttl: Duration) {
        self.cache.keep_skipped(keys, ttl);
    }

    /// Forgets the addresses of these names, of all record types, and that names before them have
    /// none.
    pub(super) fn forget(&self, candidates: impl Iterator<Item = Key>, now: Instant) {
        self.cache.forget(candidates, now);
    }

    /// The cached outcome, or the one that the name servers give until the deadline.
    pub(super) async fn outcome(
        self: &Arc<Self>,
        key: Key,
        by: Asker,
        deadline: Instant,
    ) -> Result<Answer, LookupError> {
        if let Some(outcome) = self.known(&key, by, Instant::now()) {
            return outcome;
        }
        let (network, asked) = (Arc::clone(self), key.clone());
        let is_sibling = key.record != by.record;
        let flight = self.single_flight.join(key, deadline, is_sibling, async move |deadline| {
            let started = Instant::now();
            let entry = ask(&network.links, &asked, &deadline).await;
            // Some servers may have had too little time.
            let cut_short = is_failure(&entry.outcome) && deadline.is_over();
            match cut_short && started.elapsed() < MIN_TIME_OF_A_FAILURE {
                true => entry.outcome,
                false => network.cache.insert(asked, entry, Instant::now()),
            }
        });
        flight.await
    }
}

fn is_failure(outcome: &Result<Answer, LookupError>) -> bool {
    matches!(outcome, Err(error) if !error.kind().is_negative())
}
