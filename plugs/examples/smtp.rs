//! lettre, to hand in mail: `cargo run -p he-plugs --example smtp -- mail.example`.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;

use he::rustls::{Tls, TlsStream};
use he::{Attempt, Connector, Established};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Races two ports, as a rule 465 and 587 (RFC 8314): TLS at once on the first, STARTTLS on the second,
/// which has to offer it. `auth`, `send` and `quit` are next; lettre's transports take no connection.
/// What comes in clear right behind the answer to STARTTLS, lettre 0.11 takes for an answer in TLS: if
/// somebody on the way may block 465 and write that, leave 587 out.
pub(crate) async fn connect(
    connector: &Connector,
    (tls, starttls): (&Tls, &TlsParameters),
    host: &str,
    [submissions, submission]: [u16; 2],
) -> Result<Established<AsyncSmtpConnection>, he::Error> {
    let dial = |attempt: Attempt| {
        let (tls, starttls, me) = (tls.clone(), starttls.clone(), ClientId::default());
        async move {
            let at_once = attempt.addr().port() == submissions;
            let stream: Box<dyn AsyncTokioStream> = match at_once {
                true => Box::new(Box::new(tls.dial(attempt).await?) as Box<dyn Secure>),
                false => Box::new(attempt.connect().await?),
            };
            let greeted = AsyncSmtpConnection::connect_with_transport(stream, &me).await;
            let mut smtp = greeted.map_err(io::Error::other)?;
            if !at_once {
                smtp.starttls(starttls, &me).await.map_err(io::Error::other)?;
            }
            Ok(smtp)
        }
    };
    connector.connect_with(host, &[submissions, submission], dial).await
}

trait Secure: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Secure for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl AsyncTokioStream for Box<dyn Secure> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().peer_addr()
    }
}

#[tokio::main]
#[allow(dead_code, reason = "a test has this file as a module")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1).ok_or("usage: smtp HOST")?;
    let (tls, starttls) = (Tls::default(), TlsParameters::new(host.clone())?);
    let made = connect(&Connector::default(), (&tls, &starttls), &host, [465, 587]).await?;
    println!("{}", made.report);
    let mut smtp = made.stream;
    println!("{}", smtp.server_info());
    smtp.quit().await?;
    Ok(())
}
