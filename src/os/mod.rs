//! The operating system's resolver: `getaddrinfo`.
//!
//! For names that neither resolv.conf nor the hosts file has: nsswitch modules (mDNS, LDAP,
//! `resolve`, `myhostname`), the DNS servers of each interface, the split DNS of a VPN. Without
//! feature `dns` it is the resolver of `he::connect`. With `dns`, on Linux, the system's resolver
//! asks it for a name that DNS does not have, where nsswitch.conf names another source. To ask it
//! first, choose it explicitly:
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
//! | calls | one for each record type, both at once, so that A does not wait for AAAA; flags 0, no `AI_ADDRCONFIG`: the race and RFC 6724 choose among the addresses |
//! | threads | its own, not tokio's: up to 64 ([`Resolver::with_max_threads`]), made when needed, ended after 10 s without work or when the last clone and lookup are gone |
//! | waiting | when all threads are busy, up to 1 024 lookups wait, first come, first served, each until its deadline; one more fails at once |
//! | deadline | that of the query; without one a lookup takes as long as the system |
//! | dropping | a call cannot be stopped: its thread continues to the end of the call. A call whose lookups are dropped before it began is not made |
//! | equal questions | a call serves all lookups with the same question until 5 s after it began, from any runtime |
//! | cache | none besides the system's (nscd, systemd-resolved, mDNSResponder) |
//! | hosts file | a name that it has in one family only has no records of the other, as in a call for both. A call for one family would ask DNS for the other, so the file is read here as well. So are found names that are not ASCII and addresses with a zone, which `getaddrinfo` may miss |
//! | zones | kept. glibc gives them to a call for both families only, so another call is made where a link-local address lacks its zone |
//!
//! `he::dns::Resolver` does what `getaddrinfo` does not:
//!
//! - **Retries.** glibc asks again, or another server, after 5 s of silence (`options timeout:1` in
//!   resolv.conf: 1 s). A race gives a lookup up after 5 s
//!   ([`Config::resolve_timeout`](crate::Config::resolve_timeout) ×
//!   [`resolve_retries`](crate::Config::resolve_retries)), so one lost packet fails the lookup.
//! - **Reasons.** There is no TTL, no server and no final name. With glibc SERVFAIL, REFUSED, a
//!   closed port and its own time-out are one error ([`LookupErrorKind::ServerFailure`]), and
//!   FORMERR is "no such name"; on other systems a name that lacks the record type is "no such
//!   name" as well.
//! - **One search list for both record types.** The system applies it for each type alone, so AAAA
//!   and A of a short name may belong to two hosts. A dot at the name's end avoids that.
//! - **Bindings.** Interface, mark and local address do not reach `getaddrinfo`. A query with a
//!   [`Binding`] fails and nothing is asked, because the question would leak beside the VPN. To ask
//!   unbound, remove the binding in a resolver of your own:
//!   `resolver.lookup(&query.clone().with_binding(he::Binding::default()))`.
//!
//! musl has no nsswitch: `getaddrinfo` reads the hosts file and resolv.conf there.

use std::fmt;
use std::sync::Arc;

use tokio::time::timeout_at;

use crate::connect::clock::{give_up_at, now};
use crate::race::answer::{Answer, LookupError, LookupErrorKind};
use crate::race::binding::Binding;
use crate::race::host::check_query_name;
use crate::race::literal::typed_addr;
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
    /// Makes no thread yet. It cannot fail.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// At most this many calls at once; 0 counts as 1. Default 64: a name takes two, and with glibc
    /// a silent name server blocks both for 10 s. Raise it for programs that look up many names
    /// whose servers may be dead.
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
        let key = CallKey { name: query.name.as_arc().clone(), record: query.record() };
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

    /// Lookups no longer join calls that began before. There is no cache to drop; the system has
    /// its own.
    fn network_changed(&self) {
        self.0.0.forget();
    }
}

/// Outcomes without a call: addresses, text that is not a name, and a binding, which the system
/// would ignore.
fn without_asking(query: &Query) -> Option<Result<Answer, LookupError>> {
    let (name, record) = (query.name(), query.record());
    if let Ok(addr) = typed_addr(name, 0) {
        let none = || LookupErrorKind::NoRecords.into();
        return Some(record.holds(addr).then(|| Answer::from(vec![addr])).ok_or_else(none));
    }
    let refused = |cause| LookupError::new(LookupErrorKind::Other).with_cause(cause);
    if let Err(why) = check_query_name(bare(name)) {
        return Some(Err(refused(why.to_string())));
    }
    (*query.binding() != Binding::default()).then(|| Err(refused(UNBOUND.to_owned())))
}

const UNBOUND: &str = "getaddrinfo knows no interface, mark or local address: nothing was asked";

/// The pool of all clones and of their lookups. Its threads end when the last of them is gone.
struct Owner(Arc<Pool>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}
