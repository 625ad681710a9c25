//! The test internet's name servers over TLS: each of their faults, as rustls sees it.

#![cfg(target_os = "linux")]

mod support;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use he_testnet::{Authority, NameServer, Net, Over, internet};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType::{A, AAAA};
use support::{Client, Said};
use tokio::net::TcpStream;
use tokio::time::timeout;

const NAME: &str = "dns.test";
const SERVER: &str = "192.0.2.1";

fn at(server: NameServer) -> SocketAddr {
    (server.ip(), 853).into()
}

/// A server with a good certificate for its name and address, a client that trusts it, and a name.
fn good(net: Net) -> (NameServer, Client) {
    let root = Authority::new();
    let server = net.name_server(SERVER).tls(root.issue(&[NAME, SERVER]));
    net.dns("www.test").aaaa([net.host("2001:db8::1")]).a([net.host("198.51.100.1")]);
    (server, Client::new(root.roots()))
}

#[test]
fn questions_in_one_flight_are_answered_over_one_connection() {
    internet(|net| async move {
        let (server, client) = good(net);
        let mut connection = client.connect(at(server), NAME).await.unwrap();
        connection.ask(&[("www.test", AAAA), ("www.test", A), ("no.test", A)]).await.unwrap();
        let said = |id, name: &str, code, addrs: &[&str]| {
            let addrs = addrs.iter().map(|addr| addr.parse().unwrap()).collect();
            Said { id, name: name.to_owned(), code, addrs }
        };
        let none = ResponseCode::NoError;
        assert_eq!(connection.hear().await.unwrap(), said(0, "www.test", none, &["2001:db8::1"]));
        assert_eq!(connection.hear().await.unwrap(), said(1, "www.test", none, &["198.51.100.1"]));
        let unknown = ResponseCode::NXDomain;
        assert_eq!(connection.hear().await.unwrap(), said(2, "no.test", unknown, &[]));
        let over = Over::Tls { connection: 0, resumed: false };
        assert!(net.asked().iter().all(|it| it.over == over && it.server == server.ip()));
        let seen = &net.tls_connections(server)[0];
        assert!(seen.secured.is_some() && seen.tls13 && seen.ended.is_none(), "{seen:?}");
        assert_eq!(seen.hello.as_ref().unwrap().name.as_deref(), Some(NAME));
        let log = net.log();
        assert_eq!((log.sent_to_port(53), log.starts_to(at(server)).len()), (0, 1));
        assert!(log.sent_to_addr(at(server)) > 3);
    });
}

#[test]
fn without_a_word_the_port_is_closed() {
    internet(|net| async move {
        let (_, client) = good(net);
        let other = net.name_server("192.0.2.2");
        other.host().rtt(30);
        let refused = net.call(client.connect(at(other), NAME)).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        net.assert_returned(30);
        assert_eq!(net.tls_connections(other).len(), 0);
    });
}

#[test]
fn a_port_is_silent_refused_and_open_again() {
    internet(|net| async move {
        let (server, client) = good(net);
        let _open = client.connect(at(server), NAME).await.unwrap();
        server.tls_silent();
        let silent = timeout(Duration::from_millis(100), client.connect(at(server), NAME));
        assert!(silent.await.is_err());
        server.tls_refused();
        let refused = client.connect(at(server), NAME).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        server.tls_open();
        client.connect(at(server), NAME).await.unwrap();
        assert_eq!(net.tls_connections(server).len(), 2);
    });
}

#[test]
fn a_mute_server_accepts_and_there_is_no_handshake() {
    internet(|net| async move {
        let (server, client) = good(net);
        server.tls_mute();
        TcpStream::connect(at(server)).await.unwrap();
        let mute = timeout(Duration::from_millis(100), client.connect(at(server), NAME));
        assert!(mute.await.is_err());
        assert!(net.tls_connections(server).iter().all(|seen| seen.secured.is_none()));
    });
}
