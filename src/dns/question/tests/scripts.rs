//! What becomes of questions and connections, in short.

use super::world::{Fate, RTT, Said, Script, Start};

/// An answer after this time.
pub(super) fn answer(ms: u64) -> Fate {
    Fate::Says(Said::Answer, ms)
}

/// The datagram finds a closed port.
pub(super) fn closed(ms: u64) -> Fate {
    Fate::Ends("connection refused", ms)
}

/// The server ends the connection at the question.
pub(super) fn ends() -> Fate {
    Fate::Ends("closed by the server", RTT)
}

/// TCP takes a round trip and TLS another one, and then it answers.
pub(super) fn connected() -> Script {
    Script { start: Start::Connected(RTT, RTT), fates: vec![answer(RTT)], closes_after: None }
}

pub(super) fn refused() -> Script {
    Script { start: Start::Refused(RTT), ..connected() }
}

/// The connection comes up and ends.
pub(super) fn closes() -> Script {
    Script { start: Start::Closes(RTT, RTT), ..connected() }
}

pub(super) fn dropped() -> Script {
    Script { start: Start::Dropped, ..connected() }
}

pub(super) fn mute() -> Script {
    Script { start: Start::Mute(RTT), ..connected() }
}

pub(super) fn fails(why: &'static str) -> Script {
    Script { start: Start::Fails(RTT, RTT, why), ..connected() }
}

pub(super) fn untrusted(why: &'static str) -> Script {
    Script { start: Start::Untrusted(RTT, RTT, why), ..connected() }
}

/// It is connected, and answers nothing.
pub(super) fn silent() -> Script {
    connected().on([Fate::Silence])
}

/// A connection.
impl Script {
    /// It is connected after these times for TCP and for TLS.
    pub(super) fn after(mut self, tcp: u64, tls: u64) -> Self {
        self.start = Start::Connected(tcp, tls);
        self
    }

    /// What becomes of each question on it.
    pub(super) fn on<const N: usize>(mut self, fates: [Fate; N]) -> Self {
        self.fates = fates.into();
        self
    }

    /// Every question on it gets this message after a round trip.
    pub(super) fn says(self, said: Said) -> Self {
        self.on([Fate::Says(said, RTT)])
    }

    pub(super) fn closes_after(mut self, answers: usize) -> Self {
        self.closes_after = Some(answers);
        self
    }
}
