//! The order of the name servers.

use std::time::{Duration, Instant};

/// A server that has answered in place of another goes first for this time.
const PREFERRED_FOR: Duration = Duration::from_secs(60);

/// Which server goes first, by its index in the configured list: the one that answered in place of
/// the first, with the time of that, or the next in turn (`rotate`).
#[derive(Debug, Default)]
pub(super) struct Preference {
    preferred: Option<(usize, Instant)>,
    turns: usize,
}

impl Preference {
    /// The indices of so many servers in the order in which a lookup asks them (R-8305-3.1b).
    pub(super) fn order(&mut self, servers: usize, rotate: bool, now: Instant) -> Vec<usize> {
        let mut order: Vec<_> = (0..servers).collect();
        if rotate && servers > 0 {
            order.rotate_left(self.turns % servers);
            self.turns = self.turns.wrapping_add(1);
        } else if let Some(first) = self.preferred(now).filter(|first| *first < servers) {
            order[..=first].rotate_right(1);
        }
        order
    }

    /// Notes that this server has answered. The minute starts with its first answer, so that a busy
    /// resolver returns to the configured order as well.
    pub(super) fn answered(&mut self, server: usize, now: Instant) {
        if server == 0 {
            self.preferred = None;
        } else if self.preferred(now) != Some(server) {
            self.preferred = Some((server, now));
        }
    }

    fn preferred(&self, now: Instant) -> Option<usize> {
        let still = self.preferred.filter(|(_, since)| now < *since + PREFERRED_FOR);
        still.map(|(server, _)| server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // R-8305-3.1b
    fn the_server_that_answered_goes_first_for_a_minute() {
        let (mut servers, start) = (Preference::default(), Instant::now());
        assert_eq!(servers.order(3, false, start), [0, 1, 2]);
        servers.answered(2, start);
        assert_eq!(servers.order(3, false, start), [2, 0, 1]);
        let later = start + PREFERRED_FOR - Duration::from_millis(1);
        servers.answered(2, later);
        assert_eq!(servers.order(3, false, later), [2, 0, 1]);
        assert_eq!(servers.order(3, false, start + PREFERRED_FOR), [0, 1, 2]);
    }

    #[test]
    fn an_answer_of_the_first_server_restores_the_order() {
        let (mut servers, now) = (Preference::default(), Instant::now());
        servers.answered(1, now);
        assert_eq!(servers.order(3, false, now), [1, 0, 2]);
        servers.answered(0, now);
        assert_eq!(servers.order(3, false, now), [0, 1, 2]);
    }

    #[test]
    fn rotate_begins_with_each_in_turn() {
        let (mut servers, now) = (Preference::default(), Instant::now());
        servers.answered(2, now);
        let turns: Vec<_> = (0..4).map(|_| servers.order(3, true, now)[0]).collect();
        assert_eq!(turns, [0, 1, 2, 0]);
        assert!(servers.order(0, true, now).is_empty());
    }
}
