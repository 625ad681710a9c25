//! When a second connection is opened beside a silent one.

use std::time::Duration;

use tokio::time::Instant;

/// A connection that has been silent for this time while a question is open may be dead without
/// notice (NAT, suspend): another one is opened beside it.
const PATIENCE: Duration = Duration::from_millis(250);
/// The patience doubles at most this many times while the silent connection turns out to be alive:
/// to 2 s.
const MAX_FALSE_ALARMS: u32 = 3;
/// After a spare that has not answered the next one waits for this time, which doubles each time.
const APART: Duration = Duration::from_millis(500);
/// It doubles at most this many times: to 8 s.
const MAX_DOUBLED: u32 = 4;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Spares {
    false_alarms: u32,
    /// The spares in a row that have not answered.
    in_vain: u32,
    opened_at: Option<Instant>,
}

impl Spares {
    /// The patience with a silent connection, and when the next spare may be opened.
    pub(super) fn next(&self) -> (Duration, Instant) {
        let patience = PATIENCE * (1 << self.false_alarms);
        let open_at = match self.opened_at {
            Some(at) if self.in_vain > 0 => at + APART * (1 << (self.in_vain - 1).min(MAX_DOUBLED)),
            Some(_) | None => Instant::now(),
        };
        (patience, open_at)
    }

    pub(super) fn opened(&mut self, now: Instant) {
        self.opened_at = Some(now);
        self.in_vain += 1;
    }

    /// True if nothing has come from the last spare, nor from the silent connection since.
    pub(super) fn is_in_vain(&self) -> bool {
        self.in_vain > 0
    }

    /// A question was answered: `Some(true)` if by the spare that was opened for it, `Some(false)`
    /// if by the silent connection, `None` if no spare was opened for it.
    pub(super) fn answered(&mut self, by_spare: Option<bool>) {
        self.in_vain = 0;
        self.false_alarms = match by_spare {
            None => self.false_alarms,
            Some(true) => 0,
            Some(false) => MAX_FALSE_ALARMS.min(self.false_alarms + 1),
        };
    }
}
