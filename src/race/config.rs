//! The settings of a race: durations and counts, each with its default and its reason.

use std::fmt;
use std::time::Duration;

use super::address::IpVersion;

/// No attempt starts sooner than this after the one before (RFC 8305 section 5, MUST NOT).
pub(crate) const MIN_CONNECT_DELAY: Duration = Duration::from_millis(10);
/// No gap between attempts is longer than this while addresses are left (RFC 8305 section 8).
pub(crate) const MAX_CONNECT_DELAY: Duration = Duration::from_secs(2);

/// The defaults of a lookup. glibc gives one question 5 s as well.
const DEFAULT_RESOLVE_TIMEOUT: Duration = Duration::from_secs(1);
const DEFAULT_RESOLVE_RETRIES: u32 = 5;

/// Which address families a race uses, and which of them goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Family {
    /// Both, in the order of RFC 6724. The default.
    #[default]
    Any,
    /// Only IPv4: AAAA is not asked, an IPv6 literal is refused.
    V4Only,
    /// Only IPv6: A is not asked, an IPv4 literal is refused.
    V6Only,
    /// Both, IPv4 first: for networks whose IPv6 is known to be the worse path.
    PreferV4,
}

impl Family {
    /// The IP version that comes first whatever RFC 6724 says.
    pub(super) fn leads(self) -> Option<IpVersion> {
        match self {
            Self::PreferV4 => Some(IpVersion::V4),
            Self::Any | Self::V4Only | Self::V6Only => None,
        }
    }
}

/// The time-outs and delays of a call. It is `Copy`, so that one call can differ from the next.
///
/// ```
/// use std::time::Duration;
/// let config = he::Config::new().with_connect_delay(Duration::from_millis(150));
/// assert_eq!(config.total_timeout, Duration::from_secs(30));
/// ```
///
/// A call with a value out of range fails before any packet leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Config {
    /// Address families. Default [`Family::Any`].
    pub family: Family,
    /// How long an address of the other family waits for the preferred family's answer, from the
    /// first usable address on. Default 50 ms (RFC 8305 section 3, "Resolution Delay"; named after
    /// the usual case, an A that waits for AAAA). A negative answer ends the wait at once. The race
    /// does not wait for a family that the host has no default route for. The preferred family is
    /// the one whose addresses RFC 6724 puts first: IPv6, but IPv4 on a host whose only IPv6
    /// address is a unique local, 6to4 or Teredo one. A longer time prefers that family more
    /// strongly; zero takes the first answer.
    #[doc(alias = "resolution delay")]
    pub aaaa_timeout: Duration,
    /// Distance between the starts of two attempts while none fails. Default 250 ms, from 10 ms to
    /// 2 s (RFC 8305 sections 5 and 8, "Connection Attempt Delay"). A shorter delay reaches a good
    /// address behind silent ones sooner, and costs the servers more half-open connections.
    #[doc(alias = "connection attempt delay")]
    #[doc(alias = "happy_eyeballs_timeout")]
    pub connect_delay: Duration,
    /// The time-out of a single attempt. Default 10 s: enough for four retransmissions of a SYN.
    /// With [`Connector::connect_with`](crate::Connector::connect_with) it covers the whole dial.
    pub connect_timeout: Duration,
    /// The time-out of a lookup is this value times `resolve_retries`. Default 1 s.
    pub resolve_timeout: Duration,
    /// See `resolve_timeout`. Default 5, at least 1. The resolver decides when it asks again; a
    /// server that needs longer than `resolve_timeout` for an answer still resolves.
    ///
    /// While both values are the defaults, a resolver may raise their product
    /// ([`Resolve::lookup_timeout`](crate::Resolve::lookup_timeout)). The system's resolver does so
    /// where `options timeout:` and `attempts:` of resolv.conf ask for more than 5 s.
    pub resolve_retries: u32,
    /// The time-out of the whole call, lookups and attempts together. Default 30 s. `Duration::MAX`
    /// means that there is no time-out.
    pub total_timeout: Duration,
    /// The number of attempts of one call at most, at least 1. Default `None`: every pair of
    /// address and port, that is up to 64 addresses with each port. When that many have started, no
    /// other starts, and the call ends with the last of them. It is for a program that calls many
    /// hosts whose names have many dead addresses.
    pub max_attempts: Option<u32>,
}

impl Config {
    /// The defaults, as a constant.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            family: Family::Any,
            aaaa_timeout: Duration::from_millis(50),
            connect_delay: Duration::from_millis(250),
            connect_timeout: Duration::from_secs(10),
            resolve_timeout: DEFAULT_RESOLVE_TIMEOUT,
            resolve_retries: DEFAULT_RESOLVE_RETRIES,
            total_timeout: Duration::from_secs(30),
            max_attempts: None,
        }
    }

    /// Sets [`family`](Self::family).
    #[must_use]
    pub const fn with_family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Sets [`aaaa_timeout`](Self::aaaa_timeout).
    #[must_use]
    pub const fn with_aaaa_timeout(mut self, timeout: Duration) -> Self {
        self.aaaa_timeout = timeout;
        self
    }

    /// Sets [`connect_delay`](Self::connect_delay).
    #[must_use]
    pub const fn with_connect_delay(mut self, delay: Duration) -> Self {
        self.connect_delay = delay;
        self
    }

    /// Sets [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub const fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`resolve_timeout`](Self::resolve_timeout).
    #[must_use]
    pub const fn with_resolve_timeout(mut self, timeout: Duration) -> Self {
        self.resolve_timeout = timeout;
        self
    }

    /// Sets [`resolve_retries`](Self::resolve_retries).
    #[must_use]
    pub const fn with_resolve_retries(mut self, retries: u32) -> Self {
        self.resolve_retries = retries;
        self
    }

    /// Sets [`total_timeout`](Self::total_timeout).
    #[must_use]
    pub const fn with_total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// Sets [`max_attempts`](Self::max_attempts).
    #[must_use]
    pub const fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// True if no attempt may start after this many.
    pub(crate) fn has_all_attempts(&self, started: usize) -> bool {
        self.max_attempts.is_some_and(|most| started >= most as usize)
    }

    /// The time-out of one lookup: `resolve_timeout × resolve_retries`.
    #[must_use]
    pub const fn lookup_timeout(&self) -> Duration {
        self.resolve_timeout.saturating_mul(self.resolve_retries)
    }

    /// Gives a lookup this time, if that is longer and the caller has left both values at their
    /// defaults.
    pub(crate) fn raise_lookup_timeout(&mut self, to: Duration) {
        let is_default = self.resolve_timeout == DEFAULT_RESOLVE_TIMEOUT
            && self.resolve_retries == DEFAULT_RESOLVE_RETRIES;
        if is_default && to > self.lookup_timeout() {
            (self.resolve_timeout, self.resolve_retries) = (to, 1);
        }
    }

    /// The longest time that a call can take for a name with `candidates` pairs of address and
    /// port. It is the time until the last answer, one `connect_delay` between two pairs, and the
    /// last attempt's time-out, and at most the total:
    ///
    /// `min(total_timeout, lookup_timeout + (candidates − 1) × connect_delay + connect_timeout)`
    ///
    /// `max_attempts`, if it is smaller, stands in place of `candidates`.
    ///
    /// Where the resolver raises the default time of a lookup (see
    /// [`resolve_retries`](Self::resolve_retries)), that time takes the place of `lookup_timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    /// let config = he::Config::new();
    /// assert_eq!(config.worst_case(2), Duration::from_millis(5_000 + 250 + 10_000));
    /// assert_eq!(config.worst_case(100), Duration::from_secs(30));
    /// ```
    #[must_use]
    pub fn worst_case(&self, candidates: u32) -> Duration {
        self.worst_case_at(candidates, self.connect_delay)
    }

    /// The same for [`Connector::connect_with`](crate::Connector::connect_with): a dial that goes
    /// on after TCP may delay the next start to 2 s after the one before.
    ///
    /// ```
    /// use std::time::Duration;
    /// assert_eq!(he::Config::new().worst_case_with(2), Duration::from_secs(5 + 2 + 10));
    /// ```
    #[must_use]
    pub fn worst_case_with(&self, candidates: u32) -> Duration {
        self.worst_case_at(candidates, MAX_CONNECT_DELAY)
    }

    fn worst_case_at(&self, candidates: u32, delay: Duration) -> Duration {
        let candidates = candidates.min(self.max_attempts.unwrap_or(u32::MAX));
        self.lookup_timeout()
            .saturating_add(delay.saturating_mul(candidates.saturating_sub(1)))
            .saturating_add(self.connect_timeout)
            .min(self.total_timeout)
    }

    /// Fails if a value is out of range.
    pub(crate) fn check(&self) -> Result<(), OutOfRange> {
        if !(MIN_CONNECT_DELAY..=MAX_CONNECT_DELAY).contains(&self.connect_delay) {
            return Err(OutOfRange("connect_delay must be from 10 ms to 2 s (RFC 8305 section 8)"));
        }
        let positive = [
            (self.connect_timeout, "connect_timeout must not be zero"),
            (self.lookup_timeout(), "resolve_timeout and resolve_retries must not be zero"),
            (self.total_timeout, "total_timeout must not be zero"),
        ];
        if self.max_attempts == Some(0) {
            return Err(OutOfRange("max_attempts must not be zero"));
        }
        match positive.iter().find(|(value, _)| value.is_zero()) {
            Some((_, wrong)) => Err(OutOfRange(wrong)),
            None => Ok(()),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// A value of [`Config`] out of its range.
#[derive(Debug)]
pub(crate) struct OutOfRange(&'static str);

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // R-8305-5g, R-8305-5h
    fn connect_delay_lies_between_10_ms_and_2_s() {
        let ok = |ms| Config::new().with_connect_delay(Duration::from_millis(ms)).check().is_ok();
        assert!(ok(10) && ok(250) && ok(2_000));
        assert!(!ok(0) && !ok(1) && !ok(9) && !ok(2_001) && !ok(3_600_000));
    }

    #[test]
    fn a_time_out_or_a_number_of_zero_is_refused_by_name() {
        let zero = Duration::ZERO;
        for (config, word) in [
            (Config::new().with_connect_timeout(zero), "connect_timeout"),
            (Config::new().with_resolve_timeout(zero), "resolve_timeout"),
            (Config::new().with_resolve_retries(0), "resolve_retries"),
            (Config::new().with_total_timeout(zero), "total_timeout"),
            (Config::new().with_max_attempts(0), "max_attempts"),
        ] {
            assert!(config.check().unwrap_err().to_string().contains(word), "{word}");
        }
        assert!(Config::new().with_aaaa_timeout(zero).check().is_ok());
    }

    #[test] // C-RD, C-CAD
    fn the_defaults_are_those_of_rfc_8305() {
        let config = Config::default();
        assert_eq!(config.aaaa_timeout, Duration::from_millis(50));
        assert_eq!(config.connect_delay, Duration::from_millis(250));
        assert_eq!(Config::new().with_total_timeout(Duration::MAX).worst_case(1).as_secs(), 15);
    }
}
