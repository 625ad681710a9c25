//! A connector for `http` and `https`, with TLS within the race.

use std::io;
use std::task::{Context, Poll};

use http::Uri;
use tower_service::Service;

use super::{MaybeTls, Tls};
use crate::connect::Connector;
use crate::connect::attempt::Established;
use crate::connect::call::Call;
use crate::connect::calls::NewCall;
use crate::hyper::{Connecting, endpoint_of, shown};
use crate::race::error::Error;
use crate::race::ports::Ports;

/// For HTTP clients that take a `tower_service::Service<http::Uri>`: makes TCP connections for
/// `http`, TLS connections for `https`.
///
/// ```
/// use he::rustls::HttpsConnector;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
///
/// # fn doc(connector: he::Connector) {
/// let client: Client<_, http_body_util::Empty<&[u8]>> =
///     Client::builder(TokioExecutor::new()).build(HttpsConnector::new(connector));
/// # }
/// ```
///
/// It offers `h2` and `http/1.1` and tells hyper which one the server has chosen. The rest is the
/// same as in [`he::hyper`](crate::hyper): the report and `HttpInfo` in each response, an
/// `io::Error` with an [`he::Error`](crate::Error) in it.
///
/// Keep it and clone it: clones share TLS sessions.
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpsConnector {
    connector: Connector,
    tls: Tls,
    https_only: bool,
}

impl HttpsConnector {
    /// Uses this connector, to servers that the platform trusts.
    pub fn new(connector: Connector) -> Self {
        let tls = Tls::default().or_alpn(&HTTP);
        Self { connector, tls, https_only: false }
    }

    /// TLS of your own: other roots, a client certificate. If it does not set ALPN, `h2` and
    /// `http/1.1` are offered; a client that was built without HTTP/2 needs
    /// `tls.with_alpn(["http/1.1"])`.
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: tls.or_alpn(&HTTP), ..self }
    }

    /// If true, refuses `http`. Default false: `http` is connected without TLS.
    pub fn https_only(self, https_only: bool) -> Self {
        Self { https_only, ..self }
    }

    async fn connect(&self, uri: &Uri) -> Result<Established<MaybeTls>, Error> {
        let connector = &self.connector;
        let refused =
            |why: &str| NewCall::refused(connector, shown(uri), Ports::default(), why.into());
        let call = match (endpoint_of(uri), uri.scheme_str()) {
            (Err(why), _) => refused(&why.to_string()),
            (Ok((host, port)), Some("https")) => {
                let made = self.tls.connect(connector, host, port).await?;
                return Ok(made.map(|stream| MaybeTls::Tls(Box::new(stream))));
            }
            (Ok((host, port)), Some("http")) if !self.https_only => {
                NewCall::to_host(connector, host, port)
            }
            (Ok(_), Some("http")) => refused("http is not secure, and only https was allowed"),
            (Ok(_), _) => refused("the scheme of the URI is neither http nor https"),
        };
        Ok(call.establish().await?.map(MaybeTls::Plain))
    }
}

/// HTTP/2 and HTTP/1.1 (RFC 9113 section 3.2, RFC 7301 section 6).
const HTTP: [&str; 2] = ["h2", "http/1.1"];

impl Service<Uri> for HttpsConnector {
    type Response = hyper_util::rt::TokioIo<Established<MaybeTls>>;
    /// It has the kind of the failure, and an [`he::Error`](crate::Error) in it.
    type Error = io::Error;
    type Future = Connecting<MaybeTls>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Connecting(Call::new(async move { this.connect(&uri).await }))
    }
}
