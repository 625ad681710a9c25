//! A server on loopback with TLS, for the names `localhost` and `127.0.0.1`. Each connection has a
//! thread of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The server's certificate, which is its own authority. By OpenSSL, for a hundred years.
pub const CERTIFICATE: &[u8] = include_bytes!("certificate.pem");
/// The key of that certificate, which is secret to nobody.
const KEY: &[u8] = include_bytes!("key.pem");

pub type Stream = StreamOwned<ServerConnection, TcpStream>;

/// Starts a server. `serve` gets each connection, before its handshake.
pub fn start(provider: CryptoProvider, serve: fn(Stream) -> std::io::Result<()>) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(KEY).unwrap())
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let config = config.clone();
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                // A client that ends its connection is no fault of the server.
                let _ = serve(StreamOwned::new(connection, tcp.unwrap()));
            });
        }
    });
    addr
}
