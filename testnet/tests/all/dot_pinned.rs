//! Pinned name servers. The pin replaces issuer and validity, and nothing replaces the pin.

use he::LookupErrorKind;
use he::dns::{self, Pin, Trust};
use he_testnet::{Authority, Certificate, NameServer, internet};

use crate::support::strict::{Lab, NAME, RTT, SERVER, asked, at, connect, fail, resolver};

/// The time of a new connection over TLS 1.3 and an answer.
const COLD: u64 = 3 * RTT;

fn key(certificate: &Certificate) -> Pin {
    Pin::key_sha256(certificate.key_sha256())
}

fn whole(certificate: &Certificate) -> Pin {
    Pin::certificate_sha256(certificate.certificate_sha256())
}

fn pinned(server: NameServer, pins: &[Pin]) -> dns::NameServer {
    let strict = dns::NameServer::tls(at(server));
    pins.iter().fold(strict, |server, pin| server.with_pin(*pin).unwrap())
}

/// Pins of keys that do not exist.
fn others() -> [Pin; 2] {
    [7, 8].map(|n| Pin::key_sha256([n; 32]))
}

/// The certificate, pins and name of a server that is accepted.
type Good = (Certificate, Vec<Pin>, Option<&'static str>);

#[test] // R-7858-4.2a, R-7858-4.2b, R-7858-4.2c
fn any_pin_of_the_servers_own_certificate_will_do() {
    internet(|net| async move {
        let lab = Lab::new(net);
        let good = lab.root.issue(&[NAME, SERVER]);
        let stranger = Authority::new().intermediate();
        let (expired, early) = (stranger.issue_expired(&[]), stranger.issue_too_early(&[]));
        let alone = Certificate::self_signed(&["other.test"]);
        let [other, _] = others();
        let cn_only = stranger.issue_cn_only(NAME);
        let rows: Vec<Good> = vec![
            (good.clone(), vec![key(&good)], None),
            (good.clone(), vec![whole(&good)], None),
            (good.clone(), vec![other, Pin::certificate_sha256([7; 32]), key(&good)], None),
            (good.clone(), vec![key(&good)], Some(NAME)),
            (good.clone(), vec![other, whole(&good)], Some(NAME)),
            // The certificate is new, and the key is the same.
            (lab.root.renew(&good, &[NAME]), vec![key(&good)], Some(NAME)),
            (expired.clone(), vec![key(&expired)], None),
            (early.clone(), vec![whole(&early)], None),
            (alone.clone(), vec![key(&alone)], None),
            (cn_only.clone(), vec![key(&cn_only)], None),
            // With a name, issuer and validity still do not count.
            named(stranger.issue_expired(&[NAME])),
            named(stranger.issue_too_early(&[NAME])),
            named(Certificate::self_signed(&[NAME])),
        ];
        for (certificate, pins, name) in rows {
            lab.server.tls(certificate);
            let server = pinned(lab.server, &pins);
            let server = name.map_or(server.clone(), |name| server.with_hostname(name).unwrap());
            connect(net, &lab.connector(&[server]), "www.test", COLD, lab.server).await;
            let connection = net.tls_connections(lab.server).pop().unwrap();
            // R-8310-6.6a: the name is sent only if the policy has one.
            assert_eq!(connection.hello.unwrap().name.as_deref(), name);
        }
    });
}

fn named(certificate: Certificate) -> Good {
    let pin = key(&certificate);
    (certificate, vec![pin], Some(NAME))
}

#[test] // R-7858-4.2c
fn a_server_that_goes_over_to_its_backup_key_is_still_known() {
    internet(|net| async move {
        let lab = Lab::new(net);
        let (first, backup) = (lab.root.issue(&[NAME]), lab.root.issue(&[NAME]));
        let resolver = lab.resolver(&[pinned(lab.server, &[key(&first), key(&backup)])]);
        let connector = he::Connector::new(resolver);
        lab.server.tls(first.clone());
        connect(net, &connector, "one.test", COLD, lab.server).await;
        // A renewed certificate, then another key. Each time the server closes the connection and
        // drops its sessions.
        for (certificate, name) in
            [(lab.root.renew(&first, &[NAME]), "two.test"), (backup, "3.test")]
        {
            lab.server.tls_closes_idle(0, he_testnet::Goodbye::Notify);
            let over = || net.tls_connections(lab.server).iter().all(|it| it.ended.is_some());
            net.sees("the end of the connection", |_| over()).await;
            lab.server.tls(certificate).tls_recovers();
            net.pass(2 * RTT).await;
            connect(net, &connector, name, COLD, lab.server).await;
        }
        assert!(net.tls_connections(lab.server).iter().all(|it| !it.resumed));
    });
}

fn wrong(expected: Pin, found: Pin) -> String {
    format!("wrong pin: expected {expected}, found {found}")
}

/// Each server is refused when its certificate arrives, over both versions of TLS, and no question
/// is sent.
fn refused(rows: impl Fn(&Lab) -> Vec<(Certificate, dns::NameServer, String)>) {
    internet(|net| async move {
        let lab = Lab::new(net);
        for (nth, (certificate, server, cause)) in rows(&lab).into_iter().enumerate() {
            for version in [NameServer::tls12, NameServer::tls13] {
                version(lab.server.tls(certificate.clone()));
                let connector = lab.connector(std::slice::from_ref(&server));
                let error = fail(net, &connector, &format!("www{nth}.test")).await;
                net.assert_returned(2 * RTT);
                let prefix = "name server not authenticated (192.0.2.1:853)";
                assert_eq!(error.to_string(), format!("{prefix}: {cause}"));
                assert_eq!(error.kind(), LookupErrorKind::Untrusted);
                // A mismatch is final.
                assert_eq!(net.log().starts_to(at(lab.server)).len(), 1);
            }
        }
        assert_eq!(asked(net, lab.server).len(), 0);
        assert!(net.tls_connections(lab.server).iter().all(|it| it.secured.is_none()));
    });
}

#[test] // R-7858-4.2a, R-8310-6.6a, R-8310-6.6b
fn a_wrong_pin_is_told_with_what_was_found_in_its_place() {
    refused(|lab| {
        let old = lab.root.issue(&[NAME, SERVER]);
        let renewed = lab.root.renew(&old, &[NAME, SERVER]);
        let new = lab.root.issue(&[NAME, SERVER]);
        let server = |pins: &[Pin]| pinned(lab.server, pins);
        let [one, two] = others();
        vec![
            (new.clone(), server(&[key(&old)]), wrong(key(&old), key(&new))),
            (new.clone(), server(&[whole(&old)]), wrong(whole(&old), whole(&new))),
            (renewed.clone(), server(&[whole(&old)]), wrong(whole(&old), whole(&renewed))),
            (
                new.clone(),
                server(&[key(&old), one, two]),
                format!("wrong pin: expected {} or 2 more, found {}", key(&old), key(&new)),
            ),
            // The right name is not enough.
            (
                new.clone(),
                server(&[key(&old)]).with_hostname(NAME).unwrap(),
                wrong(key(&old), key(&new)),
            ),
        ]
    });
}

#[test] // R-7858-4.2a: nothing verifies the chain, so only the server's own certificate counts
fn a_pin_of_an_intermediate_counts_for_nothing() {
    refused(|lab| {
        let certificate = lab.root.intermediate().issue(&[NAME, SERVER]);
        let issuer = Pin::key_sha256(certificate.issuer_key_sha256());
        let issuers = Pin::certificate_sha256(certificate.issuer_certificate_sha256());
        let server = |pin: Pin| pinned(lab.server, &[pin]);
        vec![
            (certificate.clone(), server(issuer), wrong(issuer, key(&certificate))),
            (certificate.clone(), server(issuers), wrong(issuers, whole(&certificate))),
            (
                certificate.clone(),
                server(issuer).with_hostname(NAME).unwrap(),
                wrong(issuer, key(&certificate)),
            ),
        ]
    });
}

#[test] // R-8310-8.1b
fn with_a_hostname_the_certificate_has_to_be_for_it_as_well() {
    refused(|lab| {
        let row = |certificate: Certificate, cause: &str| {
            let server = pinned(lab.server, &[key(&certificate)]).with_hostname(NAME).unwrap();
            (certificate, server, cause.to_owned())
        };
        vec![
            row(
                lab.root.issue(&["other.test", SERVER]),
                "wrong name: the certificate is for other.test, 192.0.2.1, not dns.test",
            ),
            row(
                lab.root.issue_cn_only(NAME),
                "wrong name: no subjectAltName names a host, so it is not for dns.test",
            ),
            row(
                Certificate::self_signed(&["other.test"]),
                "wrong name: the certificate is for other.test, not dns.test",
            ),
        ]
    });
}

#[test]
fn a_pinned_certificate_needs_its_private_key() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        for pin in [key(&certificate), whole(&certificate)] {
            for version in [NameServer::tls12, NameServer::tls13] {
                version(lab.server.tls(certificate.clone())).tls_without_key();
                let connector = lab.connector(&[pinned(lab.server, &[pin])]);
                let error = fail(net, &connector, "www.test").await;
                net.assert_returned(2 * RTT);
                assert_eq!(
                    error.to_string(),
                    "name server not authenticated (192.0.2.1:853): \
                     bad signature: by another key than the certificate's"
                );
            }
        }
        assert_eq!(asked(net, lab.server).len(), 0);
    });
}

#[test] // R-8310-6.6b
fn a_pinned_server_needs_no_root_certificate() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        let other = || Trust::roots(Authority::new().roots());
        let empty = || Trust::roots(tokio_rustls::rustls::RootCertStore::empty());
        for trust in [other(), empty(), Trust::platform()] {
            let server = [pinned(lab.server, &[key(&certificate)])];
            let connector = he::Connector::new(resolver(&server, trust));
            connect(net, &connector, "www.test", COLD, lab.server).await;
        }
    });
}
