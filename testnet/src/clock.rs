//! The clock of the log: the monotonic clock as a number, because the kernel stamps packets with
//! it.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// A moment of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self(clock_gettime(ClockId::CLOCK_MONOTONIC).expect("a monotonic clock").into())
    }

    /// The moment of a TCP time stamp that was seen now, rounded down to a millisecond. With
    /// `net.ipv4.tcp_timestamps=2` the kernel writes its monotonic clock into every segment that it
    /// sends, so a reader that wakes up late still knows the true time. `None` if the stamp counts
    /// from another zero.
    pub(crate) fn of_tcp_stamp(stamp: u32, now: Self) -> Option<Self> {
        let now_ms = now.0.as_millis();
        #[expect(clippy::cast_possible_truncation, reason = "the stamp is truncated like this")]
        let ago = (now_ms as u32).wrapping_sub(stamp);
        let at = now_ms.checked_sub(u128::from(ago)).filter(|_| ago < 10_000)?;
        Some(Self(Duration::from_millis(u64::try_from(at).ok()?)))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

/// Zero if the other moment is the later one.
impl Sub<Self> for Moment {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Milliseconds, for logs.
pub(crate) struct Ms(pub(crate) Duration);

impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:9.3} ms", self.0.as_secs_f64() * 1000.0)
    }
}
