//! Certificates that are not verified by their issuers.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::hash::HashAlgorithm;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme,
    SupportedCipherSuite,
};

use crate::dns::name_server::{Pin, Pinned};
use crate::tls::provider::compiled;

/// Accepts a certificate whatever its issuer, validity and purpose. The server's possession of the
/// private key is verified all the same, here as in rustls.
#[derive(Debug)]
pub(super) struct Unchained {
    provider: Arc<CryptoProvider>,
    accepts: Accepts,
}

#[derive(Debug)]
enum Accepts {
    /// Any certificate: the opportunistic profile.
    Any,
    /// The server's own certificate, not another one of its chain, with one of these pins; with a
    /// hostname it has to be for that as well.
    Pinned { pins: Arc<[Pin]>, named: bool },
}

impl Unchained {
    pub(super) fn any(provider: Arc<CryptoProvider>) -> Self {
        Self { provider, accepts: Accepts::Any }
    }

    pub(super) fn pinned(provider: Arc<CryptoProvider>, pins: Arc<[Pin]>, named: bool) -> Self {
        Self { provider, accepts: Accepts::Pinned { pins, named } }
    }
}

impl ServerCertVerifier for Unchained {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Accepts::Pinned { pins, named } = &self.accepts {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            check_pins(&self.provider, pins, end_entity, &certificate)?;
            if *named {
                verify_server_name(&certificate, server_name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// RFC 7858 section 4.2, except that a pin of another certificate of the chain does not count,
/// because nothing here verifies that chain.
fn check_pins(
    provider: &CryptoProvider,
    pins: &Arc<[Pin]>,
    der: &CertificateDer<'_>,
    certificate: &ParsedCertificate<'_>,
) -> Result<(), Error> {
    let key = Pin::key_sha256(sha256(provider, &certificate.subject_public_key_info())?);
    let certificate = Pin::certificate_sha256(sha256(provider, der)?);
    if pins.contains(&key) || pins.contains(&certificate) {
        return Ok(());
    }
    let wrong = WrongPin { expected: pins.clone(), key, certificate };
    Err(CertificateError::Other(OtherError(Arc::new(wrong))).into())
}

/// Uses the hash function of a cipher suite: of one of the provider, or, where a caller has left
/// those out, of the compiled one.
pub(super) fn sha256(provider: &CryptoProvider, data: &[u8]) -> Result<[u8; 32], Error> {
    let compiled = compiled();
    let suites = provider.cipher_suites.iter();
    let suites = suites.chain(compiled.iter().flat_map(|compiled| &compiled.cipher_suites));
    let mut hashes = suites.map(|suite| match suite {
        SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
        SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
    });
    let sha256 = hashes.find(|hash| hash.algorithm() == HashAlgorithm::SHA256);
    let hash = sha256.and_then(|sha256| sha256.hash(data).as_ref().try_into().ok());
    hash.ok_or_else(|| Error::General("the crypto provider has no SHA-256, which pins need".into()))
}

/// No pin matches the server's certificate.
#[derive(Debug)]
pub(super) struct WrongPin {
    expected: Arc<[Pin]>,
    key: Pin,
    certificate: Pin,
}

/// Short enough to fit on a line uncut: the first of several pins, and the hash that was found in
/// its place.
impl fmt::Display for WrongPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.expected.first() else { return f.write_str("no pin") };
        write!(f, "wrong pin: expected {first}")?;
        if self.expected.len() > 1 {
            write!(f, " or {} more", self.expected.len() - 1)?;
        }
        match first.pinned() {
            Pinned::Key => write!(f, ", found {}", self.key),
            Pinned::Certificate => write!(f, ", found {}", self.certificate),
        }
    }
}

impl std::error::Error for WrongPin {}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;
    use rustls::crypto::ring;

    use super::*;

    /// From `openssl req -x509`. It has expired, which does not matter to a pin.
    const CERTIFICATE: &str = "\
        MIIBgTCCASigAwIBAgIUCNBhbjWRTDngb9z9hM+o2dqLcOYwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwB\
        eDAeFw0yNjExMjAxNDIwNTNaFw0yNjExMjIxNDIwNTNaMAwxCjAIBgNVBAMMAXgwWTATBgcqhkjOPQIB\
        BggqhkjOPQMBBwNCAATP1gs4HK/dZwj2QnKSWCX7zYxBHO+5tK5JMf8w3R5wso5M6Iy5NW6nZIJD6DH3\
        03IKmTUWZuIfGAMLmBP+pER1o2gwZjAdBgNVHQ4EFgQU4wnCd8yv+VldF3m8b5LIf4Kb8NswHwYDVR0j\
        BBgwFoAU4wnCd8yv+VldF3m8b5LIf4Kb8NswDwYDVR0TAQH/BAUwAwEB/zATBgNVHREEDDAKgghkbnMu\
        dGVzdDAKBggqhkjOPQQDAgNHADBEAiBBdsEr6HSfrA9M33oBmtpCbdAsCQyzJy86XyLmoSayyQIgMTDU\
        1DoG3CJ1qI15CWtscuwTt5aaygYPMZwG4HHcwKw=";

    #[test] // C-PIN
    fn pins_are_those_that_openssl_computes() {
        let der = CertificateDer::from(BASE64.decode(CERTIFICATE.as_bytes()).unwrap());
        let certificate = ParsedCertificate::try_from(&der).unwrap();
        let provider = ring::default_provider();
        let check = |pin: &str| {
            check_pins(&provider, &Arc::from([pin.parse().unwrap()]), &der, &certificate)
        };
        assert_eq!(check("key-fp:SHA256:nXSuHVgiquPg6dEg778qHvdY97bj0aLpHBgJ3uYVFco="), Ok(()));
        let fingerprint = "B7:8C:B1:12:90:D2:47:B7:84:0D:9E:43:98:73:31:33:\
                           54:15:C9:51:C0:16:D9:24:E9:45:5A:8B:EB:03:65:76";
        assert_eq!(check(&format!("cert-fp:SHA256:{fingerprint}")), Ok(()));
        assert!(check("key-fp:SHA256:t4yxEpDSR7eEDZ5DmHMxM1QVyVHAFtkk6UVai+sDZXY=").is_err());
    }
}
