//! DNS in clear: over UDP, and over TCP where UDP does not do.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep};

use super::reply::{Reply, is_unreachable};
use super::tcp::over_tcp;
use super::udp::over_udp;
use crate::dns::link::routes::Way;
use crate::dns::message::Question;
use crate::race::answer::{LookupError, LookupErrorKind};

/// How long UDP may be silent before TCP joins, or TCP where UDP was silent before.
const JOINS_AFTER: Duration = Duration::from_millis(250);

/// Over UDP; TCP joins when UDP is silent, and goes first for a while where that has helped.
pub(super) async fn plain(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    if way.routes.tcp_only {
        return over_tcp(way, question).await;
    }
    let (udp, tcp) = (pin!(whole(way, question)), pin!(over_tcp(way, question)));
    let ports = &way.routes.ports;
    let tcp_first = ports.is_udp_silent(&way.route, Instant::now());
    let (by_second, outcome) = match tcp_first {
        // A closed port is the server's failure: the next one is to be asked at once.
        false => joined(udp, tcp, |_| false).await,
        true => joined(tcp, udp, is_unreachable).await,
    };
    if outcome.is_ok() {
        ports.note_udp(&way.route, by_second != tcp_first, Instant::now());
    }
    outcome
}

/// Over UDP, and what is truncated again over TCP (R-7766-5). If that fails, the server has failed:
/// it was reached, but there is no whole answer.
async fn whole(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    if let Some(reply) = over_udp(way.server.addr(), question, way.binding).await? {
        return Ok(reply);
    }
    over_tcp(way, question).await.map_err(|error| {
        if !is_unreachable(&error) {
            return error;
        }
        let why = format!("truncated, and over TCP: {}", error.reason());
        LookupError::from(LookupErrorKind::Other).with_cause(why)
    })
}

/// The second joins when the first is silent, or has ended with an error for which it goes on. With
/// whether the second has ended it.
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
    // Who cannot reach the server leaves it to the other.
    match select(first, second).await {
        Either::Left((Err(error), second)) if is_unreachable(&error) => (true, second.await),
        Either::Left((outcome, _)) => (false, outcome),
        Either::Right((Err(error), first)) if is_unreachable(&error) => (false, first.await),
        Either::Right((outcome, _)) => (true, outcome),
    }
}
