//! The clock of all races.

use std::time::Instant;

/// Tokio's, so that tests can pause it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A resolver gives up a little before the race stops listening, so that its error, which says who
/// was silent, is still heard.
#[cfg(any(feature = "dns", feature = "os"))]
const GIVE_UP_BEFORE: std::time::Duration = std::time::Duration::from_millis(5);

/// When a lookup with this deadline gives up; of short ones a tenth of what is left before it.
#[cfg(any(feature = "dns", feature = "os"))]
pub(crate) fn give_up_at(deadline: Instant, now: Instant) -> Instant {
    let left = deadline.saturating_duration_since(now);
    now + left - GIVE_UP_BEFORE.min(left / 10)
}
