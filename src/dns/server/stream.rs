//! What a question gets over a line, and what all ways to a server have in common.

use std::io;
use std::net::SocketAddr;

use hickory_proto::op::Message;

use crate::dns::link::Link;
use crate::dns::link::join::Join;
use crate::dns::link::routes::{Transport, Way};
use crate::dns::message::{Edns, Question, ReplyKind, text_name};
use crate::race::answer::{LookupError, LookupErrorKind, Origin};
use crate::race::report::text::Escaped;

/// A reply, and how it came.
pub(in crate::dns) struct Reply {
    pub(in crate::dns) message: Message,
    /// With the port that answered.
    pub(in crate::dns) server: SocketAddr,
    pub(in crate::dns) origin: Origin,
}

impl Reply {
    pub(super) fn new(message: Message, server: SocketAddr, origin: Origin) -> Self {
        Self { message, server, origin }
    }
}

/// Over TCP, and nothing else.
pub(super) async fn over_tcp(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    over_link(&way.link(Transport::Tcp), Transport::Tcp, question, None).await
}

/// Over TLS that has been authenticated, and nothing else (R-8310-5.1b).
pub(super) async fn over_tls(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    over_link(&way.link(Transport::Tls), Transport::Tls, question, None).await
}

/// With EDNS, and without where the server does not know it.
///
/// # Errors
///
/// They name the address and port that failed.
pub(super) async fn over_link(
    link: &Link,
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
        trace_send(link.addr(), question, origin, nth);
        // Boxed: UDP, which seldom needs it, would be as large.
        let bytes = Box::pin(link.ask(&packet.bytes, join)).await;
        let bytes = bytes.map_err(|error| error.with_server(link.addr()))?;
        let senseless = |why| {
            LookupError::from(LookupErrorKind::Other).with_cause(why).with_server(link.addr())
        };
        return match question.read(&packet, &bytes) {
            // Its id is that of this question, so nothing else can be meant.
            ReplyKind::Nothing => Err(senseless("an answer to another question")),
            ReplyKind::Truncated => Err(senseless("truncated on a stream")),
            ReplyKind::WithoutEdns => continue,
            ReplyKind::Failed(error) => Err(error.with_server(link.addr())),
            ReplyKind::Reply(message) => Ok(Reply::new(message, link.addr(), origin)),
        };
    }
    Err(no_edns())
}

pub(super) fn trace_send(server: SocketAddr, question: &Question, over: Origin, nth: usize) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        let (name, record) = (text_name(question.name()), question.record());
        tracing::debug!(%server, name = %Escaped(name), %record, %over, nth, "asked");
    }
}

pub(super) fn unreachable(error: io::Error) -> LookupError {
    LookupError::from(LookupErrorKind::NoNameServer).with_cause(error)
}

pub(super) fn no_edns() -> LookupError {
    LookupError::from(LookupErrorKind::ServerFailure).with_cause("does not understand EDNS")
}

/// No word from the server, and none to come.
pub(super) fn is_unreachable(error: &LookupError) -> bool {
    matches!(error.kind(), LookupErrorKind::NoNameServer | LookupErrorKind::Untrusted)
}
