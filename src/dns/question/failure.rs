//! The error of a question without an answer: which server is named, and what each has said by the
//! deadline.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use super::datagram::Datagram;
use super::plain::Plain;
use super::server::{SILENT, Server};
use super::stream::Stream;
use super::{Connections, Phase, Upstream, Usage};
use crate::race::answer::{LookupError, LookupErrorKind};

/// The text for a server that refuses EDNS and is then silent.
const WITHOUT_EDNS: &str = "does not understand EDNS, and no answer without it";

/// The error of the lowest rank, and among equals that of the server that was asked first.
pub(super) fn failure(
    asked: &[Server],
    servers: &[Upstream],
    connections: &dyn Connections,
) -> LookupError {
    let error = |server: &Server| {
        let error =
            server.error().cloned().unwrap_or_else(|| error_of_silence(server, connections));
        match error.server() {
            Some(_) => error,
            None => error.with_server(servers[server.index].addr),
        }
    };
    let errors: Vec<_> = asked.iter().map(|server| (server, error(server))).collect();
    let silent: Vec<_> = errors.iter().filter(|(it, _)| it.outcome.is_none()).collect();
    let silent: Vec<_> = silent.into_iter().map(|(_, error)| error).collect();
    match errors.iter().min_by_key(|(_, error)| rank(error)) {
        Some((first, error)) if first.outcome.is_none() => of_silent_servers(error, &silent),
        Some((_, error)) => error.clone(),
        // The deadline had passed before any server was asked.
        None if !servers.is_empty() => {
            LookupError::from(LookupErrorKind::TimedOut).with_server(servers[0].addr)
        }
        None => LookupError::new(LookupErrorKind::NoNameServer).with_cause("none is configured"),
    }
}

/// The rank among several failures. An error that a server gave comes before a reply that makes no
/// sense, then silence, then an unreachable server.
pub(super) fn rank(error: &LookupError) -> u8 {
    match error.kind() {
        LookupErrorKind::ServerFailure | LookupErrorKind::Refused | LookupErrorKind::Untrusted => 0,
        LookupErrorKind::NoSuchName | LookupErrorKind::NoRecords | LookupErrorKind::Other => 1,
        LookupErrorKind::TimedOut => 2,
        LookupErrorKind::NoNameServer => 3,
    }
}

/// The error of several servers without an answer, one of which is `first`. Where their replies
/// differ, it has them all.
fn of_silent_servers(first: &LookupError, silent: &[&LookupError]) -> LookupError {
    let cause = |error: &LookupError| error.cause().map(ToString::to_string);
    let is_same = silent.iter().all(|error| cause(error) == cause(first));
    let error = match (first.kind(), first.server()) {
        (LookupErrorKind::TimedOut, Some(server)) if !is_same => {
            let causes = silent
                .iter()
                .filter_map(|error| Some(format!("{}: {}", error.server()?, cause(error)?)));
            no_answer(causes.collect::<Vec<_>>().join(", ")).with_server(server)
        }
        _ => first.clone(),
    };
    error.with_other_servers(silent.len() - 1)
}

/// The error of a server without an answer: its reply that did not suffice; and for one that is
/// asked over TLS only, how far the connection got.
fn error_of_silence(server: &Server, connections: &dyn Connections) -> LookupError {
    let is_strict = matches!(server.usage, Usage::Strict);
    let tls = server.transports.tls.as_ref();
    if let Some(error) = tls.filter(|_| is_strict).and_then(Stream::failure) {
        return error.clone();
    }
    let plain = server.transports.plain.as_ref();
    let reply = plain.and_then(reply_in_plain).or_else(|| reply_over(tls?));
    let reply = reply.or_else(|| plain.and_then(unreachable));
    let latest = tls.filter(|_| is_strict).and_then(Stream::latest);
    let phase = latest.map(|send| connections.seen(send).phase);
    match (reply, phase) {
        (Some(reply), _) => no_answer(reply),
        (None, Some(Phase::Connecting(_))) => no_answer("no TCP connection"),
        (None, Some(Phase::Handshaking(_))) => no_answer("TCP is up, TLS is silent"),
        (None, Some(Phase::Up(_))) => no_answer(SILENT),
        (None, Some(Phase::Ended) | None) => LookupErrorKind::TimedOut.into(),
    }
}

/// The reply over plain DNS that did not suffice.
fn reply_in_plain(plain: &Plain) -> Option<Cow<'static, str>> {
    let (udp, tcp) = (plain.udp.as_ref(), plain.tcp.as_ref());
    if let Some(said) = tcp.and_then(reply_over) {
        return Some(said);
    }
    if plain.is_truncated() {
        return Some("truncated, and no answer over TCP".into());
    }
    udp.is_some_and(Datagram::has_refused_edns).then_some(WITHOUT_EDNS.into())
}

/// The port that is closed while the other one is silent. Any reply counts for more.
fn unreachable(plain: &Plain) -> Option<Cow<'static, str>> {
    let (over, error) = plain.last_failure()?;
    Some(format!("over {over}: {}", error.reason()).into())
}

fn reply_over(stream: &Stream) -> Option<Cow<'static, str>> {
    stream.has_refused_edns().then_some(WITHOUT_EDNS.into())
}

/// The error of a silent server, with a text for its cause.
fn no_answer(why: impl Into<String>) -> LookupError {
    let cause = Arc::new(io::Error::from(io::ErrorKind::TimedOut));
    LookupError::from(LookupErrorKind::TimedOut).with_worded_cause(why, cause)
}
