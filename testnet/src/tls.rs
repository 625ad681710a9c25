//! How name servers speak TLS, and what they have seen of it.

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
    /// As TLS has it: an alert "close_notify", then FIN.
    Notify,
    /// FIN alone.
    Fin,
    /// RST.
    Reset,
}

/// A connection to a name server's port for DNS over TLS, as the server sees it.
#[derive(Debug, Clone)]
pub struct TlsConnection {
    /// Its number, all servers together.
    pub number: usize,
    /// To whom.
    pub server: IpAddr,
    /// From which port.
    pub port: u16,
    /// When it was accepted.
    pub accepted: Moment,
    /// What the client began with, as far as there was a ClientHello.
    pub hello: Option<Hello>,
    /// When the server's side of the handshake was complete.
    pub secured: Option<Moment>,
    /// Whether the handshake resumed a session.
    pub resumed: bool,
    /// Whether it is TLS 1.3 (or else 1.2).
    pub tls13: bool,
    /// Whether the client has announced that it sends data before the handshake is over (0-RTT),
    /// which only a server with [`tls_early_data`](crate::NameServer::tls_early_data) sees.
    pub early: bool,
    /// Why there was no handshake: what the server's TLS says, alerts of the client among them.
    pub failure: Option<String>,
    /// When the server was done with it, whoever had ended it.
    pub ended: Option<Moment>,
}

/// A ClientHello.
#[derive(Debug, Clone)]
pub struct Hello {
    /// When it came.
    pub at: Moment,
    /// The name in it (SNI).
    pub name: Option<String>,
    /// The protocols in it (ALPN).
    pub alpn: Vec<String>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Tls {
    servers: HashMap<IpAddr, Speech>,
    connections: Vec<TlsConnection>,
}

/// How one server speaks.
#[derive(Clone, Default)]
pub(crate) struct Speech {
    pub(crate) setup: Setup,
    config: Option<Arc<ServerConfig>>,
    pub(crate) faults: Faults,
    /// On so many connections more there are faults; on all without a number.
    pub(crate) ill_for: Option<u32>,
}

/// What TLS is set up with.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    pub(crate) certificate: Option<Certificate>,
    pub(crate) version: Option<&'static SupportedProtocolVersion>,
    pub(crate) without_key: bool,
    pub(crate) without_tickets: bool,
    pub(crate) early_data: bool,
}

/// What goes wrong on a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) greeting: Greeting,
    pub(crate) handshake_after: Duration,
    pub(crate) never: bool,
    pub(crate) code: Option<ResponseCode>,
    pub(crate) wrong: Option<Wrong>,
    pub(crate) shuffles: Option<usize>,
    /// At this question, which is not answered.
    pub(crate) closes_at: Option<(u32, Goodbye)>,
    /// After so many answers.
    pub(crate) closes_after: Option<(u32, Goodbye)>,
    pub(crate) closes_idle: Option<(Duration, Goodbye)>,
    /// A NAT does, after so many answers.
    pub(crate) forgets_after: Option<u32>,
}

/// What the server does with a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Greeting {
    #[default]
    Handshake,
    Mute,
    Garbage,
    Closes,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Id,
    Question,
}

impl Tls {
    /// Whether there is a server with TLS here.
    pub(crate) fn speaks(&self, server: IpAddr) -> bool {
        self.servers.get(&server).is_some_and(|speech| speech.config.is_some())
    }

    /// Changes a server's speech. Sessions and tickets outlive what is said of faults, but no
    /// change of the set-up.
    pub(crate) fn faults(&mut self, server: IpAddr, change: impl FnOnce(&mut Speech)) {
        change(self.servers.entry(server).or_default());
    }

    /// As [`Self::faults`], of the set-up.
    pub(crate) fn set_up(&mut self, server: IpAddr, change: impl FnOnce(&mut Setup)) {
        let speech = self.servers.entry(server).or_default();
        change(&mut speech.setup);
        speech.config = speech.setup.config();
    }

    /// The configuration for a handshake.
    pub(crate) fn config(&self, server: IpAddr) -> Option<Arc<ServerConfig>> {
        self.servers.get(&server)?.config.clone()
    }

    /// What goes wrong with a connection, which was ill from its beginning or not.
    pub(crate) fn faults_of(&self, server: IpAddr, ill: bool) -> Faults {
        let speech = self.servers.get(&server).filter(|_| ill);
        speech.map(|speech| speech.faults).unwrap_or_default()
    }

    /// Notes a connection: its number, and whether there are faults on it.
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
    /// `None` without a certificate.
    fn config(&self) -> Option<Arc<ServerConfig>> {
        let certificate = self.certificate.as_ref()?;
        let key = match self.without_key {
            true => Authority::new().issue(&[]).key(),
            false => certificate.key(),
        };
        let key = ring::sign::any_supported_type(&key.into()).expect("a key");
        // Nothing compares the two here, as `with_single_cert` would.
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

/// Whether the handshake has resumed a session.
pub(crate) fn resumed(connection: &rustls::ServerConnection) -> bool {
    connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
}

/// Notes the end of a handshake.
pub(crate) fn secured(connection: &mut rustls::ServerConnection, note: &mut TlsConnection) {
    note.early = connection.early_data().is_some();
    note.secured = Some(Moment::now());
    note.resumed = resumed(connection);
    note.tls13 = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
}
