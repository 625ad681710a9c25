//! The loop that drives a race: it asks for a step, carries it out, and reports what happened. No
//! other code awaits a race.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::coop::consume_budget;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Sleep;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span, debug, debug_span};

use crate::connect::attempt::{Attempt, Progress};
use crate::connect::clock::now;
use crate::connect::hooks::Hooks;
use crate::connect::socket::SocketOptions;
use crate::race::answer::{Answer, LookupError};
use crate::race::query::Record;
use crate::race::report::{Addresses, ErrorWords, LookupOutcome, LookupReport, Outcome, Summary};
use crate::race::text::Time;
use crate::race::{Race, Step};
use crate::resolve::{Resolve, Resolving};

mod dialled;

use self::dialled::{DialResult, Dialled};

/// The time for which unanswered lookups run on after a win, to fill their cache (C-DRAIN).
const DRAIN: Duration = Duration::from_secs(1);

/// Texts for the errors of TLS.
#[cfg(any(feature = "dns-over-tls", feature = "rustls"))]
pub(crate) const ERROR_WORDS: ErrorWords = ErrorWords::new(crate::tls::words::of_dial);
#[cfg(not(any(feature = "dns-over-tls", feature = "rustls")))]
pub(crate) const ERROR_WORDS: ErrorWords = ErrorWords::none();

/// The extent of a dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialling {
    /// It ends with the TCP handshake.
    TcpOnly,
    /// It may go on after the handshake, and reports that handshake.
    Beyond,
}

/// The parts of a connector that a race needs.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) resolver: &'a dyn Resolve,
    pub(crate) socket: &'a SocketOptions,
    pub(crate) hooks: &'a Hooks,
}

/// Drives a race to its end, and returns the result of its winner's dial.
pub(crate) async fn drive<T, D, F>(
    parts: Parts<'_>,
    race: &mut Race,
    dial: D,
    dialling: Dialling,
) -> Option<T>
where
    D: Fn(Attempt) -> F,
    F: Future<Output = io::Result<T>> + Send + 'static,
    T: Send + 'static,
{
    // It is dropped last, so that the hook of a dropped call runs after its dials have ended.
    let guard = ReportGuard { race, hooks: parts.hooks };
    let race = &mut *guard.race;
    let mut timer = pin!(None);
    // The first attempt runs in the caller's task, because most races have no second one.
    let mut first = pin!(None);
    let mut flight = InFlight::new(dialling);
    // The clock is read once a turn, because it costs as much as a step of the race.
    let mut at = race.report().began;
    loop {
        match race.poll(at) {
            Step::Resolve(id, record) => flight.look_up(id, record, parts, race),
            Step::Connect(id, addr) => {
                let dialled = flight.start_dial(&dial, id, addr, parts.socket, race);
                match id {
                    0 => first.set(Some(dialled)),
                    _ => flight.spawn(id, dialled),
                }
            }
            Step::Cancel(id) => flight.cancel(id, first.as_mut()),
            Step::Wait(until) => {
                at = flight.event(race, first.as_mut(), timer.as_mut(), until).await;
            }
            Step::Won(_) | Step::Resolved => {
                drop(guard);
                return flight.finish();
            }
            Step::Fail(_) | Step::Over => {
                report_useless_addresses(parts, guard.race);
                drop(guard);
                consume_budget().await; // The race may have ended without a wait.
                return None;
            }
        }
    }
}

/// Tells the resolver that cached addresses were of no use: the host may have moved. An attempt
/// that sent nothing says nothing of the host.
fn report_useless_addresses(parts: Parts<'_>, race: &Race) {
    let report = race.report();
    let cached = |lookup: &LookupReport| match lookup.outcome() {
        LookupOutcome::Answered(answer) => answer.is_cached(),
        LookupOutcome::Running | LookupOutcome::Failed(_) | LookupOutcome::Abandoned => false,
    };
    let Some(id) = report.lookups().iter().position(cached) else { return };
    let was_tried = report.attempts().iter().any(|attempt| !attempt.is_local());
    if let Some(query) = race.query(id).filter(|_| was_tried) {
        let query = query.with_binding(parts.socket.binding().clone());
        parts.resolver.addresses_failed(&query);
    }
}

/// Reports how the race ended, also if the future was dropped.
struct ReportGuard<'a> {
    race: &'a mut Race,
    hooks: &'a Hooks,
}

impl Drop for ReportGuard<'_> {
    fn drop(&mut self) {
        if self.race.report().outcome() == Outcome::Running {
            self.race.abandon(now());
        }
        let report = self.race.report();
        report.skipped().iter().for_each(|skipped| debug!("skipped {skipped}"));
        match (report.winner(), report.outcome()) {
            (Some(won), _) => debug!("connected {} after {}", won.addr(), Time(report.elapsed())),
            (None, Outcome::Resolved) => debug!("resolved after {}", Time(report.elapsed())),
            (None, Outcome::Dropped) => debug!("dropped after {}", Time(report.elapsed())),
            (None, _) => debug!("failed: {}", Summary(report)),
        }
        self.hooks.call(report);
    }
}

/// The lookups and dials that run, and the best stream so far.
struct InFlight<T> {
    lookups: Vec<(usize, Record, Span, Resolving)>,
    tasks: Option<JoinSet<DialResult<T>>>,
    handles: Vec<(usize, AbortHandle)>,
    progress: Option<Progress>,
    connected: Option<(usize, T)>,
}

impl<T: Send + 'static> InFlight<T> {
    fn new(dialling: Dialling) -> Self {
        let progress = match dialling {
            Dialling::TcpOnly => None,
            Dialling::Beyond => Some(Progress::default()),
        };
        let (lookups, handles) = (Vec::new(), Vec::new());
        Self { lookups, tasks: None, handles, progress, connected: None }
    }

    fn look_up(&mut self, id: usize, record: Record, parts: Parts<'_>, race: &mut Race) {
        if id == 0 {
            race.raise_lookup_timeout(parts.resolver.lookup_timeout());
        }
        debug!("ask {record}");
        let Some(query) = race.query(id) else { return };
        let query = query.with_binding(parts.socket.binding().clone());
        let span = debug_span!("lookup", %record);
        let resolving = span.in_scope(|| parts.resolver.lookup(&query));
        if self.lookups.is_empty() {
            self.lookups.reserve_exact(2); // AAAA and A. A push would reserve four.
        }
        self.lookups.push((id, record, span, resolving));
    }

    fn start_dial<D, F>(
        &self,
        dial: &D,
        id: usize,
        addr: SocketAddr,
        socket: &SocketOptions,
        race: &Race,
    ) -> Instrumented<Dialled<F>>
    where
        D: Fn(Attempt) -> F,
    {
        debug!("connect {addr}");
        let (host, socket) = (race.host().cloned(), socket.clone());
        let dial = dial(Attempt { id, addr, host, socket, progress: self.progress.clone() });
        Dialled::new(id, dial).instrument(debug_span!("attempt", %addr))
    }

    fn spawn(&mut self, id: usize, dialled: impl Future<Output = DialResult<T>> + Send + 'static) {
        let handle = self.tasks.get_or_insert_with(JoinSet::new).spawn(dialled);
        self.handles.push((id, handle));
    }

    fn cancel<F>(&mut self, id: usize, mut first: Pin<&mut Option<F>>) {
        debug!("attempt {} timed out", id + 1);
        if id == 0 {
            first.set(None);
        }
        let its = self.handles.iter().filter(|(other, _)| *other == id);
        its.for_each(|(_, handle)| handle.abort());
    }

    /// Waits for the next event, or until this time, and returns when that was.
    async fn event<F: Future<Output = DialResult<T>>>(
        &mut self,
        race: &mut Race,
        mut first: Pin<&mut Option<F>>,
        mut timer: Pin<&mut Option<Sleep>>,
        until: Instant,
    ) -> Instant {
        // The timer is set at the first poll of this wait only.
        let mut until = Some(until);
        let next = poll_fn(|cx| match self.poll(first.as_mut(), race, cx) {
            Poll::Ready(happened) => Poll::Ready(happened),
            Poll::Pending => poll_timer(timer.as_mut(), until.take(), cx),
        });
        next.await
    }

    /// Reports to the race everything that has happened, and returns the time of the last event.
    /// Pending if there was no event.
    fn poll<F: Future<Output = DialResult<T>>>(
        &mut self,
        mut first: Pin<&mut Option<F>>,
        race: &mut Race,
        cx: &mut Context<'_>,
    ) -> Poll<Instant> {
        let mut happened = self.poll_lookups(race, cx);
        self.note_progress(race);
        let polled = first.as_mut().as_pin_mut().map(|dial| dial.poll(cx));
        if let Some(Poll::Ready(ended)) = polled {
            first.set(None);
            happened = Some(self.ended(ended, race));
        }
        while let Some(ended) = self.poll_tasks(cx) {
            happened = Some(self.ended(ended, race));
        }
        // The dials of this turn may have finished their TCP handshakes, which matters before the
        // timer.
        self.note_progress(race);
        happened.map_or(Poll::Pending, Poll::Ready)
    }

    fn poll_lookups(&mut self, race: &mut Race, cx: &mut Context<'_>) -> Option<Instant> {
        let mut happened = None;
        self.lookups.retain_mut(|(id, record, span, resolving)| {
            if !race.report().lookups[*id].is_running() {
                span.in_scope(|| debug!("{record}: no answer in time"));
                happened.get_or_insert_with(now);
                return false;
            }
            let polled = span.in_scope(|| Pin::new(resolving).poll(cx));
            let Poll::Ready(result) = polled else { return true };
            span.in_scope(|| log_answer(*record, &result));
            race.resolved(*id, result, *happened.get_or_insert_with(now));
            false
        });
        happened
    }

    /// The next task that has ended. A panic in it continues here.
    fn poll_tasks(&mut self, cx: &mut Context<'_>) -> Option<DialResult<T>> {
        let tasks = self.tasks.as_mut()?;
        while let Poll::Ready(Some(joined)) = tasks.poll_join_next(cx) {
            match joined {
                Ok(ended) => return Some(ended),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_aborted) => {}
            }
        }
        None
    }

    /// Progress only delays the next attempt, so it wakes no task. It is read before the timer.
    fn note_progress(&self, race: &mut Race) {
        for (id, at) in self.progress.iter().flat_map(Progress::take) {
            race.tcp_up(id, at);
        }
    }

    fn ended(&mut self, ended: DialResult<T>, race: &mut Race) -> Instant {
        let DialResult { id, result, sent } = ended;
        let at = now();
        self.note_progress(race);
        match result {
            // A stream is dropped if its attempt was just given up, or if it loses a tie.
            Ok(stream) if race.report().attempts[id].is_running() => {
                race.won(id, at);
                if self.connected.as_ref().is_none_or(|(other, _)| id < *other) {
                    self.connected = Some((id, stream));
                }
            }
            Ok(_) => {}
            Err(error) => {
                debug!("attempt {} failed: {}", id + 1, ERROR_WORDS.of(&error));
                race.failed(id, error, sent, at);
            }
        }
        at
    }

    /// Lets the lookups run on for a while, to fill the cache (R-8305-5l).
    fn drain_lookups(&mut self) {
        for (_, _, span, resolving) in self.lookups.drain(..) {
            tokio::spawn(tokio::time::timeout(DRAIN, resolving).instrument(span));
        }
    }

    /// Returns the winner's stream. The other tasks are aborted, and not awaited.
    fn finish(mut self) -> Option<T> {
        self.drain_lookups();
        self.connected.map(|(_, stream)| stream)
    }
}

fn log_answer(record: Record, result: &Result<Answer, LookupError>) {
    match result {
        Ok(answer) => debug!("{record}: {}", Addresses(answer)),
        Err(error) => debug!("{record}: {error}"),
    }
}

/// Polls the race's timer, which is made at the first wait. With `until` it is set anew.
fn poll_timer(
    mut timer: Pin<&mut Option<Sleep>>,
    until: Option<Instant>,
    cx: &mut Context<'_>,
) -> Poll<Instant> {
    if let Some(until) = until.map(tokio::time::Instant::from_std) {
        match timer.as_mut().as_pin_mut() {
            Some(sleep) => sleep.reset(until),
            None => timer.set(Some(tokio::time::sleep_until(until))),
        }
    }
    // A dial that uses up its task's budget at every poll must not stop the timer.
    let sleep = timer.as_pin_mut().map(tokio::task::unconstrained);
    sleep.map_or(Poll::Pending, |sleep| pin!(sleep).poll(cx)).map(|()| now())
}
