//! hyper-util's client: on a bare connector for http, on `HttpsConnector` for https.

use std::io::{Read, Write};
use std::net::TcpListener;

use he::rustls::{HttpsConnector, Tls, Trust};
use he::{Connector, ErrorKind};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs::default_provider;
use tls_server::CERTIFICATE;

#[path = "../../common/tls_server.rs"]
mod tls_server;

type Body = Empty<&'static [u8]>;

fn hello(mut stream: impl Read + Write) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 4])?; // "GET "
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")?;
    stream.flush()?;
    stream.read_to_end(&mut Vec::new()).map(|_| ())
}

fn client<C: Connect + Clone + Send + Sync + 'static>(connector: C) -> Client<C, Body> {
    Client::builder(TokioExecutor::new()).build(connector)
}

async fn get<C: Connect + Clone + Send + Sync + 'static>(client: &Client<C, Body>, uri: &str) {
    let response = client.get(uri.parse().unwrap()).await.unwrap();
    assert!(response.extensions().get::<he::Report>().unwrap().winner().is_some());
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let http = listener.local_addr().unwrap().port();
    std::thread::spawn(move || hello(listener.accept().unwrap().0));
    let https = tls_server::start(default_provider(), hello).port();

    let bare = client(Connector::default());
    get(&bare, &format!("http://localhost:{http}/")).await;
    let refused =
        bare.get(format!("https://localhost:{https}/").parse().unwrap()).await.unwrap_err();
    assert_eq!(he::Error::find_in(&refused).unwrap().kind(), ErrorKind::InvalidInput);

    let tls = Tls::new(Trust::pem(CERTIFICATE).unwrap());
    let secure = client(HttpsConnector::new(Connector::default()).with_tls(tls));
    get(&secure, &format!("https://localhost:{https}/")).await;
}
