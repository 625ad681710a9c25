//! The driver's connections, as an inquiry sees them.

use std::sync::Arc;
use std::time::Instant;

use super::link_health::LinkHealth;
use super::route::Route;
use crate::race::answer::LookupError;

/// The end of a send without an answer: its connection has ended.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    pub(crate) error: LookupError,
    /// The connection was up before it ended.
    pub(crate) was_up: bool,
    /// The connection has ended, and does not merely take no more questions.
    pub(crate) has_ended: bool,
    /// The number of other questions that it has answered.
    pub(crate) answers: usize,
    /// The question was sent.
    pub(crate) was_sent: bool,
}

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
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
pub(crate) struct Seen {
    pub(crate) phase: Phase,
    /// The question of this send was sent on it at that time; `None` if it still waits for that.
    pub(crate) sent_at: Option<Instant>,
    /// The last message has come at that time.
    pub(crate) heard_at: Option<Instant>,
    /// The link has another connection that is open.
    pub(crate) has_other: bool,
}

impl Seen {
    /// The time at which a connection counts as silent, if nothing comes until then. A question
    /// waits for its own answer only: what others wait for is no business of it. One that was not
    /// sent yet is looked at again.
    pub(super) fn silent_at(&self, health: &LinkHealth, now: Instant) -> Option<Instant> {
        let Phase::Up(up_at) = self.phase else { return None };
        let since = self.sent_at.unwrap_or(now).max(self.heard_at.unwrap_or(up_at));
        Some(since + health.patience())
    }
}

/// The driver's connections, as they are at this moment.
pub(crate) trait Connections {
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
