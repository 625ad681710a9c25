//! Threads for blocking calls: bounded, made when needed, ended when idle.
//!
//! The threads are not those of tokio's `spawn_blocking`, because dropping a runtime waits for its
//! blocking calls, and a `getaddrinfo` that hangs would hold that up. They are shared over all
//! runtimes, and so is the limit of calls.

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

/// The limits of a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Calls at once, at least 1.
    pub(super) threads: usize,
    /// Lookups that wait for a thread.
    pub(super) waiting: usize,
    /// A thread ends after this time without work.
    pub(super) idle_timeout: Duration,
    /// The stack of a thread, in bytes.
    pub(super) stack: usize,
    /// Lookups join a call until this time after it began. Later ones make a new call, because the
    /// old one may hang in a network that has changed. A race's lookup takes as long.
    pub(super) joined_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            threads: 64,
            waiting: 1_024,
            idle_timeout: Duration::from_secs(10),
            // The default of std, whatever RUST_MIN_STACK says: nsswitch modules are not Rust.
            stack: 2 * 1024 * 1024,
            joined_for: Duration::from_secs(5),
        }
    }
}

/// The key of a call. A query with a binding does not come here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct CallKey {
    pub(super) name: Arc<str>,
    pub(super) record: Record,
}

type Call = dyn Fn(&str, Record) -> Result<Answer, LookupError> + Send + Sync;

pub(super) struct Pool {
    limits: Limits,
    call: Box<Call>,
    state: Mutex<PoolState>,
    /// Wakes an idle thread.
    work: Condvar,
}

#[derive(Default)]
struct PoolState {
    waiting: VecDeque<Job>,
    calls: HashMap<CallKey, SharedCall>,
    threads: usize,
    /// Threads that wait for work, among `threads`.
    idle: usize,
    closed: bool,
}

/// A call that a lookup may join.
struct SharedCall {
    stage: Weak<watch::Sender<Stage>>,
    /// `None` before it has begun.
    open_until: Option<Instant>,
}

/// A call to be made. The lookups that wait for it are the receivers.
struct Job {
    key: CallKey,
    stage: Arc<watch::Sender<Stage>>,
}

/// The stage of a call.
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

    /// Joins a call, or queues one. A queued call is not made if the returned value is dropped
    /// before.
    ///
    /// # Errors
    ///
    /// Too many lookups wait already.
    pub(super) fn ask(self: &Arc<Self>, key: CallKey) -> Result<Asked, LookupError> {
        let mut state = self.state.lock();
        if let Some(stage) = state.join(&key) {
            return Ok(Asked { stage, threads: self.limits.threads });
        }
        if state.waiting.len() >= self.limits.waiting {
            state.forget_abandoned();
        }
        if state.waiting.len() >= self.limits.waiting {
            return Err(full(self.limits.waiting));
        }
        let stage = state.wait(key);
        // An idle thread that was woken may not run yet. Then its job is still in the queue.
        let short = state.waiting.len() > state.idle && state.threads < self.limits.threads;
        state.threads += usize::from(short);
        drop(state);
        match short {
            true => self.spawn(),
            false => self.work.notify_one(),
        }
        Ok(Asked { stage, threads: self.limits.threads })
    }

    /// Lookups no longer join the calls so far.
    pub(super) fn forget(&self) {
        self.state.lock().calls.clear();
    }

    /// Ends idle threads at once and the others after their call. For when no lookup waits any
    /// more.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.work.notify_all();
    }

    /// Makes a thread, which is counted already.
    fn spawn(self: &Arc<Self>) {
        let pool = self.clone();
        let builder = thread::Builder::new().name("he-getaddrinfo".to_owned());
        if let Err(error) = builder.stack_size(self.limits.stack).spawn(move || pool.run()) {
            self.not_spawned(&error);
        }
    }

    /// Other threads will take the waiting jobs. Without any thread the jobs fail.
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
            job.stage.send_replace(Stage::Ended(Err(why)));
        }
    }

    fn run(&self) {
        while let Some(job) = self.next() {
            let CallKey { name, record } = &job.key;
            // dns-lookup panics where the system's error text is not UTF-8.
            let called = catch_unwind(AssertUnwindSafe(|| (self.call)(name, *record)));
            let outcome =
                called.unwrap_or_else(|_| Err(other("getaddrinfo: it panicked".to_owned())));
            self.state.lock().ended(&job);
            job.stage.send_replace(Stage::Ended(outcome));
        }
    }

    /// The next job for which a lookup waits; `None` if this thread has to end.
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
    pub(super) fn idle_and_calls(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.idle, state.calls.len())
    }
}

impl PoolState {
    /// Joins a call that is queued or has begun a moment ago.
    fn join(&self, key: &CallKey) -> Option<watch::Receiver<Stage>> {
        let call = self.calls.get(key)?;
        let open = call.open_until.is_none_or(|until| Instant::now() < until);
        open.then(|| call.stage.upgrade())?.map(|sender| sender.subscribe())
    }

    fn wait(&mut self, key: CallKey) -> watch::Receiver<Stage> {
        let (sender, receiver) = watch::channel(Stage::Waiting);
        let sender = Arc::new(sender);
        let call = SharedCall { stage: Arc::downgrade(&sender), open_until: None };
        self.calls.insert(key.clone(), call);
        self.waiting.push_back(Job { key, stage: sender });
        receiver
    }

    /// Notes that the call begins; false if no lookup waits for it any more.
    fn begin(&mut self, job: &Job, joined_for: Duration) -> bool {
        if job.stage.receiver_count() == 0 {
            self.ended(job);
            return false;
        }
        if let Some(call) = self.call_of(job) {
            call.open_until = Some(Instant::now() + joined_for);
        }
        job.stage.send_replace(Stage::Calling);
        true
    }

    /// Removes the call, unless a later one has taken its place.
    fn ended(&mut self, job: &Job) {
        if self.call_of(job).is_some() {
            self.calls.remove(&job.key);
        }
    }

    fn call_of(&mut self, job: &Job) -> Option<&mut SharedCall> {
        let call = self.calls.get_mut(&job.key)?;
        std::ptr::eq(call.stage.as_ptr(), Arc::as_ptr(&job.stage)).then_some(call)
    }

    /// Removes the jobs of dropped lookups from the queue.
    fn forget_abandoned(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        for job in waiting {
            match job.stage.receiver_count() {
                0 => self.ended(&job),
                _ => self.waiting.push_back(job),
            }
        }
    }
}

/// A lookup that waits for a call. Dropping it removes a call that has not begun.
pub(super) struct Asked {
    stage: watch::Receiver<Stage>,
    threads: usize,
}

impl Asked {
    /// # Cancel safety
    ///
    /// It can be awaited again.
    pub(super) async fn outcome(&mut self) -> Result<Answer, LookupError> {
        loop {
            if let Stage::Ended(outcome) = &*self.stage.borrow_and_update() {
                return outcome.clone();
            }
            if self.stage.changed().await.is_err() {
                return Err(other("its thread has ended".to_owned()));
            }
        }
    }

    /// The error of a lookup whose deadline has passed.
    pub(super) fn timed_out(&self) -> LookupError {
        let why = match &*self.stage.borrow() {
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
