//! One question to one server, by that server's profile.

use tokio::time::Instant;

use super::opportunistic::opportunistic;
use super::plain::plain;
use super::reply::Reply;
use super::tcp::{over_tcp, over_tls};
use crate::dns::link::links::Way;
use crate::dns::message::Question;
use crate::dns::name_server::{Profile, TLS_PORT};
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::text::{Escaped, Time};

/// Asks one server. A silent server keeps this waiting; the caller ends it.
///
/// # Errors
///
/// The server's error, or the reason why it could not be reached
/// ([`LookupErrorKind::NoNameServer`], [`LookupErrorKind::Untrusted`]).
pub(in crate::dns) async fn exchange(
    way: &Way<'_>,
    question: &Question,
) -> Result<Reply, LookupError> {
    let started = Instant::now();
    let result = match way.server.profile() {
        // R-7858-3.1c, also where resolv.conf has this port.
        Profile::Udp | Profile::Tcp if way.server.addr().port() == TLS_PORT => {
            let why = "port 853 is for TLS, never for plain DNS";
            Err(LookupError::from(LookupErrorKind::NoNameServer).with_cause(why))
        }
        // Without the feature nothing can be asked over TLS.
        Profile::Opportunistic { .. } if !cfg!(feature = "dns-over-tls") => {
            plain(way, question).await
        }
        Profile::Udp => plain(way, question).await,
        Profile::Tcp => over_tcp(way, question).await,
        Profile::Opportunistic { .. } => opportunistic(way, question).await,
        Profile::Tls(_) => over_tls(way, question).await,
    };
    let result = result.map_err(|error| match error.server() {
        Some(_) => error,
        None => error.with_server(way.server.addr()),
    });
    trace_end(way, question, started, &result);
    result
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
            tracing::debug!(%server, %record, error = %Escaped(error), %time, "failed");
        }
    }
}
