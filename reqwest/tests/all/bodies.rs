//! reqwest's requests and responses over the race: compressed bodies, and time-outs.

use std::error::Error as _;
use std::time::Duration;

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use he::rustls::HttpsConnector;
use he::{Connector, Outcome};
use he_reqwest::{Error, Transport};
use he_test_support::net::Peer::{Accepts, Silent};
use he_test_support::net::{Peers, Reports, Table};
use hyper::body::Bytes;
use tokio::io::AsyncReadExt;

use crate::site::{Endless, Site, page, with};

const NAME: &str = "service.test";

fn transport(peers: &Peers) -> Transport {
    Transport::new(HttpsConnector::new(Connector::new(Table::of(peers.ips()))))
}

fn url(peers: &Peers, path: &str) -> String {
    format!("http://{NAME}:{}{path}", peers.port)
}

/// Long enough for several frames.
fn text() -> String {
    "All happy eyeballs are alike. ".repeat(10_000)
}

async fn compressed(encoding: &str) -> Bytes {
    let (text, mut out) = (text(), Vec::new());
    let text = text.as_bytes();
    match encoding {
        "gzip" => GzipEncoder::new(text).read_to_end(&mut out).await,
        "br" => BrotliEncoder::new(text).read_to_end(&mut out).await,
        "zstd" => ZstdEncoder::new(text).read_to_end(&mut out).await,
        "deflate" => ZlibEncoder::new(text).read_to_end(&mut out).await,
        other => panic!("{other}"),
    }
    .unwrap();
    assert!(out.len() < text.len() / 10, "{encoding}: {} bytes", out.len());
    out.into()
}

const ENCODINGS: [&str; 4] = ["gzip", "br", "zstd", "deflate"];

/// Serves each encoding at a path of its own.
async fn compressing(peers: &Peers) -> Site {
    let mut bodies = Vec::new();
    for encoding in ENCODINGS {
        bodies.push((encoding, compressed(encoding).await));
    }
    let site = Site::new(move |asked| {
        let (encoding, body) = bodies.iter().find(|(it, _)| asked.path[1..] == **it).unwrap();
        with(page(body.clone()), "content-encoding", encoding)
    });
    site.open(peers.listener(0));
    site
}

#[tokio::test]
async fn compressed_bodies_are_decompressed() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let site = compressing(&peers).await;
    let client = transport(&peers).client().unwrap();
    for encoding in ENCODINGS {
        let url = url(&peers, &format!("/{encoding}"));
        let response = client.get(&url).send().await.unwrap();
        let headers = response.headers();
        assert!(
            !headers.contains_key("content-encoding") && !headers.contains_key("content-length")
        );
        assert_eq!(response.content_length(), None);
        assert!(response.text().await.unwrap() == text(), "{encoding}");
        let accepted = site.asked().last().unwrap().header("accept-encoding").unwrap().to_owned();
        assert!(accepted.split([',', ' ']).any(|it| it == encoding), "{accepted}");
        // Nothing to decompress.
        let response = client.head(&url).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "");
    }
}

#[tokio::test]
async fn without_decompression_bodies_stay_compressed() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let site = compressing(&peers).await;
    let client = transport(&peers).no_decompression().client().unwrap();
    for encoding in ENCODINGS {
        let response = client.get(url(&peers, &format!("/{encoding}"))).send().await.unwrap();
        assert_eq!(response.headers()["content-encoding"], encoding);
        assert_eq!(response.bytes().await.unwrap(), compressed(encoding).await);
        assert_eq!(site.asked().last().unwrap().header("accept-encoding"), None);
    }
}

#[tokio::test]
async fn a_body_in_another_encoding_than_declared_is_an_error() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    Site::new(|_| with(page("not gzip"), "content-encoding", "gzip")).open(peers.listener(0));
    let client = transport(&peers).client().unwrap();
    let response = client.get(url(&peers, "/")).send().await.unwrap();
    assert!(response.text().await.unwrap_err().is_decode());
}

const SOON: Duration = Duration::from_millis(40);
/// Never reached, even on a busy machine.
const LATE: Duration = Duration::from_secs(600);

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn a_time_out_ends_the_connection_attempts() {
    let peers = Peers::new(&[("127.0.0.1", Silent)]);
    let connector = Connector::new(Table::of(peers.ips()));
    let (connector, reports) = Reports::of(connector);
    let client = Transport::new(HttpsConnector::new(connector)).client().unwrap();
    let error = client.get(url(&peers, "/")).timeout(SOON).send().await.unwrap_err();
    let error = Error::find_in(&error).unwrap();
    assert!(error.is_timeout() && !error.is_connect());
    assert_eq!(error.to_string(), "request to service.test failed: no response within 40ms");
    let cause = error.source().unwrap().source().unwrap();
    assert_eq!(cause.to_string(), "no response within 40ms");
    assert_eq!(reports.only().outcome(), Outcome::Dropped);
}

#[tokio::test]
async fn a_time_out_ends_the_wait_for_a_response() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]); // No server answers there.
    let client = transport(&peers).timeout(SOON).client().unwrap();
    for request in [client.get(url(&peers, "/")), client.get(url(&peers, "/")).timeout(SOON * 2)] {
        let error = request.send().await.unwrap_err();
        assert!(Error::find_in(&error).unwrap().is_timeout());
    }
}

#[tokio::test]
async fn a_time_out_ends_an_endless_body() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let site = Site::new(|asked| match &*asked.path {
        "/flood" => Endless::Flood.page(),
        "/gzip" => with(Endless::Word(None).page(), "content-encoding", "gzip"),
        _ => Endless::Word(Some("a word".into())).page(),
    });
    site.open(peers.listener(0));
    let client = transport(&peers).timeout(LATE).client().unwrap();
    for path in ["/word", "/flood", "/gzip"] {
        let mut response = client.get(url(&peers, path)).send().await.unwrap();
        tokio::time::pause();
        tokio::time::advance(LATE).await;
        let error = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => assert!(path == "/flood" || chunk == "a word"),
                Ok(None) => panic!("{path} ends"),
                Err(error) => break error,
            }
        };
        assert!(error.is_timeout() && error.is_decode(), "{error:?}");
        let mut last: &dyn std::error::Error = &error;
        while let Some(cause) = last.source() {
            last = cause;
        }
        assert_eq!(last.to_string(), "no complete response within 600s");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn the_time_out_of_a_request_replaces_the_default() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    Site::new(|_| page("in time")).open(peers.listener(0));
    let client = transport(&peers).timeout(Duration::ZERO).client().unwrap();
    // No server answers there. An answer could be faster than the timer, which counts in ms.
    let idle = Peers::new(&[("127.0.0.1", Accepts)]);
    assert!(client.get(url(&idle, "/")).send().await.is_err());
    for own in [LATE, Duration::MAX] {
        let response = client.get(url(&peers, "/")).timeout(own).send().await.unwrap();
        assert_eq!(response.content_length(), Some(7));
        assert_eq!(response.text().await.unwrap(), "in time");
    }
}
