//! DNS in clear: over UDP, and over TCP where UDP does not do.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep};

use super::exchange::{Reply, over_tcp};
use super::message::Question;
use super::reach::Way;
use super::udp::over_udp;
use crate::answer::{LookupError, LookupErrorKind};

/// How long UDP may be silent before TCP joins, or TCP where UDP was silent before.
const JOINS_AFTER: Duration = Duration::from_millis(250);

pub(super) type Outcome = Result<Reply, LookupError>;

/// Over UDP; TCP joins when UDP is silent, and goes first for a while where that has helped.
pub(super) async fn plain(way: &Way<'_>, question: &Question) -> Outcome {
    if way.reach.tcp_only {
        return over_tcp(way, question).await;
    }
    let (udp, tcp) = (pin!(whole(way, question)), pin!(over_tcp(way, question)));
    let ports = &way.reach.ports;
    let (by_tcp, outcome) = match ports.is_udp_silent(&way.spot, Instant::now()) {
        // A closed port is the server's failure: the next one is to be asked at once.
        false => joined(udp, tcp, leads_nowhere).await,
        true => match joined(tcp, udp, is_unreachable).await {
            (Which::First, outcome) => (Which::Second, outcome),
            (Which::Second, outcome) => (Which::First, outcome),
        },
    };
    if outcome.is_ok() {
        ports.note_udp(&way.spot, by_tcp == Which::Second, Instant::now());
    }
    outcome
}

/// Over UDP, and what is truncated again over TCP (R-7766-5). If that fails, the server has failed:
/// it was reached, but there is no whole answer.
async fn whole(way: &Way<'_>, question: &Question) -> Outcome {
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

/// Which of two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    First,
    Second,
}

/// The second joins when the first is silent, or has ended with an error for which it is no end.
async fn joined<A, B>(
    mut first: Pin<&mut A>,
    second: Pin<&mut B>,
    goes_on: fn(&LookupError) -> bool,
) -> (Which, Outcome)
where
    A: Future<Output = Outcome>,
    B: Future<Output = Outcome>,
{
    match select(first.as_mut(), pin!(sleep(JOINS_AFTER))).await {
        Either::Left((Err(error), _)) if goes_on(&error) => (Which::Second, second.await),
        Either::Left((outcome, _)) => (Which::First, outcome),
        Either::Right(_) => first_of(first, second, is_unreachable).await,
    }
}

/// The first of two that ends, unless that is with an error for which the other is waited for.
pub(super) async fn first_of<A, B>(
    first: Pin<&mut A>,
    second: Pin<&mut B>,
    goes_on: impl Fn(&LookupError) -> bool,
) -> (Which, Outcome)
where
    A: Future<Output = Outcome>,
    B: Future<Output = Outcome>,
{
    match select(first, second).await {
        Either::Left((Err(error), second)) if goes_on(&error) => (Which::Second, second.await),
        Either::Left((outcome, _)) => (Which::First, outcome),
        Either::Right((Err(error), first)) if goes_on(&error) => (Which::First, first.await),
        Either::Right((outcome, _)) => (Which::Second, outcome),
    }
}

fn leads_nowhere(_: &LookupError) -> bool {
    false
}

/// No word from the server, and none to come.
pub(super) fn is_unreachable(error: &LookupError) -> bool {
    matches!(error.kind(), LookupErrorKind::NoNameServer | LookupErrorKind::Untrusted)
}
