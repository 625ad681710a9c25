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
use std::time::Instant;

use crate::race::answer::{Answer, LookupError};
use crate::race::binding::Binding;
use crate::race::host::query_name;

/// A DNS record type that gives addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Record {
    /// IPv6 addresses.
    Aaaa,
    /// IPv4 addresses.
    A,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Aaaa => "AAAA",
            Self::A => "A",
        })
    }
}

/// One question to a resolver.
#[derive(Debug, Clone)]
pub struct Query {
    pub(crate) name: Arc<str>,
    pub(crate) record: Record,
    pub(crate) sibling: Option<Record>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) binding: Binding,
}

impl Query {
    /// A question outside of any race: no sibling, no deadline, no binding.
    ///
    /// The name is taken in any case and script: it becomes lower-case A-labels (UTS 46). A text
    /// that is no name, `bad name` or `db.test:80`, is only put in lower case; the resolver of this
    /// crate then fails with [`LookupErrorKind::Other`](crate::LookupErrorKind::Other) and sends
    /// nothing.
    #[must_use]
    pub fn new(name: &str, record: Record) -> Self {
        let (name, binding) = (query_name(name), Binding::default());
        Self { name, record, sibling: None, deadline: None, binding }
    }

    /// The same question about another name: record, sibling, deadline and binding stay. For a
    /// resolver that maps names and hands on to another one. The name is taken as in
    /// [`new`](Self::new); without a dot at its end, it is subject to that resolver's search list.
    #[must_use]
    pub fn with_name(&self, name: &str) -> Self {
        Self { name: query_name(name), ..self.clone() }
    }

    /// Replaces [`sibling`](Self::sibling): for lookups outside of a race that belong together.
    /// Default none.
    #[must_use]
    pub fn with_sibling(mut self, sibling: Record) -> Self {
        self.sibling = Some(sibling);
        self
    }

    /// Replaces [`deadline`](Self::deadline). Default none: the resolver decides how long it takes.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Replaces [`binding`](Self::binding), which
    /// [`SocketOptions::binding`](crate::SocketOptions::binding) makes. Default: nothing is bound.
    #[must_use]
    pub fn with_binding(mut self, binding: Binding) -> Self {
        self.binding = binding;
        self
    }

    /// The name in lower-case A-labels. A dot at its end means that it is absolute: the search list
    /// does not apply.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The record type that is asked.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record
    }

    /// The record type that the same race asks beside this one, if any. A resolver that walks a
    /// search list has to decide for both together, or two hosts of one name are mixed.
    #[must_use]
    pub fn sibling(&self) -> Option<Record> {
        self.sibling
    }

    /// When the race stops listening for this answer. A resolver that gives up by then itself can
    /// say whom it has asked.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The interface, mark and local addresses that this resolver's own packets have to use.
    #[must_use]
    pub fn binding(&self) -> &Binding {
        &self.binding
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_about_another_name_keeps_all_that_the_race_has_said() {
        let (deadline, binding) = (Instant::now(), Binding { mark: Some(7), ..Binding::default() });
        let query = Query::new("db.internal", Record::A)
            .with_sibling(Record::Aaaa)
            .with_deadline(deadline)
            .with_binding(binding.clone());
        let query = query.with_name("db.corp.example.");
        assert_eq!((query.name(), query.record()), ("db.corp.example.", Record::A));
        assert_eq!((query.sibling(), query.deadline()), (Some(Record::Aaaa), Some(deadline)));
        assert_eq!(query.binding(), &binding);
    }

    #[test] // R-5891-4
    fn a_query_has_its_name_in_lower_case_a_labels() {
        for (text, name) in [
            ("DB.Test.", "db.test."),
            ("BÜCHER。example", "xn--bcher-kva.example"),
            ("_Sip._tcp.test", "_sip._tcp.test"),
            ("Bad Name", "bad name"),
            ("DB.test:80", "db.test:80"),
            ("XN--A.test", "xn--a.test"),
            ("2001:DB8::1", "2001:db8::1"),
            ("Ü:", "ü:"),
            ("a..b", "a..b"),
            (".", "."),
            ("", ""),
            ("\0\u{ad}", "\0\u{ad}"),
        ] {
            let query = Query::new(text, Record::A);
            assert_eq!(query.name(), name);
            assert_eq!(query.with_name(text).name(), name);
        }
    }
}
