//! The root certificates for strict name servers, and the parts of a caller's configuration that
//! count.

use std::sync::Arc;

use he::dns::Trust;
use he::{Connector, LookupErrorKind};
use he_testnet::{Goodbye, NameServer, Net, internet};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::support::strict::{Lab, NAME, Policy, RTT, asked, connect, fail, resolver};

/// The time of a new connection over TLS 1.3 and an answer.
const COLD: u64 = 3 * RTT;

/// A caller's configuration, with settings that are not for name servers.
fn own_config(
    roots: RootCertStore,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_webpki_verifier(verifier.build().unwrap())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"dot".to_vec(), b"h2".to_vec()];
    config.enable_early_data = true;
    config.enable_sni = false;
    config
}

#[test] // R-8310-6.6a
fn without_a_root_certificate_no_packet_leaves() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        for policy in [Policy::Name, Policy::Address] {
            let server = [policy.of(lab.server, &certificate)];
            let trust = Trust::roots(RootCertStore::empty());
            let error = fail(net, &Connector::new(resolver(&server, trust)), "www.test").await;
            net.assert_returned(0);
            assert_eq!(error.kind(), LookupErrorKind::Untrusted);
            assert_eq!(
                error.to_string(),
                "name server not authenticated (192.0.2.1:853): \
                 no root certificate was given, so no server can be authenticated"
            );
        }
        assert_eq!(net.whole_log().sent_to(lab.server.host()), 0);
    });
}

#[test] // R-8310-8.1a; a system that trusts no authority would give another error
fn what_the_system_trusts_does_not_lead_to_a_private_authority() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        for policy in [Policy::Name, Policy::Address] {
            let server = [policy.of(lab.server, &certificate)];
            let default = he::dns::Resolver::name_servers(server.clone()).unwrap();
            for resolver in [default, resolver(&server, Trust::platform())] {
                assert_eq!(
                    fail(net, &Connector::new(resolver), "www.test").await.to_string(),
                    "name server not authenticated (192.0.2.1:853): \
                     unknown issuer: no trusted root leads to it"
                );
            }
        }
        assert_eq!(asked(net, lab.server).len(), 0);
    });
}

/// Asserts that the last connection announces neither the protocols of the configuration nor early
/// data. Returns whether it resumed a session.
fn plain(net: Net, server: NameServer, name: Option<&str>) -> bool {
    let connection = net.tls_connections(server).pop().unwrap();
    let hello = connection.hello.unwrap();
    assert_eq!((hello.name.as_deref(), hello.alpn.len()), (name, 0));
    assert!(!connection.early, "early data were announced");
    connection.resumed
}

#[test] // early data are off, although the server and the configuration allow them
fn of_a_callers_configuration_alpn_early_data_and_sni_do_not_count() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        lab.server.tls_early_data();
        let config = Arc::new(own_config(lab.root.roots(), &[&TLS12, &TLS13]));
        for (policy, name) in [
            (Policy::Name, Some(NAME)),
            (Policy::Address, None),
            (Policy::Pinned, None),
            (Policy::PinnedAndNamed, Some(NAME)),
        ] {
            let server = [policy.of(lab.server, &certificate)];
            let connector = Connector::new(resolver(&server, Trust::config(config.clone())));
            connect(net, &connector, "one.test", COLD, lab.server).await;
            assert!(!plain(net, lab.server, name));
            lab.server.tls_closes_idle(0, Goodbye::Notify);
            let open = || net.tls_connections(lab.server).iter().any(|it| it.ended.is_none());
            net.sees("the server's goodbye", |_| !open()).await;
            lab.server.tls_recovers();
            net.pass(2 * RTT).await;
            connect(net, &connector, "two.test", COLD, lab.server).await;
            assert!(plain(net, lab.server, name));
        }
    });
}

#[test] // unlike ALPN, early data and SNI
fn of_a_callers_configuration_versions_and_roots_count() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        let server = [Policy::Name.of(lab.server, &certificate)];
        let with = |config| Connector::new(resolver(&server, Trust::config(config)));
        let only = with(own_config(lab.root.roots(), &[&TLS12]));
        connect(net, &only, "www.test", COLD + RTT, lab.server).await;
        assert!(!net.tls_connections(lab.server).pop().unwrap().tls13);
        let before = asked(net, lab.server).len();
        lab.server.tls13();
        let too_old = with(own_config(lab.root.roots(), &[&TLS12]));
        assert_eq!(
            fail(net, &too_old, "www.test").await.to_string(),
            "name server unreachable (192.0.2.1:853): the server ended the TLS handshake: ProtocolVersion"
        );
        net.assert_returned(2 * RTT);
        let stranger = with(own_config(he_testnet::Authority::new().roots(), &[&TLS13]));
        assert_eq!(
            fail(net, &stranger, "www.test").await.to_string(),
            "name server not authenticated (192.0.2.1:853): \
             unknown issuer: no trusted root leads to it"
        );
        assert_eq!(asked(net, lab.server).len(), before);
    });
}
