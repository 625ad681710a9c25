//! Keep-alive probes.

use std::io;
use std::time::Duration;

use socket2::SockRef;

use super::check;

/// The probes of an idle connection: the time until the first, their interval and their number. The
/// connection fails after `idle + retries × interval` without a sign of the peer.
///
/// ```
/// use std::time::Duration;
/// // A peer that vanishes is noticed after 60 s + 3 × 10 s.
/// let keepalive = he::KeepAlive::new(Duration::from_secs(60))
///     .with_interval(Duration::from_secs(10))
///     .with_retries(3);
/// ```
///
/// Times are in whole seconds (fractions are cut off), from 1 s to 32 767 s (Linux' range, checked
/// on all platforms).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct KeepAlive {
    idle: Duration,
    interval: Option<Duration>,
    retries: Option<u32>,
}

impl KeepAlive {
    /// The first probe leaves after `idle` without traffic. There is no default. The systems' own
    /// 2 h (RFC 9293 section 3.8.4) is longer than most NAT boxes and firewalls remember a
    /// connection; 60 s is shorter than nearly all of them remember one.
    pub const fn new(idle: Duration) -> Self {
        Self { idle, interval: None, retries: None }
    }

    /// Time between two unanswered probes. Default the system's: 75 s on Linux, Apple's systems and
    /// the BSDs, 1 s on Windows. A shorter time notices a dead peer sooner.
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Unanswered probes before the connection fails, from 1 to 127. Default the system's: 9 on
    /// Linux, 8 on Apple's systems and the BSDs, 10 on Windows. Fewer probes notice a dead peer
    /// sooner, and are more easily deceived by loss.
    pub const fn with_retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    pub(super) fn apply(&self, socket: &SockRef<'_>) -> io::Result<()> {
        let Self { idle, interval, retries } = *self;
        let seconds = Duration::from_secs(1)..Duration::from_secs(32_768);
        let interval_ok = interval.is_none_or(|interval| seconds.contains(&interval));
        check(seconds.contains(&idle), "idle must be from 1 s to 32767 s")?;
        check(interval_ok, "interval must be from 1 s to 32767 s")?;
        check(retries.is_none_or(|n| (1..=127).contains(&n)), "retries must be from 1 to 127")?;
        set_keepalive(socket, idle, interval, retries)
    }
}

#[cfg(any(
    target_os = "android",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "fuchsia",
    target_os = "illumos",
    target_os = "linux",
    target_os = "netbsd",
    target_vendor = "apple",
    windows,
))]
fn set_keepalive(
    socket: &SockRef<'_>,
    idle: Duration,
    interval: Option<Duration>,
    retries: Option<u32>,
) -> io::Result<()> {
    // Windows sets idle time and interval in one call, where "none" would be zero.
    let default = cfg!(windows).then_some(Duration::from_secs(1));
    let mut keepalive = socket2::TcpKeepalive::new().with_time(idle);
    if let Some(interval) = interval.or(default) {
        keepalive = keepalive.with_interval(interval);
    }
    if let Some(retries) = retries {
        keepalive = keepalive.with_retries(retries);
    }
    socket.set_tcp_keepalive(&keepalive)
}

#[cfg(not(any(
    target_os = "android",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "fuchsia",
    target_os = "illumos",
    target_os = "linux",
    target_os = "netbsd",
    target_vendor = "apple",
    windows,
)))]
fn set_keepalive(
    _: &SockRef<'_>,
    _: Duration,
    _: Option<Duration>,
    _: Option<u32>,
) -> io::Result<()> {
    Err(crate::connect::bind::unsupported())
}
