//! The race itself: no clock, no task, no log, and no socket but the question for source addresses
//! ([`Race::sources`] replaces it). For tests, and for runtimes that are not tokio.
//!
//! A [`Race`] is asked what to do ([`Race::poll`]), and told what happened
//! ([`Race::resolved`], [`Race::tcp_up`], [`Race::failed`], [`Race::won`]). It keeps facts, not
//! phases: what it answers, and when it wants to be asked again, follows from them in a fixed
//! order. The facts are the [`Report`].
//!
//! ```
//! use std::time::{Duration, Instant};
//! use he::race::{Race, Step};
//!
//! let now = Instant::now();
//! let mut race = Race::new("192.0.2.1", &[443], he::Config::new(), now)?;
//! let Step::Connect(first, addr) = race.poll(now) else { panic!("a literal is dialled at once") };
//! assert_eq!(addr, "192.0.2.1:443".parse().unwrap());
//! race.won(first, now + Duration::from_millis(20));
//! assert_eq!(race.poll(now + Duration::from_millis(20)), Step::Won(first));
//! # Ok::<(), he::Error>(())
//! ```
//!
//! `examples/threads.rs` drives it with threads and `std::net`.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) mod answer;
mod attempts;
pub(crate) mod binding;
mod candidates;
pub(crate) mod config;
pub(crate) mod error;
pub(crate) mod gate;
pub(crate) mod host;
mod lookups;
pub(crate) mod order;
pub(crate) mod report;
#[cfg(feature = "reqwest")]
mod settle;

use self::candidates::Candidates;
pub(crate) use self::candidates::Gate;
use crate::race::answer::LookupErrorKind;
use crate::race::config::Config;
use crate::race::error::Error;
use crate::race::host::{Host, LOCALHOST, Ports, Target, check_ports};
use crate::race::order::{Addrs, Sources};
use crate::race::report::ErrorKind;
use crate::race::report::{AttemptOutcome, LookupOutcome, Outcome, Report};
use crate::resolve::Record;

/// When a wait has no end of its own.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the driver of a race has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Step {
    /// Start the lookup of this record type; tell [`Race::resolved`] how it ends.
    Resolve(Record),
    /// Start this attempt; tell [`Race::won`] or [`Race::failed`] how it ends. The number is the
    /// attempt's index in [`Report::attempts`].
    Connect(usize, SocketAddr),
    /// Stop this attempt: it took longer than `connect_timeout`.
    Cancel(usize),
    /// Nothing to do until something happens, or until this moment: then poll again. It always
    /// lies in the future.
    Wait(Instant),
    /// The race is over and this attempt has won. Stop all others.
    Won(usize),
    /// The race is over and lost. Stop everything.
    Fail(ErrorKind),
}

/// One connect, from its first lookup to its winner. See the [module](self).
pub struct Race {
    /// `None` for a list of addresses.
    host: Option<Host>,
    config: Config,
    sources: Sources,
    candidates: Candidates,
    report: Report,
    /// When the first usable address was known.
    first_addr_at: Option<Instant>,
    /// The record type whose answer is waited for, once it matters.
    preferred: Option<Record>,
    /// A failure that no start has answered yet.
    kicked: bool,
    /// The start of the last attempt but one that sent a packet.
    sent_before: Option<Instant>,
    /// Every attempt before this one has ended.
    oldest: usize,
    running: usize,
    /// Attempts whose TCP is up and whose dial goes on.
    shaking: Vec<usize>,
    winner: Option<usize>,
}

impl Race {
    /// A race to a host: a name, or an IP literal with or without brackets and zone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a host, port list or configuration that makes no sense,
    /// [`ErrorKind::NoSuchName`] for names that are never looked up (`.invalid`, `.onion`).
    pub fn new(host: &str, ports: &[u16], config: Config, now: Instant) -> Result<Self, Error> {
        Self::to(host, ports, check_ports, config, now)
    }

    fn to<W: fmt::Display>(
        host: &str,
        ports: &[u16],
        check: impl FnOnce(&[u16]) -> Result<Ports, W>,
        config: Config,
        now: Instant,
    ) -> Result<Self, Error> {
        let refuse = |why: &dyn fmt::Display, kind| {
            Error::at_the_door(kind, why, Report::new(host.into(), ports.into(), now), now)
        };
        let invalid = |why: &dyn fmt::Display| refuse(why, ErrorKind::InvalidInput);
        let parsed = Host::parse(host).map_err(|why| invalid(&why))?;
        let ports = check(ports).map_err(|why| invalid(&why))?;
        config.check().map_err(|why| invalid(&why))?;
        let given = match parsed.target() {
            Target::NoSuchName(why) => return Err(refuse(why, ErrorKind::NoSuchName)),
            Target::Name(_) => Addrs::new(),
            Target::Addr(addr) => Addrs::from_slice(&[*addr]),
            Target::Localhost => LOCALHOST.into(),
        };
        let report = Report::new(parsed.typed().clone(), ports.clone(), now);
        let candidates = Candidates::sorted(given, ports, config.family);
        Ok(Self::with(Some(parsed), config, candidates, report))
    }

    /// A race over a list of addresses, in the caller's order: nothing is looked up or sorted, and
    /// the list is not cut. An address that comes twice is tried once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for an empty list, a port 0, or a configuration that makes no
    /// sense.
    pub fn of_addrs(addrs: &[SocketAddr], config: Config, now: Instant) -> Result<Self, Error> {
        let refuse = |why: &dyn fmt::Display| {
            let report = Report::of_list(addrs.len(), now);
            Error::at_the_door(ErrorKind::InvalidInput, why, report, now)
        };
        config.check().map_err(|why| refuse(&why))?;
        if addrs.is_empty() {
            return Err(refuse(&"the list of addresses is empty"));
        }
        if let Some(addr) = addrs.iter().find(|addr| addr.port() == 0) {
            return Err(refuse(&format_args!("{addr}: port 0 cannot be connected to")));
        }
        let candidates = Candidates::as_given(addrs.into(), config.family);
        Ok(Self::with(None, config, candidates, Report::of_list(addrs.len(), now)))
    }

    fn with(host: Option<Host>, config: Config, candidates: Candidates, report: Report) -> Self {
        Self {
            host,
            config,
            sources: Sources::default(),
            candidates,
            report,
            first_addr_at: None,
            preferred: None,
            kicked: false,
            sent_before: None,
            oldest: 0,
            running: 0,
            shaking: Vec::new(),
            winner: None,
        }
    }

    /// Where source addresses for the order of RFC 6724 come from. Default: the system.
    #[must_use]
    pub fn sources(mut self, sources: Sources) -> Self {
        self.sources = sources;
        self
    }

    /// Asked for every address and port before anything is done with it; `false` refuses it.
    #[must_use]
    pub fn allow(mut self, gate: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        self.candidates.gate = Some(Arc::new(gate));
        self
    }

    pub(crate) fn equip(&mut self, sources: Sources, gate: Option<Gate>) {
        self.sources = sources;
        self.candidates.gate = gate;
    }

    /// What to do next. Call it after every event, and again after every step but [`Step::Wait`],
    /// [`Step::Won`] and [`Step::Fail`]; the last two stay.
    pub fn poll(&mut self, now: Instant) -> Step {
        if self.report.outcome == Outcome::Running {
            match self.next(now) {
                Ok(step) => return step,
                Err(outcome) => self.close(outcome, now),
            }
        }
        match self.report.outcome {
            Outcome::Connected(id) => Step::Won(id),
            Outcome::Failed(kind) => Step::Fail(kind),
            Outcome::Running | Outcome::Resolved | Outcome::Dropped => {
                Step::Fail(ErrorKind::TimedOut)
            }
        }
    }

    /// The fixed order of priority: a winner, a deadline, a question, an attempt, the end, a wait.
    fn next(&mut self, now: Instant) -> Result<Step, Outcome> {
        if let Some(id) = self.winner {
            self.report.attempts[id].outcome = AttemptOutcome::Won;
            return Err(Outcome::Connected(id));
        }
        if self.total_deadline().is_some_and(|at| at <= now) {
            return Err(Outcome::Failed(ErrorKind::TimedOut));
        }
        self.expire_lookups(now);
        if let Some(id) = self.expire_attempt(now) {
            return Ok(Step::Cancel(id));
        }
        if let Some(record) = self.records().get(self.report.lookups.len()) {
            return Ok(self.ask(*record, now));
        }
        self.admit_given(now);
        self.candidates.plan(&self.report.attempts, &self.sources, now);
        self.choose_preferred();
        let start_at = self.next_start();
        if start_at.is_some_and(|at| at <= now) {
            if let Some(addr) = self.candidates.pop() {
                return Ok(self.start(addr, now));
            }
        }
        if self.running == 0 && start_at.is_none() && !self.lookups_running() {
            return Err(Outcome::Failed(self.failure()));
        }
        Ok(Step::Wait(self.wake_at(start_at).unwrap_or(now + FAR)))
    }

    /// The facts so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The facts, at the end of it.
    #[must_use]
    pub fn into_report(self) -> Report {
        self.report
    }

    /// The name to look up, in lower-case A-labels; `None` if there is nothing to look up.
    #[must_use]
    pub fn name(&self) -> Option<&Arc<str>> {
        match self.host.as_ref()?.target() {
            Target::Name(name) => Some(name),
            Target::Addr(_) | Target::Localhost | Target::NoSuchName(_) => None,
        }
    }

    pub(crate) fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.report.outcome == Outcome::Running
    }

    /// Whoever drives the race has lost interest: the report says so.
    pub fn abandon(&mut self, now: Instant) {
        if self.is_running() {
            self.close(Outcome::Dropped, now);
        }
    }

    fn close(&mut self, outcome: Outcome, now: Instant) {
        self.report.not_tried = self.candidates.not_tried(&self.report.attempts);
        self.report.close(outcome, now);
    }

    /// The error of a race that is over and lost.
    #[must_use]
    pub fn into_error(self) -> Option<Error> {
        match self.report.outcome {
            Outcome::Failed(kind) => Some(Error::new(kind, self.report)),
            Outcome::Running | Outcome::Connected(_) | Outcome::Resolved | Outcome::Dropped => None,
        }
    }

    /// The facts; the race is of no use after it.
    pub(crate) fn take_report(&mut self) -> Report {
        let mut empty = Report::of_list(0, self.report.began);
        empty.outcome = Outcome::Dropped;
        std::mem::replace(&mut self.report, empty)
    }
}

/// Deadlines.
impl Race {
    fn total_deadline(&self) -> Option<Instant> {
        self.report.began.checked_add(self.config.total_timeout)
    }

    fn expire_lookups(&mut self, now: Instant) {
        let patience = self.config.lookup_timeout();
        for lookup in self.report.lookups.iter_mut().filter(|l| l.is_running()) {
            if lookup.span.from.checked_add(patience).is_some_and(|at| at <= now) {
                lookup.span.to = Some(now);
                lookup.outcome = LookupOutcome::Failed(LookupErrorKind::TimedOut.into());
            }
        }
    }

    /// All attempts have the same patience, so the oldest one runs out of it first.
    fn expire_attempt(&mut self, now: Instant) -> Option<usize> {
        self.attempt_deadline().filter(|at| *at <= now)?;
        let id = self.oldest;
        self.end(id, AttemptOutcome::TimedOut, now);
        Some(id)
    }

    fn attempt_deadline(&self) -> Option<Instant> {
        let oldest = self.report.attempts.get(self.oldest)?;
        oldest.span.from.checked_add(self.config.connect_timeout)
    }

    /// The earliest moment at which a fact changes by itself.
    fn wake_at(&self, start_at: Option<Instant>) -> Option<Instant> {
        let patience = self.config.lookup_timeout();
        let running = self.report.lookups.iter().filter(|l| l.is_running());
        let lookup = running.filter_map(|l| l.span.from.checked_add(patience)).min();
        let attempt = self.attempt_deadline();
        [start_at, lookup, attempt, self.total_deadline()].into_iter().flatten().min()
    }
}

impl fmt::Debug for Race {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race").field("config", &self.config).field("report", &self.report).finish()
    }
}
