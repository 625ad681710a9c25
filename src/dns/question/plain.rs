//! One question to one server in plaintext: over UDP, and over TCP where UDP does not suffice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::datagram::{Datagram, DatagramEnd, NeedsTcp, Repeats};
use super::reply::{Answered, is_unreachable};
use super::stream::Stream;
use crate::race::answer::{LookupError, LookupErrorKind};

/// The second transport joins when the first one has been silent for this time.
const JOINS_AFTER: Duration = Duration::from_millis(250);
/// Where UDP has brought a part of a reply, TCP has this time to bring the whole.
const PARTIAL_FOR: Duration = Duration::from_secs(1);

/// The transport that goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Udp,
    /// TCP, because it has answered in place of UDP lately. UDP joins if TCP is silent or closed.
    Tcp,
    /// TCP, and never UDP.
    TcpOnly,
    /// UDP without a repetition on silence.
    Once,
}

/// One question to one server in plaintext.
#[derive(Debug)]
pub(super) struct Plain {
    since: Instant,
    first: First,
    /// UDP begins in this form.
    edns: bool,
    repeats: Repeats,
    pub(super) udp: Option<Datagram>,
    pub(super) tcp: Option<Stream>,
    /// UDP has needed TCP since then.
    needs_tcp_since: Option<Instant>,
}

/// A transport of plain DNS that joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joins {
    Udp,
    Tcp,
}

impl Plain {
    pub(super) fn new(first: First, edns: bool, repeats: Repeats, now: Instant) -> Self {
        let (udp, tcp, needs_tcp_since) = (None, None, None);
        let mut plain = Self { since: now, first, edns, repeats, udp, tcp, needs_tcp_since };
        match first {
            First::Udp | First::Once => plain.join(Joins::Udp, now),
            First::Tcp | First::TcpOnly => plain.join(Joins::Tcp, now),
        }
        plain
    }

    pub(super) fn join(&mut self, joins: Joins, now: Instant) {
        match joins {
            Joins::Udp => {
                let repeats = (self.first != First::Once).then_some(self.repeats);
                self.udp = Some(Datagram::new(self.edns, repeats, now));
            }
            Joins::Tcp => self.tcp = Some(Stream::new(None, now)),
        }
    }

    /// Notes since when TCP is needed.
    pub(super) fn look(&mut self, now: Instant) {
        if self.needs_tcp().is_some() {
            self.needs_tcp_since.get_or_insert(now);
        }
    }

    /// The time at which the second transport joins, unless it has.
    pub(super) fn joins_at(&self, now: Instant) -> Option<(Instant, Joins)> {
        let later = self.since + JOINS_AFTER;
        match (self.first, &self.udp, &self.tcp) {
            (First::Udp, Some(udp), None) => match udp.end() {
                // The error of a socket may be forged.
                None if udp.last_error().is_some() => Some((now, Joins::Tcp)),
                None => Some((later, Joins::Tcp)),
                Some(DatagramEnd::NeedsTcp(_)) => Some((now, Joins::Tcp)),
                Some(DatagramEnd::Failed(error)) if is_unreachable(error) => {
                    Some((now, Joins::Tcp))
                }
                Some(
                    DatagramEnd::Answered { .. }
                    | DatagramEnd::Failed(_)
                    | DatagramEnd::Impossible(_),
                ) => None,
            },
            (First::Tcp, None, Some(tcp)) => match tcp.end() {
                None => Some((later, Joins::Udp)),
                Some(Err(error)) if is_unreachable(error) => Some((now, Joins::Udp)),
                Some(_) => None,
            },
            _ => None,
        }
    }

    /// The end of the time in which a part of a reply waits for the whole.
    pub(super) fn partial_until(&self) -> Option<Instant> {
        self.partial().and(self.needs_tcp_since).map(|since| since + PARTIAL_FOR)
    }

    /// True if a UDP socket has failed. Another one, or TCP, may still reach the server, but the next
    /// server need not wait for that.
    pub(super) fn is_in_trouble(&self) -> bool {
        self.udp.as_ref().is_some_and(|udp| udp.last_error().is_some())
    }

    /// True if the reply was too long for UDP.
    pub(super) fn is_truncated(&self) -> bool {
        matches!(self.needs_tcp(), Some(NeedsTcp::Truncated))
    }

    /// After an answer: true if UDP had no part in it, `None` if UDP is never used.
    pub(super) fn was_udp_silent(&self) -> Option<bool> {
        let is_udp =
            matches!(self.udp_end(), Some(DatagramEnd::Answered { .. } | DatagramEnd::NeedsTcp(_)));
        (self.first != First::TcpOnly).then_some(!is_udp)
    }

    /// After an answer over UDP: true if it came without EDNS and not with it; `None` if EDNS was
    /// not tried.
    pub(super) fn needed_no_edns(&self) -> Option<bool> {
        match self.udp_end()? {
            DatagramEnd::Answered { without_edns, .. } => *without_edns,
            DatagramEnd::NeedsTcp(_) | DatagramEnd::Failed(_) | DatagramEnd::Impossible(_) => None,
        }
    }

    /// The outcome: the first reply, whatever it says. If one transport cannot reach the server,
    /// the other one decides.
    pub(super) fn outcome(&self, now: Instant) -> Option<Result<Answered, LookupError>> {
        let tcp = self.tcp.as_ref().and_then(Stream::end);
        match (self.udp_end(), tcp) {
            (Some(DatagramEnd::Answered { reply, .. }), _) => Some(Ok(*reply)),
            (_, Some(Ok(reply))) => Some(Ok(reply)),
            (Some(DatagramEnd::NeedsTcp(why)), tcp) => {
                let partial = self.partial().filter(|_| tcp.is_some() || self.is_partial_due(now));
                match partial {
                    Some(send) => Some(Ok(Answered { send, is_negative: false })),
                    None => Some(Err(over_tcp(why, tcp?.err()?))),
                }
            }
            (Some(DatagramEnd::Impossible(error)), _) => Some(Err(error.clone())),
            (Some(DatagramEnd::Failed(error)), _) if !is_unreachable(error) => {
                Some(Err(error.clone()))
            }
            (_, Some(Err(error))) if !is_unreachable(error) => Some(Err(error.clone())),
            (_, _) => self.unreachable().map(|error| Err(error.clone())),
        }
    }

    /// The error of the transport that has failed last, once none is left.
    fn unreachable(&self) -> Option<&LookupError> {
        let is_left = |ended: Option<bool>| ended == Some(false);
        let udp = self.udp.as_ref().map(|udp| udp.end().is_some());
        let tcp = self.tcp.as_ref().map(|tcp| tcp.end().is_some());
        let is_next_due = self.first != First::TcpOnly && (udp.is_none() || tcp.is_none());
        if is_left(udp) || is_left(tcp) || is_next_due {
            return None;
        }
        self.last_failure().map(|(_, error)| error)
    }

    /// The transport that has failed last, and why.
    pub(super) fn last_failure(&self) -> Option<(&'static str, &LookupError)> {
        let udp = self.udp.as_ref().and_then(Datagram::last_error);
        let udp = udp.map(|(at, error)| (*at, ("UDP", error)));
        let tcp = self.tcp.as_ref();
        let tcp = tcp.and_then(|tcp| Some((tcp.ended_at()?, ("TCP", tcp.end()?.err()?))));
        let failures = udp.into_iter().chain(tcp);
        failures.max_by_key(|(at, _)| *at).map(|(_, failure)| failure)
    }

    fn is_partial_due(&self, now: Instant) -> bool {
        self.partial_until().is_some_and(|until| until <= now)
    }

    /// The send with a reply of which a part could be read.
    fn partial(&self) -> Option<usize> {
        match self.needs_tcp()? {
            NeedsTcp::Unreadable { partial, .. } => *partial,
            NeedsTcp::Truncated | NeedsTcp::Strangers => None,
        }
    }

    fn needs_tcp(&self) -> Option<&NeedsTcp> {
        match self.udp_end()? {
            DatagramEnd::NeedsTcp(why) => Some(why),
            DatagramEnd::Answered { .. } | DatagramEnd::Failed(_) | DatagramEnd::Impossible(_) => {
                None
            }
        }
    }

    fn udp_end(&self) -> Option<&DatagramEnd> {
        self.udp.as_ref().and_then(Datagram::end)
    }
}

/// There is no whole answer, although the server was reached.
fn over_tcp(why: &NeedsTcp, error: &LookupError) -> LookupError {
    let what = match why {
        _ if !is_unreachable(error) => return error.clone(),
        NeedsTcp::Unreadable { error, .. } => return error.clone(),
        NeedsTcp::Truncated => "truncated",
        NeedsTcp::Strangers => "too many replies with a wrong id",
    };
    let why = format!("{what}, and over TCP: {}", error.reason());
    LookupError::from(LookupErrorKind::Other).with_worded_cause(why, Arc::new(error.clone()))
}
