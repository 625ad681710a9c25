//! The search list. Its names are tried for all record types of a race together, because the
//! lookups of one name must not end at two hosts.

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

fn dots(name: &str) -> usize {
    name.bytes().filter(|c| *c == b'.').count()
}

/// One lookup on its way through the names to try.
pub(in crate::dns) struct SearchWalk {
    network: Arc<Network>,
    query: Query,
    siblings: Records,
    nsswitch: Option<Arc<Path>>,
}

/// The effect of a name on the walk.
enum SearchStep {
    /// The walk ends with this outcome.
    End(Result<Answer, LookupError>),
    /// The name has no records: the next one is tried.
    Next(LookupError),
}

/// The negative answer that the walk returns if no name has addresses.
struct Negative {
    /// It is about the typed name.
    is_typed: bool,
    error: LookupError,
}

impl SearchWalk {
    /// `nsswitch` is the file that is read when the name is not found.
    pub(in crate::dns) fn new(
        network: Arc<Network>,
        query: &Query,
        nsswitch: Option<Arc<Path>>,
    ) -> Self {
        let is_asked = |record: &Record| !network.conf.never_asks(*record);
        let siblings = query.siblings.iter().copied().filter(is_asked).collect();
        Self { network, query: query.clone(), siblings, nsswitch }
    }

    /// The outcome, if the cache has everything that the walk needs.
    pub(in crate::dns) fn cached(&self, now: Instant) -> Option<Result<Answer, LookupError>> {
        let find = |key: Key| ready(self.network.known(&key, self.query.record(), now));
        self.walk(find).now_or_never().flatten()
    }

    /// Walks until the query's deadline, and asks for everything that the cache does not have.
    pub(in crate::dns) async fn run(self) -> Result<Answer, LookupError> {
        let deadline = match self.query.deadline() {
            Some(at) => give_up_at(at, now()).into(),
            None => Instant::now() + LOOKUP_TIMEOUT.max(self.network.conf.lookup_timeout()),
        };
        let find =
            async |key: Key| Some(self.network.outcome(key, self.query.record(), deadline).await);
        match select(pin!(self.walk(find)), pin!(sleep_until(deadline))).await {
            Either::Left((Some(outcome), _)) => outcome,
            // The walk ends by itself at its deadline, except when it has joined a longer flight.
            Either::Left((None, _)) | Either::Right(_) => Err(self.timed_out()),
        }
    }

    /// Tries the names in order. `find` looks up one name and record type; if it returns `None`
    /// (not in the cache), the walk returns `None`.
    async fn walk<F>(&self, find: impl Fn(Key) -> F) -> Option<Result<Answer, LookupError>>
    where
        F: Future<Output = Option<Result<Answer, LookupError>>>,
    {
        let mut negative = None;
        let mut names = names_to_try(&self.query.name, &self.network.conf).peekable();
        while let Some(name) = names.next() {
            let own = find(self.key(&name, self.query.record())).await?;
            let error = match own {
                Err(error) if error.kind().is_negative() => error,
                settled => return Some(self.named(&name, settled)),
            };
            // After the last name there is nothing to decide, so the walk does not wait for the
            // siblings.
            let step = match names.peek() {
                Some(_) => self.decide(error, &name, &find).await?,
                None => SearchStep::Next(error),
            };
            match step {
                SearchStep::End(outcome) => return Some(self.named(&name, outcome)),
                SearchStep::Next(error) => self.keep(&mut negative, &name, error),
            }
        }
        let no_such_name = || LookupErrorKind::NoSuchName.into();
        let error = negative.map_or_else(no_such_name, |Negative { error, .. }| error);
        let elsewhere = self.nsswitch.as_deref().filter(|_| self.is_not_found(&error));
        Some(Err(match elsewhere.and_then(nsswitch::elsewhere) {
            Some(sources) => error.with_cause(sources),
            None => error,
        }))
    }

    /// Decides about a name without records of the query's type: its other types say whether it is
    /// the host. NXDOMAIN of one type says nothing of the others: some servers send NXDOMAIN for
    /// AAAA of a name that has A, against RFC 8020.
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
        // After a failure it is unknown whether the name is the host, and the next name may be
        // another host.
        Some(if has_failed { SearchStep::End(Err(own)) } else { SearchStep::Next(own) })
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
            let known = self.network.known(&key, self.query.record(), Instant::now());
            matches!(known, Some(Err(error)) if error.kind().is_negative())
        })
    }

    /// Keeps one negative answer: the one about the typed name; until that is asked, the latest.
    fn keep(&self, negative: &mut Option<Negative>, name: &Arc<str>, error: LookupError) {
        if negative.as_ref().is_none_or(|known| !known.is_typed) {
            let (is_typed, named) = (self.is_typed(name), self.named(name, Err(error)));
            *negative = named.err().map(|error| Negative { is_typed, error });
        }
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
