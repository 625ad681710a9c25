//! TLS within the race, with servers on loopback. TLS that is late or silent is in testnet/.

use std::net::IpAddr;
use std::process::Command;
use std::{env, fs, io};

use he::rustls::{Tls, TlsStream, Trust};
use he::{Answer, Connector, ErrorKind, Established, Query, Resolving, SocketOptions};
use he_test_support::net::Peer::Accepts;
use he_test_support::net::{NAME, Peers, Table};
use he_test_support::tls::Authority;
use he_test_support::web;
use rustls::RootCertStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::trusting;

type Made = Result<Established<TlsStream<TcpStream>>, he::Error>;

async fn connect(tls: &Tls, peers: &Peers) -> Made {
    tls.connect(&Connector::new(Table::of(peers.ips())), NAME, [peers.port]).await
}

/// Reads to the end: sessions come after the handshake.
async fn hears(mut made: Established<TlsStream<TcpStream>>) -> String {
    let mut text = String::new();
    made.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test] // R-V3-6.1b, R-V3-6.1c
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn a_wrong_certificate_on_one_address_loses_to_a_right_one() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    let authority = Authority::new();
    authority.server(&["other.test"]).greet(peers.listener(0));
    authority.server(&[NAME]).greet(peers.listener(1));
    let made = connect(&trusting(&authority), &peers).await.unwrap();
    assert_eq!(made.addr, peers.addr(1));
    assert_eq!(peers.story(&made.report), ["127.0.0.1:P invalid data", "127.0.0.2:P won"]);
    let error = made.report.attempts()[0].error().unwrap();
    let error: &rustls::Error = error.get_ref().unwrap().downcast_ref().unwrap();
    assert!(matches!(error, rustls::Error::InvalidCertificate(_)), "{error:?}");
    assert_eq!(hears(made).await, "hello");
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn when_every_handshake_fails_the_line_says_each_ones_reason() {
    let ips = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"];
    let peers = Peers::new(&ips.map(|ip| (ip, Accepts)));
    let authority = Authority::new();
    authority.server(&["other.test", "127.0.0.1"]).greet(peers.listener(0));
    Authority::named("a stranger").server(&[NAME]).greet(peers.listener(1));
    authority.server(&[NAME]).alpn(&["imap"]).greet(peers.listener(2));
    web::Guests::welcome(peers.listener(3), |mut stream| async move {
        stream.write_all(b"220 mail.test ESMTP\r\n").await.unwrap();
    });
    web::Guests::welcome(peers.listener(4), |mut stream| async move {
        stream.read_buf(&mut Vec::with_capacity(4096)).await.unwrap();
    });
    let error = connect(&trusting(&authority).with_alpn(["h2"]), &peers).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(
        peers.text(&error),
        "cannot connect to service.test: every attempt failed; AAAA: no records; A: 5 addresses; \
         127.0.0.1:P: bad certificate: wrong name: \
         the certificate is for other.test, 127.0.0.1, not service.test after T; \
         127.0.0.2:P: bad certificate: unknown issuer: no trusted root leads to it after T; \
         127.0.0.3:P: the server ended the TLS handshake: NoApplicationProtocol after T; \
         127.0.0.4:P: no TLS: received corrupt message of type InvalidContentType after T; \
         127.0.0.5:P: closed during the TLS handshake after T"
    );
    assert!(error.is_transient(), "the last one may pass");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn the_certificate_is_for_what_was_typed_and_never_for_what_dns_makes_of_it() {
    let authority = Authority::new();
    let alias = |_: &Query| {
        let answer = Answer::from(vec![IpAddr::from([127, 0, 0, 1])]);
        Resolving::ready(Ok(answer.with_name("cdn.test")))
    };
    let connector = Connector::new(alias);
    for (typed, names, sni) in [
        (NAME, &[NAME][..], Some(NAME)),
        ("Service.TEST.", &[NAME], Some(NAME)),
        #[cfg(feature = "idna")]
        ("bücher.test", &["xn--bcher-kva.test"], Some("xn--bcher-kva.test")),
        ("127.0.0.1", &["127.0.0.1"], None),
    ] {
        let peers = Peers::new(&[("127.0.0.1", Accepts)]);
        let seen = authority.server(names).greet(peers.listener(0));
        let tls = trusting(&authority);
        let made = tls.connect(&connector, typed, peers.port).await.unwrap();
        assert_eq!(hears(made).await, "hello");
        assert_eq!(seen.all()[0].sni.as_deref(), sni);
    }
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    authority.server(&["cdn.test"]).greet(peers.listener(0));
    let error = trusting(&authority).connect(&connector, NAME, peers.port).await.unwrap_err();
    assert!(error.to_string().contains("for cdn.test, not service.test"), "{error}");
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn sessions_are_resumed_over_all_clones_and_over_no_other_binding() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let authority = Authority::new();
    let seen = authority.server(&[NAME]).greet(peers.listener(0));
    let tls = trusting(&authority);
    let bound = SocketOptions::default().with_local_address(IpAddr::from([127, 0, 0, 9]));
    let plain = Connector::new(Table::of(peers.ips()));
    let bound = plain.clone().with_socket_options(bound);
    let elsewhere = tls.clone();
    for (tls, connector) in
        [(&tls, &plain), (&elsewhere, &plain), (&tls, &bound), (&tls, &bound), (&tls, &plain)]
    {
        hears(tls.connect(connector, NAME, peers.port).await.unwrap()).await;
    }
    let resumed: Vec<bool> = seen.all().iter().map(|it| it.resumed).collect();
    assert_eq!(resumed, [false, true, false, true, true]);
}

#[tokio::test]
async fn what_cannot_be_authenticated_is_refused_before_any_packet() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let table = Table::of(peers.ips());
    let connector = Connector::new(table.clone());
    let nobody = Tls::new(Trust::roots(RootCertStore::empty()));
    let tls = trusting(&Authority::new());
    for (tls, host, text) in [
        (&nobody, NAME, "no root certificate was given, so no server can be authenticated"),
        (&tls, "a!b.test", "no certificate can be for \"a!b.test\""),
        (&tls, "a b.test", "invalid host \"a b.test\": ' ' has no place in a name"),
    ] {
        let error = tls.connect(&connector, host, peers.port).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), format!("cannot connect to {host}: {text}"));
    }
    assert_eq!(table.asked(), 0);
    peers.assert_nobody_came(0);
}

const AGAIN: &str = "HE_TEST_AGAIN";
const BY_THE_SYSTEM: &str = "tls::by_default_the_system_says_who_is_trusted";

/// Runs itself again in a process of its own, with other roots in its environment.
#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs SSL_CERT_FILE")]
async fn by_default_the_system_says_who_is_trusted() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let tls = Tls::default();
    match env::var(AGAIN).as_deref() {
        Ok("none") => {
            let error = connect(&tls, &peers).await.unwrap_err();
            let text = "cannot connect to service.test: \
                        trust of the system: No CA certificates were loaded from the system";
            assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InvalidInput, text));
            peers.assert_nobody_came(0);
        }
        Ok("one") => {
            let authority = Authority::new();
            fs::write(env::var("SSL_CERT_FILE").unwrap(), authority.pem()).unwrap();
            authority.server(&[NAME]).greet(peers.listener(0));
            assert_eq!(hears(connect(&tls, &peers).await.unwrap()).await, "hello");
        }
        _ => {
            let path = env::temp_dir().join(format!("he-tls-{}.pem", std::process::id()));
            for case in ["none", "one"] {
                let mut again = Command::new(env::current_exe().unwrap());
                again.args(["--exact", BY_THE_SYSTEM]).env(AGAIN, case);
                again.env("SSL_CERT_FILE", &path).env_remove("SSL_CERT_DIR");
                let output = again.output().unwrap();
                let text = String::from_utf8_lossy(&output.stdout);
                assert!(output.status.success() && text.contains("1 passed"), "{case}: {text}");
            }
            fs::remove_file(path).unwrap();
        }
    }
}
