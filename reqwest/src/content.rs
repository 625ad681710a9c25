//! The body of a request, which may have to be sent more than once.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use reqwest::Body;

/// A body, and its bytes if it can be sent again.
#[derive(Debug)]
pub(crate) struct Content {
    body: Body,
    /// `None` for a stream, which can be read only once.
    bytes: Option<Bytes>,
}

impl Content {
    pub(crate) async fn of(body: Body) -> reqwest::Result<Self> {
        match body.as_bytes() {
            // The bytes are shared, not copied.
            Some(_) => Ok(body.collect().await?.to_bytes().into()),
            None => Ok(Self { body, bytes: None }),
        }
    }

    pub(crate) fn again(&self) -> Option<Self> {
        self.bytes.clone().map(Self::from)
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self { body: bytes.clone().into(), bytes: Some(bytes) }
    }
}

/// An empty body.
impl Default for Content {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl http_body::Body for Content {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<reqwest::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
