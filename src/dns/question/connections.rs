//! The driver's connections, as an inquiry sees them.

use std::sync::Arc;
use std::time::Instant;

use super::link_health::LinkHealth;
use super::route::Route;
use crate::race::answer::LookupError;

/// The end of a send without an answer: its connection has ended.
#[derive(Debug, Clone)]
pub(in crate::dns) struct Lost {
    pub(in crate::dns) error: LookupError,
    /// The connection was up before it ended.
    pub(in crate::dns) was_up: bool,
    /// The connection has ended, and does not merely take no more questions.
    pub(in crate::dns) has_ended: bool,
    /// The number of other questions that it has answered.
    pub(in crate::dns) answers: usize,
    /// The question was sent.
    pub(in crate::dns) was_sent: bool,
}

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dns) enum Phase {
    /// TCP is being connected, since then.
    Connecting(Instant),
    /// TCP is up and TLS under way, since then.
    Handshaking(Instant),
    /// It takes questions, since then.
    Up(Instant),
    /// It takes no more.
    Ended,
}

/// The state of the connection of a send.
#[derive(Debug, Clone, Copy)]
pub(in crate::dns) struct Seen {
    pub(in crate::dns) phase: Phase,
    /// The question of this send was sent on it at that time; `None` if it still waits for that.
    pub(in crate::dns) sent_at: Option<Instant>,
    /// The last message has come at that time.
    pub(in crate::dns) heard_at: Option<Instant>,
    /// The link has another connection that is open.
    pub(in crate::dns) has_other: bool,
}

impl Seen {
    /// The time at which a connection counts as silent, if nothing comes until then. Silence
    /// counts from when the question was sent, or from the last message on the connection if that
    /// came later. A question that was not sent yet counts as sent now.
    pub(super) fn silent_at(&self, health: &LinkHealth, now: Instant) -> Option<Instant> {
        let Phase::Up(up_at) = self.phase else { return None };
        let since = self.sent_at.unwrap_or(now).max(self.heard_at.unwrap_or(up_at));
        Some(since + health.patience())
    }
}

/// The driver's connections, as they are at this moment.
pub(in crate::dns) trait Connections {
    /// The route to this server.
    fn route(&self, server: usize) -> Route;
    /// The reason for which nothing can be asked over TLS.
    fn why_no_tls(&self) -> Option<Arc<str>>;
    /// The connection of this send, which is over TCP or TLS.
    fn seen(&self, send: usize) -> Seen;
    /// True if a TLS connection to this server is up.
    fn is_tls_up(&self, route: &Route, server: usize) -> bool;
    /// True if anything has come from this server over TLS since then.
    fn was_tls_heard_since(&self, route: &Route, server: usize, then: Instant) -> bool;
}
