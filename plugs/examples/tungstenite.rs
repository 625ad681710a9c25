//! tokio-tungstenite: `cargo run -p he-plugs --example tungstenite -- wss://echo.example/ hello`.

use std::io;

use futures_util::{SinkExt, StreamExt};
use he::rustls::{MaybeTls, Tls};
use he::{Attempt, Connector, Established};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, UrlError};
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A WebSocket to a `ws` or `wss` URI; for `wss` an address wins when its TLS handshake is done.
/// The upgrade is asked for after that, and once: it is a request, often with a ticket that is good
/// for one, and what the service answers, a redirect or a refusal, no other address would answer
/// better. It may take as long as an attempt, `connect_timeout`, beside the race's own time.
///
/// `socket.get_ref()` has the report and the address. `Tls` must not offer `h2`: by default it
/// offers nothing.
pub(crate) async fn connect(
    connector: &Connector,
    tls: &Tls,
    request: impl IntoClientRequest + Unpin,
) -> Result<(WebSocketStream<Established<MaybeTls>>, Response), Error> {
    let request = request.into_client_request()?;
    let host = request.uri().host().ok_or(UrlError::NoHostName)?;
    let port = request.uri().port_u16();
    let made = match request.uri().scheme_str() {
        Some("wss") => {
            let made = tls.connect(connector, host, port.unwrap_or(443)).await;
            made.map(|it| it.map(|stream| MaybeTls::Tls(Box::new(stream))))
        }
        Some("ws") => {
            let made = connector.connect_with(host, port.unwrap_or(80), Attempt::connect).await;
            made.map(|it| it.map(MaybeTls::Plain))
        }
        _ => return Err(UrlError::UnsupportedUrlScheme.into()),
    };
    let upgrade = client_async(request, made.map_err(io::Error::from)?);
    let time = connector.config().connect_timeout;
    timeout(time, upgrade).await.map_err(io::Error::from)?
}

#[tokio::main]
#[allow(dead_code, reason = "a test has this file as a module")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let uri = args.next().ok_or("usage: tungstenite ws[s]://HOST[:PORT]/PATH [TEXT]")?;
    let text = args.next().unwrap_or("hello".to_owned());
    let (mut socket, _) = connect(&Connector::default(), &Tls::default(), uri).await?;
    println!("{}", socket.get_ref().report);
    socket.send(Message::text(text)).await?;
    match socket.next().await {
        Some(message) => println!("{}", message?),
        None => println!("the server has closed"),
    }
    socket.close(None).await?;
    Ok(())
}
