//! One question to one server in plaintext: over UDP, and over TCP where UDP does not suffice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::datagram::{Datagram, DatagramEnd};
use super::reply::is_unreachable;
use super::stream::Stream;
use crate::race::answer::{LookupError, LookupErrorKind};

/// The second transport joins when the first one has been silent for this time.
const JOINS_AFTER: Duration = Duration::from_millis(250);

/// The transport that goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// UDP. A closed port is a failure of the server: the next server is asked at once.
    Udp,
    /// TCP, because it has answered in place of UDP lately. UDP joins if TCP is silent or closed.
    Tcp,
    /// TCP, and never UDP.
    TcpOnly,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Plain {
    since: Instant,
    first: First,
    pub(super) udp: Option<Datagram>,
    pub(super) tcp: Option<Stream>,
}

/// A transport of plain DNS that joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joins {
    Udp,
    Tcp,
}

impl Plain {
    pub(super) fn new(first: First, now: Instant) -> Self {
        let mut plain = Self { since: now, first, udp: None, tcp: None };
        match first {
            First::Udp => plain.join(Joins::Udp, now),
            First::Tcp | First::TcpOnly => plain.join(Joins::Tcp, now),
        }
        plain
    }

    pub(super) fn join(&mut self, joins: Joins, now: Instant) {
        match joins {
            Joins::Udp => self.udp = Some(Datagram::new(now)),
            Joins::Tcp => self.tcp = Some(Stream::new(None, now)),
        }
    }

    /// The time at which the second transport joins, unless it has.
    pub(super) fn joins_at(&self, now: Instant) -> Option<(Instant, Joins)> {
        let later = self.since + JOINS_AFTER;
        match (self.first, &self.udp, &self.tcp) {
            (First::Udp, Some(udp), None) => match udp.end() {
                None => Some((later, Joins::Tcp)),
                Some(DatagramEnd::Truncated) => Some((now, Joins::Tcp)),
                Some(DatagramEnd::Answered(_) | DatagramEnd::Failed(_)) => None,
            },
            (First::Tcp, None, Some(tcp)) => match tcp.end() {
                None => Some((later, Joins::Udp)),
                Some(Err(error)) if is_unreachable(error) => Some((now, Joins::Udp)),
                Some(_) => None,
            },
            _ => None,
        }
    }

    /// True if the reply was too long for UDP.
    pub(super) fn is_truncated(&self) -> bool {
        matches!(self.udp_end(), Some(DatagramEnd::Truncated))
    }

    /// After an answer: true if UDP had no part in it, `None` if UDP is never used.
    pub(super) fn was_udp_silent(&self) -> Option<bool> {
        let is_udp =
            matches!(self.udp_end(), Some(DatagramEnd::Answered(_) | DatagramEnd::Truncated));
        (self.first != First::TcpOnly).then_some(!is_udp)
    }

    /// The outcome: the first reply, whatever it says. If one transport cannot reach the server,
    /// the other one decides.
    pub(super) fn outcome(&self) -> Option<Result<usize, LookupError>> {
        let tcp = self.tcp.as_ref().and_then(Stream::end);
        match (self.udp_end(), tcp) {
            (Some(DatagramEnd::Answered(send)), _) => Some(Ok(*send)),
            (_, Some(Ok(send))) => Some(Ok(send)),
            (Some(DatagramEnd::Truncated), tcp) => Some(Err(truncated(tcp?.err()?))),
            (Some(DatagramEnd::Failed(error)), _) if !is_unreachable(error) => {
                Some(Err(error.clone()))
            }
            (_, Some(Err(error))) if !is_unreachable(error) => Some(Err(error.clone())),
            (_, _) => self.unreachable().map(|error| Err(error.clone())),
        }
    }

    /// The error of the transport that has failed last, once none is left.
    fn unreachable(&self) -> Option<&LookupError> {
        let is_left = |leg: Option<bool>| leg == Some(false);
        let udp = self.udp.as_ref().map(|udp| udp.end().is_some());
        let tcp = self.tcp.as_ref().map(|tcp| tcp.end().is_some());
        let is_next_due = self.first == First::Tcp && udp.is_none();
        if is_left(udp) || is_left(tcp) || is_next_due {
            return None;
        }
        self.last_failure().map(|(_, error)| error)
    }

    /// The transport that has failed last, and why.
    pub(super) fn last_failure(&self) -> Option<(&'static str, &LookupError)> {
        let udp = self.udp.as_ref().and_then(|udp| match udp.end()? {
            DatagramEnd::Failed(error) => Some((udp.ended_at()?, ("UDP", error))),
            DatagramEnd::Answered(_) | DatagramEnd::Truncated => None,
        });
        let tcp = self.tcp.as_ref();
        let tcp = tcp.and_then(|tcp| Some((tcp.ended_at()?, ("TCP", tcp.end()?.err()?))));
        let failures = udp.into_iter().chain(tcp);
        failures.max_by_key(|(at, _)| *at).map(|(_, failure)| failure)
    }

    fn udp_end(&self) -> Option<&DatagramEnd> {
        self.udp.as_ref().and_then(Datagram::end)
    }
}

/// There is no whole answer, although the server was reached.
fn truncated(over_tcp: &LookupError) -> LookupError {
    if !is_unreachable(over_tcp) {
        return over_tcp.clone();
    }
    let why = format!("truncated, and over TCP: {}", over_tcp.reason());
    LookupError::from(LookupErrorKind::Other).with_worded_cause(why, Arc::new(over_tcp.clone()))
}
