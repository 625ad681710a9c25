//! When a silent connection gets another one beside it.

use std::time::Duration;

use tokio::time::Instant;

/// A connection from which nothing has come for so long, though a question is open, may be dead
/// without our knowledge (NAT, suspend): another one is opened beside it.
const PATIENCE: Duration = Duration::from_millis(250);
/// Doubled so often at most while the old connection turns out to be alive: 2 s.
const MAX_FALSE_ALARMS: u32 = 3;
/// The next one comes no sooner than this after one that has not answered, doubled each time.
const APART: Duration = Duration::from_millis(500);
/// Up to 8 s.
const MAX_DOUBLED: u32 = 4;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Spares {
    false_alarms: u32,
    /// Those that have not answered, in a row.
    in_vain: u32,
    opened_at: Option<Instant>,
}

impl Spares {
    /// How long a silence is one, and when the next spare may be opened.
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

    /// Whether the last one has brought nothing, and the old connection nothing since.
    pub(super) fn is_in_vain(&self) -> bool {
        self.in_vain > 0
    }

    /// A question was answered; if one was opened for it, by the spare or by the silent one.
    pub(super) fn answered(&mut self, by_spare: Option<bool>) {
        self.in_vain = 0;
        self.false_alarms = match by_spare {
            None => self.false_alarms,
            Some(true) => 0,
            Some(false) => MAX_FALSE_ALARMS.min(self.false_alarms + 1),
        };
    }
}
