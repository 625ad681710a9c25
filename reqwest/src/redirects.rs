//! Which redirects are followed, and what goes along.

use http::header::{
    AUTHORIZATION, COOKIE, HOST, HeaderName, PROXY_AUTHORIZATION, REFERER, WWW_AUTHENTICATE,
};
use http::{Request, Uri};
use tower_http::follow_redirect::policy::{Action, Attempt, Policy, SameOrigin};

use crate::content::Content;
use crate::error::{Error, Redirect};

/// Which redirects are followed. Default: up to 10, as with reqwest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Redirects {
    limit: Option<usize>,
}

impl Redirects {
    /// Up to so many for a request; one more is an error.
    pub const fn limited(limit: usize) -> Self {
        Self { limit: Some(limit) }
    }

    /// None: the response that redirects is the response.
    pub const fn none() -> Self {
        Self { limit: None }
    }

    pub(crate) fn hops(self) -> Hops {
        Hops { limit: self.limit, followed: 0, abroad: false }
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
    /// Another origin has been met.
    abroad: bool,
}

/// Of a location like `tel:112` or `a.test:8080`, which `Uri` takes for a host and a port, it is what stands
/// before the colon (RFC 3986 section 3).
fn scheme(location: &Uri) -> &str {
    let before_colon = || location.authority()?.as_str().split(':').next();
    location.scheme_str().or_else(before_colon).unwrap_or_default()
}

/// What was said to the first origin, and is no business of another: the credentials that reqwest keeps
/// from it, by whose name the first was asked, and from where.
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
        let refuse = |why| Err(Error::redirect(attempt.previous(), why));
        if self.followed == limit {
            return refuse(Redirect::TooMany(limit));
        }
        match scheme(attempt.location()) {
            "http" | "https" => {}
            other => return refuse(Redirect::Scheme(other.to_owned())),
        }
        self.followed += 1;
        // Each hop begins with the headers of the first: what is taken out for another origin would be
        // back when that one redirects to itself.
        let same = Policy::<Content, Error>::redirect(&mut SameOrigin::new(), attempt)?.is_follow();
        self.abroad |= !same;
        Ok(Action::Follow)
    }

    fn on_request(&mut self, request: &mut Request<Content>) {
        if self.abroad {
            for name in &PRIVATE {
                request.headers_mut().remove(name);
            }
        }
    }

    // After 307 and 308.
    fn clone_body(&self, body: &Content) -> Option<Content> {
        body.again()
    }
}
