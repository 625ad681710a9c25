//! The test internet's name servers over TLS after the handshake: their answers, and the ends of
//! connections.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use he_testnet::{Authority, Goodbye, NameServer, Net, Over, internet};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType::{A, AAAA};
use tokio::time::timeout;

use crate::support::client::{Client, Connection, NAME, at, good, lookup_tcp, lookup_udp};

const GOODBYES: [Goodbye; 3] = [Goodbye::Notify, Goodbye::Fin, Goodbye::Reset];

async fn connect(server: NameServer, client: &Client) -> Connection {
    client.connect(at(server), NAME).await.unwrap()
}

/// How the server ends this connection.
async fn goodbye(connection: &mut Connection) -> Goodbye {
    match connection.end().await {
        Ok(0) => Goodbye::Notify,
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Goodbye::Fin,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Goodbye::Reset,
        other => panic!("{other:?}"),
    }
}

/// True if this connection still answers.
async fn answers(connection: &mut Connection) -> bool {
    connection.lookup("www.test", AAAA).await.is_ok()
}

/// True if it neither answers nor ends.
async fn silent(connection: &mut Connection) -> bool {
    timeout(Duration::from_millis(100), connection.lookup("www.test", AAAA)).await.is_err()
}

#[test]
fn a_name_is_silent_over_tls_only() {
    internet(|net| async move {
        let (server, client) = good(net);
        let host = net.host("2001:db8::9");
        net.dns("evil.test").aaaa([host]).silent_over_tls();
        let mut connection = connect(server, &client).await;
        let evil = connection.lookup("evil.test", AAAA);
        assert!(timeout(Duration::from_millis(100), evil).await.is_err());
        assert!(answers(&mut connection).await);
        assert_eq!(lookup_udp(server.ip(), "evil.test").await.addrs, [host.ip()]);
    });
}

#[test]
fn a_server_fails_over_tls_only() {
    internet(|net| async move {
        let (server, client) = good(net);
        let mut connection = connect(server, &client).await;
        assert_eq!(connection.lookup("www.test", A).await.unwrap().code, ResponseCode::NoError);
        server.tls_refuses();
        assert_eq!(connection.lookup("www.test", A).await.unwrap().code, ResponseCode::Refused);
        server.tls_servfail();
        assert_eq!(connection.lookup("www.test", A).await.unwrap().code, ResponseCode::ServFail);
        server.tls_never();
        assert!(silent(&mut connection).await);
        assert_eq!(lookup_udp(server.ip(), "www.test").await.addrs.len(), 1);
        assert_eq!(lookup_tcp(server.ip(), "www.test").await.addrs.len(), 1);
        let over = net.asked().iter().map(|asked| asked.over).collect::<Vec<_>>();
        let tls = Over::Tls { connection: 0, resumed: false };
        assert_eq!(over, [tls, tls, tls, tls, Over::Udp, Over::Tcp]);
    });
}

#[test]
fn answers_take_their_time_and_overtake_each_other() {
    internet(|net| async move {
        let (server, client) = good(net);
        net.dns("slow.test").a([net.host("198.51.100.2")]).after(60);
        let mut connection = connect(server, &client).await;
        let begun = Instant::now();
        connection.ask(&[("slow.test", A), ("www.test", A)]).await.unwrap();
        assert_eq!(connection.hear().await.unwrap().id, 1);
        assert_eq!(connection.hear().await.unwrap().id, 0);
        assert!(begun.elapsed() >= Duration::from_millis(60));
    });
}

#[test]
fn answers_are_shuffled_wrong_or_strange() {
    internet(|net| async move {
        let (server, client) = good(net);
        server.tls_shuffles(3);
        let mut connection = connect(server, &client).await;
        connection.ask(&[("www.test", A); 4]).await.unwrap();
        for id in [2, 1, 0, 3] {
            assert_eq!(connection.hear().await.unwrap().id, id);
        }
        server.tls_recovers().tls_wrong_id();
        assert_ne!(connection.lookup("www.test", A).await.unwrap().id, 0);
        server.tls_recovers().tls_wrong_question();
        let said = connection.lookup("www.test", A).await.unwrap();
        assert_eq!((said.id, said.name.as_str(), said.addrs.len()), (0, "another.test", 1));
    });
}

#[test]
fn a_connection_ends_at_a_question() {
    internet(|net| async move {
        let (server, client) = good(net);
        for word in GOODBYES {
            server.tls_closes_at_question(2, word);
            let mut connection = connect(server, &client).await;
            assert!(answers(&mut connection).await);
            connection.ask(&[("www.test", A)]).await.unwrap();
            assert_eq!(goodbye(&mut connection).await, word);
        }
        assert_eq!(net.asked().len(), 6);
        net.sees("their ends", |_| ended(net, server) == 3).await;
    });
}

fn ended(net: Net, server: NameServer) -> usize {
    net.tls_connections(server).iter().filter(|connection| connection.ended.is_some()).count()
}

#[test]
fn a_connection_ends_after_its_answers() {
    internet(|net| async move {
        let (server, client) = good(net);
        for word in GOODBYES {
            server.tls_closes_after(2, word);
            let mut connection = connect(server, &client).await;
            assert!(answers(&mut connection).await && answers(&mut connection).await);
            assert_eq!(goodbye(&mut connection).await, word);
        }
        // The second question of a flight gets no answer.
        server.tls_closes_after(1, Goodbye::Notify);
        let mut connection = connect(server, &client).await;
        connection.ask(&[("www.test", A); 2]).await.unwrap();
        connection.hear().await.unwrap();
        assert!(connection.hear().await.is_err());
    });
}

#[test]
fn an_idle_connection_ends() {
    internet(|net| async move {
        let (server, client) = good(net);
        for word in GOODBYES {
            server.tls_closes_idle(60, word);
            let mut connection = connect(server, &client).await;
            assert!(answers(&mut connection).await);
            assert_eq!(goodbye(&mut connection).await, word);
            let last = || net.tls_connections(server).pop().unwrap().ended;
            net.sees("its end", |_| last().is_some()).await;
            let idle = last().unwrap() - net.asked().pop().unwrap().at;
            assert!(idle >= Duration::from_millis(60), "{idle:?}");
        }
        // The fault also ends connections that are already open, at once.
        server.tls_recovers();
        let mut connection = connect(server, &client).await;
        assert!(answers(&mut connection).await);
        server.tls_closes_idle(0, Goodbye::Fin);
        assert_eq!(goodbye(&mut connection).await, Goodbye::Fin);
    });
}

#[test]
fn a_nat_forgets_a_connection_and_new_ones_work() {
    internet(|net| async move {
        let (server, client) = good(net);
        server.tls_forgets_after(2);
        let mut first = connect(server, &client).await;
        assert!(answers(&mut first).await && answers(&mut first).await);
        assert!(silent(&mut first).await);
        let mut second = connect(server, &client).await;
        assert!(answers(&mut second).await);
        server.tls_forgets();
        assert!(silent(&mut second).await);
        assert!(answers(&mut connect(server, &client).await).await);
        // The questions of silent connections left, and did not arrive.
        assert_eq!(net.asked().len(), 4);
        let log = net.log();
        assert!(log.with(server.host()).filter(|packet| packet.lost).count() >= 2, "{log}");
    });
}

#[test]
fn faults_are_over_after_some_connections() {
    internet(|net| async move {
        let (server, client) = good(net);
        server.tls_closes_at_question(1, Goodbye::Fin).tls_for_first(2);
        for works in [false, false, true, true] {
            assert_eq!(answers(&mut connect(server, &client).await).await, works);
        }
    });
}

#[test]
fn udp_is_silent_and_tcp_answers_and_so_does_tls() {
    internet(|net| async move {
        let (server, client) = good(net);
        server.udp_silent();
        let udp = timeout(Duration::from_millis(100), lookup_udp(server.ip(), "www.test"));
        assert!(udp.await.is_err());
        assert_eq!(lookup_tcp(server.ip(), "www.test").await.addrs.len(), 1);
        assert!(answers(&mut connect(server, &client).await).await);
        server.host().tcp_silent();
        assert_eq!(lookup_udp(server.ip(), "www.test").await.addrs.len(), 1);
        let tcp = timeout(Duration::from_millis(100), lookup_tcp(server.ip(), "www.test"));
        assert!(tcp.await.is_err());
    });
}

#[test]
fn a_server_with_an_ipv6_address_speaks_as_well() {
    internet(|net| async move {
        let root = Authority::new();
        let server = net.name_server("2001:db8:53::1").tls(root.issue(&["2001:db8:53::1"]));
        server.host().rtt(20);
        net.dns("www.test").a([net.host("198.51.100.1")]);
        let client = Client::new(root.roots());
        let mut connection = client.connect(at(server), "2001:db8:53::1").await.unwrap();
        assert_eq!(connection.lookup("www.test", A).await.unwrap().addrs.len(), 1);
        let seen = &net.tls_connections(server)[0];
        assert_eq!(seen.hello.as_ref().unwrap().name, None);
        assert_eq!((net.asked()[0].server, net.asked()[0].port), (server.ip(), seen.port));
    });
}
