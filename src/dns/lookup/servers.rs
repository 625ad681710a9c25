//! The order of the name servers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::dns::name_server::NameServer;
use crate::mutex::Mutex;

/// A server that has answered in place of another goes first for this time.
const PREFERRED_FOR: Duration = Duration::from_secs(60);

/// Which server goes first: the one that answered in place of the first, with the time of that, or
/// the next in turn (`rotate`).
#[derive(Debug, Default)]
pub(super) struct Memory {
    preferred: Mutex<Option<(NameServer, Instant)>>,
    turns: AtomicUsize,
}

impl Memory {
    /// The servers in the order in which a lookup asks them (R-8305-3.1b).
    pub(super) fn order(
        &self,
        servers: &[NameServer],
        rotate: bool,
        now: Instant,
    ) -> Vec<NameServer> {
        let mut order = servers.to_vec();
        if rotate && !order.is_empty() {
            let turn = self.turns.fetch_add(1, Ordering::Relaxed) % order.len();
            order.rotate_left(turn);
            return order;
        }
        if let Some(at) = self.preferred(now).and_then(|it| order.iter().position(|s| *s == it)) {
            order[..=at].rotate_right(1);
        }
        order
    }

    /// Notes that this server has answered. The minute starts with its first answer, so that a busy
    /// resolver returns to the configured order as well.
    pub(super) fn answered(&self, server: &NameServer, servers: &[NameServer], now: Instant) {
        let known = self.preferred(now);
        let mut preferred = self.preferred.lock();
        if servers.first() == Some(server) {
            *preferred = None;
        } else if known.as_ref() != Some(server) {
            *preferred = Some((server.clone(), now));
        }
    }

    fn preferred(&self, now: Instant) -> Option<NameServer> {
        let preferred = self.preferred.lock();
        let still = preferred.as_ref().filter(|(_, since)| now < *since + PREFERRED_FOR);
        still.map(|(server, _)| server.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers() -> Vec<NameServer> {
        ["192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"]
            .map(|addr| NameServer::udp(addr.parse().unwrap()))
            .to_vec()
    }

    fn order(memory: &Memory, rotate: bool, now: Instant) -> String {
        let order = memory.order(&servers(), rotate, now);
        order.iter().map(|server| server.addr().ip().to_string().pop().unwrap()).collect()
    }

    #[test] // R-8305-3.1b
    fn the_server_that_answered_goes_first_for_a_minute() {
        let (memory, start) = (Memory::default(), Instant::now());
        assert_eq!(order(&memory, false, start), "123");
        memory.answered(&servers()[2], &servers(), start);
        assert_eq!(order(&memory, false, start), "312");
        let later = start + PREFERRED_FOR - Duration::from_millis(1);
        memory.answered(&servers()[2], &servers(), later);
        assert_eq!(order(&memory, false, later), "312");
        assert_eq!(order(&memory, false, start + PREFERRED_FOR), "123");
    }

    #[test]
    fn an_answer_of_the_first_server_restores_the_order() {
        let (memory, now) = (Memory::default(), Instant::now());
        memory.answered(&servers()[1], &servers(), now);
        assert_eq!(order(&memory, false, now), "213");
        memory.answered(&servers()[0], &servers(), now);
        assert_eq!(order(&memory, false, now), "123");
    }

    #[test]
    fn rotate_begins_with_each_in_turn() {
        let (memory, now) = (Memory::default(), Instant::now());
        memory.answered(&servers()[2], &servers(), now);
        let turns: Vec<_> = (0..4).map(|_| order(&memory, true, now)).collect();
        assert_eq!(turns, ["123", "231", "312", "123"]);
    }
}
