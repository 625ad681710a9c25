//! The way to one name server over TCP or TLS: the connection that is used now, and the next one
//! when that ends or falls silent.

use std::fmt;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};

use crate::mutex::Mutex;
use crate::race::answer::LookupError;
use connection::{Connection, Phase, Unanswered};
use join::{Join, Slow};
use spares::Spares;
use trials::Trials;

pub(super) mod connection;
pub(super) mod dial;
pub(super) mod join;
pub(super) mod ports;
pub(super) mod route;
pub(super) mod routes;
mod spares;
#[cfg(test)]
mod tests;
pub(super) mod tls;
mod trials;

/// A line that has answered before may be so slow before another way joins: names differ, and a
/// slow one need not be told to everybody.
const SLOW_AFTER: Duration = Duration::from_secs(1);
/// A connection that was refused is not tried again sooner, however many questions come.
const REFUSED_FOR: Duration = Duration::from_millis(100);
/// A server that has lost questions at the end of a connection gets so few on one for so long.
const QUOTA_FOR: Duration = Duration::from_secs(60);

/// Belongs to the runtime in which it is used.
pub(super) struct Link {
    addr: SocketAddr,
    open: Box<dyn Fn(usize) -> Arc<Connection> + Send + Sync>,
    state: Mutex<LinkState>,
    proven: AtomicBool,
}

#[derive(Debug, Default)]
struct LinkState {
    current: Option<Arc<Connection>>,
    /// Opened beside a silent one, which it follows when it is up.
    spare: Option<Arc<Connection>>,
    spares: Spares,
    /// A server that ends its connections after so many answers gets no more questions on one.
    quota: Option<(usize, Instant)>,
    /// After how many answers the last connection has ended, if that has cost questions.
    lesson: Option<usize>,
    /// How long the last connection took until it was up.
    took: Option<Duration>,
}

impl Link {
    /// Opens nothing yet. `open` makes a connection for so many questions.
    fn new(
        addr: SocketAddr,
        open: impl Fn(usize) -> Arc<Connection> + Send + Sync + 'static,
    ) -> Self {
        let (state, proven) = (Mutex::default(), AtomicBool::new(false));
        Self { addr, open: Box::new(open), state, proven }
    }

    /// Where it leads.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How far the connection in use is; `None` where there is none.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.state.lock().current.as_ref().map(|connection| connection.phase())
    }

    /// Whether it has a connection that lives.
    fn is_in_use(&self) -> bool {
        self.state.lock().current.as_ref().is_some_and(|connection| connection.is_open())
    }

    /// Why there is no connection, if the last one has failed.
    fn failure(&self) -> Option<LookupError> {
        let state = self.state.lock();
        let of = |connection: &Option<Arc<Connection>>| {
            connection.as_ref()?.failure().map(|(error, _)| error.clone())
        };
        of(&state.spare).or_else(|| of(&state.current))
    }

    /// Whether what it says has been of use, and its connection lives.
    pub(super) fn is_good(&self) -> bool {
        self.is_proven() && self.phase() == Some(Phase::Up) && !self.is_in_doubt()
    }

    fn is_in_doubt(&self) -> bool {
        self.state.lock().spares.is_in_vain()
    }

    /// Whether anything has come over it since then.
    pub(super) fn was_heard_since(&self, then: Instant) -> bool {
        let state = self.state.lock();
        let mut connections = state.current.iter().chain(&state.spare);
        connections.any(|connection| connection.was_heard_since(then))
    }

    /// What came over it was of use, or was not.
    pub(super) fn prove(&self, useful: bool) {
        self.proven.store(useful, Ordering::Relaxed);
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Asks over the connection, and over another one when that ends or is silent. `join` is told
    /// when another way should be taken as well.
    ///
    /// # Errors
    ///
    /// There is no connection, or none that answers.
    pub(super) async fn ask(
        &self,
        message: &Arc<[u8]>,
        join: Option<&Join>,
    ) -> Result<Vec<u8>, LookupError> {
        let (mut latest, mut trials) = (self.connection(), Trials::new(join));
        let asking = async |on: Arc<Connection>| (on.clone().ask(message.clone()).await, on);
        let mut running = FuturesUnordered::from_iter([asking(latest.clone())]);
        loop {
            match self.event(&mut running, &latest, &trials).await {
                Event::Answered(bytes, by) => {
                    self.answered(&by, &latest, &trials);
                    return Ok(bytes);
                }
                // The later one goes on by itself.
                Event::Ended(_, by)
                    if !Arc::ptr_eq(&by, &latest) && latest.phase() != Phase::Ended => {}
                Event::Ended(ended, _) => match trials.go_on(ended) {
                    Ok(()) => {
                        latest = self.connection();
                        running.push(asking(latest.clone()));
                    }
                    Err(error) if running.is_empty() => return Err(error),
                    // The silent one may answer yet; nothing better is to be hoped for here.
                    Err(_) => trials.tell(Slow::NotUp),
                },
                Event::Slow(why) => trials.tell(why),
                Event::Silent => {
                    trials.is_replaced = true;
                    latest = self.spare(&latest);
                    running.push(asking(latest.clone()));
                    if !self.is_proven() {
                        trials.tell(Slow::Silent);
                    }
                }
            }
        }
    }

    /// The next thing that happens to a question.
    async fn event<F>(
        &self,
        running: &mut FuturesUnordered<F>,
        latest: &Connection,
        trials: &Trials<'_>,
    ) -> Event
    where
        F: Future<Output = (Result<Vec<u8>, Unanswered>, Arc<Connection>)>,
    {
        match select(running.next(), pin!(self.doubt(latest, trials))).await {
            Either::Left((Some((Ok(bytes), by)), _)) => Event::Answered(bytes, by),
            Either::Left((Some((Err(ended), by)), _)) => Event::Ended(ended, by),
            Either::Left((None, doubt)) => doubt.await,
            Either::Right((doubt, _)) => doubt,
        }
    }

    /// What gives reason to do something beside waiting.
    async fn doubt(&self, latest: &Connection, trials: &Trials<'_>) -> Event {
        let join = trials.untold();
        loop {
            let phase = latest.phase();
            let doubt = async {
                match (phase, join) {
                    (Phase::Connecting(since) | Phase::Handshaking(since), Some(join)) => {
                        sleep_until(since + self.head_start(join)).await;
                        Event::Slow(Slow::NotUp)
                    }
                    (Phase::Up, join) => self.silence(latest, trials, join).await,
                    (Phase::Connecting(_) | Phase::Handshaking(_) | Phase::Ended, _) => {
                        pending().await
                    }
                }
            };
            let (doubt, leaves) = (pin!(doubt), pin!(latest.leaves(phase)));
            match select(select(doubt, leaves), pin!(self.is_slow(trials, join))).await {
                Either::Left((Either::Left((doubt, _)), _)) => return doubt,
                Either::Left((Either::Right(_), _)) => {}
                Either::Right(_) => return Event::Slow(Slow::Silent),
            }
        }
    }

    /// Waits until a question is older than a line that has answered others may let it become,
    /// however its connections fare.
    async fn is_slow(&self, trials: &Trials<'_>, join: Option<&Join>) {
        match join {
            Some(_) if self.is_proven() => sleep_until(trials.started_at + SLOW_AFTER).await,
            Some(_) | None => pending().await,
        }
    }

    /// Waits until a connection that is up is silent for too long.
    async fn silence(&self, on: &Connection, trials: &Trials<'_>, join: Option<&Join>) -> Event {
        let (patience, may_replace) = self.state.lock().spare_now();
        if !trials.is_replaced && may_replace {
            on.is_silent_for(patience).await;
            return Event::Silent;
        }
        // Who has caused the doubt may be slow for other reasons.
        let is_trusted = self.is_proven() && (trials.is_replaced || !self.is_in_doubt());
        if join.is_none() || is_trusted {
            return pending().await;
        }
        on.is_silent_for(patience).await;
        Event::Slow(Slow::Silent)
    }

    fn head_start(&self, join: &Join) -> Duration {
        join.head_start(self.state.lock().took)
    }

    /// The connection in use, or a new one. All who come while it is being opened share it.
    fn connection(&self) -> Arc<Connection> {
        let mut state = self.state.lock();
        state.follow();
        let refused = |(_, at): &(_, Instant)| Instant::now() < *at + REFUSED_FOR;
        match &state.current {
            Some(known) if known.is_open() || known.failure().is_some_and(refused) => known.clone(),
            known => {
                if let Some(ended) = known.clone() {
                    state.learn(&ended);
                }
                let quota = state.quota();
                state.current.insert((self.open)(quota)).clone()
            }
        }
    }

    /// A connection beside a silent one, which may still answer and goes on until this one is up.
    fn spare(&self, silent: &Arc<Connection>) -> Arc<Connection> {
        let mut state = self.state.lock();
        state.follow();
        let is_other = |other: &&Arc<Connection>| !Arc::ptr_eq(other, silent) && other.is_open();
        // Somebody else may have come to the same conclusion.
        if let Some(other) = state.spare.iter().chain(&state.current).find(is_other) {
            return other.clone();
        }
        tracing::debug!(server = %self.addr, "silent: another connection");
        state.spares.opened(Instant::now());
        let quota = state.quota();
        state.spare.insert((self.open)(quota)).clone()
    }

    fn answered(&self, by: &Arc<Connection>, latest: &Arc<Connection>, trials: &Trials<'_>) {
        let mut state = self.state.lock();
        state.took = by.took().or(state.took);
        // The silent one was alive after all, or it was not.
        state.spares.answered(trials.is_replaced.then(|| Arc::ptr_eq(by, latest)));
    }
}

impl LinkState {
    /// How long a silence is one, and whether there is a spare, or may be one now.
    fn spare_now(&self) -> (Duration, bool) {
        let (patience, open_at) = self.spares.next();
        let has_spare = self.spare.as_ref().is_some_and(|spare| spare.is_open());
        (patience, has_spare || open_at <= Instant::now())
    }

    /// One end may be an accident; two in a row that have cost questions are a rule.
    fn learn(&mut self, ended: &Connection) {
        let lesson = ended.quota_of_the_server();
        self.lesson = match (self.lesson, lesson) {
            (Some(before), Some(now)) => {
                self.quota = Some((before.max(now), Instant::now()));
                lesson
            }
            (_, lesson) => lesson,
        };
    }

    fn quota(&self) -> usize {
        let holds = |(_, since): &(usize, Instant)| Instant::now() < *since + QUOTA_FOR;
        self.quota.filter(holds).map_or(usize::MAX, |(quota, _)| quota)
    }

    /// A spare that is up takes the place of the one that was silent.
    fn follow(&mut self) {
        let is_over = self.current.as_ref().is_none_or(|current| !current.is_open());
        let is_ready = |spare: &mut Arc<Connection>| {
            spare.phase() == Phase::Up || (is_over && spare.is_open())
        };
        if let Some(spare) = self.spare.take_if(is_ready) {
            self.current = Some(spare);
        }
        self.spare.take_if(|spare| !spare.is_open() && spare.failure().is_none());
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("addr", &self.addr).field("phase", &self.phase()).finish()
    }
}

/// What happens to a question on a line.
enum Event {
    /// By this connection.
    Answered(Vec<u8>, Arc<Connection>),
    /// This connection has.
    Ended(Unanswered, Arc<Connection>),
    /// Another way is to join.
    Slow(Slow),
    /// Nothing comes from the latest connection.
    Silent,
}
