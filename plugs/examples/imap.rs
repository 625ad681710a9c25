//! async-imap: `IMAP_PASSWORD=secret cargo run -p he-plugs --example imap -- mail.example me`.

use std::error::Error;
use std::io;

use async_imap::Client;
use async_imap::imap_proto::{Response, Status};
use he::rustls::{Tls, TlsStream};
use he::{Attempt, Connector, Established};
use tokio::net::TcpStream;

/// IMAP with TLS from the start, as a rule on port 993 (RFC 8314). An address wins when its server has
/// greeted with OK: one that says BYE, for it is full or about to end, loses to one that is well.
///
/// Nobody is logged in by this: `login` of the client that has won is asked once. A greeting of
/// PREAUTH loses as well; async-imap makes no session of it.
pub(crate) async fn connect(
    connector: &Connector,
    tls: &Tls,
    host: &str,
    port: u16,
) -> Result<Established<Client<TlsStream<TcpStream>>>, he::Error> {
    let dial = |attempt: Attempt| {
        let shaking = tls.dial(attempt);
        async move {
            let mut client = Client::new(shaking.await?);
            let greeting = client.read_response().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            match greeting.parsed() {
                Response::Data { status: Status::Ok, .. } => Ok(client),
                Response::Data { status, outcome } => {
                    let words = outcome.information.as_deref().unwrap_or_default();
                    Err(io::Error::other(format!("greeted with {status:?}: {words}")))
                }
                _ => Err(io::Error::other("greeted with something else")),
            }
        }
    };
    connector.connect_with(host, port, dial).await
}

#[tokio::main]
#[allow(dead_code, reason = "a test has this file as a module")]
async fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: IMAP_PASSWORD=… imap HOST USER";
    let mut args = std::env::args().skip(1);
    let (Some(host), Some(user)) = (args.next(), args.next()) else { return Err(USAGE.into()) };
    let password = std::env::var("IMAP_PASSWORD").map_err(|_| USAGE)?;
    let made = connect(&Connector::default(), &Tls::default(), &host, 993).await?;
    println!("{}", made.report);
    let mut session = made.stream.login(user, password).await.map_err(|(error, _)| error)?;
    let inbox = session.examine("INBOX").await?;
    println!("{} messages", inbox.exists);
    session.logout().await?;
    Ok(())
}
