//! How name servers speak TLS, and what they record of their connections.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{NoServerSessionStorage, ServerConfig};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, SupportedProtocolVersion};

use crate::certificate::{Authority, Certificate};
use crate::clock::Moment;

/// The port for DNS over TLS (RFC 7858 section 3.1).
pub(crate) const PORT: u16 = 853;

/// How a server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goodbye {
    /// As TLS requires: the alert "close_notify", then FIN.
    Notify,
    /// FIN alone.
    Fin,
    /// RST.
    Reset,
}

/// A connection to a name server's port for DNS over TLS, as the server sees it.
#[derive(Debug, Clone)]
pub struct TlsConnection {
    /// Its number, counted over all servers.
    pub number: usize,
    /// The address of the server.
    pub server: IpAddr,
    /// The port of the client.
    pub port: u16,
    /// When the server accepted it.
    pub accepted: Moment,
    /// The client's first message, if it was a ClientHello.
    pub hello: Option<Hello>,
    /// When the server's side of the handshake was complete.
    pub secured: Option<Moment>,
    /// True if the handshake resumed a session.
    pub resumed: bool,
    /// True if it is TLS 1.3; otherwise it is 1.2.
    pub tls13: bool,
    /// True if the client announced data before the end of the handshake (0-RTT). Only a server
    /// with [`tls_early_data`](crate::NameServer::tls_early_data) sees that.
    pub early: bool,
    /// Why the handshake failed: the error of the server's TLS, which may be an alert of the
    /// client.
    pub failure: Option<String>,
    /// When the server was done with it, whichever side ended it.
    pub ended: Option<Moment>,
}

/// A ClientHello.
#[derive(Debug, Clone)]
pub struct Hello {
    /// When it arrived.
    pub at: Moment,
    /// The name in it (SNI).
    pub name: Option<String>,
    /// The protocols in it (ALPN).
    pub alpn: Vec<String>,
}

/// The TLS of all name servers, and their connections.
#[derive(Default)]
pub(crate) struct Tls {
    servers: HashMap<IpAddr, Speech>,
    connections: Vec<TlsConnection>,
}

/// The TLS of one server.
#[derive(Clone, Default)]
pub(crate) struct Speech {
    pub(crate) setup: Setup,
    config: Option<Arc<ServerConfig>>,
    pub(crate) faults: Faults,
    /// How many of the next connections have the faults; `None` means all.
    pub(crate) ill_for: Option<u32>,
}

/// The set-up of a server's TLS.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    pub(crate) certificate: Option<Certificate>,
    pub(crate) version: Option<&'static SupportedProtocolVersion>,
    pub(crate) without_key: bool,
    pub(crate) without_tickets: bool,
    pub(crate) early_data: bool,
}

/// The faults of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) greeting: Greeting,
    pub(crate) handshake_after: Duration,
    pub(crate) never: bool,
    pub(crate) code: Option<ResponseCode>,
    pub(crate) wrong: Option<Wrong>,
    pub(crate) shuffles: Option<usize>,
    /// The connection ends at this question, which gets no answer.
    pub(crate) closes_at: Option<(u32, Goodbye)>,
    /// The connection ends after this many answers.
    pub(crate) closes_after: Option<(u32, Goodbye)>,
    pub(crate) closes_idle: Option<(Duration, Goodbye)>,
    /// A NAT forgets the connection after this many answers.
    pub(crate) forgets_after: Option<u32>,
}

/// How the server treats a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Greeting {
    #[default]
    Handshake,
    Mute,
    Garbage,
    Closes,
    /// The connection ends with the server's part of the handshake.
    Leaves,
}

/// The mistake in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Id,
    Question,
}

impl Tls {
    /// True if this server speaks TLS.
    pub(crate) fn speaks(&self, server: IpAddr) -> bool {
        self.servers.get(&server).is_some_and(|speech| speech.config.is_some())
    }

    /// Changes the faults of a server. Sessions and tickets outlive this, whereas a change of the
    /// set-up ends them.
    pub(crate) fn faults(&mut self, server: IpAddr, change: impl FnOnce(&mut Speech)) {
        change(self.servers.entry(server).or_default());
    }

    /// Changes the set-up of a server.
    pub(crate) fn set_up(&mut self, server: IpAddr, change: impl FnOnce(&mut Setup)) {
        let speech = self.servers.entry(server).or_default();
        change(&mut speech.setup);
        speech.config = speech.setup.config();
    }

    /// The configuration for a handshake.
    pub(crate) fn config(&self, server: IpAddr) -> Option<Arc<ServerConfig>> {
        self.servers.get(&server)?.config.clone()
    }

    /// The faults of a connection. `ill` comes from [`Self::opened`].
    pub(crate) fn faults_of(&self, server: IpAddr, ill: bool) -> Faults {
        let speech = self.servers.get(&server).filter(|_| ill);
        speech.map(|speech| speech.faults).unwrap_or_default()
    }

    /// Records a new connection. Returns its number, and whether it has the faults.
    pub(crate) fn opened(&mut self, client: SocketAddr) -> (usize, bool) {
        let number = self.connections.len();
        self.connections.push(TlsConnection {
            number,
            server: client.ip(),
            port: client.port(),
            accepted: Moment::now(),
            hello: None,
            secured: None,
            resumed: false,
            tls13: false,
            early: false,
            failure: None,
            ended: None,
        });
        let speech = self.servers.entry(client.ip()).or_default();
        let ill = speech.ill_for != Some(0);
        speech.ill_for = speech.ill_for.map(|n| n.saturating_sub(1));
        (number, ill)
    }

    pub(crate) fn note(&mut self, number: usize, change: impl FnOnce(&mut TlsConnection)) {
        change(&mut self.connections[number]);
    }

    pub(crate) fn connections(&self, server: IpAddr) -> Vec<TlsConnection> {
        self.connections.iter().filter(|it| it.server == server).cloned().collect()
    }
}

impl Setup {
    /// The configuration; `None` without a certificate.
    fn config(&self) -> Option<Arc<ServerConfig>> {
        let certificate = self.certificate.as_ref()?;
        let key = match self.without_key {
            true => Authority::new().issue(&[]).key(),
            false => certificate.key(),
        };
        let key = ring::sign::any_supported_type(&key.into()).expect("a key");
        // `with_single_cert` would compare key and certificate; this resolver does not.
        let certified = CertifiedKey::new(certificate.chain(), key);
        let versions: &[_] = match &self.version {
            Some(version) => &[*version],
            None => &[&TLS12, &TLS13],
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions that the provider has")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        if self.early_data {
            config.max_early_data_size = u32::MAX;
        }
        if self.without_tickets {
            config.send_tls13_tickets = 0;
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        Some(Arc::new(config))
    }
}

/// True if the handshake resumed a session.
pub(crate) fn resumed(connection: &rustls::ServerConnection) -> bool {
    connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
}

/// Records the end of a handshake.
pub(crate) fn secured(connection: &mut rustls::ServerConnection, note: &mut TlsConnection) {
    note.early = connection.early_data().is_some();
    note.secured = Some(Moment::now());
    note.resumed = resumed(connection);
    note.tls13 = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
}
