//! Plain DNS: over UDP, and over TCP where UDP does not suffice.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, FutureExt, select};
use tokio::time::{Instant, sleep};

use super::reply::{Reply, is_unreachable};
use super::tcp::over_tcp;
use super::udp::over_udp;
use crate::dns::link::links::Way;
use crate::dns::message::Question;
use crate::race::answer::{LookupError, LookupErrorKind};

/// The second transport joins when the first one has been silent for this time.
const JOINS_AFTER: Duration = Duration::from_millis(250);

/// Asks over UDP. TCP joins when UDP is silent, and goes first for a while where it has answered in
/// place of UDP.
pub(super) async fn plain(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    if way.links.tcp_only {
        return over_tcp(way, question).await;
    }
    let note = |transport, outcome| note_failure(way, transport, outcome);
    let udp = pin!(whole(way, question).map(|outcome| note("UDP", outcome)));
    let tcp = pin!(over_tcp(way, question).map(|outcome| note("TCP", outcome)));
    let ports = &way.links.ports;
    let tcp_first = ports.is_udp_silent(&way.route, Instant::now());
    let (by_second, outcome) = match tcp_first {
        // A closed port is a failure of the server: the next server is asked at once.
        false => joined(udp, tcp, |_| false).await,
        true => joined(tcp, udp, is_unreachable).await,
    };
    if outcome.is_ok() {
        ports.note_udp(&way.route, by_second != tcp_first, Instant::now());
    }
    outcome
}

/// Asks over UDP, and again over TCP if the reply is truncated (R-7766-5). If TCP then fails, so
/// has the server: it was reached, but there is no whole answer.
async fn whole(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    if let Some(reply) = over_udp(way.server.addr(), question, way.binding, way.said).await? {
        return Ok(reply);
    }
    way.said.replied("truncated, and no answer over TCP");
    over_tcp(way, question).await.map_err(|error| {
        if !is_unreachable(&error) {
            return error;
        }
        let why = format!("truncated, and over TCP: {}", error.reason());
        LookupError::from(LookupErrorKind::Other).with_worded_cause(why, Arc::new(error))
    })
}

/// Notes that a transport cannot reach the server.
fn note_failure(
    way: &Way<'_>,
    transport: &str,
    outcome: Result<Reply, LookupError>,
) -> Result<Reply, LookupError> {
    outcome.inspect_err(|error| {
        if is_unreachable(error) {
            way.said.failed(transport, &error.reason());
        }
    })
}

/// The second transport joins when the first one is silent, or has ended with an error for which
/// `goes_on`. Also returns whether the second one has ended the question.
async fn joined<A, B>(
    mut first: Pin<&mut A>,
    second: Pin<&mut B>,
    goes_on: fn(&LookupError) -> bool,
) -> (bool, Result<Reply, LookupError>)
where
    A: Future<Output = Result<Reply, LookupError>>,
    B: Future<Output = Result<Reply, LookupError>>,
{
    match select(first.as_mut(), pin!(sleep(JOINS_AFTER))).await {
        Either::Left((Err(error), _)) if goes_on(&error) => return (true, second.await),
        Either::Left((outcome, _)) => return (false, outcome),
        Either::Right(_) => {}
    }
    // If one transport cannot reach the server, wait for the other.
    match select(first, second).await {
        Either::Left((Err(error), second)) if is_unreachable(&error) => (true, second.await),
        Either::Left((outcome, _)) => (false, outcome),
        Either::Right((Err(error), first)) if is_unreachable(&error) => (false, first.await),
        Either::Right((outcome, _)) => (true, outcome),
    }
}
