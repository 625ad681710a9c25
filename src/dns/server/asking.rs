//! A question over TLS that goes on by itself, for what it tells of the port.

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
use crate::dns::link::ports::Ports;
use crate::dns::link::route::Route;
use crate::dns::link::routes::{Transport, Way};
use crate::dns::message::Question;
use crate::race::answer::{LookupError, LookupErrorKind};

/// A port that is up and silent has so long to say anything after plain DNS has answered: some names
/// take a server that long.
const GRACE: Duration = Duration::from_secs(1);

/// What is said of a port that takes questions and answers none.
pub(super) const SILENT: &str = "TLS is up and silent";

/// See the module.
#[derive(Clone)]
pub(super) struct Asking {
    ports: Arc<Ports>,
    route: Route,
    link: Arc<Link>,
    question: Question,
}

impl Asking {
    pub(super) fn new(way: &Way<'_>, question: &Question) -> Self {
        let (ports, route) = (way.routes.ports.clone(), way.route.clone());
        Self { ports, route, link: way.link(Transport::Tls), question: question.clone() }
    }

    /// Asks as a task of its own, which ends when its handle is dropped.
    pub(super) fn start(self, join: Arc<Join>) -> Task {
        Task(tokio::spawn(async move {
            over_link(&self.link, Transport::Tls, &self.question, Some(&join)).await
        }))
    }

    /// What comes over TLS speaks for the port.
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

    /// TLS has failed, in one way or another, where plain DNS came to this.
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

    /// Plain DNS has answered while the port was silent. Whatever still comes over TLS says that it
    /// is only slow. Who asks meanwhile waits for it no more than if it were dead, unless it has
    /// answered before.
    pub(super) async fn judge(self, tls: Task, join: Arc<Join>) {
        if !self.link.is_proven() {
            self.ports.tls_is_doubtful(&self.route, SILENT, Instant::now(), GRACE);
        }
        let started = Instant::now();
        match timeout(GRACE, tls).await {
            Ok(Err(error)) => self.blame(&error, &join),
            Ok(outcome) => drop(self.settled(outcome)),
            // Others were answered.
            Err(_) if self.link.was_heard_since(started) => {}
            Err(_) => self.bury(SILENT),
        }
    }

    /// Asks for nobody who waits: an answer, and no handshake alone, says that a dead port is a good
    /// one again.
    pub(super) async fn probe(self) {
        let (started, join) = (Instant::now(), Arc::new(Join::after(OPPORTUNISTIC_TIMEOUT)));
        let tls = self.clone().start(join.clone());
        // For the handshake, and as long for the answer.
        match timeout(2 * OPPORTUNISTIC_TIMEOUT, tls).await {
            Ok(Err(error)) => self.blame(&error, &join),
            Ok(outcome) => drop(self.settled(outcome)),
            Err(_) if self.link.phase() == Some(Phase::Up) => {
                self.ports.tls_is_silent(&self.route, SILENT, started, Instant::now());
            }
            Err(_) => {}
        }
    }

    /// A failed handshake was told by who has tried it; all else but this says nothing of the port.
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

/// REFUSED, or what makes no sense. From a server that answers in clear it says that its port for
/// TLS is not for us. SERVFAIL is of the name: asked in clear it would be the same, and told to all.
pub(super) fn is_no_answer(error: &LookupError) -> bool {
    matches!(error.kind(), LookupErrorKind::Refused | LookupErrorKind::Other)
}

pub(super) fn reason(error: &LookupError) -> Arc<str> {
    match error.kind() == LookupErrorKind::Refused {
        true => "REFUSED over TLS".into(),
        false => error.reason().into(),
    }
}

/// Ends with its handle.
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
