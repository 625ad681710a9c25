//! Replies by their kinds, and the errors of a question by what they say of a server.

use crate::race::answer::{LookupError, LookupErrorKind};

/// The kind of a received message.
#[derive(Debug, Clone)]
pub(in crate::dns) enum Reply {
    /// Not a reply to this question.
    ToAnother,
    /// The reply did not fit (TC).
    Truncated,
    /// The server does not understand EDNS.
    WithoutEdns,
    /// The reply cannot be read. The driver keeps what could be read, if that has an address.
    Unreadable { error: LookupError, has_address: bool },
    /// The server could not answer or refused to.
    Failed(LookupError),
    /// NOERROR or NXDOMAIN. A negative reply says that there is no such name or no such record.
    Answered { is_negative: bool },
}

/// A reply that is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) send: usize,
    pub(super) is_negative: bool,
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

/// REFUSED, or a senseless reply. If the server answers plain DNS, its TLS port may not be meant
/// for this host. SERVFAIL belongs to the name: a plaintext question would get it as well, and
/// everyone could read it.
pub(super) fn is_useless(error: &LookupError) -> bool {
    matches!(error.kind(), LookupErrorKind::Refused | LookupErrorKind::Other)
}

/// SERVFAIL and REFUSED come quickly and say nothing of the time that an answer takes.
pub(super) fn is_error_code(reply: &Reply) -> bool {
    match reply {
        Reply::Failed(error) => {
            matches!(error.kind(), LookupErrorKind::ServerFailure | LookupErrorKind::Refused)
        }
        Reply::ToAnother
        | Reply::Truncated
        | Reply::WithoutEdns
        | Reply::Unreadable { .. }
        | Reply::Answered { .. } => false,
    }
}
