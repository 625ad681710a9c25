//! Judgements on times. Never early is strict. Late counts only if control timers of the same
//! process were on time.

use std::time::Duration;

use crate::clock::Moment;
use crate::log::ms;
use crate::net::Net;
use crate::path::Host;

/// A timer fires no later than this after its time.
const PATIENCE: Duration = Duration::from_millis(20);
/// The kernel's time stamps count in milliseconds, and a time is that of its beginning.
const GRAIN: Duration = Duration::from_millis(1);
/// From here on a control timer was late.
const LATE: Duration = Duration::from_millis(5);

impl Net {
    /// The attempts since the last call: to whom, and when their first SYNs left, in milliseconds
    /// since the call. No more and no fewer.
    ///
    /// # Panics
    ///
    /// If it was otherwise.
    #[track_caller]
    pub fn assert_starts(&self, expected: &[(Host, u64)]) {
        let (called, starts) = (self.world.call().0, self.log().starts());
        let told: Vec<_> = starts.iter().map(|s| (s.peer, ms(s.at - called))).collect();
        let same = starts.len() == expected.len()
            && starts.iter().zip(expected).all(|(start, (host, _))| host.is(start.peer));
        assert!(same, "expected {expected:?}, and there were {told:?}");
        for (start, (host, at)) in starts.iter().zip(expected) {
            self.judge(&format!("the SYN to {host:?}"), called, start.at, *at);
        }
    }

    /// The distance between the first SYNs to two hosts, in milliseconds.
    ///
    /// # Panics
    ///
    /// If it was less; or more, and not because the machine was busy.
    #[track_caller]
    pub fn assert_gap(&self, one: Host, other: Host, gap: u64) {
        let starts = self.log().starts();
        let at = |host: Host| starts.iter().find(|s| host.is(s.peer)).expect("a SYN").at;
        self.judge(&format!("from {one:?} to {other:?}"), at(one), at(other), gap);
    }

    /// When the last call returned, in milliseconds since it was made.
    ///
    /// # Panics
    ///
    /// If that was sooner; or later, and not because the machine was busy.
    #[track_caller]
    pub fn assert_returned(&self, after: u64) {
        let (called, returned) = self.world.call();
        self.judge("the end of the call", called, returned.expect("it has returned"), after);
    }

    /// After the last call has returned, nothing was sent but to this host and to name servers.
    ///
    /// # Panics
    ///
    /// If something was.
    #[track_caller]
    pub fn assert_quiet_after_the_win(&self, winner: Host) {
        let returned = self.world.call().1.expect("it has returned");
        let sent = self.log().sent_after(returned, winner);
        assert!(sent.is_empty(), "sent after the win: {sent:?}");
    }

    /// `from` is no later than the truth. `to` may be up to a millisecond before it.
    #[track_caller]
    pub(crate) fn judge(&self, what: &str, from: Moment, to: Moment, expected: u64) {
        let (took, expected) = (to - from, Duration::from_millis(expected));
        let told = format!("{what}: expected after {} ms, was {} ms", ms(expected), ms(took));
        assert!(took + GRAIN > expected, "too early: {told}");
        let worst = self.world.control.worst(from, to + PATIENCE);
        if took > expected + PATIENCE + worst * 4 {
            assert!(worst > LATE, "too late: {told}; control timers were on time");
            eprintln!("{told}; a control timer was {} ms late, so that does not count", ms(worst));
        }
    }
}
