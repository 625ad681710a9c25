//! Sends a request in reqwest's own types, with the TLS handshake as part of the race: `cargo run
//! -p he-reqwest --example reqwest -- https://robur.coop/`. Without a URL it asks a small server of
//! its own, which listens at the second address of `localhost`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

#[path = "../../examples/hyper/little.rs"]
mod little;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use he::Connector;
use he::rustls::{HttpsConnector, Tls, Trust};
use he_reqwest::Transport;
use reqwest_middleware::ClientWithMiddleware;

/// Keep the client: it has the pool of connections, and the TLS sessions.
fn client(connector: Connector, trust: Trust) -> reqwest::Result<ClientWithMiddleware> {
    let https = HttpsConnector::new(connector).with_tls(Tls::new(trust));
    Transport::new(https).timeout(Duration::from_secs(30)).client()
}

async fn get(client: &ClientWithMiddleware, url: &str) -> Result<String, Box<dyn Error>> {
    let response = client.get(url).send().await?;
    println!("{:?} {} from {}", response.version(), response.status(), response.url());
    // How the connection of this response was made.
    if let Some(report) = response.extensions().get::<he::Report>() {
        println!("{report}");
    }
    Ok(response.error_for_status()?.text().await?)
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            // If no connection could be made, every lookup and attempt.
            if let Some(error) = he::Error::find_in(&*error) {
                eprintln!("{error}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let (url, trust) = match std::env::args().nth(1) {
        Some(url) => (url, Trust::platform()),
        None => {
            let little = little::serve().await?;
            (format!("https://localhost:{}/", little.port), Trust::roots(little.roots))
        }
    };
    let text = get(&client(Connector::default(), trust)?, &url).await?;
    println!("{} bytes", text.len());
    Ok(())
}
