//! The operating system's resolver behind DNS.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use crate::mutex::Mutex;
use crate::race::answer::{Answer, LookupError, LookupErrorKind};
use crate::race::query::{Query, Record};
use crate::resolve::Resolve;

/// The time for which an outcome is kept, as "none" of DNS is (D14).
const KEPT: Duration = Duration::from_secs(2);

/// The system's resolver, and its latest outcomes, so that a program that tries an absent name
/// again and again does not ask each time.
#[derive(Clone)]
pub(in crate::dns) struct System {
    resolver: Arc<dyn Resolve>,
    latest: Arc<Mutex<LruCache<Asked, Outcome>>>,
}

type Asked = (Arc<str>, Record);
type Outcome = (Instant, Result<Answer, LookupError>);

impl System {
    /// `getaddrinfo`, on Linux with feature `os`.
    #[cfg(all(feature = "os", target_os = "linux"))]
    pub(in crate::dns) fn getaddrinfo() -> Option<Self> {
        Some(Self::new(crate::os::Resolver::new()))
    }

    /// Nothing: other systems and builds only name the other sources.
    #[cfg(not(all(feature = "os", target_os = "linux")))]
    pub(in crate::dns) fn getaddrinfo() -> Option<Self> {
        None
    }

    #[cfg(any(test, all(feature = "os", target_os = "linux")))]
    pub(in crate::dns) fn new(resolver: impl Resolve) -> Self {
        /// The number of outcomes that are kept: 256.
        const MAX_KEPT: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(255);
        let latest = Mutex::from(LruCache::new(MAX_KEPT));
        Self { resolver: Arc::new(resolver), latest: Arc::new(latest) }
    }

    /// Asks once. If the system does not have the name either, the error is that of DNS.
    pub(super) async fn find(
        &self,
        query: &Query,
        of_dns: LookupError,
    ) -> Result<Answer, LookupError> {
        let asked = (Arc::from(query.name()), query.record());
        let latest = self.latest.lock().get(&asked).cloned();
        let found = match latest.filter(|(at, _)| at.elapsed() < KEPT) {
            Some((_, outcome)) => outcome,
            None => {
                let outcome = self.resolver.lookup(query).await;
                if !is_silence(&outcome) {
                    self.latest.lock().put(asked, (Instant::now(), outcome.clone()));
                }
                outcome
            }
        };
        found.map_err(|error| match error.kind().is_negative() {
            true => of_dns.with_cause("getaddrinfo does not find it either"),
            // It may pass, although DNS says that there is no such name.
            false => error.with_cause(format!("getaddrinfo failed, and DNS says: {of_dns}")),
        })
    }
}

/// Silence is not kept, because it may only show that a lookup had too little time.
fn is_silence(outcome: &Result<Answer, LookupError>) -> bool {
    matches!(outcome, Err(error) if error.kind() == LookupErrorKind::TimedOut)
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System").finish_non_exhaustive()
    }
}
