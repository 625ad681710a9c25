//! Remote hosts that are web servers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;

use crate::certificate::Certificate;
use crate::host::Host;

impl Host {
    /// A web server without TLS. It answers with the path of the request and the version of HTTP,
    /// such as `/path over h1`.
    pub fn http(self) -> Self {
        self.serves(answer)
    }

    /// A web server with TLS that speaks these protocols (ALPN).
    ///
    /// # Panics
    ///
    /// If rustls does not take the certificate.
    pub fn https(self, certificate: &Certificate, protocols: &[&str]) -> Self {
        self.https_after(0, certificate, protocols)
    }

    /// As [`https`](Self::https), with a pause of `ms` milliseconds before the handshake.
    ///
    /// # Panics
    ///
    /// As [`https`](Self::https).
    pub fn https_after(self, ms: u64, certificate: &Certificate, protocols: &[&str]) -> Self {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions that the provider has")
            .with_no_client_auth()
            .with_single_cert(certificate.chain(), certificate.key().into())
            .expect("a certificate and its key");
        config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        self.serves(move |tcp| {
            let acceptor = acceptor.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                // A client may refuse the certificate.
                if let Ok(stream) = acceptor.accept(tcp).await {
                    answer(stream).await;
                }
            }
        })
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let server = auto::Builder::new(TokioExecutor::new());
    // A client may end the connection at any time.
    let _ = server.serve_connection(TokioIo::new(stream), service_fn(respond)).await;
}

async fn respond(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let version = if request.version() == Version::HTTP_2 { "h2" } else { "h1" };
    Ok(Response::new(format!("{} over {version}", request.uri().path())))
}
