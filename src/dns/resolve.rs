//! The lookups of a resolver.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::time::{Instant, timeout_at};

use super::Resolver;
use super::config::hosts::{self, Hosts};
use super::live::HostsNow;
use super::lookup::search::SearchWalk;
use crate::connect::clock::{give_up_at, now};
use crate::race::answer::{Answer, LookupError, LookupErrorKind, Origin};
use crate::race::query::{Query, Record};
use crate::resolve::{Resolve, Resolving};

/// The future has to be polled within a tokio runtime with I/O and time.
impl Resolve for Resolver {
    fn lookup(&self, query: &Query) -> Resolving {
        let (now, name, record) = (Instant::now(), query.name(), query.record());
        let known = literal_answer(name, record);
        if let Some(known) = known.or_else(|| self.live.settings.overrides.find(name, record)) {
            return Resolving::ready(known);
        }
        match self.live.hosts(now) {
            HostsNow::Known(hosts) => self.lookup_past(hosts.as_deref(), query, now),
            HostsNow::Reading(end) => Resolving::new(self.clone().lookup_after(end, query.clone())),
        }
    }

    /// Drops the cache and everything else that was learned, and reads the configuration again. The
    /// hosts file is only read again if it has changed. Lookups in flight end as they began.
    fn network_changed(&self) {
        self.live.forget();
    }

    /// Forgets the cached addresses of the query's name, of all record types, if they have been
    /// known for a second, and which names of the search list were skipped on the way to them.
    fn addresses_failed(&self, query: &Query) {
        let now = Instant::now();
        if let Ok(network) = self.live.network(now) {
            SearchWalk::new(network, query, None).forget(now);
        }
    }

    /// The time that `options timeout:` and `attempts:` of resolv.conf ask for; zero without them.
    fn lookup_timeout(&self) -> Duration {
        let network = self.live.network(Instant::now());
        network.map_or(Duration::ZERO, |network| network.conf.lookup_timeout())
    }
}

impl Resolver {
    /// The lookup once the hosts file is known.
    fn lookup_past(&self, hosts: Option<&Hosts>, query: &Query, now: Instant) -> Resolving {
        if let Some(known) = hosts.and_then(|hosts| hosts.find(query.name(), query.record())) {
            return Resolving::ready(known);
        }
        let network = match self.live.network(now) {
            Ok(network) => network,
            Err(error) => return Resolving::ready(Err(error)),
        };
        if network.conf.never_asks(query.record()) {
            return Resolving::ready(Err(LookupErrorKind::NoRecords.into()));
        }
        let walk = SearchWalk::new(network, query, self.live.other_sources(now));
        match walk.cached(now) {
            Some(known) => Resolving::ready(known),
            None => Resolving::new(walk.run()),
        }
    }

    /// The lookup while the hosts file is read for the first time. That is not the fault of a name
    /// server, so an error by then names none.
    async fn lookup_after(self, end: Receiver<()>, query: Query) -> Result<Answer, LookupError> {
        let hosts = self.live.hosts_after(end);
        let hosts = match query.deadline() {
            None => hosts.await,
            Some(at) => match timeout_at(give_up_at(at, now()).into(), hosts).await {
                Ok(hosts) => hosts,
                Err(_elapsed) => {
                    let error = LookupError::from(LookupErrorKind::TimedOut);
                    return Err(error.with_cause("the hosts file is still being read"));
                }
            },
        };
        self.lookup_past(hosts.as_deref(), &query, Instant::now()).await
    }
}

/// Answers an IP literal with itself. The race never asks for one, but other callers may
/// (R-3493-LIT).
fn literal_answer(name: &str, record: Record) -> Option<Result<Answer, LookupError>> {
    // Most names end here: no address ends with a letter other than a hexadecimal digit.
    let may_be = name.ends_with(|c: char| c.is_ascii_hexdigit()) || name.ends_with(':');
    let ip: IpAddr = may_be.then(|| name.parse().ok()).flatten()?;
    let answer = hosts::answer(&[SocketAddr::new(ip, 0)], record);
    let answer = answer.map(|answer| answer.with_origin(Origin::Unknown));
    Some(answer.ok_or_else(|| LookupErrorKind::NoRecords.into()))
}
