//! The start and the end of a lookup or an attempt.

use std::fmt;
use std::time::{Duration, Instant};

use crate::race::text::Time;

/// A start, and an end if there is one, with the start of the call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) called: Instant,
    pub(crate) from: Instant,
    pub(crate) to: Option<Instant>,
}

impl Span {
    #[inline]
    pub(crate) fn starting(called: Instant, now: Instant) -> Self {
        Self { called, from: now, to: None }
    }

    /// The time from the call to the start.
    pub(crate) fn started_after(self) -> Duration {
        self.from.saturating_duration_since(self.called)
    }

    /// The time between them; `None` without an end.
    pub(crate) fn elapsed(self) -> Option<Duration> {
        self.to.map(|to| to.saturating_duration_since(self.from))
    }
}

/// `still asking after 12ms`: the text of a lookup or an attempt that had not ended.
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
