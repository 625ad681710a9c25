//! reqwest's requests and responses over the race.

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
use crate::hop::{Hop, anonymous};
use crate::redirects::{Hops, Redirects};
use crate::timed::{BodyDeadline, Timed};

/// A reqwest-middleware that sends requests over connections that `he` makes.
///
/// ```
/// use he::rustls::HttpsConnector;
/// use he_reqwest::Transport;
///
/// # async fn doc(connector: he::Connector) -> Result<(), Box<dyn std::error::Error>> {
/// let client = Transport::new(HttpsConnector::new(connector)).client()?;
/// let response = client.get("https://robur.coop/").send().await?;
/// // How the connection was made. A pooled connection has served other requests before.
/// if let Some(report) = response.extensions().get::<he::Report>() {
///     println!("{report}");
/// }
/// let body = response.text().await?;
/// # Ok(())
/// # }
/// ```
///
/// reqwest cannot use a custom connector: up to version 0.13.5 the types of its connections are
/// private, and no connector, layer or option takes a stream that was made elsewhere. A middleware
/// may send the request itself, and this one does. It never calls the middlewares after it or the
/// wrapped [`reqwest::Client`]. It sends by hyper-util's client over [`HttpsConnector`]: the TLS
/// handshake is part of the race, HTTP/2 is used where the server has it, and a pool keeps each
/// connection until it has been idle for 90 s.
///
/// Cheap to clone. Clones share the pool.
///
/// # Same as reqwest
///
/// - **Requests**: bodies, `basic_auth`, `json` and the rest. `Accept: */*` is added to a request
///   without `Accept`.
/// - **Credentials in a URL**: `get` and the other builders make them an `Authorization` header.
/// - **Time-outs**: [`RequestBuilder::timeout`](reqwest_middleware::RequestBuilder::timeout), else
///   [`Transport::timeout`]. The time starts with `send` and includes the redirects and the body.
/// - **Redirects**: [`Redirects`]. After 301, 302 and 303 a POST becomes a GET. After 307 and 308
///   the body is sent again, except a stream: then the caller gets the response that redirects.
///   `https` may redirect to `http`, unless [`HttpsConnector::https_only`] is set. A redirect to
///   any other scheme (`file:///`) is an error.
/// - **Refused requests**: where an HTTP/2 server says that it has not processed a request
///   (`REFUSED_STREAM`, or `GOAWAY` with `NO_ERROR`), the request is sent again, up to twice per
///   hop and within its time-out. A request whose body is a stream is not sent again.
/// - **Decompression**: gzip, br, zstd and deflate, unless [`Transport::no_decompression`] is set.
///   A decompressed response has no `Content-Encoding` and no `Content-Length`.
/// - **Cookies**: [`Transport::cookie_provider`], on every hop.
/// - **Responses**: `url()` is the URL of the last hop without credentials, `remote_addr()` the
///   address that won.
///
/// # Redirects to another origin
///
/// | header of the request | first origin | from the first hop to another origin on |
/// |---|---|---|
/// | `Authorization`, `Cookie`, `Cookie2`, `Proxy-Authorization`, `WWW-Authenticate` | sent | removed |
/// | `Host`, `Referer` | sent | removed |
/// | any other | sent | sent |
///
/// "On" includes later hops within the other origin, to which reqwest sends the first row again,
/// and hops back to the first origin. The cookies of the [cookie store](Transport::cookie_provider)
/// are chosen anew for each URL.
///
/// # Differences from reqwest
///
/// - **Configuration**: that of the wrapped [`reqwest::Client`] has no effect (proxy, redirects,
///   time-outs, cookies, certificates, default headers), because a middleware cannot see it. The
///   settings here apply.
/// - **Middlewares** after this one are never called.
/// - **Proxies**: none, and those of the environment are ignored. hyper-util's `Tunnel` and
///   `SocksV5` take a [`Connector`](he::Connector), under hyper-util's own client and a TLS layer.
/// - **Credentials in a URL** that comes from [`Request::new`](reqwest::Request::new) or a
///   `Location` are not sent, whereas reqwest sends them in `:authority` of HTTP/2.
/// - **`Referer`**: none is added.
/// - **HTTP/2**: only by ALPN, never over `http`. It has no upgrades: WebSocket over `https` needs
///   [`tls.with_alpn(["http/1.1"])`](he::rustls::Tls::with_alpn).
/// - **HTTP/3**: none, because the race makes TCP connections.
/// - **Zones** of IPv6 addresses: none, because a [`Url`] takes none.
/// - **Errors**: a request without a response ends with a
///   [`reqwest_middleware::Error::Middleware`], because only reqwest can make a `reqwest::Error`.
///   `is_timeout` and `is_connect` of that error are always false. [`Error`](crate::Error) has its
///   own:
///
/// ```
/// # async fn doc(client: reqwest_middleware::ClientWithMiddleware) {
/// if let Err(error) = client.get("https://www.test/").send().await {
///     eprintln!("{error}"); // request to www.test failed: cannot connect to www.test: ...
///     let late = he_reqwest::Error::find_in(&error).is_some_and(|error| error.is_timeout());
///     if let Some(error) = he::Error::find_in(&error) {
///         eprintln!("{}", error.report());
///     }
/// }
/// # }
/// ```
///
/// # With reqwest-retry
///
/// Its default strategy takes every error of a middleware for fatal. This one sends a request again
/// after a time-out, and where the failed connection may succeed later. Put the retries before the
/// transport:
///
/// ```
/// use reqwest_middleware::{ClientBuilder, Error, Result};
/// use reqwest_retry::policies::ExponentialBackoff;
/// use reqwest_retry::{
///     DefaultRetryableStrategy, RetryTransientMiddleware, Retryable, RetryableStrategy,
/// };
///
/// struct Transient;
///
/// impl RetryableStrategy for Transient {
///     fn handle(&self, result: &Result<reqwest::Response>) -> Option<Retryable> {
///         let may_pass = |error: &Error| {
///             let late = he_reqwest::Error::find_in(error).is_some_and(|e| e.is_timeout());
///             late || he::Error::find_in(error).is_some_and(|e| e.is_transient())
///         };
///         match result {
///             Err(error) if may_pass(error) => Some(Retryable::Transient),
///             _ => DefaultRetryableStrategy.handle(result),
///         }
///     }
/// }
///
/// # fn doc(transport: he_reqwest::Transport) -> reqwest::Result<()> {
/// let policy = ExponentialBackoff::builder().build_with_max_retries(3);
/// let retries = RetryTransientMiddleware::new_with_policy_and_strategy(policy, Transient);
/// let client = reqwest::Client::builder().build()?;
/// let client = ClientBuilder::new(client).with(retries).with(transport).build();
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// Dropping the future of a request ends every attempt and lookup for it. If a pooled connection
/// becomes free first, the connection attempt in progress continues in the background and its
/// result goes to the pool, within the time-outs of [`Config`](he::Config).
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
    /// Sends requests over this connector, with a pool of its own.
    pub fn new(connector: HttpsConnector) -> Self {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("*/*"))]);
        let (hop, redirects) = (Hop::new(connector), Redirects::default());
        Self { hop, headers, redirects, timeout: None, decompress: true }
    }

    /// Sets which redirects are followed. Default: up to 10.
    pub fn redirect(self, redirects: Redirects) -> Self {
        Self { redirects, ..self }
    }

    /// Sets the time-out of requests that have none of their own, from `send` to the end of the
    /// body. Default: none. The time-outs of [`Config`](he::Config) apply until the request has a
    /// connection.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Adds default headers, `User-Agent` for instance. A request gets those whose name it does not
    /// have. Default: `Accept: */*`, which stays unless it is replaced.
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Keeps cookies in this store, for instance a [`reqwest::cookie::Jar`]. A request that has a
    /// `Cookie` header gets none from the store. Default: no store.
    pub fn cookie_provider<C: CookieStore + 'static>(mut self, store: Arc<C>) -> Self {
        self.hop.cookies = Some(store);
        self
    }

    /// Sends no `Accept-Encoding` and leaves compressed responses as they are.
    pub fn no_decompression(self) -> Self {
        Self { decompress: false, ..self }
    }

    /// Makes a client with this as its only middleware. To have others before it, use a
    /// [`ClientBuilder`] and add this one last.
    ///
    /// # Errors
    ///
    /// The error of [`reqwest::ClientBuilder::build`]. If any crate of the program enables TLS in
    /// reqwest, `build` sets up TLS, which is never used here. With rustls it then fails on a
    /// system without root certificates. A [`ClientBuilder`] around
    /// `reqwest::Client::builder().tls_certs_only([])` needs none.
    ///
    /// # Panics
    ///
    /// If reqwest has the feature `rustls-no-provider` and the process has no default crypto
    /// provider. Install one before.
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

    /// The deadline of a request. A time-out too long for `Instant` counts as no time-out.
    fn deadline(&self, request: &Request) -> Option<BodyDeadline> {
        let timeout = request.timeout().copied().or(self.timeout)?;
        Some(BodyDeadline { timeout, at: Instant::now().checked_add(timeout)? })
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
        let response = service.call(http::Request::from_parts(head, body)).await?;
        self.redirects.check(&response)?;
        Ok(response)
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

fn respond(response: Decompressed, deadline: Option<BodyDeadline>) -> Response {
    let (mut head, body) = response.into_parts();
    let uri = head.extensions.get_mut().map(|RequestUri(uri)| {
        *uri = anonymous(uri); // A redirect may have credentials in it, and callers log URLs.
        uri.to_string()
    });
    if let Some(url) = uri.and_then(|uri| Url::parse(&uri).ok()) {
        // reqwest reads the URL from an extension that only this builder can make.
        let mut named = http::Response::builder().url(url);
        head.extensions.extend(named.extensions_mut().map(std::mem::take).unwrap_or_default());
    }
    let body = match deadline {
        Some(deadline) => Body::wrap(Timed::new(body, deadline)),
        None => Body::wrap(body),
    };
    http::Response::from_parts(head, body).into()
}
