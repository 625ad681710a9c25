//! Replies by their kinds, and the errors of a question by what they say of a server.

use crate::race::answer::{LookupError, LookupErrorKind};

/// The kind of a received message.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Not a reply to this question.
    ToAnother,
    /// The reply did not fit (TC).
    Truncated,
    /// The server does not understand EDNS.
    WithoutEdns,
    /// The server could not answer or refused to, or its reply makes no sense.
    Failed(LookupError),
    /// NOERROR or NXDOMAIN.
    Answered,
}

pub(super) fn no_edns() -> LookupError {
    LookupError::from(LookupErrorKind::ServerFailure).with_cause("does not understand EDNS")
}

pub(super) fn senseless(why: &'static str) -> LookupError {
    LookupError::from(LookupErrorKind::Other).with_cause(why)
}

/// The server has not replied and will not.
pub(super) fn is_unreachable(error: &LookupError) -> bool {
    matches!(error.kind(), LookupErrorKind::NoNameServer | LookupErrorKind::Untrusted)
}

/// REFUSED, or a senseless reply. If the server answers plain DNS, its TLS port is not meant for
/// this host. SERVFAIL belongs to the name: a plaintext question would get it as well, and everyone
/// could read it.
pub(super) fn is_no_answer(error: &LookupError) -> bool {
    matches!(error.kind(), LookupErrorKind::Refused | LookupErrorKind::Other)
}
