//! TLS where it works, otherwise plain DNS, without a long wait for a silent port (RFC 8310 section
//! 5, the opportunistic profile). It does not protect from an active attacker.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::Instant;

use super::asking::{Asking, SILENT, is_no_answer, reason};
use super::plain::plain;
use super::reply::{Reply, is_unreachable};
use crate::dns::link::join::{Join, Slow};
use crate::dns::link::links::{Transport, Way};
use crate::dns::link::ports::Tls;
use crate::dns::message::Question;
use crate::race::answer::LookupError;

/// Asks over TLS. Plain DNS joins when TLS is not connected after its head start, or has failed.
/// Where there is no crypto provider, the question is asked in plaintext only.
pub(super) async fn opportunistic(
    way: &Way<'_>,
    question: &Question,
) -> Result<Reply, LookupError> {
    if let Some(why) = way.links.clients.why_none() {
        return in_clear(way, question, why).await;
    }
    let asking = Asking::new(way, question);
    match way.links.ports.tls(&way.route, Instant::now()) {
        Tls::Try => race(way, question, asking).await,
        // Another lookup marked the port dead, but our connection still works.
        Tls::LeaveAlone(_) if way.link(Transport::Tls).is_good() => {
            race(way, question, asking).await
        }
        Tls::LeaveAlone(why) => in_clear(way, question, why).await,
        Tls::Probe(why) => {
            tokio::spawn(asking.probe());
            in_clear(way, question, why).await
        }
    }
}

async fn race(way: &Way<'_>, question: &Question, asking: Asking) -> Result<Reply, LookupError> {
    let head_start = match way.server.has_head_start() {
        true => way.links.plain_delay,
        false => Duration::ZERO,
    };
    let join = Arc::new(Join::after(head_start));
    let mut tls = asking.clone().start(join.clone());
    let slow = match select(&mut tls, pin!(join.slow())).await {
        Either::Left((Err(error), _)) if is_no_end(&error) => {
            let reply = in_clear(way, question, reason(&error)).await;
            asking.failed(&error, &join, &reply);
            return better(reply, error);
        }
        Either::Left((outcome, _)) => return asking.settled(outcome),
        Either::Right((slow, _)) => slow,
    };
    let why = match slow {
        Slow::NotUp => "TLS was not up in time",
        Slow::Silent => SILENT,
    };
    let clear = pin!(in_clear(way, question, why.into()));
    match select(&mut tls, clear).await {
        Either::Left((Err(error), clear)) if is_no_end(&error) => {
            let reply = clear.await;
            asking.failed(&error, &join, &reply);
            better(reply, error)
        }
        Either::Left((outcome, _)) => asking.settled(outcome),
        Either::Right((Err(error), _)) if is_unreachable(&error) => {
            let outcome = tls.await;
            better(asking.settled(outcome), error)
        }
        Either::Right((outcome, _)) => {
            if slow == Slow::Silent {
                tokio::spawn(asking.judge(tls, join));
            }
            outcome
        }
    }
}

/// The more specific failure.
fn better(outcome: Result<Reply, LookupError>, other: LookupError) -> Result<Reply, LookupError> {
    outcome.map_err(|error| match other.kind().rank() < error.kind().rank() {
        true => other,
        false => error,
    })
}

/// True if plain DNS may still answer: the server was not reached over TLS, or its reply may hold
/// for TLS only.
fn is_no_end(error: &LookupError) -> bool {
    is_unreachable(error) || is_no_answer(error)
}

/// Asks over plain DNS. From here on the question may have been read by others, whatever answers
/// it.
async fn in_clear(way: &Way<'_>, question: &Question, why: Arc<str>) -> Result<Reply, LookupError> {
    let (server, ports) = (way.server.addr(), &way.links.ports);
    match ports.is_warning_due(&way.route, Instant::now()) {
        true => tracing::warn!(%server, %why, "had TLS before, and is asked unencrypted"),
        false => tracing::debug!(%server, %why, "asked unencrypted"),
    }
    let _ = way.plaintext_reason.set(why);
    // Boxed, because it is seldom needed and large.
    let outcome = Box::pin(plain(way, question)).await;
    if !outcome.as_ref().is_err_and(is_unreachable) {
        ports.plain_has_answered(&way.route, Instant::now());
    }
    outcome
}
