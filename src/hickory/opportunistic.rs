//! TLS where it works, else DNS in clear, and never a long wait for a port that says nothing
//! (RFC 8310 section 5, the opportunistic profile). Nothing here protects from an active attacker.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::time::Instant;

use super::connection::Phase;
use super::exchange::{Reply, over_line};
use super::line::{Join, Line, Slow};
use super::message::Question;
use super::plain::{Outcome, Which, first_of, is_unreachable, plain};
use super::ports::Tls;
use super::reach::{Transport, Way};
use crate::answer::{LookupError, LookupErrorKind};

/// Over TLS; plain DNS joins when TLS is not up after its head start, or has failed.
pub(super) async fn opportunistic(way: &Way<'_>, question: &Question) -> Outcome {
    let line = way.line(Transport::Tls);
    match way.reach.ports.tls(&way.spot, Instant::now()) {
        Tls::Try => {}
        Tls::LeaveAlone(why) => return in_clear(way, question, why).await,
        // A connection that lives gets its chance at once.
        Tls::Probe(_) if line.phase() == Some(Phase::Up) => {}
        Tls::Probe(why) => {
            // Its task goes on by itself, and tells how that ends.
            line.connection();
            return in_clear(way, question, why).await;
        }
    }
    race(way, question, &line).await
}

async fn race(way: &Way<'_>, question: &Question, line: &Line) -> Outcome {
    let join = Join::after(way.reach.plain_delay);
    let tls = pin!(over_line(line, Transport::Tls, question, Some(&join)));
    let (tls, slow) = match select(tls, pin!(join.slow())).await {
        Either::Left((Err(error), _)) if is_no_end(&error) => {
            return instead(way, question, &error).await;
        }
        Either::Left((outcome, _)) => return settled(way, outcome),
        Either::Right((slow, tls)) => (tls, slow),
    };
    let why = match slow {
        Slow::NotUp => "TLS was not up in time",
        Slow::Silent => "TLS is up and silent",
    };
    match first_of(tls, pin!(in_clear(way, question, why.into())), is_no_end).await {
        (Which::First, outcome) => settled(way, outcome),
        (Which::Second, outcome) => {
            if outcome.is_ok() && slow == Slow::Silent && line.is_outdone() {
                way.reach.ports.tls_is_dead(&way.spot, why, Instant::now());
            }
            outcome
        }
    }
}

/// What comes over TLS speaks for the port.
fn settled(way: &Way<'_>, outcome: Outcome) -> Outcome {
    if outcome.is_ok() {
        way.reach.ports.tls_is_up(&way.spot);
    }
    outcome
}

/// TLS has failed: plain DNS decides. A server that refuses what it answers in clear has a port
/// for TLS, but not for us.
async fn instead(way: &Way<'_>, question: &Question, error: &LookupError) -> Outcome {
    let refused = error.kind() == LookupErrorKind::Refused;
    let why: Arc<str> = match refused {
        true => "REFUSED over TLS".into(),
        false => error.reason().into(),
    };
    let reply = in_clear(way, question, why.clone()).await?;
    if refused {
        way.reach.ports.tls_is_dead(&way.spot, &why, Instant::now());
    }
    Ok(reply)
}

/// What the server itself says ends it, but for REFUSED, which may be meant for TLS only.
fn is_no_end(error: &LookupError) -> bool {
    is_unreachable(error) || error.kind() == LookupErrorKind::Refused
}

async fn in_clear(way: &Way<'_>, question: &Question, why: Arc<str>) -> Outcome {
    let reply = plain(way, question).await?;
    way.reach.ports.plain_has_answered(&way.spot, Instant::now());
    tracing::debug!(server = %reply.server, %why, "in clear");
    Ok(Reply { in_clear: Some(why), ..reply })
}
