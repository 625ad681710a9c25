//! Strict name servers with wrong certificates: no question leaves.

use he::LookupErrorKind;
use he_testnet::{Authority, Certificate, NameServer, internet};

use crate::support::strict::{
    Lab, NAME, Policy, RTT, SERVER, asked, at, connect, fail, without_numbers,
};

/// A certificate, and the mistake in it as the error names it.
type Bad = (Certificate, &'static str);

/// Over TLS 1.2 and 1.3 the error comes with the certificate, after two round trips.
fn each_certificate(policy: Policy, bad: impl Fn(&Authority) -> Vec<Bad>) {
    internet(|net| async move {
        let lab = Lab::new(net);
        for (nth, (certificate, cause)) in bad(&lab.root).into_iter().enumerate() {
            for version in [NameServer::tls12, NameServer::tls13] {
                version(lab.server.tls(certificate.clone()));
                let connector = lab.connector(&[policy.of(lab.server, &certificate)]);
                let error = fail(net, &connector, &format!("www{nth}.test")).await;
                net.assert_returned(2 * RTT);
                assert_eq!(error.kind(), LookupErrorKind::Untrusted);
                assert_eq!(
                    without_numbers(&error),
                    format!("name server not authenticated (192.0.2.1:853): {cause}")
                );
                // A mismatch is final (R-7858-4.2a).
                assert_eq!(net.log().starts_to(at(lab.server)).len(), 1);
            }
        }
        assert_eq!(asked(net, lab.server).len(), 0);
        assert!(net.tls_connections(lab.server).iter().all(|it| it.secured.is_none()));
    });
}

const UNKNOWN: &str = "unknown issuer: no trusted root leads to it";
const EXPIRED: &str = "expired: N days ago by the clock of this host";
const EARLY: &str = "not valid yet: in N days by the clock of this host";

/// Certificates that are wrong whatever name they are for.
fn untrusted(root: &Authority) -> Vec<Bad> {
    let names = &[NAME, SERVER];
    vec![
        (root.issue_expired(names), EXPIRED),
        (root.issue_too_early(names), EARLY),
        (Certificate::self_signed(names), UNKNOWN),
        (Authority::new().issue(names), UNKNOWN),
        (Authority::new().intermediate().issue(names), UNKNOWN),
    ]
}

#[test] // R-8310-8.1a, R-8310-6.6a, R-8310-6.6b
fn by_name_the_whole_path_is_verified_before_a_query_leaves() {
    each_certificate(Policy::Name, untrusted);
}

#[test] // R-8310-8.1a, R-8310-6.6a, R-8310-6.6b
fn by_address_the_whole_path_is_verified_before_a_query_leaves() {
    each_certificate(Policy::Address, untrusted);
}

#[test] // R-8310-8.1b, R-8310-6.6b
fn a_certificate_for_another_name_is_none() {
    each_certificate(Policy::Name, |root| {
        vec![
            (
                root.issue(&["other.test", "dns.example"]),
                "wrong name: the certificate is for other.test, dns.example, not dns.test",
            ),
            (
                root.issue(&["a.dns.test", "*.dns.test"]),
                "wrong name: the certificate is for a.dns.test, *.dns.test, not dns.test",
            ),
            (root.issue(&[SERVER]), "wrong name: the certificate is for 192.0.2.1, not dns.test"),
            (
                root.issue_cn_only(NAME),
                "wrong name: no subjectAltName names a host, so it is not for dns.test",
            ),
        ]
    });
}

#[test] // R-8310-8.1b, R-8310-6.6b
fn a_certificate_for_another_address_is_none() {
    each_certificate(Policy::Address, |root| {
        vec![
            (
                root.issue(&["192.0.2.2", "2001:db8::53"]),
                "wrong name: the certificate is for 192.0.2.2, 2001:db8::53, not 192.0.2.1",
            ),
            (root.issue(&[NAME]), "wrong name: the certificate is for dns.test, not 192.0.2.1"),
            (
                root.issue_cn_only(SERVER),
                "wrong name: no subjectAltName names a host, so it is not for 192.0.2.1",
            ),
        ]
    });
}

#[test] // R-8310-6.6b
fn whoever_has_the_certificate_needs_its_private_key() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        for policy in [Policy::Name, Policy::Address, Policy::Pinned, Policy::PinnedAndNamed] {
            for version in [NameServer::tls12, NameServer::tls13] {
                version(lab.server.tls(certificate.clone())).tls_without_key();
                let connector = lab.connector(&[policy.of(lab.server, &certificate)]);
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

#[test]
fn a_server_that_has_a_good_certificate_at_last_is_used_again() {
    internet(|net| async move {
        let lab = Lab::new(net);
        lab.server.tls(lab.root.issue_expired(&[NAME]));
        let resolver = lab.resolver(&[Policy::Name.of(lab.server, &lab.root.issue(&[NAME]))]);
        let connector = he::Connector::new(resolver);
        fail(net, &connector, "one.test").await;
        lab.server.tls(lab.root.issue(&[NAME]));
        // The failure is remembered: 1 s for the name, and 100 ms for the server.
        let error = fail(net, &connector, "one.test").await;
        assert!(error.is_cached() && error.kind() == LookupErrorKind::Untrusted, "{error}");
        net.pass(100).await;
        connect(net, &connector, "two.test", 3 * RTT, lab.server).await;
    });
}
