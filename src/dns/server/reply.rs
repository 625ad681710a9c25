//! The reply of a server, and what all transports share: errors and log.

use std::io;
use std::net::SocketAddr;

use hickory_proto::op::Message;

use crate::dns::message::{Question, text_name};
use crate::race::answer::{LookupError, LookupErrorKind, Origin};
use crate::race::text::Escaped;

/// A reply, and the way it came.
pub(in crate::dns) struct Reply {
    pub(in crate::dns) message: Message,
    /// The address and port that answered.
    pub(in crate::dns) server: SocketAddr,
    pub(in crate::dns) origin: Origin,
}

impl Reply {
    pub(super) fn new(message: Message, server: SocketAddr, origin: Origin) -> Self {
        Self { message, server, origin }
    }
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

/// The text for a server that refuses EDNS and is then silent.
pub(super) const WITHOUT_EDNS: &str = "does not understand EDNS, and no answer without it";

pub(super) fn no_edns() -> LookupError {
    LookupError::from(LookupErrorKind::ServerFailure).with_cause("does not understand EDNS")
}

/// The server has not replied and will not.
pub(super) fn is_unreachable(error: &LookupError) -> bool {
    matches!(error.kind(), LookupErrorKind::NoNameServer | LookupErrorKind::Untrusted)
}
