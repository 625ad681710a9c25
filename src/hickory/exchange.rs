//! One question to one server, by that server's policy.

use std::io;
use std::net::SocketAddr;

use hickory_proto::op::Message;
use tokio::time::Instant;

use super::join::Join;
use super::line::Line;
use super::message::{Edns, Heard, Question, text_name};
use super::name_server::{Policy, TLS_PORT};
use super::opportunistic::opportunistic;
use super::plain::plain;
use super::reach::{Transport, Way};
use crate::answer::{LookupError, LookupErrorKind, Origin};
use crate::text::{Line as OneLine, Time};

/// A reply, and how it came.
pub(super) struct Reply {
    pub(super) message: Message,
    /// With the port that answered.
    pub(super) server: SocketAddr,
    pub(super) origin: Origin,
}

impl Reply {
    pub(super) fn new(message: Message, server: SocketAddr, origin: Origin) -> Self {
        Self { message, server, origin }
    }
}

/// Asks one server. A server that keeps silent keeps this waiting: the caller knows how long.
///
/// # Errors
///
/// What the server said instead of an answer, or why it could not be reached
/// ([`LookupErrorKind::NoNameServer`], [`LookupErrorKind::Untrusted`]).
pub(super) async fn exchange(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    let started = Instant::now();
    let result = match way.server.policy() {
        // R-7858-3.1c, whoever has written that into resolv.conf.
        Policy::Udp | Policy::Tcp if way.server.addr().port() == TLS_PORT => {
            let why = "port 853 is for DNS over TLS, never in clear";
            Err(LookupError::from(LookupErrorKind::NoNameServer).with_cause(why))
        }
        Policy::Udp => plain(way, question).await,
        Policy::Tcp => over_tcp(way, question).await,
        Policy::Opportunistic { .. } => opportunistic(way, question).await,
        Policy::Tls { .. } => over_tls(way, question).await,
    };
    let result = result.map_err(|error| match error.server() {
        Some(_) => error,
        None => error.with_server(way.server.addr()),
    });
    trace_end(way, question, started, &result);
    result
}

/// Over TCP, and nothing else.
pub(super) async fn over_tcp(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    over_line(&way.line(Transport::Tcp), Transport::Tcp, question, None).await
}

/// Over TLS that has been authenticated, and nothing else (R-8310-5.1b).
async fn over_tls(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    over_line(&way.line(Transport::Tls), Transport::Tls, question, None).await
}

/// With EDNS, and without where the server does not know it.
///
/// # Errors
///
/// They name the address and port that failed.
pub(super) async fn over_line(
    line: &Line,
    transport: Transport,
    question: &Question,
    join: Option<&Join>,
) -> Result<Reply, LookupError> {
    let (origin, edns) = match transport {
        Transport::Tcp => (Origin::Tcp, Edns::Plain),
        Transport::Tls => (Origin::Tls, Edns::Private),
    };
    for (edns, nth) in [(edns, 1), (Edns::Without, 2)] {
        let packet = question.encode(edns)?;
        trace_send(line.addr(), question, origin, nth);
        let bytes = line.ask(&packet.bytes, join).await;
        let bytes = bytes.map_err(|error| error.with_server(line.addr()))?;
        let senseless = |why| {
            LookupError::from(LookupErrorKind::Other).with_cause(why).with_server(line.addr())
        };
        return match question.read(&packet, &bytes) {
            // Its id is that of this question, so nothing else can be meant.
            Heard::Nothing => Err(senseless("an answer to another question")),
            Heard::Truncated => Err(senseless("truncated on a stream")),
            Heard::WithoutEdns => continue,
            Heard::Failed(error) => Err(error.with_server(line.addr())),
            Heard::Reply(message) => Ok(Reply::new(message, line.addr(), origin)),
        };
    }
    Err(no_edns())
}

fn trace_end(
    way: &Way<'_>,
    question: &Question,
    started: Instant,
    result: &Result<Reply, LookupError>,
) {
    let (record, time) = (question.record(), Time(started.elapsed()));
    match result {
        Ok(reply) => {
            let code = reply.message.metadata.response_code;
            let (answers, over) = (reply.message.answers.len(), reply.origin);
            tracing::debug!(server = %reply.server, %record, %code, answers, %over, %time, "answered");
        }
        Err(error) => {
            let server = way.server.addr();
            tracing::debug!(%server, %record, error = %OneLine(error), %time, "failed");
        }
    }
}

pub(super) fn trace_send(server: SocketAddr, question: &Question, over: Origin, nth: usize) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        let (name, record) = (text_name(question.name()), question.record());
        tracing::debug!(%server, name = %OneLine(name), %record, %over, nth, "asked");
    }
}

pub(super) fn unreachable(error: io::Error) -> LookupError {
    LookupError::from(LookupErrorKind::NoNameServer).with_cause(error)
}

pub(super) fn no_edns() -> LookupError {
    LookupError::from(LookupErrorKind::ServerFailure).with_cause("does not understand EDNS")
}
