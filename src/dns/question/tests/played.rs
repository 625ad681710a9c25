//! The log of a world that was played, and the words of its lines.

use super::world::Said;
use crate::dns::question::{Form, Reply, Via};
use crate::race::answer::{LookupError, LookupErrorKind};

/// The questions of a world, from outside.
#[derive(Debug, Clone, Default)]
pub(super) struct Played {
    /// One line for each event. `S1` is the first server. `Q1: ` is the first question, unless
    /// it is the only one.
    pub(super) log: Vec<String>,
    pub(super) sends: Vec<Sent>,
    pub(super) ends: Vec<End>,
    /// The questions of the inquiries; `None` for a probe.
    pub(super) askings: Vec<Option<usize>>,
    /// The replies that have come, by inquiry and send.
    pub(super) replies: Vec<(usize, usize, Said)>,
}

/// A question was sent, at this time in ms. Questions and probes are counted together from 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) at: u64,
    pub(super) asking: usize,
    pub(super) form: Form,
}

/// A question has ended, at this time in ms: with the answer to this send, or without any.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) at: u64,
    pub(super) asking: usize,
    pub(super) outcome: Result<(usize, Form), LookupError>,
}

/// A server over one transport, and the number of the connection from the second one on.
pub(super) fn place(server: usize, via: Via, nth: usize) -> String {
    let over = match via {
        Via::Udp => "UDP",
        Via::Tcp => "TCP",
        Via::Tls => "TLS",
    };
    match nth {
        0 | 1 => format!("S{} over {over}", server + 1),
        nth => format!("S{} over {over}, connection {nth}", server + 1),
    }
}

/// The text with short names for the servers' addresses.
pub(super) fn short(text: &str, servers: usize) -> String {
    (1..=servers).rev().fold(text.to_owned(), |text, nth| {
        let text = text.replace(&format!("192.0.2.{nth}:53"), &format!("S{nth}"));
        text.replace(&format!("192.0.2.{nth}:"), &format!("S{nth}:"))
    })
}

/// The message as the inquiry gets it.
pub(super) fn reply(said: Said) -> Reply {
    let failed = |kind: LookupErrorKind| Reply::Failed(kind.into());
    match said {
        Said::Answer => Reply::Answered { is_negative: false },
        Said::NoName => Reply::Answered { is_negative: true },
        Said::ServFail => failed(LookupErrorKind::ServerFailure),
        Said::Refused => failed(LookupErrorKind::Refused),
        Said::Nonsense => {
            let error = LookupError::from(LookupErrorKind::Other);
            Reply::Failed(error.with_cause(words(said)))
        }
        Said::Truncated => Reply::Truncated,
        Said::NoEdns => Reply::WithoutEdns,
        Said::ToAnother => Reply::ToAnother,
        Said::Unreadable | Said::Partial => {
            let error = LookupError::from(LookupErrorKind::Other).with_cause(words(said));
            Reply::Unreadable { error, has_address: said == Said::Partial }
        }
    }
}

pub(super) fn words(said: Said) -> &'static str {
    match said {
        Said::Answer => "answer",
        Said::NoName => "no such name",
        Said::ServFail => "SERVFAIL",
        Said::Refused => "REFUSED",
        Said::Nonsense => "malformed reply",
        Said::Truncated => "truncated",
        Said::NoEdns => "does not understand EDNS",
        Said::ToAnother => "an answer to another question",
        Said::Unreadable => "malformed reply",
        Said::Partial => "malformed reply with an address",
    }
}
