//! The search list, walked for both record types of a race together: two lookups of one name must
//! not end at two hosts.

use std::future::{Future, ready};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, FutureExt, select};
use tokio::time::{Instant, sleep_until};

use super::cache::Key;
use super::network::Network;
use crate::connect::clock::{give_up_at, now};
use crate::dns::config::nsswitch;
use crate::dns::config::resolv_conf::Conf;
use crate::race::answer::{Answer, LookupError, LookupErrorKind};
use crate::race::name::Name;
use crate::race::query::{Query, Record, Records};

/// How long a lookup without a deadline takes at most.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a name may have without the dot at its end (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

/// The names to try, in the order of glibc: a name with a dot at its end only itself; one with
/// enough dots itself and then the search list; any other the search list and then itself.
fn candidates<'a>(name: &Name, conf: &'a Conf) -> impl Iterator<Item = Arc<str>> + use<'a> {
    let bare = match name.is_absolute() {
        true => Arc::from(name.bare()),
        false => name.text().clone(),
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

fn dots(name: &str) -> usize {
    name.bytes().filter(|c| *c == b'.').count()
}

/// One lookup on its way through the candidates.
pub(in crate::dns) struct SearchWalk {
    network: Arc<Network>,
    query: Query,
    siblings: Records,
    nsswitch: Option<Arc<Path>>,
}

/// What a candidate means for the walk.
enum SearchStep {
    /// It is over.
    End(Result<Answer, LookupError>),
    /// There are no records: on to the next candidate.
    Next(LookupError),
}

impl SearchWalk {
    /// `nsswitch` is looked at when the name is not found.
    pub(in crate::dns) fn new(
        network: Arc<Network>,
        query: &Query,
        nsswitch: Option<Arc<Path>>,
    ) -> Self {
        let is_asked = |record: &Record| !network.conf.never_asks(*record);
        let siblings = query.siblings.iter().copied().filter(is_asked).collect();
        Self { network, query: query.clone(), siblings, nsswitch }
    }

    /// The result, if all that it takes is known already.
    pub(in crate::dns) fn cached(&self, now: Instant) -> Option<Result<Answer, LookupError>> {
        let find = |key: Key| ready(self.network.known(&key, self.query.record(), now));
        self.walk(find).now_or_never().flatten()
    }

    /// Walks, asking what is not known, until the query's deadline.
    pub(in crate::dns) async fn run(self) -> Result<Answer, LookupError> {
        let deadline = match self.query.deadline() {
            Some(at) => give_up_at(at, now()).into(),
            None => Instant::now() + PATIENCE,
        };
        let find =
            async |key: Key| Some(self.network.outcome(key, self.query.record(), deadline).await);
        match select(pin!(self.walk(find)), pin!(sleep_until(deadline))).await {
            Either::Left((Some(outcome), _)) => outcome,
            // The walk ends by itself at its deadline, unless it has joined a longer flight.
            Either::Left((None, _)) | Either::Right(_) => Err(self.timed_out()),
        }
    }

    /// `find` says what is known of a candidate and a record type; where it knows nothing, neither
    /// does the walk.
    async fn walk<F>(&self, find: impl Fn(Key) -> F) -> Option<Result<Answer, LookupError>>
    where
        F: Future<Output = Option<Result<Answer, LookupError>>>,
    {
        let mut none = None;
        let mut names = candidates(&self.query.name, &self.network.conf).peekable();
        while let Some(name) = names.next() {
            let own = find(self.key(&name, self.query.record())).await?;
            let negative = match own {
                Err(error) if error.kind().is_negative() => error,
                settled => return Some(self.named(&name, settled)),
            };
            // After the last candidate there is nothing to decide: no need to wait.
            let step = match names.peek() {
                Some(_) => self.decide(negative, &name, &find).await?,
                None => SearchStep::Next(negative),
            };
            match step {
                SearchStep::End(outcome) => return Some(self.named(&name, outcome)),
                SearchStep::Next(error) => self.keep(&mut none, &name, error),
            }
        }
        let no_such_name = || LookupErrorKind::NoSuchName.into();
        let none = none.map_or_else(no_such_name, |(_, error)| error);
        let elsewhere = self.nsswitch.as_deref().filter(|_| self.is_not_found(&none));
        Some(Err(match elsewhere.and_then(nsswitch::elsewhere) {
            Some(sources) => none.with_cause(sources),
            None => none,
        }))
    }

    /// A candidate has no records of one type: the other types say whether it is the host. NXDOMAIN
    /// of one type does not speak for the others (RFC 8020 is not relied on: some servers say
    /// NXDOMAIN to AAAA of a name that has A).
    async fn decide<F>(
        &self,
        own: LookupError,
        name: &Arc<str>,
        find: &impl Fn(Key) -> F,
    ) -> Option<SearchStep>
    where
        F: Future<Output = Option<Result<Answer, LookupError>>>,
    {
        let mut has_failed = false;
        for record in &self.siblings {
            match find(self.key(name, *record)).await? {
                Ok(_) => {
                    let name = own.name().map(Arc::from);
                    let error = LookupError::no_records_of(own.server(), name, own.is_cached());
                    return Some(SearchStep::End(Err(error)));
                }
                Err(error) => has_failed |= !error.kind().is_negative(),
            }
        }
        // After a failure it is unknown whether the candidate is the host. Going on might end at
        // another host.
        Some(if has_failed { SearchStep::End(Err(own)) } else { SearchStep::Next(own) })
    }

    /// Whether the name is unknown here, as far as that is known already. A host without IPv6 has
    /// been found, although it has no AAAA.
    fn is_not_found(&self, none: &LookupError) -> bool {
        if none.kind() != LookupErrorKind::NoRecords {
            return true;
        }
        let name = none.name().unwrap_or(self.query.name.bare()).into();
        self.siblings.iter().all(|record| {
            let key = self.key(&name, *record);
            let known = self.network.known(&key, self.query.record(), Instant::now());
            matches!(known, Some(Err(error)) if error.kind().is_negative())
        })
    }

    /// Of several "none" the one about the name as it was typed is told, else the last.
    fn keep(&self, none: &mut Option<(bool, LookupError)>, name: &Arc<str>, error: LookupError) {
        if none.as_ref().is_none_or(|(typed, _)| !typed) {
            let told = self.named(name, Err(error));
            *none = told.err().map(|error| (self.is_typed(name), error));
        }
    }

    /// Says which candidate it was, if that is not the name that was typed.
    fn named(
        &self,
        name: &Arc<str>,
        outcome: Result<Answer, LookupError>,
    ) -> Result<Answer, LookupError> {
        match outcome {
            Ok(answer) if answer.name().is_none() && !self.is_typed(name) => {
                Ok(answer.with_name(name.clone()))
            }
            Err(error) if error.name().is_none() && !self.is_typed(name) => {
                Err(error.with_name(name.clone()))
            }
            other => other,
        }
    }

    fn is_typed(&self, name: &str) -> bool {
        name == self.query.name.bare()
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
            candidates(&Name::new(name), &conf).map(|name| name.to_string()).collect();
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
    fn a_candidate_that_is_too_long_is_left_out() {
        let name = "abcdefg.".repeat(31) + "abcd";
        assert_eq!(tried(&name, "search a.corp b.corp"), name);
    }
}
