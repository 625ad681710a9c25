//! The neutral question (`. NS`), which no third party can choose: it shows if a server, or its TLS
//! port, answers at all.

use std::time::{Duration, Instant};

use super::transports::Transports;

/// A server is asked it after a question has been open for this time.
pub(super) const NEUTRAL_AFTER: Duration = Duration::from_millis(500);
/// It has at least this time before a server counts as silent.
pub(super) const NEUTRAL_HAS: Duration = Duration::from_millis(250);
/// A TLS port that may be dead has this time to answer it.
const GRACE: Duration = Duration::from_secs(1);

/// The neutral question to one server.
#[derive(Debug)]
pub(super) struct Neutral {
    pub(super) purpose: Purpose,
    pub(super) transports: Transports,
    pub(super) since: Instant,
    pub(super) until: Instant,
}

#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// To see if the server is silent. It ends with the question.
    Server,
    /// To see if the TLS port is dead for this reason, after plain DNS has answered in its place.
    DoubtfulPort(String),
    /// To see if a dead TLS port is alive again.
    DeadPort,
}

impl Neutral {
    pub(super) fn new(
        purpose: Purpose,
        transports: Transports,
        since: Instant,
        until: Instant,
    ) -> Self {
        Self { purpose, transports, since, until }
    }

    pub(super) fn of_a_doubtful_port(why: String, transports: Transports, now: Instant) -> Self {
        Self::new(Purpose::DoubtfulPort(why), transports, now, now + GRACE)
    }

    /// A dead port has the same time for the handshake and for the answer: only an answer, not a
    /// mere handshake, revives it.
    pub(super) fn of_a_dead_port(transports: Transports, now: Instant) -> Self {
        let until = now + 2 * super::OPPORTUNISTIC_TIMEOUT;
        Self::new(Purpose::DeadPort, transports, now, until)
    }

    /// True if it shows something of the TLS port.
    pub(super) fn is_of_a_port(&self) -> bool {
        match self.purpose {
            Purpose::Server => false,
            Purpose::DoubtfulPort(_) | Purpose::DeadPort => true,
        }
    }
}
