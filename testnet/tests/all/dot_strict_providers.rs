//! Both of rustls's crypto providers are compiled in and the process has chosen none, so rustls
//! panics where it has to choose. Name servers are still reached over TLS.

use std::panic::{catch_unwind, set_hook, take_hook};
use std::time::Duration;

use he::Connector;
use he::dns::{self, Trust};
use he_testnet::{Net, internet};
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};

use crate::support::strict::{Lab, Policy, RTT, asked, connect, fail, resolver};

/// The time of a new connection over TLS 1.3 and an answer.
const COLD: u64 = 3 * RTT;

/// True if rustls panics because it cannot choose a provider.
fn rustls_panics() -> bool {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let panics = catch_unwind(ClientConfig::builder).is_err();
    set_hook(hook);
    panics
}

/// Connects by each policy.
async fn connects(net: Net) {
    let (lab, certificate) = Lab::good(net);
    let roots = || Trust::roots(lab.root.roots());
    for policy in [Policy::Name, Policy::Address, Policy::Pinned, Policy::PinnedAndNamed] {
        let server = [policy.of(lab.server, &certificate)];
        let connector = Connector::new(resolver(&server, roots()));
        connect(net, &connector, "www.test", COLD, lab.server).await;
    }
    let opportunistic = dns::NameServer::opportunistic((lab.server.ip(), 53).into());
    // Plain DNS waits longer than the handshake takes, which is the point here.
    let opportunistic = resolver(&[opportunistic], Trust::default());
    let connector = Connector::new(opportunistic.with_plain_delay(Duration::from_secs(2)));
    connect(net, &connector, "www.test", COLD, lab.server).await;
    // The system does not trust the root of this test.
    let before = asked(net, lab.server).len();
    let server = [Policy::Name.of(lab.server, &certificate)];
    let error = fail(net, &Connector::new(resolver(&server, Trust::platform())), "www.test").await;
    assert_eq!(error.kind(), he::LookupErrorKind::Untrusted, "{error}");
    assert_eq!(asked(net, lab.server).len(), before);
}

#[test]
fn with_both_providers_and_no_choice_nothing_panics() {
    internet(|net| async move {
        assert!(rustls_panics());
        connects(net).await;
        // The library leaves the choice to the program.
        assert!(CryptoProvider::get_default().is_none() && rustls_panics());
    });
}

#[test]
fn the_provider_that_the_program_has_chosen_will_do() {
    internet(|net| async move {
        aws_lc_rs::default_provider().install_default().unwrap();
        connects(net).await;
    });
}

#[test]
fn a_callers_configuration_brings_its_own_provider() {
    internet(|net| async move {
        let (lab, certificate) = Lab::good(net);
        for provider in [ring::default_provider(), aws_lc_rs::default_provider()] {
            let config = ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(lab.root.roots())
                .with_no_client_auth();
            for policy in [Policy::Name, Policy::Pinned] {
                let trust = Trust::config(config.clone());
                let server = [policy.of(lab.server, &certificate)];
                let connector = Connector::new(resolver(&server, trust));
                connect(net, &connector, "www.test", COLD, lab.server).await;
            }
        }
    });
}
