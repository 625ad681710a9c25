//! Threads for calls that block: bounded, made when needed, ended when idle.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::mutex::{Mutex, recover};
use crate::race::answer::{Answer, LookupError, LookupErrorKind};
use crate::race::query::Record;

/// How much of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Calls at once. At least 1.
    pub(super) threads: usize,
    /// Lookups that wait for a thread.
    pub(super) waiting: usize,
    /// A thread without work ends after it.
    pub(super) idle_timeout: Duration,
    /// Of a thread, in bytes.
    pub(super) stack: usize,
    /// A call that began longer ago is joined by nobody: a new one asks at once, while the old one
    /// may hang in what it has sent to a network that is no more. A race's lookup takes as long.
    pub(super) joined_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            threads: 64,
            waiting: 1_024,
            idle_timeout: Duration::from_secs(10),
            // That of std, whatever RUST_MIN_STACK says: nsswitch modules are not Rust.
            stack: 2 * 1024 * 1024,
            joined_for: Duration::from_secs(3),
        }
    }
}

/// What is asked. Of no binding: a query that has one does not come here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) name: Arc<str>,
    pub(super) record: Record,
}

type Call = dyn Fn(&str, Record) -> Result<Answer, LookupError> + Send + Sync;

pub(super) struct Pool {
    limits: Limits,
    call: Box<Call>,
    state: Mutex<State>,
    /// Wakes an idle thread.
    work: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    flights: HashMap<Question, Flight>,
    threads: usize,
    /// Threads that wait for work, among `threads`.
    idle: usize,
    closed: bool,
}

/// A call that a lookup may join.
struct Flight {
    tells: Weak<watch::Sender<Stage>>,
    /// `None` before it has begun.
    open_until: Option<Instant>,
}

/// A call to be made. The lookups that wait for it are the receivers.
struct Job {
    question: Question,
    tells: Arc<watch::Sender<Stage>>,
}

/// How far a call has come.
#[derive(Debug, Clone)]
enum Stage {
    Waiting,
    Calling,
    Ended(Result<Answer, LookupError>),
}

impl Pool {
    pub(super) fn new(
        limits: Limits,
        call: impl Fn(&str, Record) -> Result<Answer, LookupError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (state, work) = (Mutex::default(), Condvar::new());
        Arc::new(Self { limits, call: Box::new(call), state, work })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Joins a call, or has one made. It is not made if what this returns is dropped before.
    ///
    /// # Errors
    ///
    /// Too many lookups wait already.
    pub(super) fn ask(self: &Arc<Self>, question: Question) -> Result<Asked, LookupError> {
        let mut state = self.state.lock();
        if let Some(hears) = state.join(&question) {
            return Ok(Asked { hears, threads: self.limits.threads });
        }
        if state.waiting.len() >= self.limits.waiting {
            state.forget_abandoned();
        }
        if state.waiting.len() >= self.limits.waiting {
            return Err(full(self.limits.waiting));
        }
        let hears = state.wait(question);
        // An idle thread may have been woken and not be up yet: then its work still waits here.
        let short = state.waiting.len() > state.idle && state.threads < self.limits.threads;
        state.threads += usize::from(short);
        drop(state);
        match short {
            true => self.spawn(),
            false => self.work.notify_one(),
        }
        Ok(Asked { hears, threads: self.limits.threads })
    }

    /// No lookup joins what has begun before.
    pub(super) fn forget(&self) {
        self.state.lock().flights.clear();
    }

    /// Idle threads end, the others after their call. To be called when no lookup waits any more.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.work.notify_all();
    }

    /// Makes a thread that is counted already.
    fn spawn(self: &Arc<Self>) {
        let pool = self.clone();
        let builder = thread::Builder::new().name("he-getaddrinfo".to_owned());
        if let Err(error) = builder.stack_size(self.limits.stack).spawn(move || pool.run()) {
            self.not_spawned(&error);
        }
    }

    /// The threads that there are will come to what waits. Without any nobody would.
    fn not_spawned(&self, error: &io::Error) {
        let mut state = self.state.lock();
        state.threads -= 1;
        if state.threads > 0 {
            return;
        }
        let jobs = std::mem::take(&mut state.waiting);
        jobs.iter().for_each(|job| state.ended(job));
        drop(state);
        for job in jobs {
            let why = other(format!("no thread for getaddrinfo: {error}"));
            job.tells.send_replace(Stage::Ended(Err(why)));
        }
    }

    fn run(&self) {
        while let Some(job) = self.next() {
            let Question { name, record } = &job.question;
            // dns-lookup panics where the system's error text is not UTF-8.
            let called = catch_unwind(AssertUnwindSafe(|| (self.call)(name, *record)));
            let outcome =
                called.unwrap_or_else(|_| Err(other("getaddrinfo: it panicked".to_owned())));
            self.state.lock().ended(&job);
            job.tells.send_replace(Stage::Ended(outcome));
        }
    }

    /// The next call that somebody waits for; `None` if this thread has to end.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            while let Some(job) = state.waiting.pop_front() {
                if state.begin(&job, self.limits.joined_for) {
                    return Some(job);
                }
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let waited = self.work.wait_timeout(state, self.limits.idle_timeout);
            let (woken, timeout) = recover(waited);
            state = woken;
            state.idle -= 1;
            if timeout.timed_out() && state.waiting.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        None
    }

    /// Idle threads, and calls that may be joined.
    #[cfg(test)]
    pub(super) fn idle_and_flights(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.idle, state.flights.len())
    }
}

impl State {
    /// Hears of a call that is waiting, or has begun a moment ago.
    fn join(&self, question: &Question) -> Option<watch::Receiver<Stage>> {
        let flight = self.flights.get(question)?;
        let open = flight.open_until.is_none_or(|until| Instant::now() < until);
        open.then(|| flight.tells.upgrade())?.map(|tells| tells.subscribe())
    }

    fn wait(&mut self, question: Question) -> watch::Receiver<Stage> {
        let (tells, hears) = watch::channel(Stage::Waiting);
        let tells = Arc::new(tells);
        let flight = Flight { tells: Arc::downgrade(&tells), open_until: None };
        self.flights.insert(question.clone(), flight);
        self.waiting.push_back(Job { question, tells });
        hears
    }

    /// Whether anybody still waits for it.
    fn begin(&mut self, job: &Job, joined_for: Duration) -> bool {
        if job.tells.receiver_count() == 0 {
            self.ended(job);
            return false;
        }
        if let Some(flight) = self.flight_of(job) {
            flight.open_until = Some(Instant::now() + joined_for);
        }
        job.tells.send_replace(Stage::Calling);
        true
    }

    /// Takes it off the list, unless a later call is there in its place.
    fn ended(&mut self, job: &Job) {
        if self.flight_of(job).is_some() {
            self.flights.remove(&job.question);
        }
    }

    fn flight_of(&mut self, job: &Job) -> Option<&mut Flight> {
        let flight = self.flights.get_mut(&job.question)?;
        std::ptr::eq(flight.tells.as_ptr(), Arc::as_ptr(&job.tells)).then_some(flight)
    }

    /// Lookups that were dropped leave their place in the queue.
    fn forget_abandoned(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        for job in waiting {
            match job.tells.receiver_count() {
                0 => self.ended(&job),
                _ => self.waiting.push_back(job),
            }
        }
    }
}

/// A lookup that waits for a call. Dropping it gives the call up, if it has not begun.
pub(super) struct Asked {
    hears: watch::Receiver<Stage>,
    threads: usize,
}

impl Asked {
    /// # Cancel safety
    ///
    /// It can be awaited again.
    pub(super) async fn outcome(&mut self) -> Result<Answer, LookupError> {
        loop {
            if let Stage::Ended(outcome) = &*self.hears.borrow_and_update() {
                return outcome.clone();
            }
            if self.hears.changed().await.is_err() {
                return Err(other("its thread has ended".to_owned()));
            }
        }
    }

    /// The error of a lookup that has waited too long.
    pub(super) fn timed_out(&self) -> LookupError {
        let why = match &*self.hears.borrow() {
            Stage::Waiting => format!("all {} threads for getaddrinfo are busy", self.threads),
            Stage::Calling | Stage::Ended(_) => "getaddrinfo has not returned".to_owned(),
        };
        LookupError::new(LookupErrorKind::TimedOut).with_cause(why)
    }
}

fn full(waiting: usize) -> LookupError {
    other(format!("{waiting} lookups wait for a thread for getaddrinfo already"))
}

fn other(cause: String) -> LookupError {
    LookupError::new(LookupErrorKind::Other).with_cause(cause)
}
