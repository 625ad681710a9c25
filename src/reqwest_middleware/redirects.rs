//! Which redirects are followed, and what goes along.

use bytes::Bytes;
use http::Request;
use reqwest::Body;
use tower_http::follow_redirect::policy::{Action, Attempt, FilterCredentials, Policy, SameOrigin};

use super::error::{Error, Redirect};

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

    pub(super) fn hops(self, body: Option<Bytes>) -> Hops {
        Hops { limit: self.limit, followed: 0, filter: None, body }
    }
}

impl Default for Redirects {
    fn default() -> Self {
        Self::limited(10)
    }
}

/// The redirects of one request.
#[derive(Debug, Clone)]
pub(super) struct Hops {
    limit: Option<usize>,
    followed: usize,
    /// Takes credentials out of a request, once another origin has been met.
    filter: Option<FilterCredentials>,
    /// What is sent again after 307 and 308; `None` for a body that can be read only once.
    body: Option<Bytes>,
}

impl Policy<Body, Error> for Hops {
    fn redirect(&mut self, attempt: &Attempt<'_>) -> Result<Action, Error> {
        let Some(limit) = self.limit else { return Ok(Action::Stop) };
        let refuse = |why| Err(Error::redirect(attempt.location(), why));
        if self.followed == limit {
            return refuse(Redirect::TooMany(limit));
        }
        match attempt.location().scheme_str() {
            Some("http" | "https") => {}
            other => return refuse(Redirect::Scheme(other.unwrap_or_default().to_owned())),
        }
        self.followed += 1;
        // Each hop begins with the headers of the first: what is taken out for another origin would be
        // back when that one redirects to itself.
        let same = Policy::<Body, Error>::redirect(&mut SameOrigin::new(), attempt)?.is_follow();
        if !same {
            self.filter = Some(FilterCredentials::new().block_any());
        }
        match &mut self.filter {
            Some(filter) => Policy::<Body, Error>::redirect(filter, attempt),
            None => Ok(Action::Follow),
        }
    }

    fn on_request(&mut self, request: &mut Request<Body>) {
        if let Some(filter) = &mut self.filter {
            Policy::<Body, Error>::on_request(filter, request);
        }
    }

    fn clone_body(&self, _: &Body) -> Option<Body> {
        self.body.clone().map(Body::from)
    }
}
