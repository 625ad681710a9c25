//! TLS to name servers: verified as the profile of each server asks.
//!
//! | profile | certificate | SNI |
//! |---|---|---|
//! | opportunistic | any | none |
//! | strict | by [`Trust`], for the hostname, or without one for the IP address | the hostname |
//! | pinned | one that matches a pin; with a hostname it has to be for that as well | the hostname |
//!
//! The server's possession of the private key is verified in each case. TLS 1.2 and 1.3 (RFC 7858
//! section 8), no ALPN (port 853 needs none), no early data. Each link has a client of its own with
//! sessions of its own, so that a server verified by one profile is never taken as verified by
//! another.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::connect::attempt::Attempt;
use crate::dns::name_server::{Authentication, NameServer, Pin, Profile};
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::tls::provider::NoProvider;
use crate::tls::trust::BoxError;
use verify::Unchained;

mod verify;
mod why;

#[cfg(test)]
mod tests;

pub use crate::tls::trust::Trust;
pub(super) use why::why;

/// The TLS configuration for one name server.
#[derive(Debug, Clone)]
pub(super) struct TlsClient {
    pub(super) config: Arc<ClientConfig>,
    /// The name or address that the certificate has to be for, where the profile asks that.
    pub(super) name: ServerName<'static>,
}

/// A connection over TLS.
pub(super) type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// One attempt to connect over TLS. `tcp_is_up` runs between the two handshakes.
pub(super) async fn dial(
    attempt: Attempt,
    tcp_is_up: impl FnOnce(),
    client: TlsClient,
) -> io::Result<TlsStream> {
    let (addr, TlsClient { config, name }) = (attempt.addr(), client);
    let tcp = attempt.connect().await?;
    tcp_is_up();
    let stream = TlsConnector::from(config).connect(name, tcp).await?;
    let session = stream.get_ref().1;
    let (version, handshake) = (session.protocol_version(), session.handshake_kind());
    tracing::debug!(%addr, ?version, ?handshake, "TLS is up");
    Ok(stream)
}

/// Makes the clients of one network.
#[derive(Debug)]
pub(in crate::dns) struct TlsClients {
    trust: Trust,
}

impl TlsClients {
    pub(in crate::dns) fn new(trust: Trust) -> Self {
        Self { trust }
    }

    /// The reason why no opportunistic server can be asked over TLS. A strict or pinned one gets the
    /// same reason as its error. The process is warned once.
    pub(in crate::dns) fn why_none(&self) -> Option<Arc<str>> {
        static WARNED: AtomicBool = AtomicBool::new(false);
        let why = self.trust.provider().err()?;
        if !WARNED.swap(true, Ordering::Relaxed) {
            tracing::warn!(%why, "name servers are asked unencrypted");
        }
        Some(why.to_string().into())
    }

    /// A client for this server. It resumes its own sessions only, because a resumed session shows
    /// the server that two clients are the same.
    ///
    /// # Errors
    ///
    /// There is no crypto provider, there is nothing to verify the server against, or the server is
    /// never asked over TLS.
    pub(super) async fn client(
        self: &Arc<Self>,
        server: &NameServer,
    ) -> Result<TlsClient, LookupError> {
        self.seed_beside_tcp();
        if !is_verified_by_issuer(server) {
            return self.client_now(server);
        }
        let (clients, asked) = (Arc::clone(self), server.clone());
        let made = self.trust.off_thread(move || clients.client_now(&asked)).await;
        made.unwrap_or_else(|error| Err(untrusted(server, error.into())))
    }

    /// Takes the first random bytes of the process on another thread, while TCP is being connected:
    /// aws-lc needs about 20 ms for them, and would hold up the handshake and this runtime.
    fn seed_beside_tcp(&self) {
        static IS_SEEDED: AtomicBool = AtomicBool::new(false);
        let Ok(provider) = self.trust.provider() else { return };
        if !IS_SEEDED.swap(true, Ordering::Relaxed) {
            let seed = move || provider.secure_random.fill(&mut [0; 32]);
            drop(tokio::task::spawn_blocking(seed));
        }
    }

    fn client_now(&self, server: &NameServer) -> Result<TlsClient, LookupError> {
        self.make(server).map_err(|why| untrusted(server, why))
    }

    fn make(&self, server: &NameServer) -> Result<TlsClient, BoxError> {
        let ip = ServerName::from(server.addr().ip());
        let (config, name) = match server.profile() {
            Profile::Udp | Profile::Tcp => return Err("never asked over TLS".into()),
            Profile::Opportunistic { .. } => {
                let provider = self.trust.provider()?;
                let any = Arc::new(Unchained::any(provider.clone()));
                (crate::tls::trust::config(provider, any)?, ip)
            }
            Profile::Tls(Authentication { name, pins }) => {
                let host = name.as_deref().map(|name| ServerName::try_from(name.to_owned()));
                let host = host.transpose()?;
                let verifier = self.by_pins(pins, host.is_some())?;
                (self.trust.client_config(verifier)?, host.unwrap_or(ip))
            }
        };
        Ok(TlsClient { config: Arc::new(own(config, &name)), name })
    }

    /// `None` without pins.
    fn by_pins(
        &self,
        pins: &Arc<[Pin]>,
        named: bool,
    ) -> Result<Option<Arc<dyn ServerCertVerifier>>, NoProvider> {
        if pins.is_empty() {
            return Ok(None);
        }
        let pinned = Unchained::pinned(self.trust.provider()?, pins.clone(), named);
        Ok(Some(Arc::new(pinned)))
    }
}

/// True if the certificate is verified by its issuer, for which the roots are needed.
fn is_verified_by_issuer(server: &NameServer) -> bool {
    match server.profile() {
        Profile::Opportunistic { .. } | Profile::Udp | Profile::Tcp => false,
        Profile::Tls(by) => by.pins.is_empty(),
    }
}

fn untrusted(server: &NameServer, why: BoxError) -> LookupError {
    LookupError::from(LookupErrorKind::Untrusted).with_server(server.addr()).with_cause(why)
}

/// The settings that do not depend on the source of the configuration.
fn own(mut config: ClientConfig, name: &ServerName<'_>) -> ClientConfig {
    config.alpn_protocols.clear();
    // Early data can be replayed, and a session ticket that others share shows who asks.
    config.enable_early_data = false;
    config.enable_sni = matches!(name, ServerName::DnsName(_));
    config.resumption = Resumption::in_memory_sessions(1);
    config
}
