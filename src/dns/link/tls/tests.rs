#![cfg(feature = "rustls")]

use std::net::SocketAddr;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{HandshakeKind, RootCertStore};

use super::*;
use peer::{Authority, Peer, VERSIONS, handshake};

mod environment;
mod peer;

fn addr() -> SocketAddr {
    "192.0.2.53:853".parse().unwrap()
}

fn strict() -> NameServer {
    NameServer::tls(addr())
}

fn named() -> NameServer {
    strict().with_hostname("dns.test").unwrap()
}

fn opportunistic() -> NameServer {
    NameServer::opportunistic("192.0.2.53:53".parse().unwrap())
}

fn pinned(pins: &[Pin]) -> NameServer {
    pins.iter().fold(strict(), |server, pin| server.with_pin(*pin).unwrap())
}

/// Trusts none of the servers here.
fn strangers() -> TlsClients {
    TlsClients::new(Trust::roots(Authority::new("Stranger").store()))
}

fn trusting(authority: &Authority) -> TlsClients {
    TlsClients::new(Trust::roots(authority.store()))
}

/// The error of the handshake as a lookup reports it.
#[track_caller]
fn refused(tls: &TlsClients, server: &NameServer, peer: &Peer, cause: &str) {
    let client = tls.client_now(server).unwrap();
    for versions in VERSIONS {
        let error = handshake(&client, &peer.config(versions)).unwrap_err();
        let reported = why(&Arc::new(std::io::Error::new(std::io::ErrorKind::InvalidData, error)));
        assert_eq!(reported.to_string(), format!("name server not authenticated: {cause}"));
        assert_eq!(reported.kind(), LookupErrorKind::Untrusted);
    }
}

/// By TLS 1.2 and 1.3, with this SNI.
#[track_caller]
fn accepted(tls: &TlsClients, server: &NameServer, peer: &Peer, sni: Option<&str>) {
    let client = tls.client_now(server).unwrap();
    for versions in VERSIONS {
        let (ours, _) = handshake(&client, &peer.config(versions)).unwrap();
        assert_eq!(ours.protocol_version(), Some(versions[0].version));
        assert_eq!(peer.sni().as_deref(), sni);
        assert_eq!(ours.alpn_protocol(), None);
    }
}

#[test] // R-7858-8, R-8310-8.1b
fn a_strict_server_is_authenticated_by_its_name_or_else_by_its_address() {
    let authority = Authority::new("CA");
    let tls = trusting(&authority);
    accepted(&tls, &named(), &authority.peer(&["dns.test"]), Some("dns.test"));
    let one = strict().with_hostname("one.dns.test").unwrap();
    accepted(&tls, &one, &authority.peer(&["a.test", "*.dns.test"]), Some("one.dns.test"));
    accepted(&tls, &strict(), &authority.peer(&["192.0.2.53"]), None);
    let zoned = NameServer::tls("[fe80::53%7]:853".parse().unwrap());
    accepted(&tls, &zoned, &authority.peer(&["fe80::53"]), None);
    let behind = authority.intermediate("Intermediate").peer(&["dns.test"]);
    accepted(&tls, &named(), &behind, Some("dns.test"));
}

#[test] // R-8310-8.1b
fn a_wrong_name_is_reported_with_the_names_that_the_certificate_has() {
    let authority = Authority::new("CA");
    let tls = trusting(&authority);
    let several = authority.peer(&["a.test", "b.test"]);
    let names = "wrong name: the certificate is for a.test, b.test, not dns.test";
    refused(&tls, &named(), &several, names);
    let address = "wrong name: the certificate is for dns.test, not 192.0.2.53";
    refused(&tls, &strict(), &authority.peer(&["dns.test"]), address);
    let name = "wrong name: the certificate is for 192.0.2.53, not dns.test";
    refused(&tls, &named(), &authority.peer(&["192.0.2.53"]), name);
    let many = authority.peer(&["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"]);
    let some = "wrong name: the certificate is for a.test, b.test, c.test, d.test, 2 more, not \
                dns.test";
    refused(&tls, &named(), &many, some);
}

#[test] // R-8310-8.1b
fn a_name_in_the_subject_is_no_name() {
    let authority = Authority::new("CA");
    let none = "wrong name: no subjectAltName names a host, so it is not for dns.test";
    refused(&trusting(&authority), &named(), &authority.peer_with_common_name("dns.test"), none);
}

#[test] // R-8310-8.1a
fn the_whole_path_of_a_strict_server_is_verified() {
    let authority = Authority::new("CA");
    let tls = trusting(&authority);
    let unknown = "unknown issuer: no trusted root leads to it";
    refused(
        &tls,
        &named(),
        &Authority::new("CA").peer(&["dns.test"]),
        "bad signature: by another key than the certificate's",
    );
    refused(&tls, &named(), &Authority::new("Other").peer(&["dns.test"]), unknown);
    refused(&tls, &named(), &Peer::self_signed(&["dns.test"], false), unknown);
    let of_itself = "self-signed, or of an authority: not the certificate of a server";
    refused(&tls, &named(), &Peer::self_signed(&["dns.test"], true), of_itself);
    let mut alone = authority.intermediate("Intermediate").peer(&["dns.test"]);
    alone.chain.truncate(1);
    refused(&tls, &named(), &alone, unknown);
}

#[test]
fn a_certificate_of_clients_is_none_of_a_server() {
    let authority = Authority::new("CA");
    let purpose = "wrong purpose: not the certificate of a server";
    refused(&trusting(&authority), &named(), &authority.peer_of_clients(&["dns.test"]), purpose);
}

#[test]
fn a_certificate_has_its_time() {
    let authority = Authority::new("CA");
    let tls = trusting(&authority);
    let expired = "expired: 3 days ago by the clock of this host";
    refused(&tls, &named(), &authority.peer_of_hours(&["dns.test"], -100, -73), expired);
    let early = "not valid yet: in 2 days by the clock of this host";
    refused(&tls, &named(), &authority.peer_of_hours(&["dns.test"], 49, 100), early);
}

#[test] // R-8310-5c
fn an_opportunistic_server_may_have_any_certificate_and_gets_no_name() {
    let (tls, authority) = (strangers(), Authority::new("CA"));
    for peer in [
        authority.peer(&["a.test"]),
        authority.peer_of_hours(&["a.test"], -100, -73),
        authority.peer_with_common_name("a.test"),
        Peer::self_signed(&["a.test"], true),
        Peer::self_signed(&[], false),
    ] {
        accepted(&tls, &opportunistic(), &peer, None);
    }
}

#[test] // R-7858-4.2a, R-7858-4.2c
fn a_pin_replaces_issuer_and_validity() {
    let (tls, authority) = (strangers(), Authority::new("CA"));
    let backup = Pin::key_sha256([7; 32]);
    for peer in [
        authority.peer(&["a.test"]),
        authority.peer_of_hours(&["a.test"], -100, -73),
        Peer::self_signed(&["a.test"], false),
        Peer::self_signed(&["a.test"], true),
    ] {
        accepted(&tls, &pinned(&[peer.key_pin()]), &peer, None);
        accepted(&tls, &pinned(&[peer.certificate_pin()]), &peer, None);
        accepted(&tls, &pinned(&[backup, peer.key_pin()]), &peer, None);
    }
}

#[test] // R-7858-4.2a, C-PIN
fn a_wrong_pin_is_told_with_the_one_that_was_found() {
    let (tls, peer) = (strangers(), Peer::self_signed(&["dns.test"], false));
    let (key, certificate) = (Pin::key_sha256([7; 32]), Pin::certificate_sha256([7; 32]));
    let (found_key, found_certificate) = (peer.key_pin(), peer.certificate_pin());
    let reported = format!("wrong pin: expected {key}, found {found_key}");
    refused(&tls, &pinned(&[key]), &peer, &reported);
    let reported = format!("wrong pin: expected {certificate}, found {found_certificate}");
    refused(&tls, &pinned(&[certificate]), &peer, &reported);
    let reported =
        format!("wrong pin: expected {certificate} or 1 more, found {found_certificate}");
    refused(&tls, &pinned(&[certificate, key]), &peer, &reported);
}

#[test] // R-7858-4.2a
fn a_pin_is_of_the_servers_own_certificate() {
    let authority = Authority::new("CA");
    let intermediate = authority.intermediate("Intermediate");
    let peer = intermediate.peer(&["dns.test"]);
    for pin in [intermediate.key_pin(), authority.key_pin()] {
        let reported = format!("wrong pin: expected {pin}, found {}", peer.key_pin());
        refused(&trusting(&authority), &pinned(&[pin]), &peer, &reported);
    }
    // A hash of the key is not one of the certificate, nor the other way round.
    let text = peer.key_pin().to_string();
    let swapped: Pin = text.replace("key-fp", "cert-fp").parse().unwrap();
    let reported = format!("wrong pin: expected {swapped}, found {}", peer.certificate_pin());
    refused(&trusting(&authority), &pinned(&[swapped]), &peer, &reported);
}

#[test] // R-8310-8.1b
fn with_a_hostname_a_pinned_certificate_has_to_be_for_it() {
    let (tls, peer) = (strangers(), Peer::self_signed(&["dns.test"], false));
    let server = pinned(&[peer.key_pin()]);
    accepted(&tls, &server.clone().with_hostname("dns.test").unwrap(), &peer, Some("dns.test"));
    let other = server.with_hostname("b.test").unwrap();
    refused(&tls, &other, &peer, "wrong name: the certificate is for dns.test, not b.test");
    let wrong = pinned(&[Pin::key_sha256([7; 32])]).with_hostname("dns.test").unwrap();
    let reported =
        format!("wrong pin: expected {}, found {}", Pin::key_sha256([7; 32]), peer.key_pin());
    refused(&tls, &wrong, &peer, &reported);
}

#[test] // R-8310-6.6a
fn a_server_without_the_private_key_is_refused_by_every_policy() {
    let authority = Authority::new("CA");
    let tls = trusting(&authority);
    let thief = authority.peer(&["dns.test"]).with_another_key();
    let pin = thief.certificate_pin();
    let reported = "bad signature: by another key than the certificate's";
    for server in [opportunistic(), named(), pinned(&[pin]), pinned(&[thief.key_pin()])] {
        refused(&tls, &server, &thief, reported);
    }
}

#[test] // R-7858-3.4c
fn a_server_resumes_its_session_and_no_policy_that_of_another() {
    let authority = Authority::new("CA");
    let peer = authority.peer(&["dns.test", "192.0.2.53"]);
    let (key, certificate) = (peer.key_pin(), peer.certificate_pin());
    let servers = [
        opportunistic(),
        opportunistic().with_tls_port(8853).unwrap(),
        strict(),
        named(),
        pinned(&[key]),
        pinned(&[certificate]),
        pinned(&[key]).with_hostname("dns.test").unwrap(),
    ];
    for versions in VERSIONS {
        let (tls, config) = (trusting(&authority), peer.config(versions));
        let clients = servers.iter().map(|server| tls.client_now(server).unwrap());
        let clients = clients.collect::<Vec<_>>();
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            for (client, server) in clients.iter().zip(&servers) {
                let (session, _) = handshake(client, &config).unwrap();
                assert_eq!(session.handshake_kind(), Some(kind), "{server:?}");
            }
        }
        // Another client for the same server does not resume it either.
        let (session, _) = handshake(&tls.client_now(&strict()).unwrap(), &config).unwrap();
        assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
    }
}

#[test]
fn without_a_root_nobody_is_asked() {
    let tls = TlsClients::new(Trust::roots(RootCertStore::empty()));
    let reported = |server: &NameServer| tls.client_now(server).unwrap_err().to_string();
    assert_eq!(
        reported(&named()),
        "name server not authenticated (192.0.2.53:853): \
         no root certificate was given, so no server can be authenticated"
    );
    // These need no roots.
    assert!(tls.client_now(&opportunistic()).is_ok());
    assert!(tls.client_now(&pinned(&[Pin::key_sha256([7; 32])])).is_ok());
    assert_eq!(
        reported(&NameServer::udp("192.0.2.53:53".parse().unwrap())),
        "name server not authenticated (192.0.2.53:53): never asked over TLS"
    );
}

#[test]
fn the_crypto_provider_is_passed_on_where_rustls_would_panic() {
    assert!(std::panic::catch_unwind(ClientConfig::builder).is_err());
    assert!(strangers().client_now(&strict()).is_ok());
    #[cfg(feature = "webpki-roots")]
    assert!(TlsClients::new(Trust::webpki_roots()).client_now(&strict()).is_ok());
}

/// A caller's configuration with everything that is not taken over.
fn configured(authority: &Authority) -> ClientConfig {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: vec![ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256],
        ..ring::default_provider()
    });
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let mut config = builder.with_root_certificates(authority.store()).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.enable_early_data = true;
    config.enable_sni = false;
    config
}

#[test]
fn of_the_callers_configuration_verifier_and_provider_count() {
    let authority = Authority::new("CA");
    let config = Arc::new(configured(&authority));
    let tls = TlsClients::new(Trust::config(config.clone()));
    let peer = authority.peer(&["dns.test", "192.0.2.53"]);
    let tls13 = peer.config(VERSIONS[1]);
    for server in [named(), strict(), pinned(&[peer.key_pin()]), opportunistic()] {
        let client = tls.client_now(&server).unwrap();
        assert!(Arc::ptr_eq(client.config.crypto_provider(), config.crypto_provider()));
        assert!(client.config.alpn_protocols.is_empty());
        assert!(!client.config.enable_early_data);
        let named = server == named();
        assert_eq!(client.config.enable_sni, named);
        let (ours, _) = handshake(&client, &tls13).unwrap();
        let suite = ours.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(suite, rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
        assert_eq!(peer.sni().as_deref(), named.then_some("dns.test"));
    }
    let stranger = Peer::self_signed(&["dns.test"], false).config(VERSIONS[1]);
    assert!(handshake(&tls.client_now(&named()).unwrap(), &stranger).is_err());
}

#[test]
fn the_callers_sessions_are_not_resumed() {
    let authority = Authority::new("CA");
    let mut config = configured(&authority);
    config.alpn_protocols.clear();
    config.enable_sni = true;
    let config = Arc::new(config);
    let server = authority.peer(&["dns.test"]).config(VERSIONS[1]);
    let theirs = TlsClient { config: config.clone(), name: "dns.test".try_into().unwrap() };
    let kind = |client| handshake(client, &server).unwrap().0.handshake_kind();
    assert_eq!(kind(&theirs), Some(HandshakeKind::Full));
    assert_eq!(kind(&theirs), Some(HandshakeKind::Resumed));
    let ours = TlsClients::new(Trust::config(config)).client_now(&named()).unwrap();
    assert_eq!(kind(&ours), Some(HandshakeKind::Full));
}
