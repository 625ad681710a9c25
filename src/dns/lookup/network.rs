//! All that is known of one network, and goes as a whole when the network changes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::ask::{Whom, ask};
use super::cache::{Cache, Key};
use super::servers::Memory;
use super::single_flight::SingleFlight;
use crate::dns::config::resolv_conf::Conf;
use crate::dns::link::routes::Routes;
use crate::race::answer::{Answer, LookupError};
use crate::race::query::Record;

/// A failure at a deadline sooner than this says more about who asks than about the servers: one short deadline
/// must not make the lookups of others fail from the cache. It is when a question is sent for the
/// last time.
const ENOUGH: Duration = Duration::from_millis(995);

/// The configuration, and what was learnt under it. A lookup that began in a network ends in it:
/// what it still learns after a change lands where nobody looks.
#[derive(Debug)]
pub(in crate::dns) struct Network {
    pub(in crate::dns) conf: Conf,
    cache: Cache,
    memory: Memory,
    routes: Routes,
    single_flight: SingleFlight,
}

impl Network {
    pub(in crate::dns) fn new(conf: Conf, routes: Routes) -> Self {
        let (cache, memory, single_flight) =
            (Cache::new(), Memory::default(), SingleFlight::default());
        Self { conf, cache, memory, routes, single_flight }
    }

    /// What is known of a name to a lookup of `asker`. To a lookup of the other type an answer that
    /// may not be used again is just as good: it belongs to the same transaction.
    pub(super) fn known(
        &self,
        key: &Key,
        asker: Record,
        now: Instant,
    ) -> Option<Result<Answer, LookupError>> {
        match key.record == asker {
            true => self.cache.get(key, now),
            false => self.cache.recent(key, now),
        }
    }

    /// What is known of it, or can be learnt until the deadline.
    pub(super) async fn outcome(
        self: &Arc<Self>,
        key: Key,
        asker: Record,
        deadline: Instant,
    ) -> Result<Answer, LookupError> {
        if let Some(outcome) = self.known(&key, asker, Instant::now()) {
            return outcome;
        }
        let (network, asked) = (Arc::clone(self), key.clone());
        let flight = self.single_flight.join(key, deadline, async move |deadline| {
            let started = Instant::now();
            let (Self { conf, memory, routes, .. }, clear) = (&*network, OnceLock::new());
            let whom = Whom { conf, memory, routes, clear: &clear };
            let entry = ask(whom, &asked, &deadline).await;
            // Some server may not have had its say.
            let cut_short = is_failure(&entry.outcome) && deadline.is_over();
            match cut_short && started.elapsed() < ENOUGH {
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
