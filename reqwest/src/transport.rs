//! reqwest's requests and responses over the race: [`Transport`] is a [`reqwest_middleware::Middleware`]
//! that sends every request itself.
//!
//! ```
//! use he_reqwest::Transport;
//! use he::rustls::HttpsConnector;
//!
//! # async fn doc(connector: he::Connector) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Transport::new(HttpsConnector::new(connector)).client()?;
//! let response = client.get("https://robur.coop/").send().await?;
//! // How its connection was made; a pooled one served others before.
//! if let Some(report) = response.extensions().get::<he::Report>() {
//!     println!("{report}");
//! }
//! let body = response.text().await?;
//! # Ok(())
//! # }
//! ```
//!
//! reqwest seals the types of its connections: up to 0.13.5 no connector, layer or option of it takes a
//! stream that somebody else has made. What it leaves open is its middleware, and this one is the last
//! of a chain: it takes the request and never hands it on, but sends it by hyper-util's client over
//! [`HttpsConnector`], with TLS within the race, HTTP/2 where the server has it, and a pool (a
//! connection that is idle for 90 s is closed).
//!
//! # As with reqwest
//!
//! - **Requests**: bodies, `basic_auth`, `json` and the rest; `Accept: */*` where a request has none.
//! - **Credentials in a URL**: `get` and the like make them `Authorization`. Those of a
//!   [`Request::new`](reqwest::Request::new) or of a `Location` are used for nothing; reqwest yet sends
//!   them in `:authority` of HTTP/2, and here nobody gets them.
//! - **Time-outs**: [`RequestBuilder::timeout`](reqwest_middleware::RequestBuilder::timeout), else
//!   [`Transport::timeout`]. It begins with `send` and covers everything, the body and redirects as well.
//! - **Redirects**: [`Redirects`]. After 301, 302 and 303 a POST becomes a GET, after 307 and 308 the body
//!   is sent again; if it is a stream, the response that redirects is the response. `Authorization`,
//!   `Cookie`, `Cookie2`, `Proxy-Authorization` and `WWW-Authenticate` do not go to another origin, nor
//!   anywhere after that (reqwest sends them once that origin redirects to itself); nor do a `Host` and
//!   a `Referer` of the caller's. `https` may redirect to `http`, unless
//!   [`HttpsConnector::https_only`]. No `Referer` is added.
//! - **Refusals of HTTP/2**: a request that the server refuses unseen (`REFUSED_STREAM`, or a `GOAWAY`
//!   with `NO_ERROR`) is sent again, up to twice for each hop, within its time-out and unless its body is
//!   a stream.
//! - **Decompression**: gzip, br, zstd and deflate, unless [`Transport::no_decompression`].
//!   `Content-Encoding` and `Content-Length` are gone from a response that was decompressed.
//! - **Cookies**: [`Transport::cookie_provider`], for every hop of a redirect.
//! - **Responses**: `url()` is where the last redirect led to, `remote_addr()` the address that won.
//!
//! # Otherwise than with reqwest
//!
//! - **Nothing that the wrapped [`reqwest::Client`] was configured with has an effect**: proxy, redirects,
//!   time-outs, cookies, certificates, default headers. A middleware cannot see it; what is set here
//!   holds. A middleware that comes after this one is never asked.
//! - **Proxies**: none, not those of the environment either; hyper-util's `Tunnel` and `SocksV5` take a
//!   [`Connector`](he::Connector) for who needs one.
//! - **HTTP/2**: where the server takes it by ALPN; without TLS, by prior knowledge, it is not offered. It
//!   has no upgrades: those over `https` (WebSocket) need
//!   [`tls.alpn(["http/1.1"])`](he::rustls::Tls::alpn).
//! - **HTTP/3**: not here, for the race makes TCP connections.
//! - **Zones**: none, for a [`Url`] takes none.
//! - **Errors**: until there is a response they are a [`reqwest_middleware::Error::Middleware`], for a
//!   `reqwest::Error` cannot be made by others. Its `is_timeout` and `is_connect` say no; those of
//!   [`Error`] know:
//!
//! ```
//! use he_reqwest::Error;
//! # async fn doc(client: reqwest_middleware::ClientWithMiddleware) {
//! if let Err(error) = client.get("https://www.test/").send().await {
//!     let again = Error::of(&error).is_some_and(|error| error.is_timeout() || error.is_connect());
//!     if let Some(error) = he::Error::among_causes(&error) {
//!         eprintln!("{error}"); // cannot connect to www.test: ...
//!     }
//! }
//! # }
//! ```
//!
//! - **reqwest-retry**: its default strategy takes every error of a middleware for fatal. Give it a
//!   `RetryableStrategy` that says `Transient` where `again` is true in the lines above.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use he::rustls::HttpsConnector;
use http::header::ACCEPT;
use http::{Extensions, HeaderMap, HeaderValue};
use reqwest::cookie::CookieStore;
use reqwest::{Body, Request, Response, ResponseBuilderExt, Url};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use tokio::time::{Instant, timeout_at};
use tower_http::decompression::Decompression;
use tower_http::follow_redirect::{FollowRedirect, RequestUri};
use tower_service::Service;

use crate::content::Content;
use crate::error::Error;
use crate::hop::Hop;
use crate::redirects::{Hops, Redirects};
use crate::timed::{Deadline, Timed};

/// Sends requests of reqwest by a connector of this crate. See the [module](self).
///
/// Cheap to clone; clones share the pool.
///
/// # Cancel safety
///
/// Dropping the future of a request ends every attempt and lookup for it. One that gets a pooled connection
/// while its own is being made leaves that to finish for the pool, within the time-outs of
/// [`Config`](he::Config).
///
/// # Panics
///
/// Its futures panic outside of a tokio runtime with I/O and time enabled.
#[derive(Debug, Clone)]
#[must_use]
pub struct Transport {
    hop: Hop,
    headers: HeaderMap,
    redirects: Redirects,
    timeout: Option<Duration>,
    decompress: bool,
}

impl Transport {
    /// Over this connector, with a pool of its own.
    pub fn new(connector: HttpsConnector) -> Self {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("*/*"))]);
        let (hop, redirects) = (Hop::new(connector), Redirects::default());
        Self { hop, headers, redirects, timeout: None, decompress: true }
    }

    /// Which redirects are followed. Default: up to 10.
    pub fn redirect(self, redirects: Redirects) -> Self {
        Self { redirects, ..self }
    }

    /// How long a request may take that has no time-out of its own, from `send` to the end of the body.
    /// Default: as long as it likes, once it is connected; the time-outs of
    /// [`Config`](he::Config) hold until then.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Headers of every request that has none of the name, `User-Agent` for instance. Default:
    /// `Accept: */*`, which stays if it is not among them.
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Where cookies are kept, for instance in a [`reqwest::cookie::Jar`]. A request with a `Cookie` of
    /// its own keeps it. Default: none are kept.
    pub fn cookie_provider<C: CookieStore + 'static>(mut self, store: Arc<C>) -> Self {
        self.hop.cookies = Some(store);
        self
    }

    /// Compression is not asked for, and a response that has it stays as it is.
    pub fn no_decompression(self) -> Self {
        Self { decompress: false, ..self }
    }

    /// A client with this as its only middleware. More of them go before it, by
    /// [`ClientBuilder::with`] of your own.
    ///
    /// # Errors
    ///
    /// That of [`reqwest::ClientBuilder::build`]. Where anything in the program has switched on TLS in reqwest,
    /// that sets up TLS which this never uses, and with rustls it fails on a system without root
    /// certificates. `reqwest::Client::builder().tls_certs_only([])` needs none, for a [`ClientBuilder`]
    /// of your own.
    ///
    /// # Panics
    ///
    /// If reqwest has the feature `rustls-no-provider` and the process no default crypto provider; so install
    /// one before.
    pub fn client(self) -> reqwest::Result<ClientWithMiddleware> {
        Ok(ClientBuilder::new(reqwest::Client::builder().build()?).with(self).build())
    }

    async fn send(&self, request: Request) -> Result<Response, Error> {
        let host = request.url().host_str().unwrap_or_default().to_owned();
        match self.deadline(&request) {
            None => Ok(respond(self.answer(request, &host).await?, None)),
            Some(deadline) => match timeout_at(deadline.at, self.answer(request, &host)).await {
                Ok(response) => Ok(respond(response?, Some(deadline))),
                Err(_) => Err(Error::timed_out(&host, deadline.timeout)),
            },
        }
    }

    /// One that the clock cannot tell is none.
    fn deadline(&self, request: &Request) -> Option<Deadline> {
        let timeout = request.timeout().copied().or(self.timeout)?;
        Some(Deadline { timeout, at: Instant::now().checked_add(timeout)? })
    }

    async fn answer(&self, request: Request, host: &str) -> Result<Decompressed, Error> {
        let refuse = |error| Error::request(host, error);
        let (mut head, body) =
            http::Request::<Body>::try_from(request).map_err(refuse)?.into_parts();
        for name in self.headers.keys() {
            if !head.headers.contains_key(name) {
                let values = self.headers.get_all(name).iter().cloned();
                head.headers.extend(values.map(|value| (name.clone(), value)));
            }
        }
        let body = Content::of(body).await.map_err(refuse)?;
        let hops = self.redirects.hops();
        let mut service = Decompression::new(FollowRedirect::with_policy(self.hop.clone(), hops));
        if !self.decompress {
            service = service.no_gzip().no_br().no_zstd().no_deflate();
        }
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(http::Request::from_parts(head, body)).await
    }
}

type Stack = Decompression<FollowRedirect<Hop, Hops>>;
type Decompressed = <Stack as Service<http::Request<Content>>>::Response;

#[async_trait]
impl Middleware for Transport {
    async fn handle(
        &self,
        request: Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        self.send(request).await.map_err(reqwest_middleware::Error::middleware)
    }
}

fn respond(response: Decompressed, deadline: Option<Deadline>) -> Response {
    let (mut head, body) = response.into_parts();
    let uri = head.extensions.get::<RequestUri>().map(|uri| uri.0.to_string());
    if let Some(url) = uri.and_then(|uri| Url::parse(&uri).ok()) {
        // Only that builder can write it where reqwest reads it.
        let mut named = http::Response::builder().url(url);
        head.extensions.extend(named.extensions_mut().map(std::mem::take).unwrap_or_default());
    }
    let body = match deadline {
        Some(deadline) => Body::wrap(Timed::new(body, deadline)),
        None => Body::wrap(body),
    };
    http::Response::from_parts(head, body).into()
}
