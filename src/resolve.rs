//! The interface between a race and a resolver. It needs no DNS library.
//!
//! A [`Resolve`] answers one record type at a time, so that an answer can join a race that another
//! answer has already begun (RFC 8305 section 3). A closure is a resolver:
//!
//! ```
//! use std::net::IpAddr;
//!
//! use he::{Answer, Query, Record, Resolving};
//!
//! let resolver = |query: &Query| match query.record() {
//!     Record::A => Resolving::ready(Ok(Answer::from(vec![IpAddr::from([127, 0, 0, 1])]))),
//!     _ => Resolving::ready(Err(he::LookupErrorKind::NoRecords.into())),
//! };
//! let connector = he::Connector::new(resolver);
//! ```
//!
//! The crate has two resolvers. `he::dns::Resolver` asks name servers (feature `dns`).
//! `he::os::Resolver` asks the operating system by `getaddrinfo` (feature `os`), which also knows
//! the names that no resolv.conf leads to: nsswitch modules, mDNS, the split DNS of a VPN.
//!
//! A resolver can change a question and pass it on to another resolver, with all its other fields:
//!
//! ```
//! use he::{Query, Resolve, Resolving};
//!
//! /// Every name under `.internal` is looked up under `.corp.example`.
//! struct Renamed<R>(R);
//!
//! impl<R: Resolve> Resolve for Renamed<R> {
//!     fn lookup(&self, query: &Query) -> Resolving {
//!         self.0.lookup(&renamed(query))
//!     }
//!
//!     fn network_changed(&self) {
//!         self.0.network_changed();
//!     }
//!
//!     fn addresses_failed(&self, query: &Query) {
//!         self.0.addresses_failed(&renamed(query));
//!     }
//!
//!     fn lookup_timeout(&self) -> std::time::Duration {
//!         self.0.lookup_timeout()
//!     }
//! }
//!
//! fn renamed(query: &Query) -> Query {
//!     match query.name().strip_suffix(".internal") {
//!         Some(host) => query.clone().with_name(&format!("{host}.corp.example.")),
//!         None => query.clone(),
//!     }
//! }
//! ```
//!
//! Such a resolver passes on the other three methods as well, because their defaults do nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::race::answer::{Answer, LookupError};
use crate::race::query::Query;

/// A source of addresses: DNS, a hosts file, a service registry, a table in a test.
pub trait Resolve: Send + Sync + 'static {
    /// Starts a lookup. It is called within the tokio runtime of the call. The call polls the
    /// returned future, and drops it when it no longer needs the answer. After a win the future may
    /// run on for up to one second, to fill a cache (RFC 8305 section 5).
    fn lookup(&self, query: &Query) -> Resolving;

    /// Says that the host has moved to another network. Connections, remembered failures and caches
    /// of the old network should go. The default does nothing.
    fn network_changed(&self) {}

    /// Says that every attempt of a call has failed, and that it had its addresses from this
    /// resolver's cache ([`Answer::is_cached`]). The query is one of the call's. The host may have
    /// moved, so the addresses should be asked for again. The default does nothing.
    fn addresses_failed(&self, query: &Query) {
        let _ = query;
    }

    /// The time that this resolver asks for, for each of its lookups. A call whose
    /// [`Config`](crate::Config) has the default time gives a lookup this time if it is longer. The
    /// default is zero: the `Config` decides alone.
    fn lookup_timeout(&self) -> Duration {
        Duration::ZERO
    }
}

impl<F: Fn(&Query) -> Resolving + Send + Sync + 'static> Resolve for F {
    fn lookup(&self, query: &Query) -> Resolving {
        self(query)
    }
}

impl<R: Resolve + ?Sized> Resolve for Arc<R> {
    fn lookup(&self, query: &Query) -> Resolving {
        (**self).lookup(query)
    }

    fn network_changed(&self) {
        (**self).network_changed();
    }

    fn addresses_failed(&self, query: &Query) {
        (**self).addresses_failed(query);
    }

    fn lookup_timeout(&self) -> Duration {
        (**self).lookup_timeout()
    }
}

/// A running lookup.
///
/// # Cancel safety
///
/// Dropping it gives up the lookup.
#[must_use = "a lookup does nothing unless it is polled"]
pub struct Resolving(State);

enum State {
    Ready(Option<Result<Answer, LookupError>>),
    Running(Pin<Box<dyn Future<Output = Result<Answer, LookupError>> + Send>>),
}

impl Resolving {
    /// A lookup that takes time.
    pub fn new(future: impl Future<Output = Result<Answer, LookupError>> + Send + 'static) -> Self {
        Self(State::Running(Box::pin(future)))
    }

    /// A lookup that has ended: the answer was in a cache or a table.
    pub fn ready(result: Result<Answer, LookupError>) -> Self {
        Self(State::Ready(Some(result)))
    }
}

impl Future for Resolving {
    type Output = Result<Answer, LookupError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(result) => result.take().map_or(Poll::Pending, Poll::Ready),
            State::Running(future) => future.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for Resolving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Ready(_) => "Resolving(ready)",
            State::Running(_) => "Resolving(running)",
        })
    }
}
