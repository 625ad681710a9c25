//! One program with the default features of he-connect and rustls, and reqwest with rustls: there is
//! one provider, so rustls finds it by itself, and each connects over TLS. he-connect must not bring
//! a second one, with which `ClientConfig::builder()` panics in this program.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use he::dns::{NameServer, Resolver, Trust};
use he::{Connector, Origin, Query, Record, Resolve};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tls_server::{CERTIFICATE, Stream};

#[path = "../../common/name_server.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod name_server;
#[path = "../../common/tls_server.rs"]
mod tls_server;

fn hello(mut stream: Stream) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 4])?; // "GET "
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")?;
    stream.conn.send_close_notify();
    stream.flush()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let web = tls_server::start(default_provider(), hello);

    // rustls, by the call that panics where there are two providers.
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(web).unwrap());
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("hello"), "{text}");

    // reqwest.
    let root = reqwest::Certificate::from_pem(CERTIFICATE).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    let url = format!("https://localhost:{}/", web.port());
    let response = client.get(url).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");

    // he: TCP, and a strict name server.
    let stream = he::connect("localhost", &[web.port()]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), web);
    let dns = tls_server::start(default_provider(), name_server::answer_all);
    let server = NameServer::tls(dns).with_hostname("localhost").unwrap();
    let trust = Trust::pem(CERTIFICATE).unwrap();
    let resolver = Resolver::name_servers([server]).unwrap().with_trust(trust);
    let answer = resolver.lookup(&Query::new("www.test", Record::A)).await.unwrap();
    assert_eq!(answer.origin(), Origin::Tls);
    let connector = Connector::new(resolver);
    let stream = connector.connect("www.test", &[web.port()]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), web);
}
