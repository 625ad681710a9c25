//! TLS where it works, else DNS in clear, and never a long wait for a port that says nothing
//! (RFC 8310 section 5, the opportunistic profile). Nothing here protects from an active attacker.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::time::{Instant, timeout};

use super::connection::Phase;
use super::exchange::{Reply, over_line};
use super::line::{Join, Line, Slow};
use super::message::Question;
use super::opener::OPPORTUNISTIC_TIMEOUT;
use super::plain::{Outcome, Which, first_of, is_unreachable, plain};
use super::ports::{Ports, Spot, Tls};
use super::reach::{Transport, Way};
use crate::answer::{LookupError, LookupErrorKind};

/// Over TLS; plain DNS joins when TLS is not up after its head start, or has failed.
pub(super) async fn opportunistic(way: &Way<'_>, question: &Question) -> Outcome {
    match way.reach.ports.tls(&way.spot, Instant::now()) {
        Tls::Try => race(way, question, &way.line(Transport::Tls)).await,
        Tls::LeaveAlone(why) => in_clear(way, question, why).await,
        Tls::Probe(why) => {
            tokio::spawn(Probe::new(way, question).run());
            in_clear(way, question, why).await
        }
    }
}

async fn race(way: &Way<'_>, question: &Question, line: &Line) -> Outcome {
    let join = Join::after(way.reach.plain_delay);
    let tls = pin!(over_line(line, Transport::Tls, question, Some(&join)));
    let (tls, slow) = match select(tls, pin!(join.slow())).await {
        Either::Left((Err(error), _)) if is_no_end(&error) => {
            let why = reason(&error);
            let reply = in_clear(way, question, why.clone()).await?;
            // What it is to others does not help us.
            if is_no_answer(&error) || (join.is_in_vain() && line.is_outdone()) {
                way.reach.ports.tls_is_dead(&way.spot, &why, Instant::now());
            }
            return Ok(reply);
        }
        Either::Left((outcome, _)) => return settled(way, outcome),
        Either::Right((slow, tls)) => (tls, slow),
    };
    let why = match slow {
        Slow::NotUp => "TLS was not up in time",
        Slow::Silent => SILENT,
    };
    match first_of(tls, pin!(in_clear(way, question, why.into())), is_no_end).await {
        (Which::First, outcome) => settled(way, outcome),
        (Which::Second, outcome) => {
            let useless = slow == Slow::Silent || join.is_in_vain();
            if outcome.is_ok() && useless && line.is_outdone() {
                way.reach.ports.tls_is_dead(&way.spot, why, Instant::now());
            }
            outcome
        }
    }
}

const SILENT: &str = "TLS is up and silent";

/// What comes over TLS speaks for the port.
fn settled(way: &Way<'_>, outcome: Outcome) -> Outcome {
    if outcome.is_ok() {
        way.reach.ports.tls_is_up(&way.spot);
    }
    outcome
}

/// What the server itself says ends it, unless that may be meant for TLS only.
fn is_no_end(error: &LookupError) -> bool {
    is_unreachable(error) || is_no_answer(error)
}

/// REFUSED, or what makes no sense. From a server that answers in clear it says that its port for
/// TLS is not for us.
fn is_no_answer(error: &LookupError) -> bool {
    matches!(error.kind(), LookupErrorKind::Refused | LookupErrorKind::Other)
}

fn reason(error: &LookupError) -> Arc<str> {
    match error.kind() == LookupErrorKind::Refused {
        true => "REFUSED over TLS".into(),
        false => error.reason().into(),
    }
}

/// The question over TLS as well, for nobody who waits: an answer to it, and no handshake alone,
/// says that a dead port is a good one again.
struct Probe {
    ports: Arc<Ports>,
    spot: Spot,
    line: Arc<Line>,
    question: Question,
}

impl Probe {
    fn new(way: &Way<'_>, question: &Question) -> Self {
        Self {
            ports: way.reach.ports.clone(),
            spot: way.spot.clone(),
            line: way.line(Transport::Tls),
            question: question.clone(),
        }
    }

    async fn run(self) {
        let Self { ports, spot, line, question } = self;
        let (started, join) = (Instant::now(), Join::after(OPPORTUNISTIC_TIMEOUT));
        let asking = over_line(&line, Transport::Tls, &question, Some(&join));
        // For the handshake, and as long for the answer.
        match timeout(2 * OPPORTUNISTIC_TIMEOUT, asking).await {
            Ok(Ok(_)) => ports.tls_is_up(&spot),
            Ok(Err(error)) if is_no_answer(&error) || join.is_in_vain() => {
                ports.tls_is_dead(&spot, &reason(&error), Instant::now());
            }
            // A failed handshake was told already; all else says nothing about the port.
            Ok(Err(_)) => {}
            Err(_) if line.phase() == Some(Phase::Up) => {
                ports.tls_is_silent(&spot, SILENT, started, Instant::now());
            }
            Err(_) => {}
        }
    }
}

async fn in_clear(way: &Way<'_>, question: &Question, why: Arc<str>) -> Outcome {
    let reply = plain(way, question).await?;
    way.reach.ports.plain_has_answered(&way.spot, Instant::now());
    tracing::debug!(server = %reply.server, %why, "in clear");
    Ok(Reply { in_clear: Some(why), ..reply })
}
