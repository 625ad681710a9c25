//! TLS by native-tls within the race:
//! `cargo run -p he-plugs --features native-tls --example native_tls -- robur.coop 443`.

use std::error::Error;
use std::io;

use he::{Attempt, Connector, Established};
use tokio::net::TcpStream;
use tokio_native_tls::{TlsConnector, TlsStream};

/// An address wins when its TLS handshake is done. The same with any other protocol that begins with
/// an exchange of words: a dial is what turns an attempt into something that is good to use.
pub(crate) async fn connect(
    connector: &Connector,
    tls: &TlsConnector,
    host: &str,
    port: u16,
) -> Result<Established<TlsStream<TcpStream>>, he::Error> {
    let dial = |attempt: Attempt| {
        let tls = tls.clone();
        async move {
            let name = attempt.host(); // what the certificate has to be for
            let tcp = attempt.connect().await?;
            tls.connect(&name, tcp).await.map_err(io::Error::other)
        }
    };
    connector.connect_with(host, port, dial).await
}

#[tokio::main]
#[allow(dead_code, reason = "a test has this file as a module")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(host), Some(port)) = (args.next(), args.next()) else {
        return Err("usage: native_tls HOST PORT".into());
    };
    let tls = TlsConnector::from(native_tls::TlsConnector::new()?);
    let made = connect(&Connector::default(), &tls, &host, port.parse()?).await?;
    println!("{}", made.report);
    Ok(())
}
