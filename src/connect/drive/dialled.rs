//! One dial, and how it ended.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// How a dial ended.
pub(super) struct DialResult<T> {
    pub(super) id: usize,
    pub(super) result: io::Result<T>,
    pub(super) sent: bool,
}

pin_project! {
    /// An attempt's dial. One that fails at its first poll has sent nothing: no route, no such
    /// interface, an option.
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

/// Another thread may run the I/O driver, and a peer nearby may answer the SYN before its sender
/// gets to ask.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}
