//! The time in which a TLS port may still show that it answers.

use std::time::{Duration, Instant};

/// After plain DNS has answered, a port that is connected and silent has this time to answer: for
/// some names a server takes that long.
const GRACE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Trial {
    since: Instant,
    time: Duration,
}

impl Trial {
    /// The time for TCP and TLS where plain DNS serves as well: by then a working server has
    /// answered.
    pub(super) const HANDSHAKE: Duration = super::OPPORTUNISTIC_TIMEOUT;

    /// Plain DNS has answered in its place.
    pub(super) fn of_a_silent_port(now: Instant) -> Self {
        Self { since: now, time: GRACE }
    }

    /// The port was dead. It has the same time for the handshake and for the answer: only an
    /// answer, not a mere handshake, revives it.
    pub(super) fn of_a_dead_port(now: Instant) -> Self {
        Self { since: now, time: 2 * Self::HANDSHAKE }
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    pub(super) fn time(&self) -> Duration {
        self.time
    }

    pub(super) fn until(&self) -> Instant {
        self.since + self.time
    }
}
