use std::task::Poll;

use super::*;

#[tokio::test] // R-5482-UTO, C-UTO
async fn user_timeout_is_set_after_the_handshake_and_not_before() {
    let timeout = Duration::from_millis(2_500);
    let options = SocketOptions::default().with_user_timeout(timeout);
    let (stream, before) = connected(options, |s| s.tcp_user_timeout().unwrap()).await;
    assert_eq!(before, None);
    assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(timeout));
}

#[tokio::test]
async fn the_longest_user_timeout_is_taken_by_the_system() {
    let timeout = Duration::from_millis(i32::MAX as u64);
    let (stream, _) = connected(SocketOptions::default().with_user_timeout(timeout), |_| ()).await;
    assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(timeout));
}

#[tokio::test]
async fn an_impossible_user_timeout_is_refused_before_connecting() {
    let text = "TCP_USER_TIMEOUT for 127.0.0.1:9: must be from 1 ms to 2147483647 ms";
    for timeout in
        [Duration::ZERO, Duration::from_micros(999), Duration::from_millis(1 << 31), Duration::MAX]
    {
        let error = refused(SocketOptions::default().with_user_timeout(timeout)).await;
        assert_eq!(error.to_string(), text);
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn the_peer_sees_the_local_address() {
    let (listener, addr) = listener(Ipv4Addr::LOCALHOST).await;
    for local in ["127.0.0.2", "::ffff:127.0.0.2"] {
        let options = SocketOptions::default().with_local_address(local.parse().unwrap());
        let stream = options.connect(addr).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip(), IpAddr::from([127, 0, 0, 2]));
        assert_eq!(peer, stream.local_addr().unwrap());
    }
}

#[tokio::test]
async fn local_addresses_of_both_families_serve_both() {
    if !ipv6() {
        return;
    }
    let options = SocketOptions::default()
        .with_local_address(Ipv4Addr::new(127, 0, 0, 3).into())
        .with_local_address(Ipv6Addr::LOCALHOST.into());
    for (ip, local) in [("127.0.0.1", "127.0.0.3"), ("::1", "::1")] {
        let (listener, addr) = listener(ip.parse::<IpAddr>().unwrap()).await;
        let _stream = options.connect(addr).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip(), local.parse::<IpAddr>().unwrap());
    }
}

#[tokio::test]
async fn the_interface_is_set_before_connecting() {
    let permitted = bare().bind_device(Some(b"lo")).is_ok();
    let options = SocketOptions::default().with_interface("lo");
    if !permitted {
        return denied(refused(options).await, "SO_BINDTODEVICE");
    }
    let (stream, before) = connected(options, |s| s.device().unwrap()).await;
    assert_eq!(before.as_deref(), Some(&b"lo"[..]));
    assert_eq!(SockRef::from(&stream).device().unwrap(), before);
}

#[tokio::test]
async fn the_mark_is_set_before_connecting() {
    let permitted = bare().set_mark(7).is_ok();
    let options = SocketOptions::default().with_mark(7);
    if !permitted {
        return denied(refused(options).await, "SO_MARK");
    }
    let (stream, before) = connected(options, |s| s.mark().unwrap()).await;
    assert_eq!(before, 7);
    assert_eq!(SockRef::from(&stream).mark().unwrap(), 7);
}

#[tokio::test]
async fn an_interface_name_that_cannot_be_one_is_refused() {
    // Linux would take the first for "none", and cut the others to "lo" and to 15 bytes.
    for name in ["", "lo\0", "lo\0eth0", "sixteen-bytes-xx"] {
        let error = refused(SocketOptions::default().with_interface(name)).await;
        assert_eq!(
            error.to_string(),
            "SO_BINDTODEVICE for 127.0.0.1:9: an interface name has from 1 to 15 bytes and no NUL"
        );
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn an_interface_that_is_not_there_is_refused_by_the_system() {
    let error = refused(SocketOptions::default().with_interface("fifteen-bytes-x")).await;
    assert_eq!(option_error(&error).option(), "SO_BINDTODEVICE");
    assert!(option_error(&error).cause().raw_os_error().is_some());
}

#[tokio::test] // R-4007-11
async fn the_zone_reaches_the_system() {
    let permitted = bare().bind_device(Some(b"lo")).is_ok();
    // Linux refuses a zone that contradicts the interface, before it looks for a route. No packet
    // could leave by lo anyway.
    let addr = SocketAddrV6::new("fe80::1".parse().unwrap(), 443, 0, NO_SUCH_ZONE).into();
    let options = SocketOptions::default().with_interface("lo");
    let error = options.connect(addr).await.unwrap_err();
    let kind =
        if permitted { io::ErrorKind::InvalidInput } else { io::ErrorKind::PermissionDenied };
    assert_eq!(error.kind(), kind, "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_an_attempt_closes_its_socket() {
    // A listener with a full queue drops every SYN.
    let listener = bare();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let addr = listener.local_addr().unwrap().as_socket().unwrap();
    let _fillers = he_test_support::net::fill_queue(addr);
    let (tx, rx) = std::sync::mpsc::channel();
    let options = SocketOptions::default()
        .with_local_address([127, 0, 0, 5].into())
        .before_connect(move |socket, _| tx.send(socket.local_addr()?).map_err(io::Error::other));

    let mut attempt = Box::pin(options.connect(addr));
    let first = std::future::poll_fn(|cx| Poll::Ready(attempt.as_mut().poll(cx))).await;
    assert!(first.is_pending());
    let local = rx.recv().unwrap();
    let bind = || TcpSocket::new_v4().unwrap().bind(local);
    assert_eq!(bind().unwrap_err().kind(), io::ErrorKind::AddrInUse);
    drop(attempt);
    bind().unwrap();
}

fn bare() -> socket2::Socket {
    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap()
}

/// Checks the error without the privilege: it names the option and the address.
fn denied(error: io::Error, option: &str) {
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(option_error(&error).option(), option);
    assert!(error.to_string().starts_with(&format!("{option} for 127.0.0.1:9: ")), "{error}");
}

// An address of its own, so that no other test takes the port meanwhile.
#[tokio::test]
async fn a_socket_that_is_connected_to_itself_is_refused() {
    let (free, addr) = listener([127, 0, 0, 43]).await;
    drop(free);
    let options = SocketOptions::default().before_connect(|socket, addr| socket.bind(addr));
    let error = options.connect(addr).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}
