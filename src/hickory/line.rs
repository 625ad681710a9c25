//! The way to one name server over TCP or TLS: the connection that is used now, and the next one
//! when that ends or falls silent.

use std::fmt;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, FutureExt, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::connection::{Connection, Ended, Phase};
use crate::answer::LookupError;

/// A connection from which nothing has come for so long, though a question is open, may be dead
/// without our knowledge (NAT, suspend): another one is opened beside it.
const PATIENCE: Duration = Duration::from_millis(250);
/// Doubled so often at most while the old connection turns out to be alive: 2 s.
const MAX_FALSE_ALARMS: u32 = 3;
/// A line that has answered before may be so slow before plain DNS joins: names differ, and a slow
/// one need not be told to everybody.
const SLOW_AFTER: Duration = Duration::from_secs(1);
/// So often at most a question moves to a new connection because the one it was on has ended: a
/// server may close after each answer, and a thousand may wait.
const MAX_MOVES: usize = 64;
/// So many questions in a row that another way has answered instead, and the line is useless.
const MAX_OUTDONE: u32 = 2;

/// Belongs to the runtime in which it is used.
pub(super) struct Line {
    addr: SocketAddr,
    open: Box<dyn Fn() -> Arc<Connection> + Send + Sync>,
    current: Mutex<Option<Arc<Connection>>>,
    false_alarms: AtomicU32,
    has_answered: AtomicBool,
    outdone: AtomicU32,
}

/// Another way that joins when a line is slow.
#[derive(Debug)]
pub(super) struct Join {
    head_start: Duration,
    told: Notify,
    why: OnceLock<Slow>,
    in_vain: AtomicBool,
}

/// Why another way is to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slow {
    /// The connection was not up when its head start was over.
    NotUp,
    /// It was up, and nothing came from it.
    Silent,
}

impl Join {
    /// The line gets so much first, from the start of its TCP, and again from the end of that.
    pub(super) fn after(head_start: Duration) -> Self {
        let (told, why, in_vain) = (Notify::new(), OnceLock::new(), AtomicBool::new(false));
        Self { head_start, told, why, in_vain }
    }

    /// Waits until the line is slow.
    pub(super) async fn slow(&self) -> Slow {
        loop {
            match self.why.get() {
                Some(why) => return *why,
                None => self.told.notified().await,
            }
        }
    }

    /// Whether the line has given up though it was up: it takes questions and answers none.
    pub(super) fn is_in_vain(&self) -> bool {
        self.in_vain.load(Ordering::Relaxed)
    }

    fn tell(&self, why: Slow) {
        if self.why.set(why).is_ok() {
            self.told.notify_one();
        }
    }
}

impl Line {
    /// Opens nothing yet.
    pub(super) fn new(
        addr: SocketAddr,
        open: impl Fn() -> Arc<Connection> + Send + Sync + 'static,
    ) -> Self {
        Self {
            addr,
            open: Box::new(open),
            current: Mutex::default(),
            false_alarms: AtomicU32::new(0),
            has_answered: AtomicBool::new(false),
            outdone: AtomicU32::new(0),
        }
    }

    /// Where it leads.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The connection in use, or a new one. All who come while it is being opened share it.
    pub(super) fn connection(&self) -> Arc<Connection> {
        let mut current = self.lock();
        match &*current {
            Some(known) if known.phase() != Phase::Ended => known.clone(),
            Some(_) | None => current.insert((self.open)()).clone(),
        }
    }

    /// How far it is; `None` where there is none.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.lock().as_ref().map(|connection| connection.phase())
    }

    /// Whether it has a connection that lives.
    pub(super) fn is_in_use(&self) -> bool {
        self.phase().is_some_and(|phase| phase != Phase::Ended)
    }

    /// Another way has answered what this line, being up, has not. True when it is of no use.
    pub(super) fn is_outdone(&self) -> bool {
        let times = self.outdone.fetch_add(1, Ordering::Relaxed) + 1;
        !self.has_answered() || times >= MAX_OUTDONE
    }

    /// Asks over the connection, and over another one when that ends or is silent.
    ///
    /// # Errors
    ///
    /// There is no connection, or none that answers.
    pub(super) async fn ask(
        &self,
        message: &Arc<[u8]>,
        join: Option<&Join>,
    ) -> Result<Vec<u8>, LookupError> {
        let (mut current, mut trials) = (self.connection(), Trials::default());
        let asking =
            |nth, on: &Arc<Connection>| on.clone().ask(message.clone()).map(move |r| (nth, r));
        let mut running = FuturesUnordered::from_iter([asking(trials.moves, &current)]);
        loop {
            // Nothing is borrowed beyond this.
            let event =
                match select(running.next(), pin!(self.doubt(&current, &trials, join))).await {
                    Either::Left((ended, _)) => Either::Left(ended),
                    Either::Right((doubt, _)) => Either::Right(doubt),
                };
            match event {
                Either::Left(Some((nth, Ok(bytes)))) => {
                    self.answered(&trials, nth);
                    return Ok(bytes);
                }
                Either::Left(Some((_, Err(ended)))) if running.is_empty() => {
                    trials.count(ended, join)?;
                    current = self.connection();
                    running.push(asking(trials.moves, &current));
                }
                Either::Left(_) => {}
                Either::Right(Doubt::Slow(why)) => trials.tell(join, why),
                Either::Right(Doubt::Silent) => {
                    if !self.has_answered() {
                        trials.tell(join, Slow::Silent);
                    }
                    current = self.replace(&current);
                    trials.replaced = true;
                    trials.moves += 1;
                    running.push(asking(trials.moves, &current));
                }
            }
        }
    }

    /// What gives reason to do something beside waiting.
    async fn doubt(&self, current: &Connection, trials: &Trials, join: Option<&Join>) -> Doubt {
        let join = join.filter(|_| !trials.told);
        loop {
            let phase = current.phase();
            let doubt = async {
                match (phase, join) {
                    (Phase::Connecting(since) | Phase::Handshaking(since), Some(join)) => {
                        sleep_until(since + join.head_start).await;
                        Doubt::Slow(Slow::NotUp)
                    }
                    (Phase::Up, _) if !trials.replaced => {
                        current.is_silent_for(self.patience()).await;
                        Doubt::Silent
                    }
                    (Phase::Up, Some(_)) => {
                        current.is_silent_for(SLOW_AFTER).await;
                        Doubt::Slow(Slow::Silent)
                    }
                    (
                        Phase::Connecting(_) | Phase::Handshaking(_) | Phase::Up | Phase::Ended,
                        _,
                    ) => pending().await,
                }
            };
            if let Either::Left((doubt, _)) = select(pin!(doubt), pin!(current.leaves(phase))).await
            {
                return doubt;
            }
        }
    }

    /// A new connection in place of a silent one, which may still answer.
    fn replace(&self, silent: &Arc<Connection>) -> Arc<Connection> {
        let mut current = self.lock();
        match &*current {
            // Somebody else has come to the same conclusion.
            Some(other) if !Arc::ptr_eq(other, silent) && other.phase() != Phase::Ended => {
                other.clone()
            }
            Some(_) | None => {
                tracing::debug!(server = %self.addr, "silent: another connection");
                current.insert((self.open)()).clone()
            }
        }
    }

    fn answered(&self, trials: &Trials, nth: usize) {
        self.has_answered.store(true, Ordering::Relaxed);
        self.outdone.store(0, Ordering::Relaxed);
        if trials.replaced {
            // The silent one was alive after all, or it was not.
            let alarms = self.false_alarms.load(Ordering::Relaxed);
            let alarms = if nth < trials.moves { MAX_FALSE_ALARMS.min(alarms + 1) } else { 0 };
            self.false_alarms.store(alarms, Ordering::Relaxed);
        }
    }

    fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    fn patience(&self) -> Duration {
        PATIENCE * (1 << self.false_alarms.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("addr", &self.addr).field("phase", &self.phase()).finish()
    }
}

/// What gives reason to do something beside waiting.
enum Doubt {
    /// Another way is to join.
    Slow(Slow),
    /// Nothing comes from it.
    Silent,
}

/// What one question has gone through.
#[derive(Debug, Default)]
struct Trials {
    told: bool,
    replaced: bool,
    moves: usize,
    in_vain: bool,
}

impl Trials {
    fn tell(&mut self, join: Option<&Join>, why: Slow) {
        self.told = true;
        join.iter().for_each(|join| join.tell(why));
    }

    /// A question moves on from a connection that has answered others, and once from one that has
    /// answered nothing: the server may have closed it before it saw the question (R-7858-3.4b).
    ///
    /// # Errors
    ///
    /// Another connection would do no better.
    fn count(&mut self, ended: Ended, join: Option<&Join>) -> Result<(), LookupError> {
        let once_more = ended.was_useful || (ended.was_up && !self.in_vain);
        self.in_vain |= !ended.was_useful;
        self.moves += 1;
        if once_more && self.moves <= MAX_MOVES {
            return Ok(());
        }
        let in_vain = join.filter(|_| ended.was_up).map(|join| &join.in_vain);
        in_vain.iter().for_each(|it| it.store(true, Ordering::Relaxed));
        Err(ended.error)
    }
}

#[cfg(test)]
mod tests;
