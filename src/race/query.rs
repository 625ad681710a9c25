//! The question to a resolver: one name and one record type.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use smallvec::SmallVec;

use super::address::IpVersion;
use super::binding::Binding;
use super::name::Name;

/// A DNS record type that gives addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Record {
    /// IPv6 addresses.
    Aaaa,
    /// IPv4 addresses.
    A,
}

impl Record {
    /// The IP version of the addresses in such a record.
    #[must_use]
    pub fn ip_version(self) -> Option<IpVersion> {
        match self {
            Self::Aaaa => Some(IpVersion::V6),
            Self::A => Some(IpVersion::V4),
        }
    }

    /// True if a record of this type can hold this address.
    #[must_use]
    pub fn holds(self, addr: SocketAddr) -> bool {
        self.ip_version() == Some(IpVersion::of(addr))
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Aaaa => "AAAA",
            Self::A => "A",
        })
    }
}

/// Record types. A race asks two.
pub(crate) type Records = SmallVec<[Record; 4]>;

/// A question to a resolver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub(crate) name: Name,
    pub(crate) record: Record,
    pub(crate) siblings: Records,
    pub(crate) deadline: Option<Instant>,
    pub(crate) binding: Binding,
}

impl Query {
    /// A question outside of any race: no siblings, no deadline, no binding.
    ///
    /// The name may be in any case and script: it becomes lower-case A-labels (UTS 46). A text that
    /// is not a name, such as `bad name` or `db.test:80`, is only lower-cased. The resolvers of
    /// this crate then fail with [`LookupErrorKind::Other`](crate::LookupErrorKind::Other) and send
    /// nothing.
    #[must_use]
    pub fn new(name: &str, record: Record) -> Self {
        let (name, binding) = (Name::parse_lossy(name), Binding::default());
        Self { name, record, siblings: Records::new(), deadline: None, binding }
    }

    /// The same question about another name: record, siblings, deadline and binding stay. It is for
    /// a resolver that maps names and asks another resolver. The name may be written as in
    /// [`new`](Self::new); without a dot at its end, it is subject to that resolver's search list.
    #[must_use]
    pub fn with_name(self, name: &str) -> Self {
        Self { name: Name::parse_lossy(name), ..self }
    }

    /// Replaces [`siblings`](Self::siblings), for lookups outside of a race that belong together.
    /// Default none.
    #[must_use]
    pub fn with_siblings(mut self, siblings: impl IntoIterator<Item = Record>) -> Self {
        self.siblings = siblings.into_iter().collect();
        self
    }

    /// Replaces [`deadline`](Self::deadline). Default none: the resolver decides how long it takes.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Replaces [`binding`](Self::binding).
    /// [`SocketOptions::binding`](crate::SocketOptions::binding) makes the value. Default: nothing
    /// is bound.
    #[must_use]
    pub fn with_binding(mut self, binding: Binding) -> Self {
        self.binding = binding;
        self
    }

    /// The name in lower-case A-labels. A dot at its end means that it is absolute: the search list
    /// does not apply.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The record type.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record
    }

    /// The record types that the same race asks for besides this one. A resolver with a search list
    /// has to decide for all of them together, because it would otherwise mix two hosts of one
    /// name.
    #[must_use]
    pub fn siblings(&self) -> &[Record] {
        &self.siblings
    }

    /// The time at which the race stops waiting for this answer. A resolver that gives up earlier
    /// by itself can name the servers that it has asked.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_about_another_name_keeps_its_other_fields() {
        let (deadline, binding) = (Instant::now(), Binding { mark: Some(7), ..Binding::default() });
        let query = Query::new("db.internal", Record::A)
            .with_siblings([Record::Aaaa])
            .with_deadline(deadline)
            .with_binding(binding.clone());
        let query = query.with_name("db.corp.example.");
        assert_eq!((query.name(), query.record()), ("db.corp.example.", Record::A));
        assert_eq!((query.siblings(), query.deadline()), (&[Record::Aaaa][..], Some(deadline)));
        assert_eq!(query.binding(), &binding);
    }

    #[test] // R-5891-4
    fn a_query_has_its_name_in_lower_case_a_labels() {
        for (text, name) in [
            ("DB.Test.", "db.test."),
            #[cfg(feature = "idna")]
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
            assert_eq!(query.clone().with_name(text).name(), name);
        }
    }
}
