//! The name servers of one network: who is asked first.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a server that has answered in place of a silent one goes first.
const PREFERRED_FOR: Duration = Duration::from_secs(60);

/// A name server. Everything that is to be known of one besides its address goes here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Server {
    pub(super) addr: SocketAddr,
}

impl Server {
    /// UDP, and TCP where UDP does not do.
    pub(super) fn plain(addr: SocketAddr) -> Self {
        Self { addr }
    }
}

/// Which server answered in place of another, and when.
#[derive(Debug, Default)]
pub(super) struct Memory {
    preferred: Mutex<Option<(Server, Instant)>>,
    turns: AtomicUsize,
}

impl Memory {
    /// The servers in the order in which a lookup asks them (R-8305-3.1b).
    pub(super) fn order(&self, servers: &[Server], rotate: bool, now: Instant) -> Vec<Server> {
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

    /// This server has answered. The minute is counted from its first answer, so that a busy
    /// resolver comes back to the configured order as well.
    pub(super) fn answered(&self, server: Server, servers: &[Server], now: Instant) {
        let known = self.preferred(now);
        let mut preferred = self.preferred.lock().unwrap_or_else(PoisonError::into_inner);
        if servers.first() == Some(&server) {
            *preferred = None;
        } else if known != Some(server) {
            *preferred = Some((server, now));
        }
    }

    fn preferred(&self, now: Instant) -> Option<Server> {
        let preferred = self.preferred.lock().unwrap_or_else(PoisonError::into_inner);
        preferred.filter(|(_, since)| now < *since + PREFERRED_FOR).map(|(server, _)| server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers() -> Vec<Server> {
        ["192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"]
            .map(|addr| Server::plain(addr.parse().unwrap()))
            .to_vec()
    }

    fn order(memory: &Memory, rotate: bool, now: Instant) -> String {
        let order = memory.order(&servers(), rotate, now);
        order.iter().map(|server| server.addr.ip().to_string().pop().unwrap()).collect()
    }

    #[test] // R-8305-3.1b
    fn the_server_that_answered_goes_first_for_a_minute() {
        let (memory, start) = (Memory::default(), Instant::now());
        assert_eq!(order(&memory, false, start), "123");
        memory.answered(servers()[2], &servers(), start);
        assert_eq!(order(&memory, false, start), "312");
        let later = start + PREFERRED_FOR - Duration::from_millis(1);
        memory.answered(servers()[2], &servers(), later);
        assert_eq!(order(&memory, false, later), "312");
        assert_eq!(order(&memory, false, start + PREFERRED_FOR), "123");
    }

    #[test]
    fn an_answer_of_the_first_server_restores_the_order() {
        let (memory, now) = (Memory::default(), Instant::now());
        memory.answered(servers()[1], &servers(), now);
        assert_eq!(order(&memory, false, now), "213");
        memory.answered(servers()[0], &servers(), now);
        assert_eq!(order(&memory, false, now), "123");
    }

    #[test]
    fn rotate_begins_with_each_in_turn() {
        let (memory, now) = (Memory::default(), Instant::now());
        memory.answered(servers()[2], &servers(), now);
        let turns: Vec<_> = (0..4).map(|_| order(&memory, true, now)).collect();
        assert_eq!(turns, ["123", "231", "312", "123"]);
    }
}
