//! Behaviour that depends on the process and its environment. Each test runs itself again in a
//! process of its own.

use std::process::Command;
use std::sync::Arc;
use std::{env, fs};

use rustls::crypto::{CryptoProvider, ring};

use super::*;

const AGAIN: &str = "HE_TEST_AGAIN";

/// True if this is the test's own process, with this variable in its environment.
fn is_again(case: &str) -> bool {
    env::var(AGAIN).is_ok_and(|again| again == case)
}

#[track_caller]
fn again(test: &str, case: &str, roots: &str) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test]).env(AGAIN, case);
    let output = command.env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{case}: {text}");
}

const PLATFORM: &str = "dns::link::tls::tests::environment::the_system_says_who_is_trusted";

#[test]
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
fn the_system_says_who_is_trusted() {
    let (tls, none) = (TlsClients::new(Trust::default()), "/nowhere/roots.pem");
    if is_again("none") {
        let error = tls.client_now(&named()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "name server not authenticated (192.0.2.53:853): \
             trust of the system: No CA certificates were loaded from the system"
        );
        // Neither asks the system.
        assert!(tls.client_now(&opportunistic()).is_ok());
        assert!(tls.client_now(&pinned(&[Pin::key_sha256([7; 32])])).is_ok());
    } else if is_again("one") {
        let authority = Authority::new("CA");
        fs::write(env::var("SSL_CERT_FILE").unwrap(), authority.pem()).unwrap();
        accepted(&tls, &named(), &authority.peer(&["dns.test"]), Some("dns.test"));
        let unknown = "unknown issuer: no trusted root leads to it";
        refused(&tls, &named(), &Authority::new("Other").peer(&["dns.test"]), unknown);
        let purpose = "wrong purpose: not the certificate of a server";
        refused(&tls, &named(), &authority.peer_of_clients(&["dns.test"]), purpose);
    } else {
        let path = env::temp_dir().join(format!("he-roots-{}.pem", std::process::id()));
        again(PLATFORM, "none", none);
        again(PLATFORM, "one", path.to_str().unwrap());
        fs::remove_file(path).unwrap();
    }
}

const SLOW: &str = "dns::link::tls::tests::environment::while_the_system_is_read_other_tasks_go_on";

#[test]
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
fn while_the_system_is_read_other_tasks_go_on() {
    let path = env::temp_dir().join(format!("he-roots-{}.fifo", std::process::id()));
    if !is_again("fifo") {
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        again(SLOW, "fifo", path.to_str().unwrap());
        return fs::remove_file(path).unwrap();
    }
    // Reading blocks until a task of the same thread writes.
    std::thread::spawn(|| {
        std::thread::sleep(std::time::Duration::from_secs(20));
        std::process::abort();
    });
    let (tls, authority) = (Arc::new(TlsClients::new(Trust::platform())), Authority::new("CA"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (reader, server) = (tls.clone(), named());
    runtime.block_on(async {
        let reading = tokio::spawn(async move { reader.client(&server).await });
        tokio::task::yield_now().await;
        fs::write(env::var("SSL_CERT_FILE").unwrap(), authority.pem()).unwrap();
        reading.await.unwrap().unwrap();
    });
    accepted(&tls, &named(), &authority.peer(&["dns.test"]), Some("dns.test"));
}

const PROVIDER: &str = "dns::link::tls::tests::environment::the_provider_of_the_process_is_used";

#[test]
fn the_provider_of_the_process_is_used() {
    if !is_again("installed") {
        assert!(CryptoProvider::get_default().is_none());
        return again(PROVIDER, "installed", "");
    }
    let chacha = ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
    let provider = CryptoProvider { cipher_suites: vec![chacha], ..ring::default_provider() };
    provider.install_default().unwrap();
    let installed = CryptoProvider::get_default().unwrap();
    for server in [opportunistic(), named(), pinned(&[Pin::key_sha256([7; 32])])] {
        let client = strangers().client_now(&server).unwrap();
        assert!(Arc::ptr_eq(client.config.crypto_provider(), installed));
    }
}
