//! The certificate authorities that servers are verified against.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use tokio::task::{JoinError, spawn_blocking};

use super::provider::{NoProvider, provider};
use crate::mutex::Mutex;

/// Which certificate authorities are trusted: for strict name servers, and (feature `rustls`) for
/// hosts. Pinned and opportunistic name servers are not verified by it. Cheap to clone; clones
/// share the roots that were read.
///
/// The crypto provider is the one that the process has installed
/// (`rustls::crypto::CryptoProvider::install_default`), otherwise that of feature `aws-lc-rs`, or of
/// feature `ring`; with `Trust::config` it is that of the configuration. Without any there is no
/// TLS, and errors say so.
#[derive(Clone)]
pub struct Trust {
    anchors: Anchors,
    /// Made at first use.
    verifier: Arc<Mutex<Option<Arc<dyn ServerCertVerifier>>>>,
}

#[derive(Clone)]
enum Anchors {
    Platform,
    #[cfg(feature = "webpki-roots")]
    WebpkiRoots,
    Roots(Arc<RootCertStore>),
    #[cfg(feature = "rustls")]
    Config(Arc<ClientConfig>),
}

/// The reason why there is no configuration: there is nothing to verify against, or no provider.
pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

impl Trust {
    /// The roots that the operating system trusts: the default.
    ///
    /// On Linux and the BSDs the root certificates are read from the system's files when they are
    /// first needed, once, on one of tokio's threads for blocking calls. That takes 1 to 4 ms for
    /// 144 certificates, and ten times as long without optimization. `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` are respected. Without any root certificate the lookup or the call fails and
    /// says so. On other systems the system itself is asked during each handshake.
    ///
    /// On Android the crate `rustls-platform-verifier` must be initialized by the application
    /// first, see its documentation.
    #[must_use]
    pub fn platform() -> Self {
        Self::new(Anchors::Platform)
    }

    /// Mozilla's root certificates as of the publication of the crate `webpki-roots`: for
    /// containers without certificates. They age with the program.
    #[cfg(feature = "webpki-roots")]
    #[must_use]
    pub fn webpki_roots() -> Self {
        Self::new(Anchors::WebpkiRoots)
    }

    /// The root certificates of this PEM text (`-----BEGIN CERTIFICATE-----`) and no others: for an
    /// authority of your own. Other PEM blocks are ignored.
    ///
    /// ```no_run
    /// # #[cfg(feature = "dns-over-tls")]
    /// # fn doc() -> Result<(), Box<dyn std::error::Error>> {
    /// use he::dns::{NameServer, Resolver, Trust};
    ///
    /// let trust = Trust::pem(&std::fs::read("/etc/ssl/our-authority.pem")?)?;
    /// let server: NameServer = "tls:192.0.2.53!dns.example".parse()?;
    /// let resolver = Resolver::name_servers([server])?.with_trust(trust);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData): the text has no certificate, or one that cannot
    /// be read.
    pub fn pem(text: &[u8]) -> io::Result<Self> {
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let mut roots = RootCertStore::empty();
        for (nth, certificate) in (1..).zip(CertificateDer::pem_slice_iter(text)) {
            let certificate =
                certificate.map_err(|e| invalid(format!("certificate {nth}: {e}")))?;
            roots.add(certificate).map_err(|e| invalid(format!("certificate {nth}: {e}")))?;
        }
        match roots.is_empty() {
            true => Err(invalid("there is no certificate in the text".to_owned())),
            false => Ok(Self::new(Anchors::Roots(Arc::new(roots)))),
        }
    }

    /// These root certificates and no others. Without any, every lookup and every call fails and
    /// says so.
    ///
    /// ```
    /// # fn doc(authority: rustls::pki_types::CertificateDer<'_>) -> Result<(), rustls::Error> {
    /// let mut roots = rustls::RootCertStore::empty();
    /// roots.add(authority)?;
    /// let trust = he::rustls::Trust::roots(roots);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn roots(roots: impl Into<Arc<RootCertStore>>) -> Self {
        Self::new(Anchors::Roots(roots.into()))
    }

    /// A configuration of rustls: its verifier, crypto provider, protocol versions and client
    /// certificate; for hosts the rest of it too, including its sessions.
    ///
    /// For a pinned name server the pin replaces the verifier, and for an opportunistic one only
    /// the crypto provider is used. For all name servers ALPN and early data are off, SNI depends
    /// on the usage profile, and sessions are resumed from a store of the resolver's own, even if
    /// the configuration resumes none.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn config(config: impl Into<Arc<ClientConfig>>) -> Self {
        Self::new(Anchors::Config(config.into()))
    }

    fn new(anchors: Anchors) -> Self {
        Self { anchors, verifier: Arc::default() }
    }

    /// True if files may have to be read.
    fn is_platform(&self) -> bool {
        match &self.anchors {
            Anchors::Platform => true,
            #[cfg(feature = "webpki-roots")]
            Anchors::WebpkiRoots => false,
            Anchors::Roots(_) => false,
            #[cfg(feature = "rustls")]
            Anchors::Config(_) => false,
        }
    }

    /// The crypto provider for every connection under this trust.
    pub(crate) fn provider(&self) -> Result<Arc<CryptoProvider>, NoProvider> {
        #[cfg(feature = "rustls")]
        if let Anchors::Config(config) = &self.anchors {
            return Ok(config.crypto_provider().clone());
        }
        provider()
    }

    /// The caller's configuration, if there is one.
    #[cfg(all(feature = "rustls", feature = "hyper"))]
    pub(crate) fn given_config(&self) -> Option<&ClientConfig> {
        match &self.anchors {
            Anchors::Config(config) => Some(config),
            #[cfg(feature = "webpki-roots")]
            Anchors::WebpkiRoots => None,
            Anchors::Platform | Anchors::Roots(_) => None,
        }
    }

    /// A configuration with this verifier; `None` verifies servers by their issuers.
    pub(crate) fn client_config(
        &self,
        verifier: Option<Arc<dyn ServerCertVerifier>>,
    ) -> Result<ClientConfig, BoxError> {
        let verifier = match (&self.anchors, verifier) {
            #[cfg(feature = "rustls")]
            (Anchors::Config(config), verifier) => return Ok(changed(config, verifier)),
            (_, Some(verifier)) => verifier,
            (Anchors::Platform, None) => self.kept(platform)?,
            #[cfg(feature = "webpki-roots")]
            (Anchors::WebpkiRoots, None) => self.kept(|provider| {
                let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
                by_roots(Arc::new(roots), provider)
            })?,
            (Anchors::Roots(roots), None) => {
                self.kept(|provider| by_roots(roots.clone(), provider))?
            }
        };
        config(self.provider()?, verifier)
    }

    /// Runs `make`, which may need the verifier. Where the platform's root certificates may have to
    /// be read for it, that happens on one of tokio's threads for blocking calls: reading takes
    /// milliseconds, and the other tasks of this thread must not wait.
    pub(crate) async fn off_thread<T: Send + 'static>(
        &self,
        make: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        if self.is_platform() { spawn_blocking(make).await } else { Ok(make()) }
    }

    /// The verifier, which is made only once; other callers wait meanwhile. A failure is not kept,
    /// so that the next lookup tries again.
    fn kept(
        &self,
        make: impl FnOnce(Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, BoxError>,
    ) -> Result<Arc<dyn ServerCertVerifier>, BoxError> {
        let mut kept = self.verifier.lock();
        match &*kept {
            Some(verifier) => Ok(verifier.clone()),
            None => Ok(kept.insert(make(self.provider()?)?).clone()),
        }
    }
}

/// A configuration with a verifier and nothing else.
pub(crate) fn config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, BoxError> {
    // TLS 1.2 and 1.3 (RFC 7858 section 8).
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    // rustls calls every verifier "dangerous" that it does not make from roots itself.
    Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

#[cfg(feature = "rustls")]
fn changed(config: &ClientConfig, verifier: Option<Arc<dyn ServerCertVerifier>>) -> ClientConfig {
    let mut config = config.clone();
    if let Some(verifier) = verifier {
        config.dangerous().set_certificate_verifier(verifier);
    }
    config
}

fn platform(provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, BoxError> {
    match Verifier::new(provider) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(rustls::Error::General(why)) => Err(format!("trust of the system: {why}").into()),
        Err(error) => Err(format!("trust of the system: {error}").into()),
    }
}

fn by_roots(
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, BoxError> {
    if roots.is_empty() {
        return Err("no root certificate was given, so no server can be authenticated".into());
    }
    Ok(WebPkiServerVerifier::builder_with_provider(roots, provider).build()?)
}

impl Default for Trust {
    /// [`Trust::platform`].
    fn default() -> Self {
        Self::platform()
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.anchors {
            Anchors::Platform => f.write_str("Trust(platform)"),
            #[cfg(feature = "webpki-roots")]
            Anchors::WebpkiRoots => f.write_str("Trust(webpki-roots)"),
            Anchors::Roots(roots) => write!(f, "Trust({} roots)", roots.len()),
            #[cfg(feature = "rustls")]
            Anchors::Config(_) => f.write_str("Trust(config)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_authority_is_read_from_its_pem_text() {
        let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let trust = Trust::pem(format!("a note\n{pem}{pem}").as_bytes()).unwrap();
        assert!(trust.client_config(None).is_ok());
        let error = |text: &str| Trust::pem(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("no PEM"), "there is no certificate in the text");
        let senseless = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let reported = error(&format!("{pem}{senseless}"));
        assert!(reported.starts_with("certificate 2: "), "{reported}");
    }
}
