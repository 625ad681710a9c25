//! The surroundings of a race: the functions that it may call, besides lookups and attempts.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::race::order::SourceAddrs;
use crate::race::report::ErrorWords;

/// A function that permits or refuses an endpoint before anything is done with it.
pub(crate) type Gate = Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>;

/// The source addresses, the gate and the error texts of a race. See
/// [`Race::with_surroundings`](crate::race::Race::with_surroundings).
///
/// The default has no gate, and [unknown](SourceAddrs::unknown) source addresses.
#[derive(Clone, Default)]
#[must_use]
pub struct Surroundings {
    pub(crate) source_addrs: SourceAddrs,
    pub(crate) gate: Option<Gate>,
    pub(crate) error_words: ErrorWords,
}

impl Surroundings {
    /// Sets the source addresses, which decide the order of destinations (RFC 6724).
    pub fn with_source_addrs(mut self, source_addrs: SourceAddrs) -> Self {
        self.source_addrs = source_addrs;
        self
    }

    /// Sets a gate. The race asks it for every address and port before anything is done with them,
    /// the question for the source address included. `false` refuses the address, and the report
    /// says so.
    pub fn with_gate(mut self, gate: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// Sets the texts, in the report, for errors of a dial that the race does not know. If `words`
    /// returns `None`, the error keeps its own text.
    pub fn with_error_words(mut self, words: fn(&io::Error) -> Option<String>) -> Self {
        self.error_words = ErrorWords::new(words);
        self
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("source_addrs", &self.source_addrs)
            .field("gate", &self.gate.is_some())
            .field("error_words", &self.error_words)
            .finish()
    }
}
