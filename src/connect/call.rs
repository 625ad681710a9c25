//! The future of a call.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::race::error::Error;

/// A call of a [`Connector`](crate::Connector): a future that owns what it needs, so that it can be
/// spawned, stored in a field, selected and joined. `'a` is the lifetime of what a dial borrows, and
/// `'static` for a call without a dial.
///
/// ```
/// use he::{Call, Connector};
/// use tokio::net::TcpStream;
///
/// struct Client {
///     next: Call<'static, TcpStream>,
/// }
///
/// fn client(connector: &Connector, host: &str) -> Client {
///     Client { next: connector.connect(host, 443) }
/// }
/// ```
///
/// The call begins when the future is polled for the first time.
///
/// # Cancel safety
///
/// Dropping the future ends all its attempts and lookups. Nothing of them is left once the runtime
/// has run its queue. The shared parts of the resolver (its cache, a connection to a name server, a
/// running `getaddrinfo`) go on.
#[must_use = "a call does nothing unless it is awaited"]
pub struct Call<'a, T>(Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>);

impl<'a, T> Call<'a, T> {
    pub(crate) fn new(future: impl Future<Output = Result<T, Error>> + Send + 'a) -> Self {
        Self(Box::pin(future))
    }
}

impl<T> Future for Call<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}
