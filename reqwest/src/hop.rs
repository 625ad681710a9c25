//! One hop: a request and its response, before a redirect is followed.

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::iter::successors;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use he::rustls::HttpsConnector;
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Uri};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use reqwest::Url;
use reqwest::cookie::CookieStore;
use tower_service::Service;

use crate::content::Content;
use crate::error::Error;

type Http = Client<HttpsConnector, Content>;
type HopResponse = <Http as Service<Request<Content>>>::Response;

/// hyper-util's client, with cookies.
#[derive(Clone)]
pub(crate) struct Hop {
    http: Http,
    pub(crate) cookies: Option<Arc<dyn CookieStore>>,
}

impl Hop {
    pub(crate) fn new(connector: HttpsConnector) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        // Without timers nothing idle is ever closed, and HTTP/2 has no keep-alive.
        builder.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
        Self { http: builder.build(connector), cookies: None }
    }

    /// The cookie store, if there is one, and the URL that it is asked for.
    fn jar(&self, uri: &Uri) -> Option<(Arc<dyn CookieStore>, Url)> {
        Some((self.cookies.clone()?, Url::parse(&uri.to_string()).ok()?))
    }
}

impl Service<Request<Content>> for Hop {
    type Response = HopResponse;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HopResponse, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Content>) -> Self::Future {
        let uri = anonymous(request.uri());
        *request.uri_mut() = uri.clone();
        let jar = self.jar(&uri);
        if let Some((store, url)) = &jar {
            // A `Cookie` header of the caller stays as it is, as in reqwest.
            if !request.headers().contains_key(COOKIE) {
                request.headers_mut().extend(store.cookies(url).map(|it| (COOKIE, it)));
            }
        }
        let answered = send(self.http.clone(), request);
        Box::pin(async move {
            let response = answered.await.map_err(|error| Error::http(&uri, error))?;
            if let Some((store, url)) = jar {
                let mut set = response.headers().get_all(SET_COOKIE).iter().peekable();
                if set.peek().is_some() {
                    store.set_cookies(&mut set, &url);
                }
            }
            Ok(response)
        })
    }
}

/// The URI without its userinfo. HTTP/2 would send it in `:authority`, which RFC 9113 section 8.3.1
/// forbids, and a connection would serve that user alone.
pub(crate) fn anonymous(uri: &Uri) -> Uri {
    let Some((_, place)) = uri.authority().and_then(|all| all.as_str().rsplit_once('@')) else {
        return uri.clone();
    };
    let place = place.parse().ok();
    let mut parts = uri.clone().into_parts();
    parts.authority = place;
    // If the rest is not a valid URI it has no host, and the connector refuses it.
    Uri::from_parts(parts).unwrap_or_default()
}

/// How many times a request is sent again after the server has refused it unseen. As in reqwest.
const RESENDS: usize = 2;

async fn send(http: Http, request: Request<Content>) -> Result<HopResponse, legacy::Error> {
    let (head, mut body) = request.into_parts();
    for _ in 0..RESENDS {
        let Some(again) = body.again() else { break };
        match http.request(Request::from_parts(head.clone(), body)).await {
            Err(error) if is_unprocessed(&error) => body = again,
            answered => return answered,
        }
    }
    http.request(Request::from_parts(head, body)).await
}

/// True if the server says that it has not processed the request. Then even a POST may be sent again
/// (RFC 9113 section 8.7).
fn is_unprocessed(error: &legacy::Error) -> bool {
    let causes = successors(error.source(), |error| (*error).source());
    causes.filter_map(|error| error.downcast_ref::<h2::Error>()).any(|error| {
        let shuts_down = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        error.is_remote() && (shuts_down || refused)
    })
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop").field("cookies", &self.cookies.is_some()).finish_non_exhaustive()
    }
}
