//! TLS within the race, for any protocol:
//! `cargo run --example tls --features rustls -- robur.coop 443`.
//! Without a host it connects to its own server on loopback.
#![allow(clippy::print_stdout, reason = "an example prints")]

#[path = "../hyper/little.rs"]
mod little;

use std::error::Error;

use he::rustls::{Tls, TlsStream, Trust};
use he::{Connector, Established};
use tokio::net::TcpStream;

/// The address whose TLS handshake is done first wins. An address that accepts TCP and fails in TLS
/// loses, and so does one with a certificate for another host.
async fn connect(
    tls: &Tls,
    host: &str,
    port: u16,
) -> Result<Established<TlsStream<TcpStream>>, he::Error> {
    tls.connect(&Connector::default(), host, port).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (host, port, trust) = match (args.next(), args.next()) {
        (Some(host), Some(port)) => (host, port.parse()?, Trust::platform()),
        (Some(_), None) => return Err("usage: tls [HOST PORT]".into()),
        (None, _) => {
            let little = little::serve().await?;
            ("localhost".to_owned(), little.port, Trust::roots(little.roots))
        }
    };
    let made = connect(&Tls::new(trust), &host, port).await?;
    println!("{}", made.report);
    let (_, session) = made.stream.get_ref();
    if let (Some(version), Some(suite)) =
        (session.protocol_version(), session.negotiated_cipher_suite())
    {
        println!("{version:?}, {:?}", suite.suite());
    }
    Ok(())
}
