//! One question to one server over UDP: when it is sent, and what ends it.

use std::time::{Duration, Instant};

use smallvec::{SmallVec, smallvec};

use super::reply::{Answered, Reply, no_edns};
use crate::race::answer::LookupError;

/// A question is sent at most this many times (R-9520-3.1), each time from a socket of its own with
/// an id of its own. A path may depend on the port (N-8).
const MAX_SENDS: usize = 3;
/// The last send is due after this time. It goes without EDNS, which some routers drop (N-5).
pub(in crate::dns) const LAST_SEND: Duration = Duration::from_secs(1);
/// After this many replies with a wrong id the question moves to TCP, because an attacker may be
/// guessing (RFC 5452 section 9.3).
const MAX_STRANGERS: usize = 8;
/// An error of a socket may be forged (ICMP), so a second socket has to fail as well (N-26).
const MAX_ERRORS: usize = 2;

/// When a datagram is repeated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeats {
    /// The second send, from the first on.
    pub(super) second: Duration,
    /// See [`Options::offset`](super::Options).
    pub(super) offset: Duration,
}

/// One question to one server over UDP. A silent server never ends it.
#[derive(Debug)]
pub(super) struct Datagram {
    started_at: Instant,
    /// `None` for no repetition on silence.
    repeats: Option<Repeats>,
    /// The sends that may still be answered.
    open: SmallVec<[Sent; MAX_SENDS]>,
    sends: usize,
    edns: bool,
    has_sent_edns: bool,
    has_refused_edns: bool,
    /// The next send is due at once.
    at_once: bool,
    /// The first reply that cannot be read as a whole, but has an address.
    partial: Option<usize>,
    strangers: usize,
    errors: usize,
    last_error: Option<(Instant, LookupError)>,
    end: Option<DatagramEnd>,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    send: usize,
    at: Instant,
    edns: bool,
}

#[derive(Debug)]
pub(super) enum DatagramEnd {
    /// The reply is whole. `without_edns` is true if the answered send had no EDNS and an earlier one
    /// had, false if it had, and `None` if no send had EDNS.
    Answered {
        reply: Answered,
        without_edns: Option<bool>,
    },
    /// TCP is needed, for this reason (R-7766-5).
    NeedsTcp(NeedsTcp),
    Failed(LookupError),
    /// This host cannot send it.
    Impossible(LookupError),
}

#[derive(Debug)]
pub(super) enum NeedsTcp {
    Truncated,
    /// The reply cannot be read. The send has a reply of which an address can be read.
    Unreadable {
        error: LookupError,
        partial: Option<usize>,
    },
    /// Too many replies with a wrong id.
    Strangers,
}

impl Datagram {
    pub(super) fn new(edns: bool, repeats: Option<Repeats>, now: Instant) -> Self {
        Self {
            started_at: now,
            repeats,
            open: smallvec![],
            sends: 0,
            edns,
            has_sent_edns: false,
            has_refused_edns: false,
            at_once: false,
            partial: None,
            strangers: 0,
            errors: 0,
            last_error: None,
            end: None,
        }
    }

    /// True if the next send is to have EDNS.
    pub(super) fn edns(&self) -> bool {
        // Something has come to a question with EDNS if a send is due at once.
        self.edns && (self.sends + 1 < MAX_SENDS || self.at_once)
    }

    /// True if the server has refused EDNS.
    pub(super) fn has_refused_edns(&self) -> bool {
        self.has_refused_edns
    }

    pub(super) fn end(&self) -> Option<&DatagramEnd> {
        self.end.as_ref()
    }

    /// The last error of a socket or of a reply, and its time.
    pub(super) fn last_error(&self) -> Option<&(Instant, LookupError)> {
        self.last_error.as_ref()
    }

    /// The moment of the first send.
    pub(super) fn left_at(&self) -> Option<Instant> {
        (self.sends > 0).then_some(self.started_at)
    }

    pub(super) fn awaits(&self, send: usize) -> bool {
        self.end.is_none() && self.open.iter().any(|sent| sent.send == send)
    }

    /// The time of this send. Each has an id of its own, so its reply is no reply to another.
    pub(super) fn sent_at(&self, send: usize) -> Option<Instant> {
        self.open.iter().find(|sent| sent.send == send).map(|sent| sent.at)
    }

    /// The time of the next send; `None` after the last one.
    pub(super) fn due(&self) -> Option<Instant> {
        let after = match (self.sends, self.repeats) {
            _ if self.end.is_some() => return None,
            (0, _) => Duration::ZERO,
            (1..MAX_SENDS, _) if self.at_once => Duration::ZERO,
            (1, Some(repeats)) => repeats.second + repeats.offset,
            (2, Some(repeats)) => LAST_SEND + repeats.offset,
            (_, _) => return None,
        };
        Some(self.started_at + after)
    }

    pub(super) fn sent(&mut self, send: usize, edns: bool, now: Instant) {
        self.sends += 1;
        self.at_once = false;
        self.has_sent_edns |= edns;
        self.open.push(Sent { send, at: now, edns });
    }

    /// A message has come to the socket of this send.
    pub(super) fn replied(&mut self, send: usize, reply: Reply, now: Instant) {
        let Some(sent) = self.open.iter().find(|sent| sent.send == send).copied() else { return };
        match reply {
            // Another host may have sent it: listening goes on (R-5452-9).
            Reply::ToAnother => {
                self.strangers += 1;
                if self.strangers >= MAX_STRANGERS {
                    self.end = Some(DatagramEnd::NeedsTcp(NeedsTcp::Strangers));
                }
            }
            Reply::Truncated => self.end = Some(DatagramEnd::NeedsTcp(NeedsTcp::Truncated)),
            Reply::WithoutEdns => self.refuses_edns(sent, now),
            Reply::Unreadable { error, has_address } => {
                self.partial = self.partial.or(has_address.then_some(send));
                if sent.edns && self.sends < MAX_SENDS {
                    return self.drop_edns();
                }
                let needs = NeedsTcp::Unreadable { error, partial: self.partial };
                self.end = Some(DatagramEnd::NeedsTcp(needs));
            }
            Reply::Failed(error) => self.failed_for(error, now),
            Reply::Answered { is_negative } => {
                let reply = Answered { send, is_negative };
                let without_edns = self.has_sent_edns.then_some(!sent.edns);
                self.end = Some(DatagramEnd::Answered { reply, without_edns });
            }
        }
    }

    /// The socket of this send has failed. The question is sent once more from another one.
    pub(super) fn socket_failed(&mut self, send: usize, error: LookupError, now: Instant) {
        self.open.retain(|sent| sent.send != send);
        self.errors += 1;
        if self.errors >= MAX_ERRORS && self.open.is_empty() {
            return self.failed_for(error, now);
        }
        self.last_error = Some((now, error));
        self.at_once = self.sends < MAX_SENDS && self.errors < MAX_ERRORS;
    }

    /// This send is not possible. An earlier one may still be answered.
    pub(super) fn cannot_send(&mut self, send: usize, error: LookupError, now: Instant) {
        self.open.retain(|sent| sent.send != send);
        self.last_error = Some((now, error.clone()));
        if self.open.is_empty() {
            self.end.get_or_insert(DatagramEnd::Impossible(error));
        }
    }

    fn failed_for(&mut self, error: LookupError, now: Instant) {
        self.last_error = Some((now, error.clone()));
        self.end.get_or_insert(DatagramEnd::Failed(error));
    }

    fn refuses_edns(&mut self, sent: Sent, now: Instant) {
        self.has_refused_edns = true;
        let is_repeated = self.open.iter().any(|sent| !sent.edns);
        match sent.edns {
            // It has been repeated without EDNS already, and that may still be answered.
            true if is_repeated => self.edns = false,
            true if self.sends < MAX_SENDS => self.drop_edns(),
            true | false => self.failed_for(no_edns(), now),
        }
    }

    /// Repeats the question without EDNS. That counts as a send.
    fn drop_edns(&mut self) {
        self.edns = false;
        self.at_once = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::race::answer::LookupErrorKind;

    const SECOND: Duration = Duration::from_millis(100);

    fn datagram(now: Instant) -> Datagram {
        let repeats = Repeats { second: SECOND, offset: Duration::ZERO };
        Datagram::new(true, Some(repeats), now)
    }

    fn no_descriptor() -> LookupError {
        LookupError::from(LookupErrorKind::NoNameServer).with_cause("too many open files")
    }

    #[test] // N-8
    fn a_repetition_that_this_host_cannot_send_does_not_end_the_question() {
        let now = Instant::now();
        let mut udp = datagram(now);
        udp.sent(0, true, now);
        udp.sent(1, true, now + SECOND);
        udp.cannot_send(1, no_descriptor(), now + SECOND);
        assert!(udp.end().is_none() && udp.awaits(0) && !udp.awaits(1));
        udp.replied(0, Reply::Answered { is_negative: false }, now + 3 * SECOND);
        assert!(matches!(udp.end(), Some(DatagramEnd::Answered { .. })));
    }

    #[test]
    fn a_question_of_which_nothing_can_be_sent_has_failed() {
        let now = Instant::now();
        let mut udp = datagram(now);
        udp.sent(0, true, now);
        udp.cannot_send(0, no_descriptor(), now);
        assert!(matches!(udp.end(), Some(DatagramEnd::Impossible(_))));
    }
}
