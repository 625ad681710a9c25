//! How often one question has been sent over a link, and how often it has moved to another
//! connection.

use tokio::time::Instant;

use crate::dns::link::connection::Unanswered;
use crate::dns::link::join::{Join, Slow};
use crate::race::answer::LookupError;

/// A question is sent at most this many times, each time on a new connection (R-9520-3.1).
const MAX_SENDS: usize = 3;
/// The same on connections that have answered nothing.
const MAX_SENDS_IN_VAIN: usize = 2;
/// How often an unsent question may move to another connection. High, because a server may take one
/// question per connection.
const MAX_MOVES: usize = 2_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Trials<'a> {
    join: Option<&'a Join>,
    told: bool,
    /// A connection was opened beside a silent one for it.
    pub(super) is_replaced: bool,
    pub(super) started_at: Instant,
    sends: usize,
    moves: usize,
}

impl<'a> Trials<'a> {
    pub(super) fn new(join: Option<&'a Join>) -> Self {
        let started_at = Instant::now();
        Self { join, told: false, is_replaced: false, started_at, sends: 0, moves: 0 }
    }

    /// The join to notify, unless that is done.
    pub(super) fn untold(&self) -> Option<&'a Join> {
        self.join.filter(|_| !self.told)
    }

    pub(super) fn tell(&mut self, why: Slow) {
        self.told = true;
        self.join.iter().for_each(|join| join.tell(why));
    }

    /// Moves the question on from a connection that has ended: the server may have closed it before
    /// it saw the question (R-7858-3.4b).
    ///
    /// # Errors
    ///
    /// Another connection would do no better.
    pub(super) fn go_on(&mut self, ended: Unanswered) -> Result<(), LookupError> {
        self.moves += 1;
        self.sends += usize::from(ended.was_sent);
        let most = if ended.answers > 0 { MAX_SENDS } else { MAX_SENDS_IN_VAIN };
        let may_leave = !ended.was_sent || self.sends < most;
        if ended.was_up && may_leave && self.moves < MAX_MOVES {
            return Ok(());
        }
        self.join.filter(|_| ended.was_up).iter().for_each(|join| join.give_up());
        Err(ended.error)
    }
}
