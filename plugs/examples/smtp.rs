//! lettre, to hand in mail: `cargo run -p he-plugs --example smtp -- mail.example`.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;

use he::rustls::{Tls, TlsStream};
use he::{Attempt, Connector, Established};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, join, split,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// Races two ports, as a rule 465 and 587 (RFC 8314): TLS at once on the first, STARTTLS on the second,
/// the same `Tls` and name on both, and nothing in clear. `auth`, `send` and `quit` are next; lettre's
/// transports take no connection. Its `is_encrypted` says no, for the TLS is not lettre's.
///
/// `ClientId::default()` is `[127.0.0.1]`; a server may want a name, `ClientId::Domain`.
pub(crate) async fn connect(
    connector: &Connector,
    tls: &Tls,
    host: &str,
    [submissions, submission]: [u16; 2],
) -> Result<Established<AsyncSmtpConnection>, he::Error> {
    let dial = |attempt: Attempt| {
        let (tls, me) = (tls.clone(), ClientId::default());
        async move {
            let stream: Box<dyn Stream> = if attempt.addr().port() == submissions {
                Box::new(tls.dial(attempt).await?)
            } else {
                // No server greets again in TLS, and lettre waits for it.
                let (read, write) = split(starttls(&tls, attempt, &me).await?);
                Box::new(join(b"220 \r\n".chain(read), write))
            };
            let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &me).await;
            greeted.map_err(io::Error::other)
        }
    };
    connector.connect_with(host, [submissions, submission], dial).await
}

/// RFC 3207, and not lettre's: it takes for an answer in TLS what came in clear before.
async fn starttls(tls: &Tls, attempt: Attempt, me: &ClientId) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(attempt.host()).map_err(io::Error::other)?;
    let config = tls.client_config()?;
    let mut tcp = BufReader::new(attempt.connect().await?);
    let hello = format!("EHLO {me}\r\n");
    for (command, code) in [("", "220"), (&hello, "250"), ("STARTTLS\r\n", "220")] {
        tcp.write_all(command.as_bytes()).await?;
        let mut line = format!("{code}-"); // so many lines as the server likes
        while line.starts_with(&format!("{code}-")) {
            line.clear();
            (&mut tcp).take(1024).read_line(&mut line).await?;
        }
        if !line.starts_with(code) {
            return Err(io::Error::other(format!("{}: {}", command.trim(), line.trim())));
        }
    }
    if !tcp.buffer().is_empty() {
        return Err(io::Error::other("something in clear behind the answer to STARTTLS"));
    }
    TlsConnector::from(config).connect(name, tcp.into_inner()).await
}

trait Stream: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin> Stream for T {}

impl AsyncTokioStream for Box<dyn Stream> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into()) // lettre does not ask; it is `Established::addr`
    }
}

#[tokio::main]
#[allow(dead_code, reason = "a test has this file as a module")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1).ok_or("usage: smtp HOST")?;
    let made = connect(&Connector::default(), &Tls::default(), &host, [465, 587]).await?;
    println!("{}", made.report);
    let mut smtp = made.stream;
    println!("{}", smtp.server_info());
    smtp.quit().await?;
    Ok(())
}
