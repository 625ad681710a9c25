//! Assertions on times. An early event always fails the test. A late event fails it only if the
//! control timers of the same process were on time.

use std::fmt;
use std::time::Duration;

use crate::capture::Packet;
use crate::clock::Moment;
use crate::host::Host;
use crate::log::{End, ms};
use crate::net::Net;
use crate::world::Call;

/// A timer may fire up to this much after its time.
const PATIENCE: Duration = Duration::from_millis(20);
/// The kernel's time stamps are rounded down to milliseconds.
const GRAIN: Duration = Duration::from_millis(1);
/// The additional lateness for each packet of a handshake, because lateness adds up over its round
/// trips.
const HOP: Duration = Duration::from_millis(3);
/// The longest time between reading the clock and sending a SYN.
const BREATH: Duration = Duration::from_millis(4);
/// A control timer counts as late from this much on.
const LATE: Duration = Duration::from_millis(5);

impl Net {
    /// Asserts that the attempts of the last call went to these hosts, in this order and to no
    /// others, and that their first SYNs left at these times, in milliseconds after the call.
    ///
    /// # Panics
    ///
    /// If they did not.
    #[track_caller]
    pub fn assert_starts(&self, expected: &[(Host, u64)]) {
        let (called, starts) = (self.world.call().called, self.log().starts());
        let seen: Vec<_> = starts.iter().map(|s| (s.peer, ms(s.at - called))).collect();
        let same = starts.len() == expected.len()
            && starts.iter().zip(expected).all(|(start, (host, _))| host.is(start.peer));
        assert!(same, "expected {expected:?}, and there were {seen:?}");
        let mut before = (called, 0);
        for (start, (host, at)) in starts.iter().zip(expected) {
            let what = format!("the SYN to {host:?}");
            self.never_early(&what, called, start.at, *at);
            // Each start is measured from the previous one, so that lateness does not add up.
            self.not_late(&what, before.0, start.at, at - before.1);
            before = (start.at, *at);
        }
    }

    /// Asserts the distance between the first SYNs to two hosts, in milliseconds. It is less strict
    /// than [`Self::assert_starts`]: the first SYN may leave a little after the race reads its
    /// clock, which shortens the distance on the wire.
    ///
    /// # Panics
    ///
    /// If the distance is another one, and not because the machine was busy.
    #[track_caller]
    pub fn assert_gap(&self, one: Host, other: Host, gap: u64) {
        let starts = self.log().starts();
        let at = |host: Host| starts.iter().find(|s| host.is(s.peer)).expect("a SYN").at;
        let (what, one, other) = (format!("from {one:?} to {other:?}"), at(one), at(other));
        let slack = BREATH + self.world.control.worst(one - PATIENCE, one + GRAIN);
        self.never_early(&what, one - slack, other, gap);
        self.not_late(&what, one, other, gap);
    }

    /// Asserts that the last call returned after this many milliseconds.
    ///
    /// # Panics
    ///
    /// If it returned sooner; or later, and not because the machine was busy.
    #[track_caller]
    pub fn assert_returned(&self, after: u64) {
        let Call { called, returned, .. } = self.world.call();
        let (what, returned) = ("the end of the call", returned.expect("it has returned"));
        self.never_early(what, called, returned, after);
        let starts = u64::try_from(self.log().starts().len()).expect("a few");
        self.not_late(what, called, returned, after + 3 * starts);
    }

    /// Asserts that the kernel sent the first SYN of the last call once more after a second (RFC
    /// 6298), and that the call returned `after` milliseconds later.
    ///
    /// # Panics
    ///
    /// If they did not.
    #[track_caller]
    pub fn assert_returned_after_repetition(&self, after: u64) {
        let first = self.log().starts()[0];
        assert_eq!(first.repeats, 1, "{first:?}");
        self.never_early("the second SYN", first.at, first.last, 1000);
        let returned = self.world.call().returned.expect("it has returned");
        self.never_early("the end of the call", first.last, returned, after);
        self.not_late("the end of the call", first.last, returned, after);
    }

    /// Asserts that the race is over: the winner has the only connection, the losers' sockets were
    /// closed without a packet, and the home host sent nothing after the win.
    ///
    /// # Panics
    ///
    /// If it is not over.
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

    /// True if anything was late by `margin` milliseconds during the last call. A test in which the
    /// order of events matters then proves nothing, which this prints.
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

    /// The packets that the home host sent after the last call had returned and the runtime had run
    /// its queue, except those to this host and to name servers.
    ///
    /// # Panics
    ///
    /// If the call has not returned.
    #[must_use]
    pub fn after_the_win(&self, winner: Host) -> Vec<Packet> {
        let settled = self.world.call().settled.expect("it has returned");
        self.log().sent_after(settled, winner)
    }

    /// `from` is never later than the true time, and `to` is less than a millisecond before it.
    #[track_caller]
    fn never_early(&self, what: &str, from: Moment, to: Moment, expected: u64) {
        let (took, expected) = (to - from, Duration::from_millis(expected));
        assert!(took + GRAIN > expected, "too early: {}", Timing(what, expected, took));
    }

    #[track_caller]
    fn not_late(&self, what: &str, from: Moment, to: Moment, expected: u64) {
        let (took, expected) = (to - from, Duration::from_millis(expected));
        let worst = self.world.control.worst(from, to + PATIENCE);
        let hops = HOP * self.log().received_from_port(853, from, to);
        if took > expected + PATIENCE + hops + worst * 4 {
            let timing = Timing(what, expected, took);
            assert!(worst > LATE, "too late: {timing}; control timers were on time");
            eprintln!(
                "{timing}; a control timer was {} ms late, so that does not count",
                ms(worst)
            );
        }
    }
}

struct Timing<'a>(&'a str, Duration, Duration);

impl fmt::Display for Timing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(what, expected, took) = self;
        write!(f, "{what}: expected after {:.1} ms, was {:.1} ms", ms(*expected), ms(*took))
    }
}
