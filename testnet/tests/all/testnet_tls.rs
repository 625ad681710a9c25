//! The test internet's name servers over TLS up to the end of the handshake. Tests cover each of
//! their faults, as rustls sees it.

use std::io::ErrorKind;
use std::time::Duration;

use he_testnet::{Authority, Certificate, Net, Over, Unreachable, internet};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType::{A, AAAA};
use ring::digest::{SHA256, digest};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{CertificateError, Error};

use crate::support::client::{Client, NAME, SERVER, Said, at, good};

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
        other.udp_silent();
        let refused = client.connect(at(other), NAME).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        other.host().icmp(Unreachable::Host);
        let unreachable = client.connect(at(other), NAME).await.err().unwrap();
        assert_eq!(unreachable.kind(), ErrorKind::HostUnreachable);
        assert_eq!(net.tls_connections(other).len(), 0);
    });
}

#[test]
fn a_port_is_silent_closed_and_open_again() {
    internet(|net| async move {
        let (server, client) = good(net);
        let _open = client.connect(at(server), NAME).await.unwrap();
        server.tls_silent();
        let silent = timeout(Duration::from_millis(100), client.connect(at(server), NAME));
        assert!(silent.await.is_err());
        server.tls_closed();
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

#[test]
fn a_server_sends_garbage_or_closes_at_once() {
    internet(|net| async move {
        let (server, client) = good(net);
        server.tls_garbage();
        let garbage = client.connect(at(server), NAME).await.err().unwrap();
        assert!(matches!(reason(&garbage), Some(Error::InvalidMessage(_))), "{garbage:?}");
        server.tls_recovers().tls_accepts_then_closes();
        let closed = client.connect(at(server), NAME).await.err().unwrap();
        assert!([ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&closed.kind()));
        server.tls_recovers();
        client.connect(at(server), NAME).await.unwrap();
    });
}

#[test]
fn a_server_leaves_with_its_part_of_the_handshake() {
    internet(|net| async move {
        let (server, client) = good(net);
        server.tls_leaves_with_handshake();
        let mut connection = client.connect(at(server), NAME).await.unwrap();
        let end = connection.end().await.unwrap_err().kind();
        assert!([ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&end), "{end}");
        assert!(net.tls_connections(server)[0].secured.is_none());
        server.tls_recovers();
        client.connect(at(server), NAME).await.unwrap().lookup("www.test", AAAA).await.unwrap();
    });
}

#[test]
fn a_handshake_takes_as_long_as_the_story_says() {
    internet(|net| async move {
        let (server, client) = good(net);
        server.tls_handshake_after(80);
        net.call(client.connect(at(server), NAME)).await.unwrap();
        net.sees("the end of the handshake", |_| net.tls_connections(server)[0].secured.is_some())
            .await;
        let seen = &net.tls_connections(server)[0];
        let taken = seen.secured.unwrap() - seen.hello.as_ref().unwrap().at;
        assert!(taken >= Duration::from_millis(80), "{taken:?}");
    });
}

/// The TLS error inside an I/O error.
fn reason(error: &std::io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// rustls's error about a server with this certificate.
async fn judged(net: Net, root: &Authority, certificate: Certificate, name: &str) -> Option<Error> {
    let server = net.name_server(SERVER).tls(certificate);
    let connected = Client::new(root.roots()).connect(at(server), name).await;
    connected.err().map(|error| reason(&error).unwrap().clone())
}

#[test]
fn certificates_are_good_and_bad() {
    internet(|net| async move {
        let root = Authority::new();
        let names = &[NAME, SERVER, "2001:db8:53::1"];
        let judged = async |certificate, name: &str| judged(net, &root, certificate, name).await;
        let good = root.issue(names);
        for name in names {
            assert_eq!(judged(good.clone(), name).await, None);
        }
        let below = root.intermediate().intermediate().issue(names);
        assert_eq!(below.chain().len(), 3);
        assert_eq!(judged(below, NAME).await, None);
        assert_eq!(judged(root.renew(&good, names), NAME).await, None);

        let why = async |certificate, name: &str| match judged(certificate, name).await {
            Some(Error::InvalidCertificate(why)) => why,
            other => panic!("{other:?}"),
        };
        let wrong = |why| matches!(why, CertificateError::NotValidForNameContext { .. });
        assert!(wrong(why(good.clone(), "other.test").await));
        assert!(wrong(why(good, "192.0.2.2").await));
        assert!(wrong(why(root.issue_cn_only(NAME), NAME).await));
        let expired = why(root.issue_expired(names), NAME).await;
        assert!(matches!(expired, CertificateError::ExpiredContext { .. }), "{expired:?}");
        let early = why(root.issue_too_early(names), NAME).await;
        assert!(matches!(early, CertificateError::NotValidYetContext { .. }), "{early:?}");
        let unknown = why(Authority::new().issue(names), NAME).await;
        assert_eq!(unknown, CertificateError::UnknownIssuer);
        let own = why(Certificate::self_signed(names), NAME).await;
        assert_eq!(own, CertificateError::UnknownIssuer);
    });
}

#[test]
fn a_servers_log_says_why_a_client_has_left() {
    internet(|net| async move {
        let (server, client) = good(net);
        client.connect(at(server), "other.test").await.err().unwrap();
        net.sees("its end", |_| net.tls_connections(server)[0].ended.is_some()).await;
        let seen = &net.tls_connections(server)[0];
        assert_eq!(seen.secured, None);
        assert_eq!(seen.failure.as_deref(), Some("received fatal alert: BadCertificate"));
        assert_eq!(net.asked().len(), 0);
    });
}

#[test]
fn hashes_are_those_of_the_certificates_that_are_sent() {
    internet(|net| async move {
        let root = Authority::new();
        let certificate = root.intermediate().issue(&[NAME]);
        let server = net.name_server(SERVER).tls(certificate.clone());
        let connection = Client::new(root.roots()).connect(at(server), NAME).await.unwrap();
        let sent = connection.stream.get_ref().1.peer_certificates().unwrap();
        let sha256 = |bytes: &[u8]| digest(&SHA256, bytes).as_ref().to_vec();
        let key = |n: usize| {
            let parsed = ParsedCertificate::try_from(&sent[n]).unwrap();
            sha256(&parsed.subject_public_key_info())
        };
        assert_eq!(sent.len(), 2);
        assert_eq!(certificate.key_sha256()[..], key(0));
        assert_eq!(certificate.certificate_sha256()[..], sha256(&sent[0]));
        assert_eq!(certificate.issuer_key_sha256()[..], key(1));
        assert_eq!(certificate.issuer_certificate_sha256()[..], sha256(&sent[1]));
        let renewed = root.renew(&certificate, &[NAME]);
        assert_eq!(renewed.key_sha256(), certificate.key_sha256());
        assert_ne!(renewed.certificate_sha256(), certificate.certificate_sha256());
    });
}

#[test]
fn a_certificate_without_its_key_has_a_bad_signature_in_both_versions() {
    internet(|net| async move {
        let root = Authority::new();
        let server = net.name_server(SERVER).tls(root.issue(&[NAME])).tls_without_key();
        for version in [&TLS12, &TLS13] {
            let client = Client::speaking(root.roots(), &[version]);
            let error = client.connect(at(server), NAME).await.err().unwrap();
            let bad = Error::InvalidCertificate(CertificateError::BadSignature);
            assert_eq!(reason(&error), Some(&bad), "{version:?}");
        }
    });
}

#[test]
fn a_server_speaks_one_version_only() {
    internet(|net| async move {
        let root = Authority::new();
        let server = net.name_server(SERVER).tls(root.issue(&[NAME]));
        let speaks = async |versions: &[_]| {
            Client::speaking(root.roots(), versions).connect(at(server), NAME).await.is_ok()
        };
        server.tls12();
        assert!(speaks(&[&TLS12, &TLS13]).await && !speaks(&[&TLS13]).await);
        server.tls13();
        assert!(speaks(&[&TLS12, &TLS13]).await && !speaks(&[&TLS12]).await);
        let seen = || net.tls_connections(server).into_iter();
        net.sees("four ends", |_| seen().filter(|it| it.ended.is_some()).count() == 4).await;
        let tls13 = seen().filter(|it| it.secured.is_some()).map(|it| it.tls13);
        assert_eq!(tls13.collect::<Vec<_>>(), [false, true]);
    });
}

#[test]
fn sessions_are_resumed_unless_the_server_has_a_new_certificate_or_no_tickets() {
    internet(|net| async move {
        let root = Authority::new();
        for version in [&TLS12, &TLS13] {
            let server = net.name_server(SERVER).tls(root.issue(&[NAME]));
            let client = Client::speaking(root.roots(), &[version]);
            let resumes = async || {
                let mut connection = client.connect(at(server), NAME).await.unwrap();
                connection.lookup("www.test", AAAA).await.unwrap();
                let asked = net.asked().pop().unwrap().over;
                let Over::Tls { connection: number, resumed } = asked else { panic!("{asked:?}") };
                assert_eq!(connection.resumed(), resumed);
                assert_eq!(net.tls_connections(server)[number].resumed, resumed);
                resumed
            };
            assert!(!resumes().await, "there was no session before");
            assert!(resumes().await);
            server.tls(root.issue(&[NAME]));
            assert!(!resumes().await, "the session was another certificate's");
            assert!(resumes().await);
            server.tls_without_tickets();
            assert!(!resumes().await, "{version:?}");
            assert!(!resumes().await, "{version:?}");
        }
    });
}

#[test]
fn early_data_are_seen_where_the_server_takes_them_and_the_client_announces_them() {
    internet(|net| async move {
        let (server, client) = good(net);
        let client = client.early();
        let sees = async || {
            let mut connection = client.connect(at(server), NAME).await.unwrap();
            connection.lookup("www.test", AAAA).await.unwrap();
            let seen = net.tls_connections(server).pop().unwrap();
            (seen.resumed, seen.early)
        };
        assert_eq!([sees().await, sees().await], [(false, false), (true, false)]);
        server.tls_early_data();
        assert_eq!([sees().await, sees().await], [(false, false), (true, true)]);
    });
}
