use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6};

use he_test_support::net::ipv6;
use tokio::net::TcpListener;

use super::*;

/// An index that no interface has, so a link-local address with it is unreachable.
const NO_SUCH_ZONE: u32 = 0x7fff_fff0;

/// A listener on loopback and its address.
async fn listener(ip: impl Into<IpAddr>) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((ip.into(), 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// The connected socket, and the value that the hook read from it before it connected.
async fn connected<T: Send + 'static>(
    options: SocketOptions,
    read: impl Fn(SockRef<'_>) -> T + Send + Sync + 'static,
) -> (TcpStream, T) {
    let (_listener, addr) = listener(Ipv4Addr::LOCALHOST).await;
    let (tx, rx) = std::sync::mpsc::channel();
    let options = options.before_connect(move |socket, _| {
        tx.send(read(SockRef::from(socket))).map_err(|_| io::ErrorKind::Other.into())
    });
    // The future has to be `Send`, so it runs in a task.
    let stream = tokio::spawn(async move { options.connect(addr).await }).await.unwrap().unwrap();
    (stream, rx.recv().unwrap())
}

/// The error of an attempt at 127.0.0.1:9, which ends before it sends anything.
async fn refused(options: SocketOptions) -> io::Error {
    let options = options.before_connect(|_, _| panic!("an option should have failed"));
    options.connect(SocketAddr::from(([127, 0, 0, 1], 9))).await.unwrap_err()
}

fn option_error(error: &io::Error) -> &OptionError {
    error.get_ref().unwrap().downcast_ref().unwrap()
}

#[tokio::test] // R-9293-KA, C-KA
async fn by_default_nodelay_is_on_and_keepalive_off() {
    let (stream, before) = connected(SocketOptions::default(), |s| s.tcp_nodelay().unwrap()).await;
    assert!(before, "set before the connect");
    assert!(stream.nodelay().unwrap());
    assert!(!SockRef::from(&stream).keepalive().unwrap());
}

#[tokio::test]
async fn nodelay_can_be_left_off() {
    let (stream, _) = connected(SocketOptions::default().with_nodelay(false), |_| ()).await;
    assert!(!stream.nodelay().unwrap());
}

#[tokio::test]
async fn the_defaults_connect_without_a_hook() {
    if !ipv6() {
        return;
    }
    let (listener, addr) = listener(Ipv6Addr::LOCALHOST).await;
    let stream = SocketOptions::default().connect(addr).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), addr);
    assert_eq!(listener.accept().await.unwrap().1, stream.local_addr().unwrap());
}

#[cfg(not(windows))] // socket2 cannot read them back there
#[tokio::test]
async fn keepalive_is_on_before_connecting_with_all_three_values() {
    let (idle, interval) = (Duration::from_millis(11_999), Duration::from_secs(5));
    let keepalive = KeepAlive::new(idle).with_interval(interval).with_retries(4);
    let options = SocketOptions::default().with_keepalive(keepalive);
    let (stream, before) = connected(options, |s| s.keepalive().unwrap()).await;
    assert!(before);
    let socket = SockRef::from(&stream);
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(11));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), interval);
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
}

#[cfg(not(windows))] // socket2 cannot read them back there
#[tokio::test]
async fn keepalive_leaves_unset_values_to_the_system() {
    let (plain, _) = connected(SocketOptions::default(), |_| ()).await;
    let keepalive = KeepAlive::new(Duration::from_secs(32_767));
    let (stream, _) = connected(SocketOptions::default().with_keepalive(keepalive), |_| ()).await;
    let (plain, socket) = (SockRef::from(&plain), SockRef::from(&stream));
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(32_767));
    let interval = plain.tcp_keepalive_interval().unwrap();
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), interval);
    let retries = plain.tcp_keepalive_retries().unwrap();
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), retries);
}

#[tokio::test]
async fn buffers_have_their_size_before_connecting() {
    const SEND: usize = 48 * 1024;
    const RECV: usize = 80 * 1024;
    let options = SocketOptions::default().with_send_buffer(SEND).with_recv_buffer(RECV);
    let sizes = |s: SockRef<'_>| (s.send_buffer_size().unwrap(), s.recv_buffer_size().unwrap());
    let (stream, before) = connected(options, sizes).await;
    // Linux doubles both sizes. The check fails if they are swapped.
    let asked =
        |(send, recv)| (SEND..=2 * SEND).contains(&send) && (RECV..=2 * RECV).contains(&recv);
    assert!(asked(before), "{before:?}");
    assert_eq!(sizes(SockRef::from(&stream)), before);
}

#[tokio::test] // scenario trio-local-address-family-mismatch
async fn a_local_address_of_one_family_refuses_the_other_without_a_packet() {
    if !ipv6() {
        return;
    }
    for (target, local) in [("127.0.0.1", "::1"), ("::1", "127.0.0.1")] {
        let (listener, addr) = listener(target.parse::<IpAddr>().unwrap()).await;
        let options = SocketOptions::default().with_local_address(local.parse().unwrap());
        let error = options.connect(addr).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        assert_eq!(
            error.to_string(),
            format!("local address for {addr}: a local address is set for the other family only")
        );
        // A SYN of the refused attempt would be the first in the queue.
        let next = SocketOptions::default().connect(addr).await.unwrap();
        assert_eq!(listener.accept().await.unwrap().1, next.local_addr().unwrap());
    }
}

#[tokio::test]
async fn a_local_address_of_another_host_is_refused_by_name() {
    let error =
        refused(SocketOptions::default().with_local_address([203, 0, 113, 77].into())).await;
    assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    let error = option_error(&error);
    assert_eq!(error.option(), "local address");
    assert_eq!(error.addr(), SocketAddr::from(([127, 0, 0, 1], 9)));
    assert_eq!(error.cause().kind(), io::ErrorKind::AddrNotAvailable);
    assert!(error.cause().raw_os_error().is_some());
    assert_eq!(error.to_string(), format!("local address for 127.0.0.1:9: {}", error.cause()));
}

#[tokio::test]
async fn an_impossible_value_is_refused_with_its_range() {
    let options = SocketOptions::default;
    let (zero, second) = (Duration::ZERO, Duration::from_secs(1));
    let keepalive = |k| options().with_keepalive(k);
    let buffer = "127.0.0.1:9: must be from 1 to 2147483647 bytes";
    let idle = "SO_KEEPALIVE for 127.0.0.1:9: idle must be from 1 s to 32767 s";
    let interval = "SO_KEEPALIVE for 127.0.0.1:9: interval must be from 1 s to 32767 s";
    let retries = "SO_KEEPALIVE for 127.0.0.1:9: retries must be from 1 to 127";
    for (options, text) in [
        (options().with_send_buffer(0), format!("SO_SNDBUF for {buffer}")),
        (options().with_send_buffer(1 << 31), format!("SO_SNDBUF for {buffer}")),
        (options().with_recv_buffer(0), format!("SO_RCVBUF for {buffer}")),
        (options().with_recv_buffer(usize::MAX), format!("SO_RCVBUF for {buffer}")),
        (keepalive(KeepAlive::new(Duration::from_millis(999))), idle.into()),
        (keepalive(KeepAlive::new(Duration::from_secs(32_768))), idle.into()),
        (keepalive(KeepAlive::new(second).with_interval(zero)), interval.into()),
        (keepalive(KeepAlive::new(second).with_interval(Duration::MAX)), interval.into()),
        (keepalive(KeepAlive::new(second).with_retries(0)), retries.into()),
        (keepalive(KeepAlive::new(second).with_retries(128)), retries.into()),
    ] {
        let error = refused(options).await;
        assert_eq!(error.to_string(), text);
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{text}");
        assert_eq!(option_error(&error).cause().kind(), io::ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn the_hook_sees_the_socket_and_the_address_and_may_set_options() {
    let (_listener, addr) = listener(Ipv4Addr::LOCALHOST).await;
    let (tx, rx) = std::sync::mpsc::channel();
    let options = SocketOptions::default().before_connect(move |socket, addr| {
        tx.send(addr).map_err(io::Error::other)?;
        socket.set_nodelay(false)
    });
    let stream = options.connect(addr).await.unwrap();
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [addr]);
    assert!(!stream.nodelay().unwrap());
}

#[tokio::test]
async fn the_hooks_error_ends_the_attempt_and_is_kept_as_it_is() {
    #[derive(Debug, PartialEq)]
    struct Mine(u8);
    impl fmt::Display for Mine {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("not today")
        }
    }
    impl std::error::Error for Mine {}

    let (listener, addr) = listener(Ipv4Addr::LOCALHOST).await;
    let options = SocketOptions::default()
        .before_connect(|_, _| Err(io::Error::new(io::ErrorKind::QuotaExceeded, Mine(7))));
    let error = options.connect(addr).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
    assert_eq!(error.to_string(), "not today");
    assert_eq!(error.into_inner().unwrap().downcast_ref(), Some(&Mine(7)));
    let next = SocketOptions::default().connect(addr).await.unwrap();
    assert_eq!(listener.accept().await.unwrap().1, next.local_addr().unwrap());
}

#[tokio::test] // R-4007-11
async fn the_zone_reaches_the_hook_and_the_error() {
    let addr = SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 443, 0, NO_SUCH_ZONE));
    let options =
        SocketOptions::default().before_connect(|_, addr| Err(io::Error::other(addr.to_string())));
    assert_eq!(options.connect(addr).await.unwrap_err().to_string(), "[fe80::1%2147483632]:443");
    let error = SocketOptions::default().with_send_buffer(0).connect(addr).await.unwrap_err();
    assert_eq!(option_error(&error).addr(), addr);
    assert!(error.to_string().starts_with("SO_SNDBUF for [fe80::1%2147483632]:443: "), "{error}");
}

#[tokio::test]
async fn a_refused_connection_keeps_the_systems_error() {
    // The socket holds the port, so no other program listens there. It does not listen either.
    let held = TcpSocket::new_v4().unwrap();
    held.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let addr = held.local_addr().unwrap();
    let error = SocketOptions::default().connect(addr).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(error.raw_os_error().is_some());
}

#[test]
fn a_clone_keeps_its_binding_when_the_other_changes() {
    let one = SocketOptions::default().with_interface("wg0").with_mark(7);
    let two = one.clone();
    assert_eq!(one.binding(), two.binding());
    let two = two.with_mark(8);
    assert_eq!((one.binding().mark(), two.binding().mark()), (Some(7), Some(8)));
    assert_eq!(two.binding().interface(), Some("wg0"));
}

#[test]
fn debug_shows_the_options_and_that_there_is_a_hook() {
    let options =
        SocketOptions::default().with_mark(7).with_send_buffer(9).before_connect(|_, _| Ok(()));
    assert_eq!(
        format!("{options:?}"),
        "SocketOptions { nodelay: true, keepalive: None, user_timeout: None, send_buffer: Some(9), \
         recv_buffer: None, binding: Binding { local_v4: None, local_v6: None, interface: None, \
         mark: Some(7) }, before_connect: Some(Fn) }"
    );
}

#[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
#[tokio::test]
async fn an_option_that_the_platform_lacks_is_refused_before_connecting() {
    let options = SocketOptions::default;
    for (options, name) in [
        (options().user_timeout(Duration::from_secs(1)), "TCP_USER_TIMEOUT"),
        (options().interface("lo"), "SO_BINDTODEVICE"),
        (options().mark(7), "SO_MARK"),
    ] {
        let error = refused(options).await;
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        let text = format!("{name} for 127.0.0.1:9: not supported on this platform");
        assert_eq!(error.to_string(), text);
    }
}

/// Options that other systems lack, and the many local addresses of Linux' loopback.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
mod linux;
