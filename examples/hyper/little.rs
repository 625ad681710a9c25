//! A small server on 127.0.0.1. Its certificate for `localhost` comes from its own authority.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) struct Little {
    pub(crate) port: u16,
    pub(crate) roots: RootCertStore,
}

pub(crate) async fn serve() -> Result<Little, Box<dyn Error>> {
    let (config, roots) = certified()?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(answer(acceptor.clone(), tcp));
        }
    });
    Ok(Little { port, roots })
}

/// Answers one request, which fits into one read.
async fn answer(acceptor: TlsAcceptor, tcp: TcpStream) -> io::Result<()> {
    let mut stream = acceptor.accept(tcp).await?;
    if stream.read(&mut [0; 4096]).await? > 0 {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await?;
    }
    stream.shutdown().await
}

fn certified() -> Result<(ServerConfig, RootCertStore), Box<dyn Error>> {
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone())?;
    let key = KeyPair::generate()?;
    let own = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &authority)?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key.serialize_der().try_into()?)?;
    Ok((config, roots))
}
