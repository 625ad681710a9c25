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
//! **A connector makes TCP connections and no TLS, so it refuses `https` and `wss`.** Otherwise the
//! client above would send its request unencrypted. Use `he::rustls::HttpsConnector` (feature
//! `rustls`), which has TLS within the race. A layer of your own that does TLS (hyper-rustls,
//! hyper-tls, tonic) takes a connector with [`enforce_http(false)`](Connector::enforce_http).
//! Schemes that this crate does not know are connected if the URI has a port.
//!
//! **A proxy of hyper-util (`Tunnel`, `SocksV5`) has no TLS either.** It asks a connector for the
//! proxy's own URI, so the rule above does not see an `https` request through it. Put the TLS layer
//! around the proxy: `hyper_rustls::HttpsConnectorBuilder::wrap_connector(Tunnel::new(..))`.
//!
//! In a program that has the crate hyper as well, `use he::hyper` hides it.

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
use crate::connect::authority::port_number;
use crate::connect::call::Call;
use crate::connect::calls::NewCall;
use crate::race::ports::Ports;
use crate::race::text::Escaped;

pub use ::{http, hyper_util, tower_service};

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
        Connecting(self.connect_uri(&uri))
    }
}

impl Connector {
    /// Connects to the host and port of a URI, over TCP, as the `Service<Uri>` does, and returns
    /// the connection with its report.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect). [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput)
    /// also for a URI without host or port, and for `https` and `wss` unless
    /// [`enforce_http`](Self::enforce_http) is off.
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_uri(&self, uri: &Uri) -> Call<'static, Established<TcpStream>> {
        let refused = |why: &dyn fmt::Display, ports| {
            NewCall::refused(self, shown(uri), ports, why.to_string())
        };
        let tls = uri.scheme_str().and_then(tls_connector_for).filter(|_| self.enforces_http());
        let call = match (endpoint_of(uri), tls) {
            (Ok((host, port)), None) => NewCall::to_host(self, host, port),
            (Ok((_, port)), Some(tls)) => {
                let scheme = Escaped(uri.scheme_str().unwrap_or_default());
                let why = format_args!(
                    "{scheme} needs TLS: use {tls}, or enforce_http(false) below a TLS connector"
                );
                refused(&why, port.into())
            }
            (Err(why), _) => refused(&why, Ports::default()),
        };
        Call::new(call.establish())
    }
}

/// The part of this crate that does TLS for this scheme; `None` for a scheme without TLS.
fn tls_connector_for(scheme: &str) -> Option<&'static str> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => Some("he::rustls::HttpsConnector"),
        _ if scheme.eq_ignore_ascii_case("wss") => Some("he::rustls::Tls"),
        _ => None,
    }
}

/// A call of a client.
///
/// # Cancel safety
///
/// As [`Call`].
#[must_use = "futures do nothing unless polled"]
pub struct Connecting<T>(pub(crate) Call<'static, Established<T>>);

impl<T> Future for Connecting<T> {
    type Output = io::Result<TokioIo<Established<T>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|made| Ok(TokioIo::new(made?)))
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
        Some(port) => port_number(port).ok_or(InvalidUri::Port(port))?,
    };
    // RFC 6874 section 2. The rest of a zone has no escapes.
    Ok((host.replacen("%25", "%", 1), port))
}

fn port_of(scheme: Option<&str>) -> Result<u16, InvalidUri<'_>> {
    let known = [("http", 80), ("ws", 80), ("https", 443), ("wss", 443)];
    let is = |name: &str| scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(name));
    let found = known.iter().find(|(name, _)| is(name));
    found.map(|(_, port)| *port).ok_or(InvalidUri::Scheme(scheme))
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
            ("WSS://www.test", "www.test 443"),
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
