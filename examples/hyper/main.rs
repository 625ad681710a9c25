//! Sends a request by hyper-util's client, `http` or `https`, with TLS within the race:
//! `cargo run --example hyper --features hyper,rustls -- https://robur.coop/`.
//! Without a URL it asks its own server on loopback, which is not at the first address of its name.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

mod little;

use std::error::Error;
use std::process::ExitCode;

use he::Connector;
use he::rustls::{HttpsConnector, Tls, Trust};
use http::Uri;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// Keep the client, because it has the pool of connections and the TLS sessions.
type Web = Client<HttpsConnector, Empty<Bytes>>;

fn client(connector: Connector, trust: Trust) -> Web {
    let connector = HttpsConnector::new(connector).with_tls(Tls::new(trust));
    Client::builder(TokioExecutor::new()).build(connector)
}

async fn get(client: &Web, uri: Uri) -> Result<Bytes, Box<dyn Error>> {
    let response = client.get(uri).await?;
    println!("{:?} {}", response.version(), response.status());
    // The report of the connection that this response came over.
    if let Some(report) = response.extensions().get::<he::Report>() {
        println!("{report}");
    }
    Ok(response.into_body().collect().await?.to_bytes())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // hyper-util's error only says "client error (Connect)". Its cause is the error of
            // `he`.
            match he::Error::find_in(&*error) {
                Some(error) => eprintln!("{error}"),
                None => eprintln!("{error}"),
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let (uri, trust) = match std::env::args().nth(1) {
        Some(uri) => (uri, Trust::platform()),
        None => {
            let little = little::serve().await?;
            (format!("https://localhost:{}/", little.port), Trust::roots(little.roots))
        }
    };
    let body = get(&client(Connector::default(), trust), uri.parse()?).await?;
    println!("{} bytes", body.len());
    Ok(())
}
