//! How the connections of one link have behaved: when a second one is opened beside a silent one,
//! and how long plain DNS waits for TLS.

use std::time::{Duration, Instant};

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
/// A server that was reached before gets twice the time that took, up to this.
const MAX_HEAD_START: Duration = Duration::from_secs(1);

/// How the connections of one link have behaved.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LinkHealth {
    /// The port has answered, and no question has found it dead since.
    pub(super) is_proven: bool,
    false_alarms: u32,
    /// The spares in a row that have not answered.
    unanswered: u32,
    spare_opened_at: Option<Instant>,
    /// The time that the last connection took to be made.
    took: Option<Duration>,
}

impl LinkHealth {
    /// The time for which a connection may be silent.
    pub(super) fn patience(&self) -> Duration {
        PATIENCE * (1 << self.false_alarms)
    }

    /// The time from which on the next spare may be opened; `None` if it may be at once.
    pub(super) fn spare_at(&self) -> Option<Instant> {
        let apart = APART * (1 << self.unanswered.checked_sub(1)?.min(MAX_DOUBLED));
        Some(self.spare_opened_at? + apart)
    }

    /// True if nothing has come from the last spare, nor from the silent connection since.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.unanswered > 0
    }

    /// The head start of this link, of which the least is given.
    pub(super) fn head_start(&self, least: Duration) -> Duration {
        let known = self.took.map_or(Duration::ZERO, |took| MAX_HEAD_START.min(2 * took));
        least.max(known)
    }

    pub(super) fn spare_opened(&mut self, now: Instant) {
        self.spare_opened_at = Some(now);
        self.unanswered += 1;
    }

    /// A question was answered: `Some(true)` if by the spare that was opened for it, `Some(false)`
    /// if by the silent connection, `None` if no spare was opened for it. `took` is the time in
    /// which the connection was made.
    pub(super) fn answered(&mut self, by_spare: Option<bool>, took: Option<Duration>) {
        self.unanswered = 0;
        self.took = took.or(self.took);
        self.false_alarms = match by_spare {
            None => self.false_alarms,
            Some(true) => 0,
            Some(false) => MAX_FALSE_ALARMS.min(self.false_alarms + 1),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn patience_doubles_with_each_false_alarm_and_a_true_one_ends_that() {
        let mut link = LinkHealth::default();
        let mut patience = Vec::new();
        for _ in 0..5 {
            patience.push(link.patience().as_millis());
            link.answered(Some(false), None);
        }
        assert_eq!(patience, [250, 500, 1000, 2000, 2000]);
        link.answered(None, None);
        assert_eq!(link.patience(), 2_000 * MS);
        link.answered(Some(true), None);
        assert_eq!(link.patience(), 250 * MS);
    }

    #[test]
    fn spares_in_vain_are_further_and_further_apart() {
        let (mut link, now) = (LinkHealth::default(), Instant::now());
        assert_eq!(link.spare_at(), None);
        let mut apart = Vec::new();
        for _ in 0..6 {
            link.spare_opened(now);
            assert!(link.is_in_doubt());
            apart.push((link.spare_at().unwrap() - now).as_millis());
        }
        assert_eq!(apart, [500, 1000, 2000, 4000, 8000, 8000]);
        link.answered(None, None);
        assert_eq!((link.spare_at(), link.is_in_doubt()), (None, false));
    }

    #[test]
    fn a_server_that_was_reached_gets_twice_that_time_up_to_a_second() {
        let mut link = LinkHealth::default();
        let mut head_starts = Vec::new();
        for took in [None, Some(20), Some(40), None, Some(700)] {
            link.answered(None, took.map(|ms| ms * MS));
            head_starts.push(link.head_start(50 * MS).as_millis());
        }
        assert_eq!(head_starts, [50, 50, 80, 80, 1000]);
    }
}
