//! TLS where it works, else DNS in clear, and never a long wait for a port that says nothing
//! (RFC 8310 section 5, opportunistic profile). Nothing protects from an active attacker here.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::time::Instant;

use super::exchange::{Over, Reply, over_line};
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
        Tls::Probe(why) => {
            // Its task goes on by itself, and says how it ends.
            line.connection();
            return in_clear(way, question, why).await;
        }
    }
    let over = Over { head_start: way.reach.plain_delay, ..Over::tls(way.server.tls_addr()) };
    let slow = over.slow.clone();
    let tls = pin!(over_line(&line, question, over));
    let (mut tls, why) = match select(tls, pin!(slow.notified())).await {
        Either::Left((Err(error), _)) if is_no_end(&error) => {
            return after(way, question, &error).await;
        }
        Either::Left((outcome, _)) => return outcome,
        Either::Right((_, tls)) => (tls, "TLS was not up in time"),
    };
    let clear = pin!(in_clear(way, question, why.into()));
    match first_of(tls.as_mut(), clear, is_no_end).await {
        (Which::First | Which::Second, outcome) => outcome,
    }
}

/// TLS has failed: plain DNS decides. A server that refuses what it answers in clear has a port
/// for TLS, but none for us.
async fn after(way: &Way<'_>, question: &Question, error: &LookupError) -> Outcome {
    let why: Arc<str> = error.to_string().into();
    let reply = in_clear(way, question, why.clone()).await?;
    if error.kind() == LookupErrorKind::Refused {
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
