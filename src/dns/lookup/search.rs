//! The search list. Its names are tried for all record types of a race together, because the
//! lookups of one name must not end at two hosts.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::cache::Key;
use super::network::{Asker, Network};
use super::other_sources::OtherSources;
use super::tried_names::{TriedNames, names_to_try};
use crate::connect::clock::{give_up_at, now};
use crate::race::answer::{Answer, LookupError, LookupErrorKind};
use crate::race::query::{Query, Record, Records};

/// A lookup without a deadline takes at most this time, or longer where resolv.conf asks for more.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The end of a name's share of the time: the time left, divided by the names left.
fn share_end(deadline: Instant, left: usize) -> Instant {
    let (now, left) = (Instant::now(), u32::try_from(left).unwrap_or(u32::MAX));
    now + deadline.saturating_duration_since(now) / left.max(1)
}

/// One lookup on its way through the names to try.
pub(in crate::dns) struct SearchWalk {
    network: Arc<Network>,
    query: Query,
    siblings: Records,
    other_sources: Option<OtherSources>,
    began: Instant,
}

impl SearchWalk {
    /// `other_sources` are for a name that DNS does not have.
    pub(in crate::dns) fn new(
        network: Arc<Network>,
        query: &Query,
        other_sources: Option<OtherSources>,
    ) -> Self {
        let is_asked = |record: &Record| !network.conf.never_asks(*record);
        let siblings = query.siblings.iter().copied().filter(is_asked).collect();
        Self { network, query: query.clone(), siblings, other_sources, began: Instant::now() }
    }

    /// The outcome, if the cache has everything that the walk needs.
    pub(in crate::dns) fn cached(&self, now: Instant) -> Option<Result<Answer, LookupError>> {
        let mut tried = self.tried_names();
        let known = |name: &Arc<str>, record: Record| {
            self.network.known(&self.key(name, record), self.asker(), now)
        };
        while tried.goes_on(false) {
            let nth = tried.start();
            tried.own_ended(nth, known(tried.name(nth), self.query.record())?);
            while let Some(nth) = tried.take_due(false) {
                for record in &self.siblings {
                    let outcome = known(tried.name(nth), *record)?;
                    tried.sibling_ended(nth, &outcome);
                }
            }
        }
        // For a name that is not there, other sources are asked in `run`.
        let is_there = tried.host().is_some();
        let ends_here = |error: &LookupError| is_there || !self.is_for_other_sources(error);
        self.ended(&tried).filter(|outcome| outcome.as_ref().err().is_none_or(ends_here))
    }

    /// True if DNS does not have the name, and other sources are asked for it.
    fn is_for_other_sources(&self, error: &LookupError) -> bool {
        // Where one type is asked, "no records" does not say that the name is unknown.
        let is_absent = match self.siblings.is_empty() {
            true => error.kind() == LookupErrorKind::NoSuchName,
            false => error.kind().is_negative(),
        };
        is_absent && self.other_sources.as_ref().is_some_and(|it| it.are_asked(&self.query))
    }

    /// Walks until the query's deadline, and asks for everything that the cache does not have.
    pub(in crate::dns) async fn run(self) -> Result<Answer, LookupError> {
        let deadline = match self.query.deadline() {
            Some(at) => give_up_at(at, now()).into(),
            None => Instant::now() + LOOKUP_TIMEOUT.max(self.network.conf.lookup_timeout()),
        };
        // The walk ends by itself at its deadline, except when it has joined a longer flight.
        let of_dns = timeout_at(deadline, self.walk(deadline)).await;
        match of_dns.unwrap_or_else(|_elapsed| Err(self.timed_out())) {
            Err(error) if self.is_for_other_sources(&error) => {
                let others = self.ask_other_sources(error.clone(), deadline);
                timeout_at(deadline, others).await.unwrap_or(Err(error))
            }
            of_dns => of_dns,
        }
    }

    /// Forgets the addresses of all names of the search list, because none could be reached, and
    /// which names were skipped on the way to them.
    pub(in crate::dns) fn forget(&self, now: Instant) {
        let names = names_to_try(&self.query.name, &self.network.conf);
        let candidates = names.map(|name| self.key(&name, self.query.record()));
        self.network.forget(candidates, now);
    }

    /// The name has no address of this type in DNS. If it has none of any type, the other sources
    /// of the system are asked (D17). A silent one keeps this waiting; the caller ends it.
    async fn ask_other_sources(
        &self,
        error: LookupError,
        deadline: Instant,
    ) -> Result<Answer, LookupError> {
        for name in names_to_try(&self.query.name, &self.network.conf) {
            for record in &self.siblings {
                let outcome =
                    self.network.outcome(self.key(&name, *record), self.asker(), deadline);
                if !matches!(outcome.await, Err(error) if error.kind().is_negative()) {
                    return Err(error);
                }
            }
        }
        match &self.other_sources {
            Some(other_sources) => {
                let query = self.query.clone().with_deadline(deadline.into_std());
                other_sources.find(&query, error).await
            }
            None => Err(error),
        }
    }

    fn tried_names(&self) -> TriedNames {
        TriedNames::new(names_to_try(&self.query.name, &self.network.conf), self.siblings.len())
    }

    /// Tries the names in order. A name without addresses is followed by the next one; beside a
    /// silent one the next is asked when its share of the time is over.
    async fn walk(&self, deadline: Instant) -> Result<Answer, LookupError> {
        let (mut tried, mut running) = (self.tried_names(), FuturesUnordered::new());
        let mut share_ends = Instant::now();
        loop {
            let is_share_over = share_ends <= Instant::now();
            for (nth, key) in self.due_siblings(&mut tried, is_share_over) {
                running.push(self.ask(nth, key, deadline));
            }
            if let Some(outcome) = self.ended(&tried) {
                self.remember_skipped(&tried);
                return outcome;
            }
            if tried.goes_on(is_share_over) {
                share_ends = share_end(deadline, tried.left());
                let nth = tried.start();
                let key = self.key(tried.name(nth), self.query.record());
                running.push(self.ask(nth, key, deadline));
                continue;
            }
            let ended = match tried.may_go_on() {
                true => timeout_at(share_ends, running.next()).await.ok().flatten(),
                false => running.next().await,
            };
            match ended {
                Some((nth, record, outcome)) if record == self.query.record() => {
                    tried.own_ended(nth, outcome);
                }
                Some((nth, _, outcome)) => tried.sibling_ended(nth, &outcome),
                None => {}
            }
        }
    }

    /// Asks for one record type of the nth name.
    async fn ask(
        &self,
        nth: usize,
        key: Key,
        deadline: Instant,
    ) -> (usize, Record, Result<Answer, LookupError>) {
        let record = key.record;
        (nth, record, self.network.outcome(key, self.asker(), deadline).await)
    }

    /// The questions for other record types that are due now. Outcomes that the cache has are noted
    /// at once.
    fn due_siblings(&self, tried: &mut TriedNames, is_share_over: bool) -> Vec<(usize, Key)> {
        let mut unknown = Vec::new();
        while let Some(nth) = tried.take_due(is_share_over) {
            for record in &self.siblings {
                let key = self.key(tried.name(nth), *record);
                match self.network.known(&key, self.asker(), Instant::now()) {
                    Some(outcome) => tried.sibling_ended(nth, &outcome),
                    None => unknown.push((nth, key)),
                }
            }
        }
        unknown
    }

    /// The outcome of the walk, once it is known: the first name with an address of any type
    /// decides for all types. NXDOMAIN of one type says nothing of the others: some servers send
    /// NXDOMAIN for AAAA of a name that has A, against RFC 8020.
    fn ended(&self, tried: &TriedNames) -> Option<Result<Answer, LookupError>> {
        if let Some((nth, own)) = tried.host() {
            let outcome = match own {
                Err(error) if error.kind().is_negative() => {
                    let name = error.name().map(Arc::from);
                    Err(LookupError::no_records_of(error.server(), name, error.is_cached()))
                }
                settled => settled.clone(),
            };
            return Some(self.named(tried.name(nth), outcome));
        }
        tried.is_over().then(|| Err(self.failure(tried)))
    }

    /// The error of a walk without an address. A failure is reported before "no such name", because
    /// the name may be there. Among equals the error of the typed name counts; without one, the
    /// first failure or the last negative answer.
    fn failure(&self, tried: &TriedNames) -> LookupError {
        let failures = || tried.errors().filter(|(_, error)| !error.kind().is_negative());
        let typed = |(name, _): &(&Arc<str>, &LookupError)| self.is_typed(name);
        let failure = failures().find(typed).or_else(|| failures().next());
        if let Some((name, error)) = failure {
            return self.with_tried_name(name, error.clone());
        }
        let negative = tried.errors().find(typed).or_else(|| tried.errors().next_back());
        let Some((name, error)) = negative else { return LookupErrorKind::NoSuchName.into() };
        let error = self.with_tried_name(name, error.clone());
        let other_sources = self.other_sources.as_ref().filter(|_| self.is_not_found(&error));
        match other_sources.and_then(|other_sources| other_sources.hint(&self.query)) {
            Some(sources) => error.with_cause(sources),
            None => error,
        }
    }

    /// The names before the host need not be asked again while its address is known.
    fn remember_skipped(&self, tried: &TriedNames) {
        let Some((host, _)) = tried.host() else { return };
        let records = || self.siblings.iter().copied().chain([self.query.record()]);
        let names = (0..host).map(|nth| tried.name(nth));
        let keys = names.flat_map(|name| records().map(|record| self.key(name, record)));
        self.network.keep_skipped(keys, tried.address_ttl());
    }

    /// True if the name does not exist: NXDOMAIN, or NODATA for this type while the cache has
    /// negative answers for all other types. A host with A but without AAAA exists.
    fn is_not_found(&self, error: &LookupError) -> bool {
        if error.kind() != LookupErrorKind::NoRecords {
            return true;
        }
        let name = error.name().unwrap_or(self.query.name.bare()).into();
        self.siblings.iter().all(|record| {
            let key = self.key(&name, *record);
            let known = self.network.known(&key, self.asker(), Instant::now());
            matches!(known, Some(Err(error)) if error.kind().is_negative())
        })
    }

    /// Adds the name that was tried, unless it is the typed name.
    fn named(
        &self,
        name: &Arc<str>,
        outcome: Result<Answer, LookupError>,
    ) -> Result<Answer, LookupError> {
        match outcome {
            Ok(answer) if answer.name().is_none() && !self.is_typed(name) => {
                Ok(answer.with_name(name.clone()))
            }
            Err(error) => Err(self.with_tried_name(name, error)),
            other => other,
        }
    }

    fn with_tried_name(&self, name: &Arc<str>, error: LookupError) -> LookupError {
        match error.name().is_none() && !self.is_typed(name) {
            true => error.with_name(name.clone()),
            false => error,
        }
    }

    fn is_typed(&self, name: &str) -> bool {
        name == self.query.name.bare()
    }

    fn asker(&self) -> Asker {
        Asker { record: self.query.record(), since: self.began }
    }

    fn key(&self, name: &Arc<str>, record: Record) -> Key {
        Key { name: name.clone(), record, binding: self.query.binding.clone() }
    }

    fn timed_out(&self) -> LookupError {
        let error = LookupError::from(LookupErrorKind::TimedOut);
        match self.network.conf.servers.first() {
            Some(server) => error.with_server(server.addr()),
            None => error,
        }
    }
}
