//! A name server's side of a handshake, in memory.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, PublicKeyData as _, date_time_ymd,
};
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConnection, Error, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
};

use crate::dns::link::tls::TlsClient;
use crate::dns::link::tls::verify::sha256;
use crate::dns::name_server::Pin;

/// TLS 1.2, TLS 1.3.
pub(super) const VERSIONS: [&[&SupportedProtocolVersion]; 2] = [&[&TLS12], &[&TLS13]];

/// Issues certificates.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Its own certificate, if it is not a root.
    chain: Vec<CertificateDer<'static>>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(Self::params(name), key).unwrap();
        Self { issuer, chain: Vec::new() }
    }

    /// An authority with a certificate from this one.
    pub(super) fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(Self::params(name), key, &self.issuer).unwrap();
        let chain = vec![issuer.der().clone()];
        Self { issuer, chain }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    /// As the only root.
    pub(super) fn store(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }

    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(super) fn key_pin(&self) -> Pin {
        key_pin(self.issuer.key())
    }

    /// A server with a certificate for these names and addresses.
    pub(super) fn peer(&self, names: &[&str]) -> Peer {
        self.issue(names, |_| {})
    }

    /// Its certificate is valid between these times, in hours from now.
    pub(super) fn peer_of_hours(&self, names: &[&str], from: i64, to: i64) -> Peer {
        let hours = |count: i64| Duration::from_secs(count.unsigned_abs() * 60 * 60);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let at = |count: i64| match count < 0 {
            true => date_time_ymd(1970, 1, 1) + now - hours(count),
            false => date_time_ymd(1970, 1, 1) + now + hours(count),
        };
        self.issue(names, |params| {
            params.not_before = at(from);
            params.not_after = at(to);
        })
    }

    /// Its certificate has its name in the subject only.
    pub(super) fn peer_with_common_name(&self, name: &str) -> Peer {
        self.issue(&[], |params| params.distinguished_name.push(DnType::CommonName, name))
    }

    /// Its certificate is good for clients only.
    pub(super) fn peer_of_clients(&self, names: &[&str]) -> Peer {
        let clients = ExtendedKeyUsagePurpose::ClientAuth;
        self.issue(names, |params| params.extended_key_usages.push(clients))
    }

    fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Peer {
        let key = KeyPair::generate().unwrap();
        let mut params = params(names);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = [certificate.der().clone()].into_iter().chain(self.chain.clone()).collect();
        Peer::new(chain, key)
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).unwrap()
}

fn key_pin(key: &KeyPair) -> Pin {
    Pin::key_sha256(sha256(&default_provider(), &key.subject_public_key_info()).unwrap())
}

/// The server's certificate and key.
pub(super) struct Peer {
    pub(super) chain: Vec<CertificateDer<'static>>,
    key_pin: Pin,
    signs_with: KeyPair,
    sni: Arc<Mutex<Option<String>>>,
}

impl Peer {
    fn new(chain: Vec<CertificateDer<'static>>, key: KeyPair) -> Self {
        Self { chain, key_pin: key_pin(&key), signs_with: key, sni: Arc::default() }
    }

    pub(super) fn self_signed(names: &[&str], is_ca: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = params(names);
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = params.self_signed(&key).unwrap();
        Self::new(vec![certificate.der().clone()], key)
    }

    /// It has the certificate, which is public, without its private key.
    pub(super) fn with_another_key(self) -> Self {
        Self { signs_with: KeyPair::generate().unwrap(), ..self }
    }

    pub(super) fn key_pin(&self) -> Pin {
        self.key_pin
    }

    pub(super) fn certificate_pin(&self) -> Pin {
        Pin::certificate_sha256(sha256(&default_provider(), &self.chain[0]).unwrap())
    }

    /// The SNI of the last client.
    pub(super) fn sni(&self) -> Option<String> {
        self.sni.lock().unwrap().clone()
    }

    pub(super) fn config(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let der = PrivateKeyDer::try_from(self.signs_with.serialize_der()).unwrap();
        let key = any_supported_type(&der).unwrap();
        let certified = Arc::new(CertifiedKey::new(self.chain.clone(), key));
        let presents = Presents { certified, sni: self.sni.clone() };
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(versions).unwrap().with_no_client_auth();
        Arc::new(builder.with_cert_resolver(Arc::new(presents)))
    }
}

/// Skips rustls' comparison of the certificate with its key.
#[derive(Debug)]
struct Presents {
    certified: Arc<CertifiedKey>,
    sni: Arc<Mutex<Option<String>>>,
}

impl ResolvesServerCert for Presents {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        assert!(hello.alpn().is_none());
        *self.sni.lock().unwrap() = hello.server_name().map(str::to_owned);
        Some(self.certified.clone())
    }
}

/// Runs until both have sent everything, tickets included. The error is the client's.
pub(super) fn handshake(
    client: &TlsClient,
    server: &Arc<ServerConfig>,
) -> Result<(ClientConnection, ServerConnection), Error> {
    let mut ours = ClientConnection::new(client.config.clone(), client.name.clone())?;
    let mut theirs = ServerConnection::new(server.clone())?;
    loop {
        let mut bytes = Vec::new();
        while ours.wants_write() {
            ours.write_tls(&mut bytes).unwrap();
        }
        let silent = bytes.is_empty();
        theirs.read_tls(&mut bytes.as_slice()).unwrap();
        theirs.process_new_packets()?;
        let mut bytes = Vec::new();
        while theirs.wants_write() {
            theirs.write_tls(&mut bytes).unwrap();
        }
        if silent && bytes.is_empty() {
            assert!(!ours.is_handshaking() && !theirs.is_handshaking());
            return Ok((ours, theirs));
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            ours.read_tls(&mut rest).unwrap();
            ours.process_new_packets()?;
        }
    }
}
