//! The replacement of `tls/` without feature `dns-over-tls`: no question is asked over TLS.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;

use crate::connect::attempt::Attempt;
use crate::connect::drive::ERROR_WORDS;
use crate::dns::name_server::NameServer;
use crate::race::answer::{LookupError, LookupErrorKind};

/// The replacement of the trust, which no server needs here.
#[derive(Debug, Clone, Default)]
pub(in crate::dns) struct Trust {}

/// The replacement of the TLS clients. It always fails.
#[derive(Debug)]
pub(in crate::dns) struct TlsClients;

/// A type without a value, so the compiler knows that there is no connection over TLS.
#[derive(Debug, Clone)]
pub(super) enum TlsClient {}

/// No stream has this type; see [`TlsClient`].
pub(super) type TlsStream = TcpStream;

const NOT_COMPILED: &str = "DNS over TLS needs feature `dns-over-tls` of he-connect";

impl TlsClients {
    pub(in crate::dns) fn new(_: Trust) -> Self {
        Self
    }

    pub(in crate::dns) fn why_none(&self) -> Option<Arc<str>> {
        Some(NOT_COMPILED.into())
    }

    pub(super) async fn client(
        self: &Arc<Self>,
        server: &NameServer,
    ) -> Result<TlsClient, LookupError> {
        let error = LookupError::from(LookupErrorKind::Untrusted).with_server(server.addr());
        Err(error.with_cause(NOT_COMPILED))
    }
}

/// It is never called; see [`TlsClient`].
pub(super) async fn dial(_: Attempt, _: impl FnOnce(), client: TlsClient) -> io::Result<TlsStream> {
    match client {}
}

/// The error of a lookup that could not connect to a name server.
pub(super) fn why(error: &Arc<io::Error>) -> LookupError {
    let cause = ERROR_WORDS.of(error).to_string();
    LookupError::from(LookupErrorKind::NoNameServer).with_worded_cause(cause, error.clone())
}
