//! One question to one server over UDP: when it is sent, and what ends it.

use std::time::{Duration, Instant};

use super::reply::{Reply, no_edns};
use crate::race::answer::LookupError;

/// When a question is sent, from the first send on. A lost datagram costs 250 ms, and no server
/// gets more than three (R-9520-3.1).
const SENDS: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(1_000)];
/// The time of the last send.
pub(crate) const LAST_SEND: Duration = SENDS[SENDS.len() - 1];

/// See the module. A silent server never ends it.
#[derive(Debug)]
pub(super) struct Datagram {
    started_at: Instant,
    sends: usize,
    edns: bool,
    /// The next send is due at once.
    at_once: bool,
    end: Option<(Instant, DatagramEnd)>,
}

#[derive(Debug)]
pub(super) enum DatagramEnd {
    /// The reply to this send is whole.
    Answered(usize),
    /// The reply did not fit. TCP has the whole one (R-7766-5).
    Truncated,
    Failed(LookupError),
}

impl Datagram {
    pub(super) fn new(now: Instant) -> Self {
        Self { started_at: now, sends: 0, edns: true, at_once: false, end: None }
    }

    pub(super) fn edns(&self) -> bool {
        self.edns
    }

    pub(super) fn end(&self) -> Option<&DatagramEnd> {
        self.end.as_ref().map(|(_, end)| end)
    }

    pub(super) fn ended_at(&self) -> Option<Instant> {
        self.end.as_ref().map(|(at, _)| *at)
    }

    /// The time of the next send; `None` after the last one.
    pub(super) fn due(&self) -> Option<Instant> {
        let next = SENDS.get(self.sends).filter(|_| self.end.is_none())?;
        Some(if self.at_once { self.started_at } else { self.started_at + *next })
    }

    pub(super) fn sent(&mut self) {
        self.sends += 1;
        self.at_once = false;
    }

    /// A reply to the last send has come.
    pub(super) fn replied(&mut self, send: usize, reply: Reply, now: Instant) {
        match reply {
            // Somebody else may have sent it: listening goes on (R-5452-9).
            Reply::ToAnother => {}
            Reply::Truncated => self.end = Some((now, DatagramEnd::Truncated)),
            Reply::WithoutEdns => self.drop_edns(now),
            Reply::Failed(error) => self.failed(error, now),
            Reply::Answered => self.end = Some((now, DatagramEnd::Answered(send))),
        }
    }

    pub(super) fn failed(&mut self, error: LookupError, now: Instant) {
        self.end.get_or_insert((now, DatagramEnd::Failed(error)));
    }

    /// Repeats the question without EDNS. That counts as a send.
    fn drop_edns(&mut self, now: Instant) {
        if self.sends == SENDS.len() {
            return self.failed(no_edns(), now);
        }
        self.edns = false;
        self.at_once = true;
    }
}
