//! Judgements on times. Never early is strict. Late counts only if control timers of the same
//! process were on time.

use std::fmt;
use std::time::Duration;

use crate::capture::Packet;
use crate::clock::Moment;
use crate::host::Host;
use crate::log::{End, ms};
use crate::net::Net;
use crate::world::Call;

/// A timer fires no later than this after its time.
const PATIENCE: Duration = Duration::from_millis(20);
/// The kernel's time stamps count in milliseconds, and a time is that of its beginning.
const GRAIN: Duration = Duration::from_millis(1);
/// Lateness adds up over the round trips of a handshake: so much more for each packet of one.
const HOP: Duration = Duration::from_millis(3);
/// Between reading the clock and sending a SYN.
const BREATH: Duration = Duration::from_millis(4);
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
        let (called, starts) = (self.world.call().called, self.log().starts());
        let told: Vec<_> = starts.iter().map(|s| (s.peer, ms(s.at - called))).collect();
        let same = starts.len() == expected.len()
            && starts.iter().zip(expected).all(|(start, (host, _))| host.is(start.peer));
        assert!(same, "expected {expected:?}, and there were {told:?}");
        let mut before = (called, 0);
        for (start, (host, at)) in starts.iter().zip(expected) {
            let what = format!("the SYN to {host:?}");
            self.never_early(&what, called, start.at, *at);
            // Lateness does not add up: each start is measured from the one before.
            self.not_late(&what, before.0, start.at, at - before.1);
            before = (start.at, *at);
        }
    }

    /// The distance between the first SYNs to two hosts, in milliseconds. [`Self::assert_starts`]
    /// is the strict one: here the first SYN itself may have left a little after the race's clock
    /// was read, which makes the distance on the wire shorter.
    ///
    /// # Panics
    ///
    /// If it was less, or more, and not because the machine was busy.
    #[track_caller]
    pub fn assert_gap(&self, one: Host, other: Host, gap: u64) {
        let starts = self.log().starts();
        let at = |host: Host| starts.iter().find(|s| host.is(s.peer)).expect("a SYN").at;
        let (what, one, other) = (format!("from {one:?} to {other:?}"), at(one), at(other));
        let slack = BREATH + self.world.control.worst(one - PATIENCE, one + GRAIN);
        self.never_early(&what, one - slack, other, gap);
        self.not_late(&what, one, other, gap);
    }

    /// When the last call returned, in milliseconds since it was made.
    ///
    /// # Panics
    ///
    /// If that was sooner; or later, and not because the machine was busy.
    #[track_caller]
    pub fn assert_returned(&self, after: u64) {
        let Call { called, returned, .. } = self.world.call();
        let (what, returned) = ("the end of the call", returned.expect("it has returned"));
        self.never_early(what, called, returned, after);
        let starts = u64::try_from(self.log().starts().len()).expect("a few");
        self.not_late(what, called, returned, after + 3 * starts);
    }

    /// The kernel has sent the first SYN of the last call's first attempt once more, after a second
    /// (RFC 6298), and the call returned so many milliseconds after that.
    ///
    /// # Panics
    ///
    /// If it was otherwise.
    #[track_caller]
    pub fn assert_returned_after_repetition(&self, after: u64) {
        let first = self.log().starts()[0];
        assert_eq!(first.repeats, 1, "{first:?}");
        self.never_early("the second SYN", first.at, first.last, 1000);
        let returned = self.world.call().returned.expect("it has returned");
        self.never_early("the end of the call", first.last, returned, after);
        self.not_late("the end of the call", first.last, returned, after);
    }

    /// The race is over: the winner has the only connection, the losers' sockets are gone without a
    /// packet, and nothing was sent after the win.
    ///
    /// # Panics
    ///
    /// If it is otherwise.
    pub async fn assert_over(&self, winner: Host, losers: &[Host]) {
        for loser in losers {
            self.let_go(*loser).await;
            assert_eq!(self.log().end(*loser), End::Silent, "{loser:?}");
        }
        let connections = self.log().connections();
        let only = connections.len() == 1 && winner.is(connections[0]);
        assert!(only, "{winner:?} should have the only connection of {connections:?}");
        assert_eq!(self.sockets().len(), 1, "the winner's: {:?}", self.sockets());
        let sent = self.after_the_win(winner);
        assert!(sent.is_empty(), "sent after the win: {sent:?}");
    }

    /// Whether anything was late by so many milliseconds during the last call, for stories in which
    /// it matters what comes first. It says so: such a story proves nothing.
    #[must_use]
    pub fn was_late_by(&self, margin: u64) -> bool {
        let Call { called, returned, .. } = self.world.call();
        let worst = self.world.control.worst(called, returned.unwrap_or_else(Moment::now));
        let late = worst >= Duration::from_millis(margin);
        if late {
            eprintln!("a control timer was {} ms late, so this proves nothing", ms(worst));
        }
        late
    }

    /// What was sent after the last call had returned and the runtime had run its queue, but to
    /// this host and to name servers.
    ///
    /// # Panics
    ///
    /// If it has not returned.
    #[must_use]
    pub fn after_the_win(&self, winner: Host) -> Vec<Packet> {
        let settled = self.world.call().settled.expect("it has returned");
        self.log().sent_after(settled, winner)
    }

    /// `from` is no later than the truth, `to` less than a millisecond before it.
    #[track_caller]
    fn never_early(&self, what: &str, from: Moment, to: Moment, expected: u64) {
        let (took, expected) = (to - from, Duration::from_millis(expected));
        assert!(took + GRAIN > expected, "too early: {}", Told(what, expected, took));
    }

    #[track_caller]
    fn not_late(&self, what: &str, from: Moment, to: Moment, expected: u64) {
        let (took, expected) = (to - from, Duration::from_millis(expected));
        let worst = self.world.control.worst(from, to + PATIENCE);
        let hops = HOP * self.log().received_from_port(853, from, to);
        if took > expected + PATIENCE + hops + worst * 4 {
            let told = Told(what, expected, took);
            assert!(worst > LATE, "too late: {told}; control timers were on time");
            eprintln!("{told}; a control timer was {} ms late, so that does not count", ms(worst));
        }
    }
}

struct Told<'a>(&'a str, Duration, Duration);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(what, expected, took) = self;
        write!(f, "{what}: expected after {:.1} ms, was {:.1} ms", ms(*expected), ms(*took))
    }
}
