//! The clock of all races.

use std::time::Instant;

/// Tokio's, so that tests can pause it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
