//! The options of an attempt's socket: before it connects, and after.

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

/// What every attempt sets on its socket. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use he::{KeepAlive, SocketOptions};
///
/// let options = SocketOptions::default()
///     .keepalive(KeepAlive::new(Duration::from_secs(60)))
///     .user_timeout(Duration::from_secs(30))
///     .interface("wg0");
/// ```
///
/// [`interface`](Self::interface), [`mark`](Self::mark) and [`local_address`](Self::local_address)
/// hold for more than the attempts: name-server sockets and the probes for source addresses
/// (RFC 6724) have them too, so that no lookup leaves beside the VPN that the connection takes.
///
/// # Errors
///
/// An option that the system does not take, a value out of range, an option that this platform
/// lacks: each attempt fails with an [`OptionError`] that names the option and the address, inside
/// an [`io::Error`] of the kind that the system gave, [`InvalidInput`](io::ErrorKind::InvalidInput)
/// or [`Unsupported`](io::ErrorKind::Unsupported) ("not supported on this platform"). None is
/// skipped silently. No packet has left by then; only `user_timeout` can fail after the handshake,
/// when the system refuses a value in range.
#[derive(Debug, Clone)]
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
    /// Whether a small write leaves at once instead of waiting for the acknowledgement of the one
    /// before (`TCP_NODELAY`: Nagle's algorithm off). Default true: requests are written whole, and
    /// together with delayed acknowledgements Nagle's algorithm costs 40 ms and more. False for a
    /// program that writes many small pieces without a buffer. All platforms.
    #[must_use]
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Probes on an idle connection, which find out that the peer is gone and keep NAT entries
    /// alive (`SO_KEEPALIVE`). Default off, as RFC 9293 section 3.8.4 wants it: probes cost
    /// traffic and battery, and end connections that would have survived a pause of the network.
    /// On for connections that wait long for the peer's next word. Linux, Android, Fuchsia,
    /// Apple's systems, Windows, FreeBSD, DragonFly, NetBSD and illumos.
    #[must_use]
    pub fn keepalive(mut self, keepalive: KeepAlive) -> Self {
        self.keepalive = Some(keepalive);
        self
    }

    /// How long sent data may stay unacknowledged before the connection fails
    /// (`TCP_USER_TIMEOUT`, RFC 5482), in whole milliseconds from 1 ms to 24 days. Default the
    /// system's: on Linux about 15 minutes, by its count of retransmissions. Shorter notices a dead
    /// path while writing sooner; together with [`keepalive`](Self::keepalive), Linux gives up
    /// after this time instead of after `retries`. It is set once the connection is up, for on
    /// Linux it would bound the handshake as well, which is what
    /// [`Config::connect_timeout`](crate::Config::connect_timeout) is for. Linux, Android and
    /// Fuchsia.
    #[must_use]
    pub fn user_timeout(mut self, timeout: Duration) -> Self {
        self.user_timeout = Some(timeout);
        self
    }

    /// Size of the buffer for data to send (`SO_SNDBUF`), in bytes, at least 1. Default the
    /// system's, which grows it as the path needs; a size set here stays as it is (Linux doubles
    /// it for its own bookkeeping and cuts it at `net.core.wmem_max`). To bound memory, or data
    /// queued on a slow path. All platforms.
    #[must_use]
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// Size of the buffer for received data (`SO_RCVBUF`), in bytes, at least 1. Default the
    /// system's, which grows it as the path needs; a size set here stays as it is (Linux doubles
    /// it for its own bookkeeping and cuts it at `net.core.rmem_max`) and bounds the window scale
    /// of the handshake, hence it is set before. To bound memory, or to make a sender wait. All
    /// platforms.
    #[must_use]
    pub fn recv_buffer(mut self, bytes: usize) -> Self {
        self.recv_buffer = Some(bytes);
        self
    }

    /// The source address for connections of its family; call it twice for both families. Default
    /// the system's choice (RFC 6724 section 5). With one family set, every attempt of the other is
    /// refused before a packet leaves, with the kind
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable): it would leave from an address that
    /// nobody chose. A link-local address is bound in the zone of each destination;
    /// `::ffff:192.0.2.1` is the IPv4 address in it. For hosts with several addresses of which the
    /// peer admits one. The system takes a port for it before it knows the destination, so one
    /// local address carries no more connections than there are ephemeral ports (on Linux 28 232
    /// by default). All platforms.
    #[must_use]
    pub fn local_address(mut self, local: IpAddr) -> Self {
        match local.to_canonical() {
            IpAddr::V4(ip) => self.binding.local_v4 = Some(ip),
            IpAddr::V6(ip) => self.binding.local_v6 = Some(ip),
        }
        self
    }

    /// The network interface, by its name of 1 to 15 bytes, that packets leave and arrive through
    /// whatever the routes say (`SO_BINDTODEVICE`). Default none: the routes decide. For a VPN, or
    /// one uplink of several. Linux (without privilege since 5.7), Android and Fuchsia.
    #[must_use]
    pub fn interface(mut self, name: impl Into<String>) -> Self {
        let name: String = name.into();
        self.binding.interface = Some(name.into());
        self
    }

    /// The mark on each packet that routing rules and the firewall match (`SO_MARK`). Default
    /// none. For a VPN's own connections, or a routing table of one's own. Linux, Android and
    /// Fuchsia; on Linux it takes `CAP_NET_ADMIN` or (since 5.17) `CAP_NET_RAW`.
    #[must_use]
    pub fn mark(mut self, mark: u32) -> Self {
        self.binding.mark = Some(mark);
        self
    }

    /// A function that gets each attempt's socket and address, after all other options and right
    /// before the connect: for options that are missing here. Default none; a second call
    /// replaces the first. Its error ends that attempt and is kept as it is. It must not block.
    /// Sockets to name servers and source probes do not pass through it, so what decides the way
    /// of packets belongs in the options above. TCP Fast Open does not belong here: with it, a dead
    /// address "connects" at once and wins the race. All platforms.
    #[must_use]
    pub fn before_connect(
        mut self,
        hook: impl Fn(&TcpSocket, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.before_connect = Some(Hook(Arc::new(hook)));
        self
    }

    /// The options that decide the way packets take: [`interface`](Self::interface),
    /// [`mark`](Self::mark) and [`local_address`](Self::local_address). It is what a
    /// [`Query`](crate::Query) carries to the resolver.
    #[must_use]
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// These options, and the way that a query was told to take.
    #[cfg(feature = "dns")]
    pub(crate) fn bound_by(self, binding: Binding) -> Self {
        Self { binding, ..self }
    }

    /// One attempt: a socket with these options, connected to `addr`. Dropping it closes the
    /// socket.
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
                is_up(&stream).await?;
                stream
            }
        };
        if let Some(timeout) = self.user_timeout {
            set_user_timeout(SockRef::from(&stream), timeout)
                .map_err(|e| OptionError::wrap("TCP_USER_TIMEOUT", addr, e))?;
        }
        Ok(stream)
    }

    /// Everything but the hook.
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

/// The caller's function, without a face in `Debug`.
#[derive(Clone)]
struct Hook(Arc<HookFn>);

type HookFn = dyn Fn(&TcpSocket, SocketAddr) -> io::Result<()> + Send + Sync;

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fn")
    }
}

fn check(ok: bool, wrong: &'static str) -> io::Result<()> {
    if ok { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, wrong)) }
}

/// The system takes an `int`; a larger size would arrive as a negative one.
fn buffer(bytes: usize) -> io::Result<usize> {
    let most = i32::MAX as usize;
    check((1..=most).contains(&bytes), "must be from 1 to 2147483647 bytes")?;
    Ok(bytes)
}

/// Before the connect, so that no handshake is wasted on a value that cannot be set after it. Less
/// than a millisecond would mean "the default" to Linux, more than an `int` of them is refused.
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

/// A socket may be told writable a moment before an ICMP error is put into SO_ERROR: tokio takes
/// that for a connection. Only one that has a peer is one.
async fn is_up(stream: &TcpStream) -> io::Result<()> {
    let check = || match (stream.peer_addr(), stream.take_error()?) {
        (Ok(_), None) => Ok(()),
        (_, Some(error)) => Err(error),
        (Err(error), None) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into()) // not yet: the next event tells
        }
        (Err(error), None) => Err(error),
    };
    stream.async_io(Interest::WRITABLE, check).await
}

#[cfg(test)]
mod tests;
