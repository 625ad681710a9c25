//! The way to one name server over TCP or TLS: the connection that is used now, and the next one
//! when that ends or falls silent.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::connection::{Connection, Ended, Phase};
use super::reach::Opener;
use crate::answer::LookupError;

/// A connection from which nothing has come for so long, though a question is open, may be dead
/// without our knowledge (NAT, suspend): another one is opened beside it.
const PATIENCE: Duration = Duration::from_millis(250);
/// Doubled so often at most when the old connection was alive after all: 2 s.
const MAX_FALSE_ALARMS: u32 = 3;
/// So often at most a question moves to a new connection because the one it was on has ended: a
/// server may close after each answer, and a thousand may wait.
const MAX_MOVES: usize = 64;

/// Belongs to the runtime in which it was made.
#[derive(Debug)]
pub(super) struct Line {
    opener: Opener,
    current: Mutex<Option<Arc<Connection>>>,
    false_alarms: AtomicU32,
}

impl Line {
    /// Opens nothing yet.
    pub(super) fn new(opener: Opener) -> Self {
        Self { opener, current: Mutex::default(), false_alarms: AtomicU32::new(0) }
    }

    /// The connection in use, or a new one. All who come while it is being opened share it.
    pub(super) fn connection(&self) -> Arc<Connection> {
        let mut current = self.lock();
        match &*current {
            Some(known) if known.phase() != Phase::Ended => known.clone(),
            Some(_) | None => current.insert(self.opener.open()).clone(),
        }
    }

    /// How far it is; `None` where there is none.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.lock().as_ref().map(|connection| connection.phase())
    }

    /// Whether questions need not wait for a connection.
    pub(super) fn is_up(&self) -> bool {
        self.phase() == Some(Phase::Up)
    }

    /// Whether anybody needs this line: it has a connection that lives.
    pub(super) fn is_in_use(&self) -> bool {
        self.phase().is_some_and(|phase| phase != Phase::Ended)
    }

    /// Asks over the connection, and over another one when that ends or is silent. `slow` is told
    /// when there has been no connection for `head_start` since its TCP began, or since it was up.
    ///
    /// # Errors
    ///
    /// There is no connection, or none that answers.
    pub(super) async fn ask(
        &self,
        message: Arc<[u8]>,
        head_start: Duration,
        slow: &Notify,
    ) -> Result<Vec<u8>, LookupError> {
        let mut current = self.connection();
        let mut asking = FuturesUnordered::from_iter([current.clone().ask(message.clone())]);
        let mut trials = Trials::default();
        loop {
            let doubt = self.doubt(&current, &trials, head_start);
            let ended = match select(asking.next(), pin!(doubt)).await {
                Either::Left((Some(Ok(bytes)), _)) => return Ok(bytes),
                Either::Left((Some(Err(ended)), _)) => Some(ended),
                Either::Left((None, _)) => None,
                Either::Right((Doubt::Slow, _)) => {
                    trials.told_slow = true;
                    slow.notify_one();
                    continue;
                }
                Either::Right((Doubt::Silent, _)) => {
                    trials.replaced = true;
                    current = self.replace(&current);
                    asking.push(current.clone().ask(message.clone()));
                    continue;
                }
            };
            if let Some(ended) = ended.filter(|_| asking.is_empty()) {
                trials.count(ended)?;
                current = self.connection();
                asking.push(current.clone().ask(message.clone()));
            }
        }
    }

    /// What gives reason to do something beside waiting.
    async fn doubt(&self, current: &Connection, trials: &Trials, head_start: Duration) -> Doubt {
        loop {
            let phase = current.phase();
            match phase {
                Phase::Connecting(since) | Phase::Handshaking(since) if !trials.told_slow => {
                    let over = sleep_until(since + head_start);
                    match select(pin!(over), pin!(current.leaves(phase))).await {
                        Either::Left(_) => return Doubt::Slow,
                        Either::Right(_) => {}
                    }
                }
                Phase::Up if !trials.replaced => {
                    let silent = current.is_silent_for(self.patience());
                    match select(pin!(silent), pin!(current.leaves(phase))).await {
                        Either::Left(_) => return Doubt::Silent,
                        Either::Right(_) => {}
                    }
                }
                Phase::Connecting(_) | Phase::Handshaking(_) | Phase::Up | Phase::Ended => {
                    current.leaves(phase).await;
                }
            }
        }
    }

    /// A new connection in place of a silent one, which may still answer.
    fn replace(&self, silent: &Arc<Connection>) -> Arc<Connection> {
        let mut current = self.lock();
        match &*current {
            // Somebody else has come to the same conclusion.
            Some(known) if !Arc::ptr_eq(known, silent) && known.phase() != Phase::Ended => {
                known.clone()
            }
            Some(_) | None => {
                tracing::debug!(server = %self.opener.addr(), "silent: another connection");
                current.insert(self.opener.open()).clone()
            }
        }
    }

    fn patience(&self) -> Duration {
        PATIENCE * (1 << self.false_alarms.load(Ordering::Relaxed).min(MAX_FALSE_ALARMS))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What gives reason to do something beside waiting.
enum Doubt {
    /// The connection is not up when its head start is over.
    Slow,
    /// Nothing comes from it.
    Silent,
}

/// What one question has gone through.
#[derive(Debug, Default)]
struct Trials {
    told_slow: bool,
    replaced: bool,
    moves: usize,
    in_vain: bool,
}

impl Trials {
    /// A question moves on from a connection that has answered others, and once from one that has
    /// answered nothing: the server may have closed it before it saw the question (R-7858-3.4b).
    ///
    /// # Errors
    ///
    /// Another connection would do no better.
    fn count(&mut self, ended: Ended) -> Result<(), LookupError> {
        let once_more = ended.was_useful || (ended.was_up && !self.in_vain);
        self.in_vain |= !ended.was_useful;
        self.moves += 1;
        match once_more && self.moves <= MAX_MOVES {
            true => Ok(()),
            false => Err(ended.error),
        }
    }
}
