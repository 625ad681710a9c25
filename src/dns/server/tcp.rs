//! A question over a link: TCP, or TLS on it.

use super::reply::{Reply, WITHOUT_EDNS, no_edns, trace_send};
use crate::dns::link::Link;
use crate::dns::link::join::Join;
use crate::dns::link::links::{Transport, Way};
use crate::dns::link::said::Said;
use crate::dns::message::{Edns, Question, ReplyKind};
use crate::race::answer::{LookupError, LookupErrorKind, Origin};

/// Asks over TCP only.
pub(super) async fn over_tcp(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    over_link(&way.link(Transport::Tcp), Transport::Tcp, question, None, way.said).await
}

/// Asks over authenticated TLS only (R-8310-5.1b).
pub(super) async fn over_tls(way: &Way<'_>, question: &Question) -> Result<Reply, LookupError> {
    over_link(&way.link(Transport::Tls), Transport::Tls, question, None, way.said).await
}

/// Asks with EDNS, and again without it if the server does not understand EDNS.
///
/// # Errors
///
/// Each names the address and port that failed.
pub(super) async fn over_link(
    link: &Link,
    transport: Transport,
    question: &Question,
    join: Option<&Join>,
    said: &Said,
) -> Result<Reply, LookupError> {
    let (origin, edns) = match transport {
        Transport::Tcp => (Origin::Tcp, Edns::Plain),
        Transport::Tls => (Origin::Tls, Edns::Private),
    };
    for (edns, nth) in [(edns, 1), (Edns::Without, 2)] {
        let packet = question.encode(edns)?;
        trace_send(link.addr(), question, origin, nth);
        // Boxed, because otherwise a question over UDP, which seldom needs it, would be as large.
        let bytes = Box::pin(link.ask(&packet.bytes, join)).await;
        let bytes = bytes.map_err(|error| error.with_server(link.addr()))?;
        let senseless = |why| {
            LookupError::from(LookupErrorKind::Other).with_cause(why).with_server(link.addr())
        };
        return match question.read(&packet, &bytes) {
            // The reply has the id of this question, so it can answer no other.
            ReplyKind::Nothing => Err(senseless("an answer to another question")),
            ReplyKind::Truncated => Err(senseless("truncated on a stream")),
            ReplyKind::WithoutEdns => {
                said.replied(WITHOUT_EDNS);
                continue;
            }
            ReplyKind::Failed(error) => Err(error.with_server(link.addr())),
            ReplyKind::Reply(message) => Ok(Reply::new(message, link.addr(), origin)),
        };
    }
    Err(no_edns())
}
