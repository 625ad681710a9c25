//! A body with a deadline.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::late;

type BoxError = Box<dyn Error + Send + Sync>;

/// The time-out of a request, and when it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyDeadline {
    pub(crate) timeout: Duration,
    pub(crate) at: Instant,
}

/// Fails at the end of the time-out of the request, even if data still arrives.
pub(crate) struct Timed {
    body: BoxBody<Bytes, BoxError>,
    sleep: Pin<Box<Sleep>>,
    timeout: Duration,
}

impl Timed {
    pub(crate) fn new<B>(body: B, deadline: BodyDeadline) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Sync + 'static,
    {
        let (body, sleep) = (body.map_err(Into::into).boxed(), sleep_until(deadline.at));
        Self { body, sleep: Box::pin(sleep), timeout: deadline.timeout }
    }
}

impl Body for Timed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // The time-out comes first, because a body that always has data would hide it.
        if self.sleep.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(late("no complete response", self.timeout).into())));
        }
        Poll::Ready(ready!(Pin::new(&mut self.body).poll_frame(cx)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
