//! From when to when something ran.

use std::fmt;
use std::time::{Duration, Instant};

use super::text::Time;

/// From when to when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: Instant,
    pub(crate) to: Option<Instant>,
}

impl Span {
    #[inline]
    pub(crate) fn starting(now: Instant) -> Self {
        Self { from: now, to: None }
    }

    /// How long it took; `None` if it has not ended.
    pub(crate) fn elapsed(self) -> Option<Duration> {
        self.to.map(|to| to.saturating_duration_since(self.from))
    }
}

/// `still asking after 12ms`: the line of what had not ended.
pub(super) fn still(
    f: &mut fmt::Formatter<'_>,
    doing: &str,
    took: Option<Duration>,
) -> fmt::Result {
    match took {
        Some(took) => write!(f, "still {doing} after {}", Time(took)),
        None => write!(f, "still {doing}"),
    }
}
