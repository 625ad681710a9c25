//! When a configuration file is looked at again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::file::Stamp;

/// A file is checked again after this time. A `stat` takes as long as the rest of a cached lookup,
/// and the two lookups of a call come together.
const LOOKED_AT_AGAIN: Duration = Duration::from_millis(100);

/// A value that was read from a file, and when the file was last checked.
#[derive(Debug)]
pub(in crate::dns) struct Watched<T> {
    pub(in crate::dns) stamp: Stamp,
    pub(in crate::dns) value: Arc<T>,
    /// `None` if the next lookup has to check it.
    pub(in crate::dns) seen_at: Option<Instant>,
}

impl<T> Watched<T> {
    /// `seen_at` can lie in the future if it was taken in a runtime with a paused clock.
    fn is_fresh(&self, now: Instant) -> bool {
        let ago = self.seen_at.and_then(|seen_at| now.checked_duration_since(seen_at));
        ago.is_some_and(|ago| ago < LOOKED_AT_AGAIN)
    }

    /// The value, if it is still valid. The file is checked, unless that was done a moment ago.
    pub(in crate::dns) fn freshness(
        known: &mut Option<Self>,
        now: Instant,
        look: impl FnOnce() -> Stamp,
    ) -> Freshness<T> {
        match known {
            Some(known) if known.is_fresh(now) => Freshness::Fresh(known.value.clone()),
            Some(known) => match look() {
                stamp if stamp == known.stamp => {
                    known.seen_at = Some(now);
                    Freshness::Fresh(known.value.clone())
                }
                stamp => Freshness::Stale(stamp),
            },
            None => Freshness::Stale(look()),
        }
    }

    /// The file was read. If that has failed, the value of the last successful read stays, and the
    /// next lookup reads again.
    pub(in crate::dns) fn note(
        known: &mut Option<Self>,
        stamp: Stamp,
        value: Option<Arc<T>>,
        seen_at: Instant,
    ) {
        let read = value.map(|value| Self { stamp, value, seen_at: Some(seen_at) });
        *known = read.or(known.take());
    }
}

pub(in crate::dns) enum Freshness<T> {
    Fresh(Arc<T>),
    /// The file has to be read. The stamp was taken before, so a change in between is noticed
    /// later.
    Stale(Stamp),
}
