//! Certificates, and servers with TLS on loopback that say what they have seen.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
};
use rustls::crypto::ring::default_provider;
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::web;

/// Issues certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    #[expect(clippy::new_without_default, reason = "each has a key of its own")]
    pub fn new() -> Self {
        Self::named("the test's own")
    }

    /// One name is one key to whoever verifies.
    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }

    pub fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names and addresses, and its key, as files have them.
    pub fn pems(&self, names: &[&str]) -> (String, String) {
        let (certificate, key) = self.issue(names);
        (certificate.pem(), key.serialize_pem())
    }

    fn issue(&self, names: &[&str]) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    /// A server with a certificate for these names and addresses.
    pub fn server(&self, names: &[&str]) -> Server {
        let (certificate, key) = self.issue(names);
        let chain = vec![certificate.der().clone()];
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key.serialize_der().try_into().unwrap())
            .unwrap();
        Server { config, seen: Seen::default() }
    }
}

/// A server that is not listening yet.
pub struct Server {
    config: ServerConfig,
    seen: Seen,
}

/// The handshakes of a server.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<Handshake>>>);

/// What a server knows of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    pub client: SocketAddr,
    pub sni: Option<String>,
    pub alpn: Option<String>,
    pub resumed: bool,
}

impl Seen {
    pub fn all(&self) -> Vec<Handshake> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, stream: &TlsStream<TcpStream>, client: SocketAddr) {
        let (_, tls) = stream.get_ref();
        let handshake = Handshake {
            client,
            sni: tls.server_name().map(str::to_owned),
            alpn: tls.alpn_protocol().map(|it| String::from_utf8_lossy(it).into_owned()),
            resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed),
        };
        self.0.lock().unwrap().push(handshake);
    }
}

impl Server {
    /// The protocols that it takes.
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        self
    }

    /// Serves HTTP.
    pub fn serve(self, listener: TcpListener) -> Seen {
        self.welcome(listener, |stream| async move {
            web::answer(stream).await;
        })
    }

    /// Says one word.
    pub fn greet(self, listener: TcpListener) -> Seen {
        self.welcome(listener, |mut stream| async move {
            let _ = stream.write_all(b"hello").await;
            let _ = stream.shutdown().await;
        })
    }

    /// Hosts every client whose handshake succeeds.
    pub fn welcome<F>(
        self,
        listener: TcpListener,
        host: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
    ) -> Seen
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(Arc::new(self.config));
        let seen = self.seen;
        let noted = seen.clone();
        web::Guests::welcome_known(listener, move |tcp, client| {
            let (acceptor, noted, host) = (acceptor.clone(), noted.clone(), host.clone());
            async move {
                // A client may refuse the certificate.
                if let Ok(stream) = acceptor.accept(tcp).await {
                    noted.note(&stream, client);
                    host(stream).await;
                }
            }
        });
        seen
    }
}
