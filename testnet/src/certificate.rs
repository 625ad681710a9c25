//! Certificates, good and bad, made for a test.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData,
    date_time_ymd,
};
use ring::digest::{SHA256, digest};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// An issuer of certificates: a root, or an intermediate below a root. Its keys are new in each
/// test.
#[derive(Clone)]
pub struct Authority {
    issuer: Arc<CertifiedIssuer<'static, KeyPair>>,
    /// The intermediates, the nearest first. A server sends them after its own certificate.
    above: Vec<Issued>,
    root: Issued,
}

/// A certificate that a server presents, with the chain above it and its private key.
#[derive(Clone)]
pub struct Certificate {
    chain: Vec<Issued>,
    key: Arc<KeyPair>,
}

/// A certificate, and the DER form of its SubjectPublicKeyInfo.
#[derive(Clone)]
struct Issued {
    der: CertificateDer<'static>,
    pem: String,
    key_info: Vec<u8>,
}

impl Issued {
    fn new(certificate: &rcgen::Certificate, key_info: Vec<u8>) -> Self {
        Self { der: certificate.der().clone(), pem: certificate.pem(), key_info }
    }
}

impl Authority {
    /// A root.
    #[must_use]
    pub fn new() -> Self {
        let (params, key) = ca("root");
        let key_info = key.subject_public_key_info();
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a root");
        let root = Issued::new(issuer.as_ref(), key_info);
        Self { issuer: Arc::new(issuer), above: Vec::new(), root }
    }

    /// An intermediate that this authority issues. Servers send it with their certificates.
    #[must_use]
    pub fn intermediate(&self) -> Self {
        let (params, key) = ca("intermediate");
        let key_info = key.subject_public_key_info();
        let issuer = CertifiedIssuer::signed_by(params, key, &self.issuer).expect("a certificate");
        let mut above = self.above.clone();
        above.insert(0, Issued::new(issuer.as_ref(), key_info));
        Self { issuer: Arc::new(issuer), above, root: self.root.clone() }
    }

    /// A certificate for these names and IP addresses, and for no others (subjectAltName).
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> Certificate {
        self.sign(leaf(names), key())
    }

    /// A certificate that was valid until 2020.
    #[must_use]
    pub fn issue_expired(&self, names: &[&str]) -> Certificate {
        let mut params = leaf(names);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(params, key())
    }

    /// A certificate that is valid from 2100 on.
    #[must_use]
    pub fn issue_too_early(&self, names: &[&str]) -> Certificate {
        let mut params = leaf(names);
        params.not_before = date_time_ymd(2100, 1, 1);
        params.not_after = date_time_ymd(2101, 1, 1);
        self.sign(params, key())
    }

    /// A certificate with this name as its subject's common name, and no subjectAltName.
    #[must_use]
    pub fn issue_cn_only(&self, name: &str) -> Certificate {
        let mut params = leaf(&[]);
        params.distinguished_name.push(DnType::CommonName, name);
        self.sign(params, key())
    }

    /// A new certificate for the key of an old one.
    #[must_use]
    pub fn renew(&self, old: &Certificate, names: &[&str]) -> Certificate {
        self.sign(leaf(names), copy(&old.key))
    }

    /// The root's DER form.
    #[must_use]
    pub fn root(&self) -> CertificateDer<'static> {
        self.root.der.clone()
    }

    /// A store that holds only the root.
    ///
    /// # Panics
    ///
    /// If rustls does not accept it.
    #[must_use]
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.root()).expect("a root");
        roots
    }

    /// The root's PEM form, for files.
    #[must_use]
    pub fn root_pem(&self) -> String {
        self.root.pem.clone()
    }

    fn sign(&self, params: CertificateParams, key: KeyPair) -> Certificate {
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        let own = Issued::new(&signed, key.subject_public_key_info());
        let chain = std::iter::once(own).chain(self.above.iter().cloned()).collect();
        Certificate { chain, key: Arc::new(key) }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Certificate {
    /// A certificate that is signed by its own key.
    ///
    /// # Panics
    ///
    /// If a name is invalid.
    #[must_use]
    pub fn self_signed(names: &[&str]) -> Self {
        let key = key();
        let signed = leaf(names).self_signed(&key).expect("a certificate");
        let own = Issued::new(&signed, key.subject_public_key_info());
        Self { chain: vec![own], key: Arc::new(key) }
    }

    /// The SHA-256 of its key, which is that of the DER form of its SubjectPublicKeyInfo.
    #[must_use]
    pub fn key_sha256(&self) -> [u8; 32] {
        sha256(&self.chain[0].key_info)
    }

    /// The SHA-256 of the whole certificate's DER form.
    #[must_use]
    pub fn certificate_sha256(&self) -> [u8; 32] {
        sha256(&self.chain[0].der)
    }

    /// [`key_sha256`](Self::key_sha256) of the intermediate that issued it.
    ///
    /// # Panics
    ///
    /// If a root issued it.
    #[must_use]
    pub fn issuer_key_sha256(&self) -> [u8; 32] {
        sha256(&self.chain.get(1).expect("an intermediate").key_info)
    }

    /// [`certificate_sha256`](Self::certificate_sha256) of the intermediate that issued it.
    ///
    /// # Panics
    ///
    /// If a root issued it.
    #[must_use]
    pub fn issuer_certificate_sha256(&self) -> [u8; 32] {
        sha256(&self.chain.get(1).expect("an intermediate").der)
    }

    /// The certificates that the server sends in their DER form, its own first.
    #[must_use]
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.iter().map(|issued| issued.der.clone()).collect()
    }

    /// The chain's PEM form, for files.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|issued| issued.pem.as_str()).collect()
    }

    /// The private key's PEM form, for files.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub(crate) fn key(&self) -> PrivatePkcs8KeyDer<'static> {
        self.key.serialize_der().into()
    }
}

/// The SHA-256 of these bytes.
fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("32 bytes")
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn copy(key: &KeyPair) -> KeyPair {
    KeyPair::from_pem(&key.serialize_pem()).expect("the same key")
}

/// The name of an issuer is derived from its key. So an untrusted issuer is unknown to a client;
/// with the name of a trusted one the error would be a bad signature.
fn ca(name: &str) -> (CertificateParams, KeyPair) {
    let (mut params, key) = (leaf(&[]), key());
    let [a, b, c, d, ..] = sha256(key.public_key_raw());
    let name = format!("{name} {:08x}", u32::from_be_bytes([a, b, c, d]));
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params, key)
}

fn leaf(names: &[&str]) -> CertificateParams {
    let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut params = CertificateParams::new(names).expect("names or IP addresses");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
}
