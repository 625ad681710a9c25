//! Which server's reply counts. The order of the servers is a preference: an office's server stands
//! before a public one. A later server may be asked early, but its "no such name" waits for every
//! earlier server that may still reply, and its address for a second (N-1).

use std::time::{Duration, Instant};

use super::failure::failure;
use super::reply::Answered;
use super::server::{Moment, Server};
use super::{DRAIN, Inquiry};
use crate::race::answer::LookupError;

/// A server that is known to be alive has this time to reply before a later one counts.
const ALIVE_HAS: Duration = Duration::from_secs(1);

impl Inquiry {
    /// The answer, or the failure, if it has come to that. A reply that has come by the deadline
    /// counts.
    pub(super) fn outcome(&mut self, at: &mut Moment<'_>) -> Option<Result<usize, LookupError>> {
        let has_time = at.now < self.deadline;
        let is_decided = self.counts_at(at).is_some_and(|counts_at| counts_at <= at.now);
        let is_lost = self.remaining.is_empty() && self.asked.iter().all(|it| it.error().is_some());
        if has_time && !is_decided && !is_lost {
            return None;
        }
        self.has_outcome = true;
        let outcome = match self.first_reply() {
            Some((nth, reply)) => {
                let earlier = &mut self.asked[..nth];
                let running = earlier.iter_mut().filter(|server| server.outcome.is_none());
                running.for_each(|server| server.drains_until = Some(at.now + DRAIN));
                Ok(reply.send)
            }
            None => {
                self.asked.iter_mut().for_each(|server| server.conclude_silence(at));
                Err(failure(&self.asked, &self.servers, at.connections))
            }
        };
        self.asked.retain(Server::goes_on);
        Some(outcome)
    }

    /// The moment from which on the first reply counts; `None` if there is none, or if an earlier
    /// server has to end first.
    ///
    /// - A negative reply counts when every server before it has failed or is known to be silent.
    /// - A positive one counts at once, unless a server before it is known to be alive: that one has
    ///   a second from when it was asked.
    pub(super) fn counts_at(&self, at: &Moment<'_>) -> Option<Instant> {
        let (nth, reply) = self.first_reply()?;
        let running = || self.asked[..nth].iter().filter(|server| server.outcome.is_none());
        if reply.is_negative {
            let is_silent = |server: &Server| at.health.is_silent(&server.route);
            return running().all(is_silent).then_some(at.now);
        }
        let alive = running().filter(|it| at.health.is_alive(&it.route, it.asked_at));
        Some(alive.map(|server| server.asked_at + ALIVE_HAS).max().unwrap_or(at.now))
    }

    /// The reply of the earliest server that has one, and the server's place in the order.
    fn first_reply(&self) -> Option<(usize, Answered)> {
        let mut asked = self.asked.iter().enumerate();
        asked.find_map(|(nth, server)| Some((nth, server.answered()?)))
    }
}
