//! The race itself, without a clock, a socket, a task or a log. It is for tests, and for runtimes
//! other than tokio. There is no tokio in the algorithm; tokio is compiled all the same.
//!
//! A driver asks a [`Race`] for its next step ([`Race::poll`]), and reports what happened
//! ([`Race::resolved`], [`Race::tcp_up`], [`Race::failed`], [`Race::won`]). The race stores facts,
//! not phases. The next step, and the time of the next poll, follow from the facts in a fixed
//! order. The facts are the [`Report`].
//!
//! ```
//! use std::time::{Duration, Instant};
//! use he::race::{Race, Step};
//!
//! let now = Instant::now();
//! let mut race = Race::new("192.0.2.1", 443, he::Config::new(), now)?;
//! let Step::Connect(first, addr) = race.poll(now) else { panic!("a literal is dialled at once") };
//! assert_eq!(addr, "192.0.2.1:443".parse().unwrap());
//! race.won(first, now + Duration::from_millis(20));
//! assert_eq!(race.poll(now + Duration::from_millis(20)), Step::Won(first));
//! # Ok::<(), he::Error>(())
//! ```
//!
//! `examples/threads.rs` drives it with threads and `std::net`. The order of RFC 6724 depends on
//! the source addresses: see [`Surroundings`].

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

pub(crate) mod address;
pub(crate) mod answer;
mod attempts;
pub(crate) mod binding;
mod candidates;
pub(crate) mod causes;
pub(crate) mod config;
mod endpoint;
pub(crate) mod error;
pub(crate) mod gate;
pub(crate) mod host;
pub(crate) mod literal;
mod lookups;
pub(crate) mod name;
pub(crate) mod option_error;
pub(crate) mod order;
pub(crate) mod ports;
mod prefix;
pub(crate) mod query;
pub(crate) mod report;
pub(crate) mod socket_addrs;
mod start;
mod surroundings;
pub(crate) mod text;

pub use self::host::Host;
pub(crate) use self::surroundings::Gate;
pub use self::surroundings::Surroundings;

use self::answer::{Answer, LookupError, LookupErrorKind};
use self::attempts::Pace;
use self::binding::Binding;
use self::candidates::Candidates;
use self::config::Config;
use self::error::Error;
use self::host::HostKind;
use self::lookups::Lookups;
use self::query::{Query, Record};
use self::report::{AttemptOutcome, AttemptReport, ErrorKind, LookupReport, Outcome, Report};

/// A wait that has no end of its own lasts this long.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The next thing that the driver of a race has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Start a lookup of this record type, with [`Race::query`], and report its end to
    /// [`Race::resolved`]. The number is the lookup's index in [`Report::lookups`].
    Resolve(usize, Record),
    /// Start this attempt, and report its end to [`Race::won`] or [`Race::failed`]. The number is
    /// the attempt's index in [`Report::attempts`].
    Connect(usize, SocketAddr),
    /// Stop this attempt: it took longer than `connect_timeout`.
    Cancel(usize),
    /// Wait for an event, at most until this moment; then poll again. The moment always lies in the
    /// future.
    Wait(Instant),
    /// The race is over and this attempt has won. Stop all others.
    Won(usize),
    /// The race is over and has found the addresses ([`Race::resolving`]): see [`Race::addrs`].
    Resolved,
    /// The race is over and lost. Stop everything.
    Fail(ErrorKind),
    /// The race is over because the driver has [abandoned](Race::abandon) it.
    Over,
}

/// A call, from its first lookup to its winner. See the [module](self).
pub struct Race {
    /// `None` for a list of addresses.
    host: Option<Host>,
    config: Config,
    surroundings: Surroundings,
    /// The race ends where it would start its first attempt.
    only_resolves: bool,
    lookups: Lookups,
    candidates: Candidates,
    pace: Pace,
    winner: Option<usize>,
    report: Report,
}

impl Race {
    /// The next step. Call it after every event, and again after every step but [`Step::Wait`].
    /// After [`Step::Won`], [`Step::Resolved`], [`Step::Fail`] or [`Step::Over`] it always returns
    /// the same step.
    pub fn poll(&mut self, now: Instant) -> Step {
        if self.report.outcome == Outcome::Running {
            match self.next(now) {
                ControlFlow::Continue(step) => return step,
                ControlFlow::Break(outcome) => self.close(outcome, now),
            }
        }
        match self.report.outcome {
            Outcome::Connected(id) => Step::Won(id),
            Outcome::Resolved => Step::Resolved,
            Outcome::Failed(kind) => Step::Fail(kind),
            // A race that runs has returned its step above.
            Outcome::Dropped | Outcome::Running => Step::Over,
        }
    }

    /// Decides the next step, or the outcome that ends the race. The order of priority is fixed: a
    /// winner, the total deadline, a lookup or attempt whose time is over, the next lookup, the next
    /// attempt, a failure, a wait.
    fn next(&mut self, now: Instant) -> ControlFlow<Outcome, Step> {
        if let Some(id) = self.winner {
            self.report.attempts[id].outcome = AttemptOutcome::Won;
            return ControlFlow::Break(Outcome::Connected(id));
        }
        if self.total_deadline().is_some_and(|at| at <= now) {
            return ControlFlow::Break(Outcome::Failed(ErrorKind::TimedOut));
        }
        Lookups::expire(&self.config, &mut self.report, now);
        if let Some(id) = self.pace.expire(&self.config, &mut self.report, now) {
            return ControlFlow::Continue(Step::Cancel(id));
        }
        if let Some(HostKind::Name(name)) = self.host.as_ref().map(Host::kind) {
            if let Some((id, record)) = self.lookups.start_next(name, &mut self.report, now) {
                return ControlFlow::Continue(Step::Resolve(id, record));
            }
        }
        self.plan(now);
        let start_at = self.next_start();
        if start_at.is_some_and(|at| at <= now) {
            if self.only_resolves {
                return ControlFlow::Break(Outcome::Resolved);
            }
            if let Some(endpoint) = self.candidates.take_next() {
                let id = self.pace.start(endpoint, &self.surroundings, &mut self.report, now);
                return ControlFlow::Continue(Step::Connect(id, endpoint.addr));
            }
        }
        let may_start = !self.has_all_attempts() && lookups::any_running(&self.report);
        if self.pace.is_idle() && start_at.is_none() && !may_start {
            return ControlFlow::Break(Outcome::Failed(self.failure()));
        }
        ControlFlow::Continue(Step::Wait(self.wake_at(start_at).unwrap_or(now + FAR)))
    }

    /// Updates the endpoints, their order, and the IP version that the race waits for.
    fn plan(&mut self, now: Instant) {
        let gate = self.surroundings.gate.as_ref();
        if self.candidates.admit_given(gate, &mut self.report) {
            self.note_first_addr(now);
        }
        let Self { surroundings: Surroundings { source_addrs, .. }, report, .. } = self;
        self.candidates.plan(source_addrs, report, now);
        self.lookups.choose_preferred(source_addrs, report);
    }

    fn note_first_addr(&mut self, now: Instant) {
        if !self.candidates.is_empty() {
            self.lookups.note_first_addr(now);
        }
    }

    /// The time at which the next attempt may start; `None` while there is no endpoint for it.
    fn next_start(&self) -> Option<Instant> {
        let Self { config, report, .. } = self;
        if self.has_all_attempts() {
            return None;
        }
        let next = self.candidates.next()?;
        match report.attempts.is_empty() {
            true => self.lookups.first_start(config, report),
            false => self.pace.next_start(next, config, report),
        }
    }

    /// True if as many attempts have started as the configuration permits.
    fn has_all_attempts(&self) -> bool {
        self.config.has_all_attempts(self.report.attempts.len())
    }

    fn close(&mut self, outcome: Outcome, now: Instant) {
        if outcome != Outcome::Resolved {
            self.report.not_tried = self.candidates.not_tried(&self.report);
        }
        self.report.close(outcome, now);
    }
}

/// The events that a driver reports.
impl Race {
    /// The lookup of the [`Step::Resolve`] with this number has ended. A late answer joins the race
    /// as if it had been there from the start (R-V3-7a). The race ignores an answer after its end.
    pub fn resolved(&mut self, id: usize, result: Result<Answer, LookupError>, now: Instant) {
        let Some(answer) = Lookups::ended(id, result, &mut self.report, now) else { return };
        let gate = self.surroundings.gate.as_ref();
        self.candidates.admit_answer(id, &answer, gate, &mut self.report);
        self.note_first_addr(now);
    }

    /// The TCP handshake of an attempt is done and its dial goes on: TLS, a proxy, a greeting.
    pub fn tcp_up(&mut self, id: usize, now: Instant) {
        self.pace.tcp_up(id, &mut self.report, now);
    }

    /// The resolver asks for this time for each lookup ([`Resolve::lookup_timeout`]). The race
    /// grants it where it is longer than the default of the configuration, and never beyond the
    /// total time-out. Where the caller has set the time of a lookup, this has no effect.
    ///
    /// [`Resolve::lookup_timeout`]: crate::Resolve::lookup_timeout
    pub fn raise_lookup_timeout(&mut self, to: Duration) {
        self.config.raise_lookup_timeout(to);
    }

    /// An attempt has failed. `sent` is false if no packet has left the host for it; then the next
    /// attempt may start less than 10 ms after this one (F-6).
    pub fn failed(&mut self, id: usize, error: io::Error, sent: bool, now: Instant) {
        self.pace.failed(id, error, sent, &mut self.report, now);
    }

    /// An attempt has succeeded. If several attempts succeed before the next poll, the attempt that
    /// started first wins (F-20).
    pub fn won(&mut self, id: usize, now: Instant) {
        let Some(attempt) = self.report.running_attempt(id) else { return };
        attempt.span.to = Some(now);
        self.winner = Some(self.winner.map_or(id, |other| other.min(id)));
    }

    /// The driver gives up the race before its end. The report then says that the race was dropped.
    pub fn abandon(&mut self, now: Instant) {
        if self.report.outcome == Outcome::Running {
            self.close(Outcome::Dropped, now);
        }
    }
}

/// The facts that a driver may read.
impl Race {
    /// The question of the [`Step::Resolve`] with this number: the name, the other record types of
    /// this race, and the time at which the race stops waiting for the answer. `None` if there is
    /// no such lookup.
    #[must_use]
    pub fn query(&self, id: usize) -> Option<Query> {
        let LookupReport { name, record, span, .. } = self.report.lookups.get(id)?;
        let timeout = span.from.checked_add(self.config.lookup_timeout());
        let deadline = timeout.into_iter().chain(self.total_deadline()).min();
        Some(Query {
            name: name.clone(),
            record: *record,
            siblings: self.lookups.siblings(*record),
            deadline: deadline.or(Some(span.from + FAR)),
            binding: Binding::default(), // The driver sets it, because a race has no sockets.
        })
    }

    /// The name to look up, in lower-case A-labels; `None` if there is nothing to look up.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self.host.as_ref()?.kind() {
            HostKind::Name(name) => Some(name.as_str()),
            HostKind::Literal(_) | HostKind::Localhost | HostKind::NoSuchName(_) => None,
        }
    }

    /// The host; `None` for a list of addresses.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The untried addresses, in the order of the last poll. After [`Step::Resolved`],
    /// they are the result of the race.
    pub fn addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.candidates.left().map(|endpoint| endpoint.addr)
    }

    /// The facts so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The facts, at the end of the race.
    #[must_use]
    pub fn into_report(self) -> Report {
        self.report
    }

    /// The error of a race that is over and lost.
    #[must_use]
    pub fn into_error(self) -> Option<Error> {
        match self.report.outcome {
            Outcome::Failed(kind) => Some(Error::new(kind, self.report)),
            Outcome::Running | Outcome::Connected(_) | Outcome::Resolved | Outcome::Dropped => None,
        }
    }
}

/// Deadlines, and the kind of failure once everything has ended.
impl Race {
    fn total_deadline(&self) -> Option<Instant> {
        self.report.began.checked_add(self.config.total_timeout)
    }

    /// The earliest moment at which a fact changes by itself.
    fn wake_at(&self, start_at: Option<Instant>) -> Option<Instant> {
        let lookup = Lookups::deadline(&self.config, &self.report);
        let attempt = self.pace.deadline(&self.config, &self.report);
        [start_at, lookup, attempt, self.total_deadline()].into_iter().flatten().min()
    }

    /// The kind of failure, once everything has ended without a winner.
    fn failure(&self) -> ErrorKind {
        let report = &self.report;
        let timed_out = |a: &AttemptReport| matches!(a.outcome, AttemptOutcome::TimedOut);
        if !report.attempts.is_empty() {
            let all = report.attempts.iter().all(timed_out);
            return if all { ErrorKind::TimedOut } else { ErrorKind::Connect };
        }
        let errors = || report.lookups.iter().filter_map(LookupReport::error);
        if errors().any(|error| !error.kind().is_negative()) {
            return ErrorKind::Lookup;
        }
        if self.candidates.has_forbidden() {
            return ErrorKind::Forbidden;
        }
        let no_such =
            |l: &LookupReport| l.error().is_some_and(|e| e.kind() == LookupErrorKind::NoSuchName);
        let unknown = !report.lookups.is_empty() && report.lookups.iter().all(no_such);
        if unknown { ErrorKind::NoSuchName } else { ErrorKind::NoAddress }
    }
}

/// `at` plus `delay`, or a time far in the future if the clock cannot represent the sum.
fn later(at: Instant, delay: Duration) -> Instant {
    at.checked_add(delay).unwrap_or(at + FAR)
}

impl fmt::Debug for Race {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race").field("config", &self.config).field("report", &self.report).finish()
    }
}
