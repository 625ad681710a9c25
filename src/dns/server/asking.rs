//! A question over TLS as a task of its own. It goes on after the lookup has ended, because its end
//! shows whether the port works.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::reply::Reply;
use super::tcp::over_link;
use crate::dns::link::Link;
use crate::dns::link::connection::Phase;
use crate::dns::link::dial::OPPORTUNISTIC_TIMEOUT;
use crate::dns::link::join::Join;
use crate::dns::link::links::{Transport, Way};
use crate::dns::link::ports::Ports;
use crate::dns::link::route::Route;
use crate::dns::link::said::Said;
use crate::dns::message::Question;
use crate::race::answer::{LookupError, LookupErrorKind};

/// After plain DNS has answered, a port that is connected and silent has this time to answer: for
/// some names a server takes that long.
const GRACE: Duration = Duration::from_secs(1);

/// The reason for a port that takes questions and answers none.
pub(super) const SILENT: &str = "TLS is up and silent";

/// See the module.
#[derive(Clone)]
pub(super) struct Asking {
    ports: Arc<Ports>,
    route: Route,
    link: Arc<Link>,
    question: Question,
    said: Arc<Said>,
}

impl Asking {
    pub(super) fn new(way: &Way<'_>, question: &Question) -> Self {
        let (ports, route) = (way.links.ports.clone(), way.route.clone());
        let (link, said) = (way.link(Transport::Tls), way.said.clone());
        Self { ports, route, link, question: question.clone(), said }
    }

    /// Asks in a task of its own, which ends when its handle is dropped.
    pub(super) fn start(self, join: Arc<Join>) -> Task {
        Task(tokio::spawn(async move {
            over_link(&self.link, Transport::Tls, &self.question, Some(&join), &self.said).await
        }))
    }

    /// Notes that the port has answered.
    pub(super) fn settled(
        &self,
        outcome: Result<Reply, LookupError>,
    ) -> Result<Reply, LookupError> {
        if outcome.is_ok() {
            self.link.prove(true);
            self.ports.tls_is_up(&self.route);
        }
        outcome
    }

    /// TLS has failed. Blames the port if plain DNS has answered.
    pub(super) fn failed(
        &self,
        error: &LookupError,
        join: &Join,
        plain: &Result<Reply, LookupError>,
    ) {
        if plain.is_ok() {
            self.blame(error, join);
        }
    }

    /// Plain DNS has answered while the port was silent. An answer that still comes over TLS shows
    /// that the port is only slow. Until then other questions treat it as dead, unless it has
    /// answered before.
    pub(super) async fn judge(self, tls: Task, join: Arc<Join>) {
        if !self.link.is_proven() {
            self.ports.tls_is_doubtful(&self.route, SILENT, Instant::now(), GRACE);
        }
        let started = Instant::now();
        match timeout(GRACE, tls).await {
            Ok(Err(error)) => self.blame(&error, &join),
            Ok(outcome) => drop(self.settled(outcome)),
            // Other questions on this link were answered, so the port is alive.
            Err(_) if self.link.was_heard_since(started) => {}
            Err(_) => self.bury(SILENT),
        }
    }

    /// A background probe. Only an answer, not a mere handshake, revives a dead port.
    pub(super) async fn probe(self) {
        let (started, join) = (Instant::now(), Arc::new(Join::after(OPPORTUNISTIC_TIMEOUT)));
        let tls = self.clone().start(join.clone());
        // The same time for the handshake and for the answer.
        match timeout(2 * OPPORTUNISTIC_TIMEOUT, tls).await {
            Ok(Err(error)) => self.blame(&error, &join),
            Ok(outcome) => drop(self.settled(outcome)),
            Err(_) if self.link.phase() == Some(Phase::Up) => {
                self.ports.tls_is_silent(&self.route, SILENT, started, Instant::now());
            }
            Err(_) => {}
        }
    }

    /// Failed handshakes are already recorded by `TlsDialer::remember`. Of the remaining errors
    /// only these two blame the port.
    fn blame(&self, error: &LookupError, join: &Join) {
        if is_no_answer(error) || join.was_in_vain() {
            self.bury(&reason(error));
        }
    }

    fn bury(&self, why: &str) {
        self.link.prove(false);
        self.ports.tls_is_dead(&self.route, why, Instant::now());
    }
}

/// REFUSED, or a senseless reply. If the server answers plain DNS, its TLS port is not meant for
/// this host. SERVFAIL belongs to the name: a plaintext question would get it as well, and everyone
/// could read it.
pub(super) fn is_no_answer(error: &LookupError) -> bool {
    matches!(error.kind(), LookupErrorKind::Refused | LookupErrorKind::Other)
}

pub(super) fn reason(error: &LookupError) -> Arc<str> {
    match error.kind() == LookupErrorKind::Refused {
        true => "REFUSED over TLS".into(),
        false => error.reason().into(),
    }
}

/// The task of a question. It ends when this is dropped.
pub(super) struct Task(JoinHandle<Result<Reply, LookupError>>);

impl Future for Task {
    type Output = Result<Reply, LookupError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Reply, LookupError>> {
        Pin::new(&mut self.0).poll(cx).map(|joined| match joined {
            Ok(outcome) => outcome,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(LookupError::from(LookupErrorKind::NoNameServer).with_cause(error)),
        })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
