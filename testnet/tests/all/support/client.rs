//! A client for DNS over TLS that uses rustls, tokio and hickory's messages, and nothing of `he`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use he_testnet::{Authority, NameServer, Net};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};

/// The address of the server.
pub(crate) const SERVER: &str = "192.0.2.1";
/// The name of the server.
pub(crate) const NAME: &str = "dns.test";

/// The configuration of a client, which keeps sessions.
#[derive(Clone)]
pub(crate) struct Client {
    config: Arc<ClientConfig>,
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) stream: TlsStream<TcpStream>,
}

/// A server with a good certificate for its name and address, a client that trusts it, and a name.
pub(crate) fn good(net: Net) -> (NameServer, Client) {
    let root = Authority::new();
    let server = net.name_server(SERVER).tls(root.issue(&[NAME, SERVER]));
    net.dns("www.test").aaaa([net.host("2001:db8::1")]).a([net.host("198.51.100.1")]);
    (server, Client::new(root.roots()))
}

/// The server's port for TLS.
pub(crate) fn at(server: NameServer) -> SocketAddr {
    (server.ip(), 853).into()
}

/// The content of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) id: u16,
    pub(crate) name: String,
    pub(crate) code: ResponseCode,
    pub(crate) addrs: Vec<IpAddr>,
}

impl Client {
    pub(crate) fn new(roots: RootCertStore) -> Self {
        Self::speaking(roots, &[&TLS12, &TLS13])
    }

    pub(crate) fn speaking(
        roots: RootCertStore,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { config: Arc::new(config) }
    }

    /// A client that announces early data (0-RTT) if its session allows them.
    pub(crate) fn early(self) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.enable_early_data = true;
        Self { config: Arc::new(config) }
    }

    /// Connects. `name` is a name or an IP address.
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

    /// Sends these questions for addresses in one flight, with the ids 0, 1, 2 ...
    pub(crate) async fn ask(&mut self, questions: &[(&str, RecordType)]) -> io::Result<()> {
        let mut flight = Vec::new();
        for (id, (name, record)) in (0..).zip(questions) {
            flight.extend(framed(&question(id, name, *record)));
        }
        self.stream.write_all(&flight).await?;
        self.stream.flush().await
    }

    pub(crate) async fn hear(&mut self) -> io::Result<Said> {
        let mut message = vec![0; self.stream.read_u16().await?.into()];
        self.stream.read_exact(&mut message).await?;
        Ok(said(&message))
    }

    /// How the server ends the connection.
    pub(crate) async fn end(&mut self) -> io::Result<usize> {
        self.stream.read(&mut [0; 512]).await
    }

    /// Asks one question and returns its answer.
    pub(crate) async fn lookup(&mut self, name: &str, record: RecordType) -> io::Result<Said> {
        self.ask(&[(name, record)]).await?;
        self.hear().await
    }
}

/// Asks one question over UDP and returns its answer.
pub(crate) async fn lookup_udp(server: IpAddr, name: &str) -> Said {
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    socket.send_to(&question(0, name, RecordType::AAAA), (server, 53)).await.unwrap();
    let mut message = [0; 1500];
    let len = socket.recv(&mut message).await.unwrap();
    said(&message[..len])
}

/// Asks one question over TCP and returns its answer.
pub(crate) async fn lookup_tcp(server: IpAddr, name: &str) -> Said {
    let mut stream = TcpStream::connect((server, 53)).await.unwrap();
    stream.write_all(&framed(&question(0, name, RecordType::AAAA))).await.unwrap();
    let mut message = vec![0; stream.read_u16().await.unwrap().into()];
    stream.read_exact(&mut message).await.unwrap();
    said(&message)
}

fn question(id: u16, name: &str, record: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.id = id;
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), record));
    message.to_vec().unwrap()
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

fn said(message: &[u8]) -> Said {
    let message = Message::from_vec(message).unwrap();
    let addrs = message.answers.iter().filter_map(|record| record.data.ip_addr()).collect();
    let name = message.queries.first().map(|query| query.name().to_string());
    let name = name.unwrap_or_default().trim_end_matches('.').to_owned();
    Said { id: message.metadata.id, name, code: message.metadata.response_code, addrs }
}
