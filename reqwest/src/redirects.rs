//! The redirects that are followed, and the headers that go with them.

use http::header::{
    AUTHORIZATION, COOKIE, HOST, HeaderName, LOCATION, PROXY_AUTHORIZATION, REFERER,
    WWW_AUTHENTICATE,
};
use http::{Request, Response, Uri};
use reqwest::Url;
use tower_http::follow_redirect::RequestUri;
use tower_http::follow_redirect::policy::{Action, Attempt, Policy, SameOrigin};

use crate::content::Content;
use crate::error::{Error, Redirect};

/// The redirects that are followed. Default: up to 10, as in reqwest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Redirects {
    limit: Option<usize>,
}

impl Redirects {
    /// Follows up to this many redirects per request. One more is an error.
    pub const fn limited(limit: usize) -> Self {
        Self { limit: Some(limit) }
    }

    /// Follows none: the caller gets the response that redirects.
    pub const fn none() -> Self {
        Self { limit: None }
    }

    /// Fails for a response that redirects to another scheme. tower-http returns it without asking
    /// the policy if its location is no [`Uri`] (`file:///etc/passwd` has no host), or if the body
    /// of the request cannot be sent again.
    pub(crate) fn check<B>(self, response: &Response<B>) -> Result<(), Error> {
        let Some(RequestUri(from)) = response.extensions().get() else { return Ok(()) };
        let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        let location = response.headers().get(LOCATION).filter(|_| is_redirect);
        let location = location.filter(|_| self.limit.is_some()).and_then(|it| it.to_str().ok());
        match location.and_then(|location| Url::parse(location).ok()) {
            Some(url) => check_scheme(url.scheme(), from),
            None => Ok(()), // It is relative, or there is none.
        }
    }

    pub(crate) fn hops(self) -> Hops {
        Hops { limit: self.limit, followed: 0, left_origin: false }
    }
}

impl Default for Redirects {
    fn default() -> Self {
        Self::limited(10)
    }
}

/// The redirects of one request.
#[derive(Debug, Clone)]
pub(crate) struct Hops {
    limit: Option<usize>,
    followed: usize,
    /// A redirect has led to another origin.
    left_origin: bool,
}

/// The scheme of a location: the text before the colon (RFC 3986 section 3). `Uri` takes `tel:112`
/// or `a.test:8080` for a host and a port.
fn scheme(location: &Uri) -> &str {
    let before_colon = || location.authority()?.as_str().split(':').next();
    location.scheme_str().or_else(before_colon).unwrap_or_default()
}

fn check_scheme(scheme: &str, from: &Uri) -> Result<(), Error> {
    match scheme {
        "http" | "https" => Ok(()),
        other => Err(Error::redirect(from, Redirect::Scheme(other.to_owned()))),
    }
}

/// Headers for the first origin alone: the credentials that reqwest removes as well, the host name
/// that the caller set, and the page that led there.
const PRIVATE: [HeaderName; 7] = [
    AUTHORIZATION,
    COOKIE,
    HeaderName::from_static("cookie2"),
    PROXY_AUTHORIZATION,
    WWW_AUTHENTICATE,
    HOST,
    REFERER,
];

impl Policy<Content, Error> for Hops {
    fn redirect(&mut self, attempt: &Attempt<'_>) -> Result<Action, Error> {
        let Some(limit) = self.limit else { return Ok(Action::Stop) };
        check_scheme(scheme(attempt.location()), attempt.previous())?;
        if self.followed == limit {
            return Err(Error::redirect(attempt.previous(), Redirect::TooMany(limit)));
        }
        self.followed += 1;
        // Each hop starts with the headers of the first request. So the change of origin has to be
        // remembered, or a redirect within the other origin would bring the private headers back.
        let same = Policy::<Content, Error>::redirect(&mut SameOrigin::new(), attempt)?.is_follow();
        self.left_origin |= !same;
        Ok(Action::Follow)
    }

    fn on_request(&mut self, request: &mut Request<Content>) {
        if self.left_origin {
            for name in &PRIVATE {
                request.headers_mut().remove(name);
            }
        }
    }

    // tower-http asks for it after 307 and 308.
    fn clone_body(&self, body: &Content) -> Option<Content> {
        body.again()
    }
}
