//! The operating system's resolver: `getaddrinfo`.
//!
//! For names that come from elsewhere than resolv.conf and the hosts file: nsswitch modules (mDNS,
//! LDAP, `resolve`, `myhostname`), the DNS servers of each interface, the split DNS of a VPN.
//! Nothing in this crate falls back to it; whoever wants it says so:
//!
//! ```no_run
//! # async fn doc() -> Result<(), he::Error> {
//! let connector = he::Connector::new(he::os::Resolver::new());
//! let stream = connector.connect("printer.local", &[631]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! | point | what happens |
//! |---|---|
//! | calls | one a record type, both at once, so that an A does not wait for AAAA; flags 0, no `AI_ADDRCONFIG`: the race and RFC 6724 decide what is used |
//! | threads | its own, none of tokio's: up to 64 ([`Resolver::with_max_threads`]), made when needed, ended after 10 s without work or when the last clone and lookup are gone |
//! | waiting | when all are busy, up to 1 024 lookups wait, the first one first, each until its deadline; one more fails at once |
//! | deadline | that of the query; without one a lookup takes as long as the system does |
//! | dropping | no call can be stopped: when its lookups are gone, its thread goes on to the call's end. A call whose lookups are gone before it began is not made |
//! | same questions | a call serves all lookups that ask the same until 3 s after it began, from any runtime |
//! | cache | none. What the system keeps (nscd, systemd-resolved, mDNSResponder) is its own |
//! | hosts file | a name that it has in one family has no records of the other, as for a call for both. One call a family would ask the DNS for the other, so the file is read here as well |
//! | zones | kept. glibc tells them to a call for both families only, so one more is made where a link-local address lacks its zone |
//!
//! What `getaddrinfo` does not do, and the resolver in `he::dns` does:
//!
//! - **Ask again soon.** glibc asks again, or another server, after 5 s of silence (`options
//!   timeout:1` in resolv.conf: 1 s). A race gives a lookup up after 3 s
//!   ([`Config::resolve_timeout`](crate::Config::resolve_timeout) ×
//!   [`resolve_retries`](crate::Config::resolve_retries)), so a lost packet costs the lookup.
//! - **Say what was wrong.** There is no TTL, no server, no final name. With glibc SERVFAIL, REFUSED,
//!   a closed port and its own time-out are one error ([`LookupErrorKind::ServerFailure`]), and
//!   FORMERR is "no such name"; other systems say that too where only the type is missing.
//! - **Walk the search list for both types together.** The system walks it once a type, so AAAA and A
//!   of a short name may belong to two hosts. A dot at the name's end avoids that.
//! - **Leave by another way.** Interface, mark and local address do not reach it: a query with a
//!   [`Binding`] fails and nothing is asked, or it would leak beside the VPN. Who wants that all the
//!   same takes the binding away, in a resolver of their own:
//!   `resolver.lookup(&query.clone().with_binding(he::Binding::default()))`.
//!
//! musl has no nsswitch: there it is the hosts file and resolv.conf again.

use std::fmt;
use std::sync::Arc;

use tokio::time::timeout_at;

use crate::connect::clock::{give_up_at, now};
use crate::race::answer::{Answer, LookupError, LookupErrorKind};
use crate::race::binding::Binding;
use crate::race::host::check_name;
use crate::race::literal::configured_addr;
use crate::race::name::bare;
use crate::race::query::Query;
use crate::resolve::{Resolve, Resolving};
use pool::{CallKey, Limits, Pool};

mod call;
mod hosts;
mod pool;
#[cfg(test)]
mod tests;

/// Asks the operating system. Cheap to clone; clones share their threads.
#[derive(Clone)]
pub struct Resolver(Arc<Owner>);

impl Resolver {
    /// Makes no thread yet, and cannot fail.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// At most so many calls at once; 0 counts as 1. Default 64: a name takes two, and with glibc a
    /// silent name server keeps both for 10 s. More for programs that look up many names whose
    /// servers may be dead.
    ///
    /// This makes a resolver of its own, which shares no thread with the one it was made from.
    #[must_use]
    pub fn with_max_threads(self, threads: usize) -> Self {
        Self::with_limits(Limits { threads: threads.max(1), ..*self.0.0.limits() })
    }

    fn with_limits(limits: Limits) -> Self {
        Self(Arc::new(Owner(Pool::new(limits, call::look_up))))
    }
}

impl Default for Resolver {
    /// [`Resolver::new`].
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.0.0.limits().threads;
        f.debug_struct("Resolver").field("max_threads", &threads).finish_non_exhaustive()
    }
}

/// A query with a deadline has to be polled within a tokio runtime with time.
impl Resolve for Resolver {
    fn lookup(&self, query: &Query) -> Resolving {
        if let Some(known) = without_asking(query) {
            return Resolving::ready(known);
        }
        let owner = self.0.clone();
        let key = CallKey { name: query.name.text().clone(), record: query.record() };
        let deadline = query.deadline();
        Resolving::new(async move {
            let at = deadline.map(|at| give_up_at(at, now()));
            if at.is_some_and(|at| at <= now()) {
                return Err(LookupError::new(LookupErrorKind::TimedOut));
            }
            let mut asked = owner.0.ask(key)?;
            match at {
                None => asked.outcome().await,
                Some(at) => match timeout_at(at.into(), asked.outcome()).await {
                    Ok(outcome) => outcome,
                    Err(_elapsed) => Err(asked.timed_out()),
                },
            }
        })
    }

    /// Lookups no longer join calls that began before. There is no cache to drop; the system's own
    /// is its own matter.
    fn network_changed(&self) {
        self.0.0.forget();
    }
}

/// What the system is not asked: addresses, what is no name, and what it could not ask as it should.
fn without_asking(query: &Query) -> Option<Result<Answer, LookupError>> {
    let (name, record) = (query.name(), query.record());
    if let Ok(addr) = configured_addr(name, 0) {
        let none = || LookupErrorKind::NoRecords.into();
        return Some(record.holds(addr).then(|| Answer::from(vec![addr])).ok_or_else(none));
    }
    let refused = |cause| LookupError::new(LookupErrorKind::Other).with_cause(cause);
    if let Err(why) = check_name(bare(name)) {
        return Some(Err(refused(why.to_string())));
    }
    (*query.binding() != Binding::default()).then(|| Err(refused(UNBOUND.to_owned())))
}

const UNBOUND: &str = "getaddrinfo knows no interface, mark or local address: nothing was asked";

/// The pool of all clones and of the lookups that they have begun; when the last one is gone, the
/// threads end.
struct Owner(Arc<Pool>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}
