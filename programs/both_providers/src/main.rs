//! Both crypto providers are compiled in. he takes aws-lc-rs where the process has installed none,
//! and does not panic. Then the process installs one that is neither, ring with one cipher suite, and
//! every connection over TLS uses that one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use he::dns::{NameServer, Resolver, Trust};
use he::{Origin, Query, Record, Resolve};
use rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256;
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use tls_server::{CERTIFICATE, Stream};

#[path = "../../common/name_server.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod name_server;
#[path = "../../common/tls_server.rs"]
mod tls_server;

/// The handshakes with the cipher suite of the installed provider. The server has it last.
static CHACHA: AtomicUsize = AtomicUsize::new(0);

fn serve(mut stream: Stream) -> std::io::Result<()> {
    stream.conn.complete_io(&mut stream.sock)?;
    let suite = stream.conn.negotiated_cipher_suite().unwrap().suite();
    CHACHA.fetch_add(usize::from(suite == TLS13_CHACHA20_POLY1305_SHA256), Ordering::SeqCst);
    name_server::answer_all(stream)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dns = tls_server::start(aws_lc_rs::default_provider(), serve);
    let trust = || Trust::pem(CERTIFICATE).unwrap();
    assert_eq!(ask(dns, trust()).await, Origin::Tls);
    assert_eq!(CHACHA.load(Ordering::SeqCst), 0);
    he::rustls::Tls::new(trust()).client_config().unwrap();

    let suite = ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
    let provider = CryptoProvider { cipher_suites: vec![suite], ..ring::default_provider() };
    provider.install_default().unwrap();

    // To hosts.
    let config = he::rustls::Tls::new(trust()).client_config().unwrap();
    assert!(Arc::ptr_eq(config.crypto_provider(), CryptoProvider::get_default().unwrap()));

    // To name servers.
    assert_eq!(ask(dns, trust()).await, Origin::Tls);
    assert_eq!(CHACHA.load(Ordering::SeqCst), 1);
}

/// Asks a strict server, by a resolver of its own.
async fn ask(dns: SocketAddr, trust: Trust) -> Origin {
    let server = NameServer::tls(dns).with_hostname("localhost").unwrap();
    let resolver = Resolver::name_servers([server]).unwrap().with_trust(trust);
    resolver.lookup(&Query::new("www.test", Record::A)).await.unwrap().origin()
}
