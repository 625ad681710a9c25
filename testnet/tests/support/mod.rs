//! A bare client for DNS over TLS: rustls, tokio and hickory's messages, and nothing of `he`.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, RootCertStore};

/// How to reach servers: sessions are kept in it.
#[derive(Clone)]
pub(crate) struct Client {
    config: Arc<ClientConfig>,
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) stream: TlsStream<TcpStream>,
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) id: u16,
    pub(crate) name: String,
    pub(crate) code: ResponseCode,
    pub(crate) addrs: Vec<IpAddr>,
}

impl Client {
    pub(crate) fn new(roots: RootCertStore) -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { config: Arc::new(config) }
    }

    /// Connects; `name`: a name or an IP address.
    pub(crate) async fn connect(&self, addr: SocketAddr, name: &str) -> io::Result<Connection> {
        let tcp = TcpStream::connect(addr).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(Arc::clone(&self.config)).connect(name, tcp).await?;
        Ok(Connection { stream })
    }
}

impl Connection {
    pub(crate) fn resumed(&self) -> bool {
        self.stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Sends these questions for addresses in one flight; their ids are 0, 1, 2 ...
    pub(crate) async fn ask(&mut self, questions: &[(&str, RecordType)]) -> io::Result<()> {
        let mut flight = Vec::new();
        for (id, (name, record)) in (0..).zip(questions) {
            let mut message = Message::query();
            message.metadata.id = id;
            message.metadata.recursion_desired = true;
            message.add_query(Query::query(Name::from_ascii(name).unwrap(), *record));
            let message = message.to_vec().unwrap();
            flight.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
            flight.extend(message);
        }
        self.stream.write_all(&flight).await?;
        self.stream.flush().await
    }

    pub(crate) async fn hear(&mut self) -> io::Result<Said> {
        let mut message = vec![0; self.stream.read_u16().await?.into()];
        self.stream.read_exact(&mut message).await?;
        let message = Message::from_vec(&message).map_err(io::Error::other)?;
        let addrs = message.answers.iter().filter_map(|record| record.data.ip_addr()).collect();
        let name = message.queries.first().map(|query| query.name().to_string());
        let name = name.unwrap_or_default().trim_end_matches('.').to_owned();
        Ok(Said { id: message.metadata.id, name, code: message.metadata.response_code, addrs })
    }

    /// One question, and its answer.
    pub(crate) async fn lookup(&mut self, name: &str, record: RecordType) -> io::Result<Said> {
        self.ask(&[(name, record)]).await?;
        self.hear().await
    }
}
