//! TLS to name servers: who is trusted, by the policy of each server.
//!
//! | policy | certificate | SNI |
//! |---|---|---|
//! | opportunistic | any | none |
//! | strict | as [`Trust`] has it, for the hostname, without one for the IP address | the hostname |
//! | pinned | one that a pin is of; with a hostname it has to be for that too | the hostname |
//!
//! That the server has the certificate's private key is verified in each case. TLS 1.2 and 1.3 (RFC
//! 7858 section 8), no ALPN (853 needs none), no early data. A server has a configuration of its own
//! for each policy, and with it its own sessions to resume: what was verified by one policy never
//! stands for another.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;

use super::name_server::{NameServer, Pin, Policy};
use crate::answer::{LookupError, LookupErrorKind};
use crate::binding::Binding;
use verify::Unchained;

mod trust;
mod verify;
mod why;

#[cfg(test)]
mod tests;

pub use trust::Trust;
pub(super) use why::why;

/// How a connection to one name server is made.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) config: Arc<ClientConfig>,
    /// For whom the certificate has to be, where the policy asks that.
    pub(super) name: ServerName<'static>,
}

/// The clients of one network, made when they are first needed.
#[derive(Debug)]
pub(super) struct Tls {
    trust: Trust,
    clients: Mutex<HashMap<(NameServer, Binding), Client>>,
}

impl Tls {
    pub(super) fn new(trust: Trust) -> Self {
        Self { trust, clients: Mutex::default() }
    }

    /// The client for this server: the same one each time, so that sessions are resumed, but another
    /// one for each way that packets are told to take: a session would tell the server that both
    /// are the same host.
    ///
    /// The first one for a strict server may block while the root certificates of the system are
    /// read, see [`Trust::platform`].
    ///
    /// # Errors
    ///
    /// There is nothing to verify the server against, or it is never asked over TLS. Nothing of it is
    /// kept: the next call tries again.
    pub(super) fn client(
        &self,
        server: &NameServer,
        binding: &Binding,
    ) -> Result<Client, LookupError> {
        let key = (server.clone(), binding.clone());
        if let Some(client) = self.lock().get(&key) {
            return Ok(client.clone());
        }
        // Without the lock, for reading may block. Who is first is kept.
        let client = self.make(server).map_err(|why| {
            LookupError::from(LookupErrorKind::Untrusted).with_server(server.addr()).with_cause(why)
        })?;
        Ok(self.lock().entry(key).or_insert(client).clone())
    }

    fn make(&self, server: &NameServer) -> Result<Client, Box<dyn StdError + Send + Sync>> {
        let ip = ServerName::from(server.addr().ip());
        let (config, name) = match server.policy() {
            Policy::Udp | Policy::Tcp => return Err("never asked over TLS".into()),
            Policy::Opportunistic { .. } => {
                let provider = self.trust.provider();
                let any = Arc::new(Unchained::any(provider.clone()));
                (trust::config(provider, any)?, ip)
            }
            Policy::Tls { name, pins } => {
                let host = name.as_deref().map(|name| ServerName::try_from(name.to_owned()));
                let host = host.transpose()?;
                let verifier = self.by_pins(pins, host.is_some());
                (self.trust.client_config(verifier)?, host.unwrap_or(ip))
            }
        };
        Ok(Client { config: Arc::new(own(config, &name)), name })
    }

    /// `None` without pins.
    fn by_pins(&self, pins: &Arc<[Pin]>, named: bool) -> Option<Arc<dyn ServerCertVerifier>> {
        if pins.is_empty() {
            return None;
        }
        Some(Arc::new(Unchained::pinned(self.trust.provider(), pins.clone(), named)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(NameServer, Binding), Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What holds whoever the configuration is of.
fn own(mut config: ClientConfig, name: &ServerName<'_>) -> ClientConfig {
    config.alpn_protocols.clear();
    // A query that is sent early can be replayed, and a ticket would tell who asks.
    config.enable_early_data = false;
    config.enable_sni = matches!(name, ServerName::DnsName(_));
    config.resumption = Resumption::in_memory_sessions(1);
    config
}
