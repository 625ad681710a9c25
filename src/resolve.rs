//! What the race asks of a resolver, and what it gets. No DNS library here.
//!
//! A [`Resolve`] answers one record type at a time, so that an answer can join a race that another
//! answer has already begun (RFC 8305 section 3). A closure will do:
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
//! Two are here: `he::dns::Resolver`, which asks name servers, and `he::os::Resolver`, which asks
//! the operating system by `getaddrinfo` and with it all that no resolv.conf tells: nsswitch modules,
//! mDNS, the split DNS of a VPN. The first comes with feature `dns`, the second with feature
//! `getaddrinfo`.
//!
//! One that looks somewhere first hands the rest on to another, with all that the race has said:
//!
//! ```
//! use he::{Query, Resolve, Resolving};
//!
//! /// Every name under `.internal` is looked up under `.corp.example`.
//! struct Renamed<R>(R);
//!
//! impl<R: Resolve> Resolve for Renamed<R> {
//!     fn lookup(&self, query: &Query) -> Resolving {
//!         match query.name().strip_suffix(".internal") {
//!             Some(host) => self.0.lookup(&query.with_name(&format!("{host}.corp.example."))),
//!             None => self.0.lookup(query),
//!         }
//!     }
//!
//!     fn network_changed(&self) {
//!         self.0.network_changed();
//!     }
//! }
//! ```

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::race::answer::{Answer, LookupError};
use crate::race::query::Query;

/// A source of addresses: DNS, a hosts file, a service registry, a table in a test.
pub trait Resolve: Send + Sync + 'static {
    /// Starts one lookup. Called within the tokio runtime of the connect; the returned future is
    /// polled by that connect and dropped when it no longer needs the answer. After a win it may
    /// run on for up to one second, to fill a cache (RFC 8305 section 5).
    fn lookup(&self, query: &Query) -> Resolving;

    /// The host has moved to another network: connections, learnt failures and caches that belong
    /// to the old one should go. Does nothing by default.
    fn network_changed(&self) {}
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
}

/// A lookup under way.
///
/// # Cancel safety
///
/// Dropping it gives the lookup up.
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

    /// A lookup that is over: answered from a cache or a table.
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
