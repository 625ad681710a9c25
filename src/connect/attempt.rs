//! An attempt, as its dial sees it, and the connection of the attempt that wins.

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
use crate::race::binding::Binding;
use crate::race::host::Host;
use crate::race::report::Report;

/// An address to dial: the argument of a dial of
/// [`Connector::connect_with`](crate::Connector::connect_with).
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    pub(crate) id: usize,
    pub(crate) addr: SocketAddr,
    pub(crate) host: Option<Host>,
    pub(crate) socket: SocketOptions,
    /// Reports the TCP handshake to the race; `None` if the dial ends with it.
    pub(crate) progress: Option<Progress>,
}

/// The attempts whose TCP handshake is done, with its time, until the race takes note of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<Vec<(usize, Instant)>>>);

impl Progress {
    fn note(&self, id: usize, at: Instant) {
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
    /// the last dot, or an address without brackets and zone. For a list of addresses, it is the
    /// address.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.host {
            Some(host) => host.name().to_owned(),
            None => self.addr.ip().to_string(),
        }
    }

    /// The interface, mark and local addresses of the connector's sockets: for a dial that makes
    /// other connections as well.
    #[must_use]
    pub fn binding(&self) -> &Binding {
        self.socket.binding()
    }

    /// Connects to the address over TCP with the connector's socket options, and reports the
    /// handshake to the race. While the dial goes on, the next attempt waits until the dial's own
    /// handshake should be over (at most 2 s after the last start).
    ///
    /// # Errors
    ///
    /// The error of the system, or an [`OptionError`](crate::OptionError) if a socket option was
    /// refused.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    #[expect(clippy::manual_async_fn, reason = "it would keep two copies of its arguments")]
    pub fn connect(self) -> impl Future<Output = io::Result<TcpStream>> + Send + use<> {
        async move {
            let stream = self.socket.connect(self.addr).await?;
            self.tcp_up();
            Ok(stream)
        }
    }

    /// Reports to the race that this attempt's TCP handshake is done, for a dial that makes its
    /// connection itself. [`connect`](Self::connect) does so already.
    pub fn tcp_up(&self) {
        if let Some(progress) = &self.progress {
            progress.note(self.id, now());
        }
    }
}

/// A connection, its address, and the report of the call. It implements `AsyncRead` and
/// `AsyncWrite` if its stream does.
#[derive(Debug)]
#[non_exhaustive]
pub struct Established<T> {
    /// The value that the dial returned.
    pub stream: T,
    /// The address and port that won.
    pub addr: SocketAddr,
    /// The report, with every lookup and attempt.
    pub report: Report,
}

impl<T> Established<T> {
    /// The stream alone.
    #[must_use]
    pub fn into_stream(self) -> T {
        self.stream
    }

    /// Replaces the stream by another one that is made of it.
    #[must_use]
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Established<U> {
        let Self { stream, addr, report } = self;
        Established { stream: f(stream), addr, report }
    }
}

impl From<Established<TcpStream>> for TcpStream {
    fn from(established: Established<Self>) -> Self {
        established.stream
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
