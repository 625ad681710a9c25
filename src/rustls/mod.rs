//! TLS within the race: an attempt wins when its TLS handshake is done, so a path that accepts TCP
//! and fails in TLS loses to another one.
//!
//! ```no_run
//! # #[cfg(any(feature = "dns", feature = "os"))]
//! # async fn doc() -> Result<(), he::Error> {
//! let tls = he::rustls::Tls::default();
//! let established = tls.connect(&he::Connector::default(), "robur.coop", 443).await?;
//! let stream = established.stream; // tokio_rustls::client::TlsStream<TcpStream>
//! # Ok(())
//! # }
//! ```
//!
//! With feature `hyper` there is [`HttpsConnector`], which does the same for HTTP clients. In a
//! program that has the crate rustls as well, `use he::rustls` hides it; `he::rustls::rustls`
//! is the version that this crate uses.
//!
//! # What is verified
//!
//! The certificate has to be for the host as it was typed, a name or an IP address, and never for a
//! name or address that DNS gives. A name is sent as SNI, without a dot at its end, in A-labels.
//! [`Trust`] has the accepted issuers. A certificate that is refused fails that attempt, and the
//! others continue. If all fail, the error has the reason of each:
//!
//! ```text
//! cannot connect to www.test: every attempt failed; AAAA: no records; A: 1 address;
//! 192.0.2.1:443: bad certificate: wrong name: the certificate is for a.test, not www.test after 41ms
//! ```

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::connect::Connector;
use crate::connect::attempt::{Attempt, Established};
use crate::connect::call::Call;
use crate::connect::calls::NewCall;
use crate::connect::drive::Dialling;
use crate::mutex::Mutex;
use crate::race::binding::Binding;
use crate::race::host::Host;
use crate::race::ports::Ports;
use crate::tls::trust::BoxError;
use crate::tls::words;

mod configs;
#[cfg(feature = "hyper")]
mod https;
#[cfg(feature = "hyper")]
mod stream;

pub use crate::tls::trust::Trust;
pub use ::{rustls, tokio_rustls};
#[cfg(feature = "hyper")]
pub use https::HttpsConnector;
#[cfg(feature = "hyper")]
pub use stream::MaybeTls;
pub use tokio_rustls::client::TlsStream;

use configs::Configs;

/// TLS to hosts. Cheap to clone.
///
/// Sessions are kept and resumed. Clones share them. Connections by another interface, mark or
/// local address have sessions of their own, because a session shows the server that both are the
/// same host; those of the 64 bindings last used are kept. With [`Trust::config`] the configuration
/// stores the sessions. There is no early data.
#[derive(Clone)]
#[must_use]
pub struct Tls {
    trust: Trust,
    /// `None` for the ALPN of the configuration.
    alpn: Option<Arc<[Vec<u8>]>>,
    /// Made at first use.
    configs: Arc<Mutex<Configs>>,
}

impl Tls {
    /// TLS to servers that this trust accepts.
    pub fn new(trust: Trust) -> Self {
        Self { trust, alpn: None, configs: Arc::default() }
    }

    /// The protocols to offer (ALPN), the most wanted first: `tls.with_alpn(["h2", "http/1.1"])`.
    /// Default none, or those of the configuration given to [`Trust::config`]. Earlier sessions are
    /// not resumed.
    pub fn with_alpn<P: Into<Vec<u8>>>(self, protocols: impl IntoIterator<Item = P>) -> Self {
        let alpn = protocols.into_iter().map(Into::into).collect();
        Self { alpn: Some(alpn), configs: Arc::default(), ..self }
    }

    /// These protocols, unless others were given.
    #[cfg(feature = "hyper")]
    fn or_alpn(self, protocols: &[&str]) -> Self {
        let given = self.trust.given_config().is_some_and(|it| !it.alpn_protocols.is_empty());
        if given || self.alpn.is_some() { self } else { self.with_alpn(protocols.iter().copied()) }
    }

    /// Connects to a host, TLS included. While a handshake runs, the next attempt waits for its
    /// expected end, but not longer than 2 s after the last start.
    ///
    /// # Errors
    ///
    /// As [`Connector::connect_with`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) also for a
    /// name that no certificate can have, and where there is no crypto provider or nothing to
    /// verify a certificate against. The `io::Error` of an attempt is that of tokio-rustls, with a
    /// `rustls::Error` in it where TLS has failed.
    ///
    /// # Cancel safety
    ///
    /// As [`Connector::connect`].
    pub fn connect(
        &self,
        connector: &Connector,
        host: impl AsRef<str>,
        ports: impl Into<Ports>,
    ) -> Call<'static, Established<TlsStream<TcpStream>>> {
        let (tls, connector) = (self.clone(), connector.clone());
        let (host, ports) = (Arc::<str>::from(host.as_ref()), ports.into());
        Call::new(async move {
            let call = match tls.prepare(&connector, &host).await {
                Ok(()) => NewCall::to_host(&connector, host, ports),
                Err(why) => NewCall::refused(&connector, &host, ports, why.to_string()),
            };
            call.run(|attempt| tls.dial(attempt), Dialling::Beyond).await
        })
    }

    /// Fails where no certificate can be verified.
    async fn prepare(&self, connector: &Connector, host: &Arc<str>) -> io::Result<()> {
        // The race refuses a text that is not a host.
        if let Ok(host) = Host::parse(host.clone()) {
            server_name(host.name())?;
        }
        self.config_for(connector.socket_options().binding()).await?;
        Ok(())
    }

    /// One attempt, for a dial of your own that uses TLS on some ports or to some addresses:
    ///
    /// ```
    /// # async fn doc(connector: he::Connector, tls: he::rustls::Tls) -> Result<(), he::Error> {
    /// let dial = |attempt: he::Attempt| {
    ///     let shaking = tls.dial(attempt);
    ///     async move {
    ///         let stream = shaking.await?;
    ///         // and here what the protocol begins with
    ///         Ok(stream)
    ///     }
    /// };
    /// let established = connector.connect_with("robur.coop", 443, dial).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Attempt::connect`] and of the handshake.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub fn dial(
        &self,
        attempt: Attempt,
    ) -> impl Future<Output = io::Result<TlsStream<TcpStream>>> + Send + use<> {
        let tls = self.clone();
        async move {
            let name = server_name(&attempt.host())?;
            let config = tls.config_for(attempt.binding()).await?;
            let tcp = attempt.connect().await?;
            TlsConnector::from(config).connect(name, tcp).await.map_err(in_words)
        }
    }

    /// The configuration of rustls that results, for libraries that make the handshake themselves,
    /// after STARTTLS for instance. With [`Trust::platform`] the first call reads files.
    ///
    /// # Errors
    ///
    /// There is no crypto provider, or nothing to verify a server against. The next call tries
    /// again.
    pub fn client_config(&self) -> io::Result<Arc<ClientConfig>> {
        self.config_now(&Binding::default())
    }

    async fn config_for(&self, binding: &Binding) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.configs.lock().get(binding) {
            return Ok(config.clone());
        }
        let (tls, binding) = (self.clone(), binding.clone());
        self.trust.off_thread(move || tls.config_now(&binding)).await?
    }

    fn config_now(&self, binding: &Binding) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.configs.lock().get(binding) {
            return Ok(config.clone());
        }
        // Built without holding the lock; the first one stored wins.
        let config = Arc::new(self.make().map_err(io::Error::other)?);
        Ok(self.configs.lock().keep(binding, config))
    }

    fn make(&self) -> Result<ClientConfig, BoxError> {
        let mut config = self.trust.client_config(None)?;
        if let Some(alpn) = &self.alpn {
            config.alpn_protocols = alpn.to_vec();
        }
        Ok(config)
    }
}

/// A close during the handshake is not a rustls error, so it needs our own wording.
fn in_words(error: io::Error) -> io::Error {
    let closed = error.kind() == io::ErrorKind::UnexpectedEof;
    if closed { io::Error::new(error.kind(), words::CLOSED) } else { error }
}

/// The name that the certificate has to be for.
fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    ServerName::try_from(host.to_owned()).map_err(|_| {
        let why = format!("no certificate can be for \"{host}\"");
        io::Error::new(io::ErrorKind::InvalidInput, why)
    })
}

impl Default for Tls {
    /// By [`Trust::platform`].
    fn default() -> Self {
        Self::new(Trust::default())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alpn = self.alpn.as_ref().map(|alpn| {
            alpn.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect::<Vec<_>>()
        });
        f.debug_struct("Tls").field("trust", &self.trust).field("alpn", &alpn).finish()
    }
}
