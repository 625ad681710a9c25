//! The search list. Its names are tried for all record types of a race together, because the
//! lookups of one name must not end at two hosts.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::cache::Key;
use super::elsewhere::Elsewhere;
use super::heard::Heard;
use super::network::{Asker, Network};
use crate::connect::clock::{give_up_at, now};
use crate::dns::config::resolv_conf::Conf;
use crate::race::answer::{Answer, LookupError, LookupErrorKind};
use crate::race::name::Name;
use crate::race::query::{Query, Record, Records};

/// A lookup without a deadline takes at most this time, or longer where resolv.conf asks for more.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest name, without the dot at its end (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

/// The names to try, in the order of glibc. A name with a dot at its end is tried alone. A name
/// with enough dots comes before the search list, any other name after it.
fn names_to_try<'a>(name: &Name, conf: &'a Conf) -> impl Iterator<Item = Arc<str>> + use<'a> {
    let bare = match name.is_absolute() {
        true => Arc::from(name.bare()),
        false => name.as_arc().clone(),
    };
    let first = name.is_absolute() || dots(&bare) >= conf.ndots;
    let domains = if name.is_absolute() { &[][..] } else { &conf.search[..] };
    let (before, after) = match first {
        true => (Some(bare.clone()), None),
        false => (None, Some(bare.clone())),
    };
    let searched = domains.iter().map(move |domain| Arc::from(format!("{bare}.{domain}")));
    let fits = |name: &Arc<str>| name.len() <= MAX_NAME;
    before.into_iter().chain(searched.filter(fits)).chain(after)
}

/// The end of a candidate's share of the time: what is left, divided by the candidates left.
fn share_end(deadline: Instant, left: usize) -> Instant {
    let (now, left) = (Instant::now(), u32::try_from(left).unwrap_or(u32::MAX));
    now + deadline.saturating_duration_since(now) / left.max(1)
}

fn dots(name: &str) -> usize {
    name.bytes().filter(|c| *c == b'.').count()
}

/// One lookup on its way through the names to try.
pub(in crate::dns) struct SearchWalk {
    network: Arc<Network>,
    query: Query,
    siblings: Records,
    elsewhere: Option<Elsewhere>,
    began: Instant,
}

impl SearchWalk {
    /// `elsewhere` has the other sources, for a name that is not found.
    pub(in crate::dns) fn new(
        network: Arc<Network>,
        query: &Query,
        elsewhere: Option<Elsewhere>,
    ) -> Self {
        let is_asked = |record: &Record| !network.conf.never_asks(*record);
        let siblings = query.siblings.iter().copied().filter(is_asked).collect();
        Self { network, query: query.clone(), siblings, elsewhere, began: Instant::now() }
    }

    /// The outcome, if the cache has everything that the walk needs.
    pub(in crate::dns) fn cached(&self, now: Instant) -> Option<Result<Answer, LookupError>> {
        let mut heard = self.heard();
        let known = |name: &Arc<str>, record: Record| {
            self.network.known(&self.key(name, record), self.asker(), now)
        };
        while heard.goes_on(false) {
            let nth = heard.start();
            heard.own(nth, known(heard.name(nth), self.query.record())?);
            while let Some(nth) = heard.take_due(false) {
                for record in &self.siblings {
                    let outcome = known(heard.name(nth), *record)?;
                    heard.sibling(nth, &outcome);
                }
            }
        }
        // For a name that is not there, other sources are asked in `run`.
        let is_there = heard.host().is_some();
        self.ended(&heard).filter(|outcome| is_there || !self.asks_elsewhere(outcome))
    }

    fn asks_elsewhere(&self, outcome: &Result<Answer, LookupError>) -> bool {
        // Where one type is asked, "no records" does not say that the name is unknown.
        let is_absent = |kind: LookupErrorKind| match self.siblings.is_empty() {
            true => kind == LookupErrorKind::NoSuchName,
            false => kind.is_negative(),
        };
        matches!(outcome, Err(error) if is_absent(error.kind()))
            && self.elsewhere.as_ref().is_some_and(|it| it.asks(&self.query))
    }

    /// Walks until the query's deadline, and asks for everything that the cache does not have.
    pub(in crate::dns) async fn run(self) -> Result<Answer, LookupError> {
        let deadline = match self.query.deadline() {
            Some(at) => give_up_at(at, now()).into(),
            None => Instant::now() + LOOKUP_TIMEOUT.max(self.network.conf.lookup_timeout()),
        };
        match select(pin!(self.walk(deadline)), pin!(sleep_until(deadline))).await {
            Either::Left((outcome, _)) => match outcome {
                Err(error) if self.asks_elsewhere(&Err(error.clone())) => {
                    self.look_elsewhere(error, deadline).await
                }
                outcome => outcome,
            },
            // The walk ends by itself at its deadline, except when it has joined a longer flight.
            Either::Right(_) => Err(self.timed_out()),
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
    /// of the system are asked (D17).
    async fn look_elsewhere(
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
        match &self.elsewhere {
            Some(elsewhere) => {
                let query = self.query.clone().with_deadline(deadline.into_std());
                elsewhere.find(&query, error).await
            }
            None => Err(error),
        }
    }

    fn heard(&self) -> Heard {
        Heard::new(names_to_try(&self.query.name, &self.network.conf), self.siblings.len())
    }

    /// Tries the names in order. A name without addresses is followed by the next one; beside a
    /// silent one the next is asked when its share of the time is over.
    async fn walk(&self, deadline: Instant) -> Result<Answer, LookupError> {
        let asker = self.asker();
        let ask = |nth: usize, key: Key| async move {
            let record = key.record;
            (nth, record, self.network.outcome(key, asker, deadline).await)
        };
        let (mut heard, mut running) = (self.heard(), FuturesUnordered::new());
        let mut share_ends = Instant::now();
        loop {
            let is_share_over = share_ends <= Instant::now();
            while let Some(nth) = heard.take_due(is_share_over) {
                for record in &self.siblings {
                    let key = self.key(heard.name(nth), *record);
                    match self.network.known(&key, asker, Instant::now()) {
                        Some(outcome) => heard.sibling(nth, &outcome),
                        None => running.push(ask(nth, key)),
                    }
                }
            }
            if let Some(outcome) = self.ended(&heard) {
                self.remember_skipped(&heard);
                return outcome;
            }
            if heard.goes_on(is_share_over) {
                share_ends = share_end(deadline, heard.left());
                let nth = heard.start();
                running.push(ask(nth, self.key(heard.name(nth), self.query.record())));
                continue;
            }
            let event = match heard.may_go_on() {
                true => timeout_at(share_ends, running.next()).await.ok().flatten(),
                false => running.next().await,
            };
            match event {
                Some((nth, record, outcome)) if record == self.query.record() => {
                    heard.own(nth, outcome);
                }
                Some((nth, _, outcome)) => heard.sibling(nth, &outcome),
                None => {}
            }
        }
    }

    /// The outcome of the walk, once it is known: the first name with an address of any type
    /// decides for all types. NXDOMAIN of one type says nothing of the others: some servers send
    /// NXDOMAIN for AAAA of a name that has A, against RFC 8020.
    fn ended(&self, heard: &Heard) -> Option<Result<Answer, LookupError>> {
        if let Some((nth, own)) = heard.host() {
            let outcome = match own {
                Err(error) if error.kind().is_negative() => {
                    let name = error.name().map(Arc::from);
                    Err(LookupError::no_records_of(error.server(), name, error.is_cached()))
                }
                settled => settled.clone(),
            };
            return Some(self.named(heard.name(nth), outcome));
        }
        heard.is_over().then(|| Err(self.failure(heard)))
    }

    /// The error of a walk without an address. A failure is reported before "no such name", because
    /// the name may be there. Among equals the error of the typed name counts; without one, the
    /// first failure or the last negative answer.
    fn failure(&self, heard: &Heard) -> LookupError {
        let failures = || heard.errors().filter(|(_, error)| !error.kind().is_negative());
        let typed = |(name, _): &(&Arc<str>, &LookupError)| self.is_typed(name);
        let failure = failures().find(typed).or_else(|| failures().next());
        if let Some((name, error)) = failure {
            return self.with_candidate(name, error.clone());
        }
        let negative = heard.errors().find(typed).or_else(|| heard.errors().next_back());
        let Some((name, error)) = negative else { return LookupErrorKind::NoSuchName.into() };
        let error = self.with_candidate(name, error.clone());
        let elsewhere = self.elsewhere.as_ref().filter(|_| self.is_not_found(&error));
        match elsewhere.and_then(|elsewhere| elsewhere.hint(&self.query)) {
            Some(sources) => error.with_cause(sources),
            None => error,
        }
    }

    /// The names before the host need not be asked again while its address is known.
    fn remember_skipped(&self, heard: &Heard) {
        let Some((host, _)) = heard.host() else { return };
        let records = || self.siblings.iter().copied().chain([self.query.record()]);
        let names = (0..host).map(|nth| heard.name(nth));
        let keys = names.flat_map(|name| records().map(|record| self.key(name, record)));
        self.network.keep_skipped(keys, heard.address_ttl());
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
            Err(error) => Err(self.with_candidate(name, error)),
            other => other,
        }
    }

    fn with_candidate(&self, name: &Arc<str>, error: LookupError) -> LookupError {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(name: &str, resolv_conf: &str) -> String {
        let conf = Conf::parse(resolv_conf);
        let names: Vec<_> =
            names_to_try(&Name::parse_lossy(name), &conf).map(|name| name.to_string()).collect();
        names.join(" ")
    }

    #[test]
    fn a_name_with_enough_dots_is_tried_as_it_is_first() {
        let conf = "search a.corp b.corp";
        assert_eq!(tried("db", conf), "db.a.corp db.b.corp db");
        assert_eq!(tried("db.eu", conf), "db.eu db.eu.a.corp db.eu.b.corp");
        assert_eq!(tried("db.", conf), "db");
        assert_eq!(tried("db.eu.", conf), "db.eu");
    }

    #[test]
    fn ndots_says_how_many_dots_are_enough() {
        let conf = "search a.corp\noptions ndots:5";
        assert_eq!(tried("a.b.c.d.e", conf), "a.b.c.d.e.a.corp a.b.c.d.e");
        assert_eq!(tried("a.b.c.d.e.f", conf), "a.b.c.d.e.f a.b.c.d.e.f.a.corp");
        assert_eq!(tried("db", "search a.corp\noptions ndots:0"), "db db.a.corp");
    }

    #[test]
    fn without_a_search_list_a_name_is_only_itself() {
        assert_eq!(tried("db", ""), "db");
        assert_eq!(tried("db", "search ."), "db");
    }

    #[test]
    fn a_name_that_is_too_long_is_left_out() {
        let name = "abcdefg.".repeat(31) + "abcd";
        assert_eq!(tried(&name, "search a.corp b.corp"), name);
    }
}
