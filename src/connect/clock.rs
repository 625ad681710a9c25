//! The clock of all calls, and the time at which a lookup gives up.

use std::time::Instant;

/// Tokio's time, so that tests can pause it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A resolver gives up this long before the race stops waiting, so that the race still gets the
/// resolver's error, which names the silent servers.
#[cfg(any(feature = "dns", feature = "os"))]
const GIVE_UP_BEFORE: std::time::Duration = std::time::Duration::from_millis(5);

/// The time at which a lookup with this deadline gives up. For a short lookup, it is a tenth of the
/// remaining time before the deadline.
#[cfg(any(feature = "dns", feature = "os"))]
pub(crate) fn give_up_at(deadline: Instant, now: Instant) -> Instant {
    let left = deadline.saturating_duration_since(now);
    now + left - GIVE_UP_BEFORE.min(left / 10)
}
