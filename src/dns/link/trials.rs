//! What one question has gone through on a line.

use tokio::time::Instant;

use crate::dns::link::connection::Unanswered;
use crate::dns::link::join::{Join, Slow};
use crate::race::answer::LookupError;

/// So often at most a question leaves, each time on another connection (R-9520-3.1).
const MAX_SENDS: usize = 3;
/// Twice on connections that answer nobody.
const MAX_SENDS_IN_VAIN: usize = 2;
/// So often at most it moves on before it has left: a thousand may wait at a server that takes one
/// question a connection.
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

    /// Whom to tell that another way should join, unless that is done.
    pub(super) fn untold(&self) -> Option<&'a Join> {
        self.join.filter(|_| !self.told)
    }

    pub(super) fn tell(&mut self, why: Slow) {
        self.told = true;
        self.join.iter().for_each(|join| join.tell(why));
    }

    /// A question moves on from a connection that has ended: the server may have closed it before it
    /// saw the question (R-7858-3.4b).
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
