//! Connections to name servers. A [`Link`] leads to one server over TCP or TLS: it has the
//! `connection` in use, and another one beside it when that is silent. `dial` makes the
//! connections, with `tls` where the server's profile has it (without feature `dns-over-tls`,
//! `no_tls.rs` stands in its place). `links` has the links of a network.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::dns::question::Phase;
use crate::mutex::Mutex;
use connection::Connection;

pub(super) mod connection;
pub(super) mod dial;
pub(super) mod links;
#[cfg(test)]
mod tests;
#[cfg(feature = "dns-over-tls")]
pub(super) mod tls;
#[cfg(not(feature = "dns-over-tls"))]
#[path = "no_tls.rs"]
pub(super) mod tls;

/// After a refused connection no other one is tried for this time, whatever the number of
/// questions.
const REFUSED_FOR: Duration = Duration::from_millis(100);
/// At most this many connections that are full and get no answers are left for another one.
const MAX_STALLED: usize = 3;
/// A quota holds for this time.
const QUOTA_FOR: Duration = Duration::from_secs(60);

/// The connection to one name server over one transport, with its replacement. It belongs to one
/// runtime.
pub(super) struct Link {
    addr: SocketAddr,
    open: Box<dyn Fn(usize) -> Arc<Connection> + Send + Sync>,
    state: Mutex<LinkState>,
}

#[derive(Debug, Default)]
struct LinkState {
    current: Option<Arc<Connection>>,
    /// Opened beside a silent connection, in whose place it is used once it is up.
    spare: Option<Arc<Connection>>,
    /// The number of answers after which the server closes a connection, and the time at which that
    /// was found out. A connection gets no more questions than that.
    quota: Option<(usize, Instant)>,
    /// The number of answers after which the last connection ended, if that lost questions.
    ended_after: Option<usize>,
    /// The number of answers after which the last connection fell silent that was replaced.
    silent_after: Option<usize>,
    /// Connections that were full and got no answers when they were left for another one.
    stalled: Vec<Weak<Connection>>,
}

impl Link {
    /// Opens nothing yet. `open` makes a connection for the given number of questions.
    fn new(
        addr: SocketAddr,
        open: impl Fn(usize) -> Arc<Connection> + Send + Sync + 'static,
    ) -> Self {
        Self { addr, open: Box::new(open), state: Mutex::default() }
    }

    /// True if the connection in use is up.
    pub(super) fn is_up(&self) -> bool {
        let state = self.state.lock();
        state.current.as_ref().is_some_and(|connection| is_up(connection))
    }

    /// True if it has a connection that takes questions.
    fn is_in_use(&self) -> bool {
        self.state.lock().current.as_ref().is_some_and(|connection| connection.is_open())
    }

    /// True if anything has come over the link since `then`.
    pub(super) fn was_heard_since(&self, then: Instant) -> bool {
        let state = self.state.lock();
        let mut connections = state.current.iter().chain(&state.spare);
        connections.any(|connection| connection.was_heard_since(then))
    }

    /// True if it has a connection besides this one that takes questions.
    pub(super) fn has_other(&self, than: &Arc<Connection>) -> bool {
        self.state.lock().other(than).is_some()
    }

    /// The connection in use, or a new one. All questions share a connection that is being opened.
    pub(super) fn connection(&self) -> Arc<Connection> {
        let mut state = self.state.lock();
        state.promote_spare();
        let refused = |(_, at): &(_, Instant)| Instant::now() < *at + REFUSED_FOR;
        match &state.current {
            Some(known) if known.is_open() && state.may_use(known) => known.clone(),
            Some(known) if known.failure().is_some_and(refused) => known.clone(),
            known => {
                if let Some(known) = known.clone() {
                    state.note_end(&known);
                }
                let quota = state.quota();
                state.current.insert((self.open)(quota)).clone()
            }
        }
    }

    /// Another connection has answered in place of this one. If this one had answered before, the
    /// server may take only a number of questions a connection (N-12).
    pub(super) fn note_replaced(&self, silent: &Connection) {
        let answers = silent.answers();
        if answers > 0 {
            self.state.lock().note_silence(answers);
        }
    }

    /// A connection beside a silent one. The silent one may still answer and is used until this one
    /// is up.
    pub(super) fn beside(&self, silent: &Arc<Connection>) -> Arc<Connection> {
        let mut state = self.state.lock();
        state.promote_spare();
        // Another question may have opened one already.
        if let Some(other) = state.other(silent) {
            return other.clone();
        }
        tracing::debug!(server = %self.addr, "another connection");
        let quota = state.quota();
        state.spare.insert((self.open)(quota)).clone()
    }
}

impl LinkState {
    /// A connection that takes questions, besides this one.
    fn other(&self, than: &Arc<Connection>) -> Option<&Arc<Connection>> {
        let mut connections = self.spare.iter().chain(&self.current);
        connections.find(|it| !Arc::ptr_eq(it, than) && it.is_open())
    }

    /// True unless the connection is full of questions that get no answers, and there may be one
    /// more: hostile names must not hold up others (N-17).
    fn may_use(&self, known: &Connection) -> bool {
        !known.is_stalled()
            || self.stalled.iter().filter(|it| it.strong_count() > 0).count() >= MAX_STALLED
    }

    /// The connection fell silent after this number of answers. A limit of the server is the same
    /// each time; a slow name or a NAT is not.
    fn note_silence(&mut self, answers: usize) {
        if self.silent_after == Some(answers) {
            self.quota = Some((answers, Instant::now()));
        }
        self.silent_after = Some(answers);
    }

    /// One early close may be an accident. Two in a row that lost questions show a limit of the
    /// server.
    fn note_end(&mut self, ended: &Arc<Connection>) {
        if ended.is_open() {
            self.stalled.retain(|it| it.strong_count() > 0);
            self.stalled.push(Arc::downgrade(ended));
            return;
        }
        let after = ended.quota_of_the_server();
        self.ended_after = match (self.ended_after, after) {
            (Some(before), Some(now)) => {
                self.quota = Some((before.max(now), Instant::now()));
                after
            }
            (_, after) => after,
        };
    }

    fn quota(&self) -> usize {
        let holds = |(_, since): &(usize, Instant)| Instant::now() < *since + QUOTA_FOR;
        self.quota.filter(holds).map_or(usize::MAX, |(quota, _)| quota)
    }

    /// Puts a spare that is up in the place of the silent connection.
    fn promote_spare(&mut self) {
        let is_over = self.current.as_ref().is_none_or(|current| !current.is_open());
        let is_ready = |spare: &mut Arc<Connection>| is_up(spare) || (is_over && spare.is_open());
        if let Some(spare) = self.spare.take_if(is_ready) {
            self.current = Some(spare);
        }
        self.spare.take_if(|spare| !spare.is_open() && spare.failure().is_none());
    }
}

fn is_up(connection: &Connection) -> bool {
    matches!(connection.phase(), Phase::Up(_))
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("addr", &self.addr).field("is_up", &self.is_up()).finish()
    }
}
