//! Connections to name servers. A [`Link`] leads to one server over TCP or TLS: it has the
//! `connection` in use, and the next one when that ends or falls silent (`spares`, `trials`).
//! `dial` makes the connections, with `tls` where the server's profile has it (without feature
//! `dns-over-tls`, `no_tls.rs` stands in its place). `links` has the
//! links of a network, `ports` the memory of the servers' ports; a `route` is the key of both. With
//! `join` a link asks for another transport. `said` has a server's replies until the deadline.

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
pub(super) mod links;
pub(super) mod ports;
pub(super) mod route;
pub(super) mod said;
mod spares;
#[cfg(test)]
mod tests;
#[cfg(feature = "dns-over-tls")]
pub(super) mod tls;
#[cfg(not(feature = "dns-over-tls"))]
#[path = "no_tls.rs"]
pub(super) mod tls;
mod trials;

/// Another transport joins after this time where the link has answered before: names differ in
/// speed, and a slow one need not be sent in plaintext.
const SLOW_AFTER: Duration = Duration::from_secs(1);
/// After a refused connection no other one is tried for this time, whatever the number of
/// questions.
const REFUSED_FOR: Duration = Duration::from_millis(100);
/// A quota holds for this time.
const QUOTA_FOR: Duration = Duration::from_secs(60);

/// The connection to one name server over one transport, with its replacement. It belongs to one
/// runtime.
pub(super) struct Link {
    addr: SocketAddr,
    open: Box<dyn Fn(usize) -> Arc<Connection> + Send + Sync>,
    state: Mutex<LinkState>,
    proven: AtomicBool,
}

#[derive(Debug, Default)]
struct LinkState {
    current: Option<Arc<Connection>>,
    /// Opened beside a silent connection, in whose place it is used once it is up.
    spare: Option<Arc<Connection>>,
    spares: Spares,
    /// The number of answers after which the server closes a connection, and the time at which that
    /// was found out. A connection gets no more questions than that.
    quota: Option<(usize, Instant)>,
    /// The number of answers after which the last connection ended, if that lost questions.
    ended_after: Option<usize>,
    /// The time that the last connection took to be made.
    took: Option<Duration>,
}

impl Link {
    /// Opens nothing yet. `open` makes a connection for the given number of questions.
    fn new(
        addr: SocketAddr,
        open: impl Fn(usize) -> Arc<Connection> + Send + Sync + 'static,
    ) -> Self {
        let (state, proven) = (Mutex::default(), AtomicBool::new(false));
        Self { addr, open: Box::new(open), state, proven }
    }

    /// The address of the server.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The phase of the connection in use; `None` without one.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.state.lock().current.as_ref().map(|connection| connection.phase())
    }

    /// True if it has a connection that takes questions.
    fn is_in_use(&self) -> bool {
        self.state.lock().current.as_ref().is_some_and(|connection| connection.is_open())
    }

    /// The reason why there is no connection, if the last one has failed.
    fn failure(&self) -> Option<LookupError> {
        let state = self.state.lock();
        let of = |connection: &Option<Arc<Connection>>| {
            connection.as_ref()?.failure().map(|(error, _)| error.clone())
        };
        of(&state.spare).or_else(|| of(&state.current))
    }

    /// True if the last reply was useful, and the connection is open and not in doubt.
    pub(super) fn is_good(&self) -> bool {
        self.is_proven() && self.phase() == Some(Phase::Up) && !self.is_in_doubt()
    }

    fn is_in_doubt(&self) -> bool {
        self.state.lock().spares.is_in_vain()
    }

    /// True if anything has come over the link since `then`.
    pub(super) fn was_heard_since(&self, then: Instant) -> bool {
        let state = self.state.lock();
        let mut connections = state.current.iter().chain(&state.spare);
        connections.any(|connection| connection.was_heard_since(then))
    }

    /// Notes whether the last reply was useful.
    pub(super) fn prove(&self, useful: bool) {
        self.proven.store(useful, Ordering::Relaxed);
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Asks over the connection, and over another one when that ends or is silent. `join` is
    /// notified when another transport should ask as well.
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
                // The latest connection is still in use.
                Event::Ended(_, by)
                    if !Arc::ptr_eq(&by, &latest) && latest.phase() != Phase::Ended => {}
                Event::Ended(ended, _) => match trials.go_on(ended) {
                    Ok(()) => {
                        latest = self.connection();
                        running.push(asking(latest.clone()));
                    }
                    Err(error) if running.is_empty() => return Err(error),
                    // The silent connection may still answer; another one would do no better.
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

    /// The next event of a question.
    async fn event<F>(
        &self,
        running: &mut FuturesUnordered<F>,
        latest: &Connection,
        trials: &Trials<'_>,
    ) -> Event
    where
        F: Future<Output = (Result<Vec<u8>, Unanswered>, Arc<Connection>)>,
    {
        match select(running.next(), pin!(self.wait_for_doubt(latest, trials))).await {
            Either::Left((Some((Ok(bytes), by)), _)) => Event::Answered(bytes, by),
            Either::Left((Some((Err(ended), by)), _)) => Event::Ended(ended, by),
            Either::Left((None, doubt)) => doubt.await,
            Either::Right((doubt, _)) => doubt,
        }
    }

    /// Waits until another connection or another transport is needed.
    async fn wait_for_doubt(&self, latest: &Connection, trials: &Trials<'_>) -> Event {
        let join = trials.untold();
        loop {
            let phase = latest.phase();
            let doubt = async {
                match (phase, join) {
                    (Phase::Connecting(since) | Phase::Handshaking(since), Some(join)) => {
                        sleep_until(since + self.head_start(join)).await;
                        Event::Slow(Slow::NotUp)
                    }
                    (Phase::Up, join) => self.wait_until_silent(latest, trials, join).await,
                    (Phase::Connecting(_) | Phase::Handshaking(_) | Phase::Ended, _) => {
                        pending().await
                    }
                }
            };
            let (doubt, phase_change) = (pin!(doubt), pin!(latest.wait_for_phase_change(phase)));
            match select(select(doubt, phase_change), pin!(self.wait_until_slow(trials, join)))
                .await
            {
                Either::Left((Either::Left((doubt, _)), _)) => return doubt,
                Either::Left((Either::Right(_), _)) => {}
                Either::Right(_) => return Event::Slow(Slow::Silent),
            }
        }
    }

    /// Waits until a question is older than [`SLOW_AFTER`], on a link that has answered before,
    /// whatever happens to its connections.
    async fn wait_until_slow(&self, trials: &Trials<'_>, join: Option<&Join>) {
        match join {
            Some(_) if self.is_proven() => sleep_until(trials.started_at + SLOW_AFTER).await,
            Some(_) | None => pending().await,
        }
    }

    /// Waits until a connection that is up has been silent for too long.
    async fn wait_until_silent(
        &self,
        on: &Connection,
        trials: &Trials<'_>,
        join: Option<&Join>,
    ) -> Event {
        let (patience, may_replace) = self.state.lock().spare_now();
        if !trials.is_replaced && may_replace {
            on.wait_for_silence(patience).await;
            return Event::Silent;
        }
        // The question that raised the doubt may be slow for its own reasons.
        let is_trusted = self.is_proven() && (trials.is_replaced || !self.is_in_doubt());
        if join.is_none() || is_trusted {
            return pending().await;
        }
        on.wait_for_silence(patience).await;
        Event::Slow(Slow::Silent)
    }

    fn head_start(&self, join: &Join) -> Duration {
        join.head_start(self.state.lock().took)
    }

    /// The connection in use, or a new one. All questions share a connection that is being opened.
    fn connection(&self) -> Arc<Connection> {
        let mut state = self.state.lock();
        state.promote_spare();
        let refused = |(_, at): &(_, Instant)| Instant::now() < *at + REFUSED_FOR;
        match &state.current {
            Some(known) if known.is_open() || known.failure().is_some_and(refused) => known.clone(),
            known => {
                if let Some(ended) = known.clone() {
                    state.note_end(&ended);
                }
                let quota = state.quota();
                state.current.insert((self.open)(quota)).clone()
            }
        }
    }

    /// A connection beside a silent one. The silent one may still answer and is used until this one
    /// is up.
    fn spare(&self, silent: &Arc<Connection>) -> Arc<Connection> {
        let mut state = self.state.lock();
        state.promote_spare();
        let is_other = |other: &&Arc<Connection>| !Arc::ptr_eq(other, silent) && other.is_open();
        // Another question may have opened one already.
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
        // `Some(true)` if the replacement answered, `Some(false)` if the silent connection did,
        // `None` if there was no replacement.
        state.spares.answered(trials.is_replaced.then(|| Arc::ptr_eq(by, latest)));
    }
}

impl LinkState {
    /// The patience with a silent connection, and whether there is a spare or may be one now.
    fn spare_now(&self) -> (Duration, bool) {
        let (patience, open_at) = self.spares.next();
        let has_spare = self.spare.as_ref().is_some_and(|spare| spare.is_open());
        (patience, has_spare || open_at <= Instant::now())
    }

    /// One early close may be an accident. Two in a row that lost questions show a limit of the
    /// server.
    fn note_end(&mut self, ended: &Connection) {
        let after = ended.quota_of_the_server();
        self.ended_after = match (self.ended_after, after) {
            (Some(before), Some(now)) => {
                self.quota = Some((before.max(now), Instant::now()));
                after
            }
            (_, after) => after,
        };
    }

    fn quota(&self) -> usize {
        let holds = |(_, since): &(usize, Instant)| Instant::now() < *since + QUOTA_FOR;
        self.quota.filter(holds).map_or(usize::MAX, |(quota, _)| quota)
    }

    /// Puts a spare that is up in the place of the silent connection.
    fn promote_spare(&mut self) {
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

/// An event of a question on a link.
enum Event {
    /// This connection has answered.
    Answered(Vec<u8>, Arc<Connection>),
    /// This connection has ended.
    Ended(Unanswered, Arc<Connection>),
    /// Another transport is to join.
    Slow(Slow),
    /// The latest connection is silent.
    Silent,
}
