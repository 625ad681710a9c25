//! The options of an attempt's socket, before and after it connects.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream};

use crate::connect::bind::{bind, unsupported};
use crate::race::binding::Binding;
use crate::race::option_error::OptionError;

pub use self::keepalive::KeepAlive;

mod keepalive;
mod tcp;

/// The options that every attempt sets on its socket. Cheap to clone. Two are equal if their hooks
/// are clones of one.
///
/// ```
/// use std::time::Duration;
/// use he::{KeepAlive, SocketOptions};
///
/// let options = SocketOptions::default()
///     .with_keepalive(KeepAlive::new(Duration::from_secs(60)))
///     .with_user_timeout(Duration::from_secs(30))
///     .with_interface("wg0");
/// ```
///
/// [`with_interface`](Self::with_interface), [`with_mark`](Self::with_mark) and
/// [`with_local_address`](Self::with_local_address) hold for more than the attempts. Name-server
/// sockets and the probes for source addresses (RFC 6724) have them too, so that lookups leave by
/// the same VPN as the connection.
///
/// # Errors
///
/// Each attempt fails with an [`OptionError`] if the system refuses an option, if a value is out of
/// range, or if this platform lacks an option. The error names the option and the address. It is
/// inside an [`io::Error`] of the kind that the system gave,
/// [`InvalidInput`](io::ErrorKind::InvalidInput) or [`Unsupported`](io::ErrorKind::Unsupported)
/// ("not supported on this platform"). No option is skipped silently. No packet has left by then,
/// with one exception: `user_timeout` fails after the handshake if the system refuses a value in
/// range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketOptions {
    nodelay: bool,
    keepalive: Option<KeepAlive>,
    user_timeout: Option<Duration>,
    send_buffer: Option<usize>,
    recv_buffer: Option<usize>,
    binding: Binding,
    before_connect: Option<Hook>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            keepalive: None,
            user_timeout: None,
            send_buffer: None,
            recv_buffer: None,
            binding: Binding::default(),
            before_connect: None,
        }
    }
}

impl SocketOptions {
    /// If true, a small write leaves at once instead of waiting for the acknowledgement of the one
    /// before (`TCP_NODELAY`: Nagle's algorithm off). Default true: requests are written whole, and
    /// together with delayed acknowledgements Nagle's algorithm costs 40 ms and more. False is for
    /// a program that writes many small pieces without a buffer. All platforms.
    #[must_use]
    pub fn with_nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Probes on an idle connection, which find out that the peer is gone and keep NAT entries
    /// alive (`SO_KEEPALIVE`). Default off, as RFC 9293 section 3.8.4 wants it: probes cost traffic
    /// and battery, and end connections that would have survived a pause of the network. They are
    /// for connections that wait long for the peer's next message. Linux, Android, Fuchsia, Apple's
    /// systems, Windows, FreeBSD, DragonFly, NetBSD and illumos.
    #[must_use]
    pub fn with_keepalive(mut self, keepalive: KeepAlive) -> Self {
        self.keepalive = Some(keepalive);
        self
    }

    /// How long sent data may stay unacknowledged before the connection fails (`TCP_USER_TIMEOUT`,
    /// RFC 5482), in whole milliseconds from 1 ms to 24 days. Default the system's: on Linux about
    /// 15 minutes, by its count of retransmissions. A shorter time notices a dead path sooner while
    /// writing; together with [`with_keepalive`](Self::with_keepalive), Linux gives up after this
    /// time instead of after `retries`. It is set after the handshake, because on Linux it would
    /// bound the handshake too, which [`Config::connect_timeout`](crate::Config::connect_timeout)
    /// does. Linux, Android and Fuchsia.
    #[must_use]
    pub fn with_user_timeout(mut self, timeout: Duration) -> Self {
        self.user_timeout = Some(timeout);
        self
    }

    /// Size of the buffer for data to send (`SO_SNDBUF`), in bytes, at least 1. Default the
    /// system's, which grows it as the path needs; a size set here stays as it is (Linux doubles it
    /// for its own bookkeeping and cuts it at `net.core.wmem_max`). It bounds memory, and the data
    /// queued on a slow path. All platforms.
    #[must_use]
    pub fn with_send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// Size of the buffer for received data (`SO_RCVBUF`), in bytes, at least 1. Default the
    /// system's, which grows it as the path needs; a size set here stays as it is (Linux doubles it
    /// for its own bookkeeping and cuts it at `net.core.rmem_max`). It bounds memory, and makes a
    /// sender wait. It also bounds the window scale of the handshake, so it is set before. All
    /// platforms.
    #[must_use]
    pub fn with_recv_buffer(mut self, bytes: usize) -> Self {
        self.recv_buffer = Some(bytes);
        self
    }

    /// The source address for connections of its family; call it twice for both families. Default
    /// the system's choice (RFC 6724 section 5). With one family set, every attempt of the other is
    /// refused before a packet leaves, with the kind
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable), because it would leave from an
    /// address that the caller did not choose. A link-local address is bound in the zone of each
    /// destination; `::ffff:192.0.2.1` is the IPv4 address in it. It is for hosts with several
    /// addresses of which the peer admits one. The system takes a port for it before it knows the
    /// destination, so one local address carries no more connections than there are ephemeral ports
    /// (on Linux 28 232 by default). All platforms.
    #[must_use]
    pub fn with_local_address(mut self, local: IpAddr) -> Self {
        match local.to_canonical() {
            IpAddr::V4(ip) => self.binding.local_v4 = Some(ip),
            IpAddr::V6(ip) => self.binding.local_v6 = Some(ip),
        }
        self
    }

    /// The network interface, by its name of 1 to 15 bytes, by which packets leave and arrive
    /// whatever the routes say (`SO_BINDTODEVICE`). Default none: the routes decide. It is for a
    /// VPN, or for one uplink of several. Linux (without privilege since 5.7), Android and Fuchsia.
    #[must_use]
    pub fn with_interface(mut self, name: impl Into<String>) -> Self {
        let name: String = name.into();
        self.binding.interface = Some(name.into());
        self
    }

    /// The mark on each packet that routing rules and the firewall match (`SO_MARK`). Default none.
    /// It is for a VPN's own connections, or for a separate routing table. Linux, Android and
    /// Fuchsia; on Linux it takes `CAP_NET_ADMIN` or (since 5.17) `CAP_NET_RAW`.
    #[must_use]
    pub fn with_mark(mut self, mark: u32) -> Self {
        self.binding.mark = Some(mark);
        self
    }

    /// A function that gets each attempt's socket and address, after all other options and right
    /// before the socket connects. It is for options that are missing here. Default none; a second
    /// call replaces the first. Its error ends that attempt and is kept as it is. It must not
    /// block. Sockets to name servers and source probes do not pass through it, so options that
    /// decide the way of packets belong above. TCP Fast Open does not belong here: with it, a dead
    /// address "connects" at once and wins the race. All platforms.
    #[must_use]
    pub fn before_connect(
        mut self,
        hook: impl Fn(&TcpSocket, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.before_connect = Some(Hook(Arc::new(hook)));
        self
    }

    /// The options that decide the way packets take: [`with_interface`](Self::with_interface),
    /// [`with_mark`](Self::with_mark) and [`with_local_address`](Self::with_local_address). A
    /// [`Query`](crate::Query) carries them to the resolver.
    #[must_use]
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// These options, with the binding of a query.
    #[cfg(feature = "dns")]
    pub(crate) fn bound_by(self, binding: Binding) -> Self {
        Self { binding, ..self }
    }

    /// Makes an attempt: a socket with these options, connected to `addr`. Dropping the future
    /// closes the socket.
    pub(crate) async fn connect(&self, addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = match &self.before_connect {
            None => tcp::connect(self, addr).await?,
            Some(Hook(hook)) => {
                let socket = match addr {
                    SocketAddr::V4(_) => TcpSocket::new_v4()?,
                    SocketAddr::V6(_) => TcpSocket::new_v6()?,
                };
                self.prepare(SockRef::from(&socket), addr)?;
                hook(&socket, addr)?;
                let stream = socket.connect(addr).await?;
                wait_until_connected(&stream).await?;
                stream
            }
        };
        if let Some(timeout) = self.user_timeout {
            set_user_timeout(SockRef::from(&stream), timeout)
                .map_err(|e| OptionError::wrap("TCP_USER_TIMEOUT", addr, e))?;
        }
        Ok(stream)
    }

    /// Sets everything but the hook.
    fn prepare(&self, sock: SockRef<'_>, addr: SocketAddr) -> io::Result<()> {
        let Self {
            nodelay,
            keepalive,
            user_timeout,
            send_buffer,
            recv_buffer,
            binding,
            before_connect: _,
        } = self;
        let named = |option, result: io::Result<()>| {
            result.map_err(|cause| OptionError::wrap(option, addr, cause))
        };
        if *nodelay {
            named("TCP_NODELAY", sock.set_tcp_nodelay(true))?;
        }
        if let Some(keepalive) = keepalive {
            named("SO_KEEPALIVE", keepalive.apply(&sock))?;
        }
        if let Some(timeout) = user_timeout {
            named("TCP_USER_TIMEOUT", check_user_timeout(*timeout))?;
        }
        if let Some(bytes) = send_buffer {
            named("SO_SNDBUF", buffer(*bytes).and_then(|n| sock.set_send_buffer_size(n)))?;
        }
        if let Some(bytes) = recv_buffer {
            named("SO_RCVBUF", buffer(*bytes).and_then(|n| sock.set_recv_buffer_size(n)))?;
        }
        bind(binding, sock, addr)
    }
}

/// The caller's function. `Debug` shows only that it exists.
#[derive(Clone)]
struct Hook(Arc<HookFn>);

type HookFn = dyn Fn(&TcpSocket, SocketAddr) -> io::Result<()> + Send + Sync;

impl PartialEq for Hook {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Hook {}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fn")
    }
}

fn check(ok: bool, wrong: &'static str) -> io::Result<()> {
    if ok { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, wrong)) }
}

/// Checks a size. The system takes an `int`, so a larger size would arrive as a negative number.
fn buffer(bytes: usize) -> io::Result<usize> {
    let most = i32::MAX as usize;
    check((1..=most).contains(&bytes), "must be from 1 to 2147483647 bytes")?;
    Ok(bytes)
}

/// Checks the value before the socket connects, so that no handshake is wasted on a value that
/// cannot be set after it. Linux takes less than a millisecond for "the default", and refuses more
/// milliseconds than an `int` holds.
fn check_user_timeout(timeout: Duration) -> io::Result<()> {
    if !cfg!(any(target_os = "android", target_os = "fuchsia", target_os = "linux")) {
        return Err(unsupported());
    }
    let millis = 1..=i32::MAX as u128;
    check(millis.contains(&timeout.as_millis()), "must be from 1 ms to 2147483647 ms")
}

#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
fn set_user_timeout(socket: SockRef<'_>, timeout: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(timeout))
}

#[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
fn set_user_timeout(_: SockRef<'_>, _: Duration) -> io::Result<()> {
    Err(unsupported())
}

/// Refuses a socket that is connected to itself. Without a listener the system may give a socket
/// the very port that it dials.
fn check_peer(peer: SocketAddr, local: SocketAddr) -> io::Result<()> {
    if peer == local { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(()) }
}

/// Waits until the socket has a peer, which must not be the socket itself. The system may report a
/// socket as writable a moment before it puts an ICMP error into SO_ERROR, and tokio takes that for
/// a connection.
async fn wait_until_connected(stream: &TcpStream) -> io::Result<()> {
    let check = || match (stream.peer_addr(), stream.take_error()?) {
        (Ok(peer), None) => check_peer(peer, stream.local_addr()?),
        (_, Some(error)) => Err(error),
        (Err(error), None) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into()) // not connected yet: wait for the next event
        }
        (Err(error), None) => Err(error),
    };
    stream.async_io(Interest::WRITABLE, check).await
}

#[cfg(test)]
mod tests;
