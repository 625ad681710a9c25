//! A dial and its result.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// The result of a dial.
pub(super) struct DialResult<T> {
    pub(super) id: usize,
    pub(super) result: io::Result<T>,
    pub(super) sent: bool,
}

pin_project! {
    /// An attempt's dial. If it fails at its first poll, it has sent nothing: no route, no such
    /// interface, a socket option.
    pub(super) struct Dialled<F> {
        id: usize,
        #[pin]
        dial: F,
        sent: bool,
    }
}

impl<F> Dialled<F> {
    pub(super) fn new(id: usize, dial: F) -> Self {
        Self { id, dial, sent: false }
    }
}

impl<T, F: Future<Output = io::Result<T>>> Future for Dialled<F> {
    type Output = DialResult<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<DialResult<T>> {
        let this = self.project();
        let (id, sent) = (*this.id, std::mem::replace(this.sent, true));
        this.dial.poll(cx).map(|result| {
            let sent = sent || result.as_ref().is_err_and(is_of_the_peer);
            DialResult { id, result, sent }
        })
    }
}

/// True for an error that a packet of the peer causes. It may come at the first poll, because
/// another thread may run the I/O driver, and a near peer may answer the SYN before the poll ends.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}
