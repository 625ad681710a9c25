//! One attempt, as the dial of a connect sees it, and what comes of the one that wins.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::connect::clock::now;
use crate::connect::socket::SocketOptions;
use crate::mutex::Mutex;
use crate::race::host::Host;
use crate::race::report::Report;

/// An address to dial, handed to the dial of
/// [`Connector::connect_with`](crate::Connector::connect_with).
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    pub(crate) id: usize,
    pub(crate) addr: SocketAddr,
    pub(crate) host: Option<Host>,
    pub(crate) socket: SocketOptions,
    /// Tells the race that TCP is up; `None` where that is the end of it.
    pub(crate) progress: Option<Progress>,
}

/// Which attempts have their TCP up, and since when, until the race takes note of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<Vec<(usize, Instant)>>>);

impl Progress {
    fn tell(&self, id: usize, at: Instant) {
        self.0.lock().push((id, at));
    }

    pub(crate) fn take(&self) -> Vec<(usize, Instant)> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Attempt {
    /// The address and port to dial.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The host that was typed, as a certificate names it: a name in lower-case A-labels without
    /// the last dot, or an address without brackets and zone. For a list of addresses, the address.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.host {
            Some(host) => host.name().to_owned(),
            None => self.addr.ip().to_string(),
        }
    }

    /// Connects to the address over TCP with the connector's socket options, and tells the race:
    /// while the dial goes on, the next attempt waits until its handshake should be over (at most
    /// 2 s after the last start).
    ///
    /// # Errors
    ///
    /// Those of the system; an [`OptionError`](crate::OptionError) if a socket option was refused.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    #[expect(clippy::manual_async_fn, reason = "it would keep two copies of what it is given")]
    pub fn connect(self) -> impl Future<Output = io::Result<TcpStream>> + Send + use<> {
        async move {
            let stream = self.socket.connect(self.addr).await?;
            self.tcp_up();
            Ok(stream)
        }
    }

    /// Tells the race that this attempt's TCP handshake is done, for a dial that connects by
    /// itself; [`connect`](Self::connect) does it.
    pub fn tcp_up(&self) {
        if let Some(progress) = &self.progress {
            progress.tell(self.id, now());
        }
    }
}

/// A connection, the address that it goes to, and how it came about. It reads and writes as the
/// connection in it does.
#[derive(Debug)]
#[non_exhaustive]
pub struct Established<T> {
    /// What the dial made.
    pub stream: T,
    /// The address and port that won.
    pub addr: SocketAddr,
    /// Every lookup and attempt.
    pub report: Report,
}

impl<T> Established<T> {
    /// With another stream made of this one.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Established<U> {
        let Self { stream, addr, report } = self;
        Established { stream: f(stream), addr, report }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Established<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Established<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
