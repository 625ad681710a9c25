//! Makes the connections of a link with the crate's own connector: with its socket options, its
//! binding and its report.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::connection::{Connection, ConnectionState};
use super::tls::{self, TlsClient, TlsClients, TlsStream};
use crate::connect::Connector;
use crate::connect::attempt::Attempt;
use crate::connect::clock::now;
use crate::connect::socket::SocketOptions;
use crate::dns::name_server::NameServer;
use crate::dns::question::{Health, OPPORTUNISTIC_TIMEOUT, Phase, Route};
use crate::mutex::Mutex;
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::binding::Binding;
use crate::race::config::Config;
use crate::race::error::Error;
use crate::race::report::{AttemptOutcome, AttemptReport};
use crate::race::text::Time;

/// The time-out of a connection. The lookups that wait for it give up sooner.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the connections of one link.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    pub(super) addr: SocketAddr,
    pub(super) binding: Binding,
    /// `None` for TCP in plaintext.
    pub(super) tls: Option<TlsDialer>,
}

/// Makes TLS on a connection.
#[derive(Debug, Clone)]
pub(super) struct TlsDialer {
    pub(super) server: NameServer,
    pub(super) clients: Arc<TlsClients>,
    /// Made at first use. Its sessions are resumed by this link only.
    pub(super) client: Arc<OnceCell<TlsClient>>,
    /// The memory of the port, where plain DNS serves as well.
    pub(super) health: Option<(Arc<Mutex<Health>>, Route)>,
}

impl Dialer {
    /// A new connection, whose task dials.
    pub(super) fn open(&self, quota: usize) -> Arc<Connection> {
        let Self { addr, binding, tls } = self.clone();
        match tls {
            None => Connection::open(quota, async move |_| {
                let made = connect(addr, binding, TIMEOUT, Attempt::connect).await;
                made.map_err(|failed| failed.error)
            }),
            Some(tls) => Connection::open(quota, async move |state: Arc<ConnectionState>| {
                let started = Instant::now();
                let made = tls.connect(addr, binding, state).await;
                tls.remember(started, &made);
                made.map_err(|failed| failed.error)
            }),
        }
    }
}

impl TlsDialer {
    async fn connect(
        &self,
        addr: SocketAddr,
        binding: Binding,
        state: Arc<ConnectionState>,
    ) -> Result<TlsStream, Failed> {
        let timeout = if self.health.is_some() { OPPORTUNISTIC_TIMEOUT } else { TIMEOUT };
        let client = self.client.get_or_try_init(|| self.clients.client(&self.server)).await;
        let client = client.map_err(Failed::here)?;
        let dial = |attempt: Attempt| {
            let state = state.clone();
            tls::dial(attempt, move || state.tcp_is_up(), client.clone())
        };
        let made = connect(addr, binding, timeout, dial).await;
        made.map_err(|failed| match failed.fault {
            Fault::Silence => failed.because(silence(&state, timeout)),
            Fault::Port | Fault::Here => failed,
        })
    }

    /// Notes a failed handshake. A handshake alone does not prove the port useful; an answer does.
    fn remember<T>(&self, started: Instant, made: &Result<T, Failed>) {
        let (Some((health, route)), Err(failed)) = (&self.health, made) else { return };
        let (why, started, now) = (failed.error.reason(), started.into_std(), now());
        let is_new = match failed.fault {
            Fault::Port => health.lock().note_tls_dead(route, &why, now),
            Fault::Silence => health.lock().note_tls_silent(route, &why, started, now),
            Fault::Here => false,
        };
        if is_new {
            tracing::debug!(server = %route.server.ip(), why, "no TLS: left alone");
        }
    }
}

fn silence(state: &ConnectionState, timeout: Duration) -> String {
    let what = match state.phase() {
        Phase::Connecting(_) => "no TCP connection",
        Phase::Handshaking(_) | Phase::Up(_) | Phase::Ended => "no TLS handshake",
    };
    format!("{what} within {}", Time(timeout))
}

/// A connection attempt that has failed, and where the fault lies.
struct Failed {
    error: LookupError,
    fault: Fault,
}

enum Fault {
    /// The port of the server: refused, or a failed handshake.
    Port,
    /// Nothing came in time.
    Silence,
    /// This host: nothing was sent.
    Here,
}

impl Failed {
    fn here(error: LookupError) -> Self {
        Self { error, fault: Fault::Here }
    }

    fn because(self, why: String) -> Self {
        Self { error: LookupError::from(LookupErrorKind::NoNameServer).with_cause(why), ..self }
    }
}

async fn connect<T, D, F>(
    addr: SocketAddr,
    binding: Binding,
    timeout: Duration,
    dial: D,
) -> Result<T, Failed>
where
    D: Fn(Attempt) -> F + Send,
    F: Future<Output = io::Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let config = Config::new().with_connect_timeout(timeout).with_total_timeout(Duration::MAX);
    let socket = SocketOptions::default().bound_by(binding);
    let connector = Connector::without_resolver().with_config(config).with_socket_options(socket);
    match connector.connect_addrs_with(addr, dial).await {
        Ok(established) => Ok(established.stream),
        Err(error) => Err(classify_failure(&error)),
    }
}

fn classify_failure(error: &Error) -> Failed {
    let attempt = error.report().attempts().first();
    match attempt.map(AttemptReport::outcome) {
        Some(AttemptOutcome::Failed(cause)) => {
            let here = attempt.is_some_and(AttemptReport::is_local);
            let fault = if here { Fault::Here } else { Fault::Port };
            Failed { error: tls::why(cause), fault }
        }
        Some(AttemptOutcome::TimedOut) => {
            Failed { error: LookupErrorKind::NoNameServer.into(), fault: Fault::Silence }
        }
        Some(AttemptOutcome::Running | AttemptOutcome::Won | AttemptOutcome::Cancelled) | None => {
            let error = LookupError::from(LookupErrorKind::NoNameServer).with_cause(error.clone());
            Failed::here(error)
        }
    }
}
