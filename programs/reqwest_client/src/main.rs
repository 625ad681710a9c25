//! reqwest: its own client with `Dns`, and its requests by `Transport`.

use std::io::{Read, Write};

use he::Connector;
use he::rustls::{HttpsConnector, Tls, Trust};
use he_reqwest::{Dns, Transport};
use rustls::crypto::aws_lc_rs::default_provider;
use tls_server::{CERTIFICATE, Stream};

#[path = "../../common/tls_server.rs"]
mod tls_server;

fn hello(mut stream: Stream) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 4])?; // "GET "
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")?;
    stream.flush()?;
    stream.read_to_end(&mut Vec::new()).map(|_| ())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port = tls_server::start(default_provider(), hello).port();
    let url = format!("https://localhost:{port}/");

    let tls = Tls::new(Trust::pem(CERTIFICATE).unwrap());
    let https = HttpsConnector::new(Connector::default()).with_tls(tls);
    let client = Transport::new(https).client().unwrap();
    let response = client.get(&url).send().await.unwrap();
    assert!(response.extensions().get::<he::Report>().unwrap().winner().is_some());
    assert_eq!(response.text().await.unwrap(), "hello");

    let error = client.get("https://nowhere.invalid/").send().await.unwrap_err();
    assert!(he_reqwest::Error::find_in(&error).unwrap().is_connect());
    assert_eq!(he::Error::find_in(&error).unwrap().kind(), he::ErrorKind::NoSuchName);

    let own = reqwest::Client::builder().no_proxy().dns_resolver(Dns::new(Connector::default()));
    let error = own.build().unwrap().get("http://nowhere.invalid/").send().await.unwrap_err();
    assert_eq!(he::Error::find_in(&error).unwrap().kind(), he::ErrorKind::NoSuchName);
}
