//! For hyper-util's client, and for everything that takes its connectors: a [`Connector`] is a
//! `tower_service::Service<http::Uri>`.
//!
//! ```
//! use hyper_util::client::legacy::Client;
//! use hyper_util::rt::TokioExecutor;
//!
//! # async fn doc(connector: he::Connector, uri: http::Uri) -> Result<(), Box<dyn std::error::Error>> {
//! let client: Client<_, http_body_util::Empty<&[u8]>> =
//!     Client::builder(TokioExecutor::new()).build(connector);
//! let response = match client.get(uri).await {
//!     Ok(response) => response,
//!     Err(error) => {
//!         // An `io::Error` with an `he::Error` in it, below hyper-util's own.
//!         if let Some(error) = he::Error::find_in(&error) {
//!             eprintln!("{error}");
//!         }
//!         return Err(error.into());
//!     }
//! };
//! // How its connection was made; a pooled one served others before.
//! if let Some(report) = response.extensions().get::<he::Report>() {
//!     println!("{report}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `hyper_util::client::legacy::connect::HttpInfo` is in the extensions as well, with the addresses
//! of both ends.
//!
//! If a pooled connection becomes free first, the connection attempt in progress continues in the
//! background, within the time-outs of [`Config`](crate::Config), and its result goes to the pool.
//!
//! # What it does with a URI
//!
//! The port is the URI's. Without one it is 80 for `http` and `ws`, 443 for `https` and `wss`, and
//! for other schemes there is an error. IPv6 literals may have a zone (`http://[fe80::1%25eth0]/`,
//! RFC 6874); hyper sends it in `Host` as well, which section 4 there forbids. The userinfo part is
//! ignored, but hyper-util's client sends it in `:authority` of HTTP/2 and has a pool of its own
//! for it: leave it out.
//!
//! **A connector makes TCP connections, for `https` as well.** TLS is the task of the layer above:
//! hyper-rustls, hyper-tls, tonic, or `he::rustls::HttpsConnector` (feature `rustls`), which has
//! TLS within the race. A bare client on a bare connector would send a request for `https` in
//! plaintext.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::connect::Connector;
use crate::connect::attempt::Established;
use crate::race::error::Error;
use crate::race::text::Escaped;

impl Service<Uri> for Connector {
    type Response = TokioIo<Established<TcpStream>>;
    /// It has the kind of the failure, and an [`he::Error`](crate::Error) in it.
    type Error = io::Error;
    type Future = Connecting<TcpStream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        (&*self).call(uri)
    }
}

impl Service<Uri> for &Connector {
    type Response = TokioIo<Established<TcpStream>>;
    type Error = io::Error;
    type Future = Connecting<TcpStream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = (*self).clone();
        Connecting::new(async move {
            let (host, port) =
                endpoint_of(&uri).map_err(|why| connector.refuse(shown(&uri), &[], &why))?;
            connector.establish(&host, &[port]).await
        })
    }
}

/// A connection attempt in progress. Dropping it ends every attempt and lookup.
#[must_use = "futures do nothing unless polled"]
pub struct Connecting<T>(Pin<Box<Making<T>>>);

type Making<T> = dyn Future<Output = Result<Established<T>, Error>> + Send;

impl<T> Connecting<T> {
    pub(crate) fn new(
        making: impl Future<Output = Result<Established<T>, Error>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(making))
    }
}

impl<T> Future for Connecting<T> {
    type Output = io::Result<TokioIo<Established<T>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(|made| Ok(TokioIo::new(made?)))
    }
}

impl<T> fmt::Debug for Connecting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connecting")
    }
}

/// Each response over this connection has the report among its extensions.
impl<T: Connection> Connection for Established<T> {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.report.clone())
    }
}

/// The text for a URI in an error: its host, or the path of a URI without one. Never the userinfo,
/// nor a query.
pub(crate) fn shown(uri: &Uri) -> &str {
    uri.host().unwrap_or(uri.path())
}

/// The reason why a URI has no endpoint.
#[derive(Debug)]
pub(crate) enum InvalidUri<'a> {
    Host,
    Port(&'a str),
    Scheme(Option<&'a str>),
}

impl fmt::Display for InvalidUri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the URI has no host"),
            Self::Port(port) => write!(f, "invalid port {}", Escaped(port)),
            Self::Scheme(None) => f.write_str("the URI has neither a port nor a scheme"),
            Self::Scheme(Some(scheme)) => {
                write!(f, "the URI has no port, and none is known for {}", Escaped(scheme))
            }
        }
    }
}

/// The host, as [`Connector::connect`] takes it, and the port.
pub(crate) fn endpoint_of(uri: &Uri) -> Result<(String, u16), InvalidUri<'_>> {
    let authority = uri.authority().ok_or(InvalidUri::Host)?;
    let host = authority.host();
    if host.is_empty() {
        return Err(InvalidUri::Host);
    }
    let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
    // `Uri` has no port if it is out of range.
    let port = match host_and_port.strip_prefix(host).and_then(|rest| rest.strip_prefix(':')) {
        None | Some("") => port_of(uri.scheme_str())?,
        // `parse` accepts a sign.
        Some(port) if !port.bytes().all(|c| c.is_ascii_digit()) => {
            return Err(InvalidUri::Port(port));
        }
        Some(port) => port.parse().map_err(|_| InvalidUri::Port(port))?,
    };
    // RFC 6874 section 2. The rest of a zone has no escapes.
    Ok((host.replacen("%25", "%", 1), port))
}

fn port_of(scheme: Option<&str>) -> Result<u16, InvalidUri<'_>> {
    match scheme {
        Some("http" | "ws") => Ok(80),
        Some("https" | "wss") => Ok(443),
        other => Err(InvalidUri::Scheme(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint_text(uri: &str) -> String {
        let uri: Uri = uri.parse().unwrap();
        match endpoint_of(&uri) {
            Ok((host, port)) => format!("{host} {port}"),
            Err(why) => why.to_string(),
        }
    }

    #[test] // R-3986-3.2.2
    fn a_uri_names_a_host_and_a_port() {
        for (uri, place) in [
            ("http://www.test", "www.test 80"),
            ("https://www.test/a?b", "www.test 443"),
            ("ws://www.test", "www.test 80"),
            ("wss://www.test", "www.test 443"),
            ("HTTPS://WWW.test:/", "WWW.test 443"),
            ("https://www.test:8443", "www.test 8443"),
            ("http://www.test:443", "www.test 443"),
            ("https://me:80@www.test", "www.test 443"),
            ("https://me:s%40cret@www.test:444", "www.test 444"),
            ("socks5://proxy.test:1080", "proxy.test 1080"),
            ("proxy.test:3128", "proxy.test 3128"),
            ("http://192.0.2.1/", "192.0.2.1 80"),
            ("http://[2001:db8::1]/", "[2001:db8::1] 80"),
            ("http://[2001:db8::1]:8080/", "[2001:db8::1] 8080"),
            ("http://[fe80::1%25eth0]:8080/", "[fe80::1%eth0] 8080"),
            ("http://[fe80::1%eth0]/", "[fe80::1%eth0] 80"),
            ("http://[fe80::1%2525]/", "[fe80::1%25] 80"),
        ] {
            assert_eq!(endpoint_text(uri), place, "{uri}");
        }
    }

    #[test]
    fn a_uri_without_host_or_port_says_so() {
        for (uri, why) in [
            ("/path?query", "the URI has no host"),
            ("*", "the URI has no host"),
            ("http://:80/", "the URI has no host"),
            ("http://www.test:65536/", "invalid port 65536"),
            ("http://www.test:+80/", "invalid port +80"),
            ("www.test", "the URI has neither a port nor a scheme"),
            ("ftp://www.test/", "the URI has no port, and none is known for ftp"),
        ] {
            assert_eq!(endpoint_text(uri), why, "{uri}");
        }
    }
}
