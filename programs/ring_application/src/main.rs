//! A program on ring with its own list of he-connect's features: one provider, which rustls finds by
//! itself, and with which name servers are asked over TLS.

use he::dns::{NameServer, Resolver, Trust};
use he::{Origin, Query, Record, Resolve};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use tls_server::CERTIFICATE;

#[path = "../../common/name_server.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod name_server;
#[path = "../../common/tls_server.rs"]
mod tls_server;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dns = tls_server::start(default_provider(), name_server::answer_all);
    let _builder = ClientConfig::builder();
    let provider = CryptoProvider::get_default().unwrap();
    assert_eq!(format!("{:?}", provider.key_provider), "Ring");

    let server = NameServer::tls(dns).with_hostname("localhost").unwrap();
    let trust = Trust::pem(CERTIFICATE).unwrap();
    let resolver = Resolver::name_servers([server]).unwrap().with_trust(trust);
    let answer = resolver.lookup(&Query::new("www.test", Record::A)).await.unwrap();
    assert_eq!(answer.origin(), Origin::Tls);
}
