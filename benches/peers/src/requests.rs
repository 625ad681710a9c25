//! Clients of HTTP that trust an authority of the test internet.

use std::net::SocketAddr;

use bytes::Bytes;
use he::rustls::{HttpsConnector, Tls, Trust};
use he_testnet::Authority;
use http::Uri;
use http_body_util::Empty;
use hyper_rustls::HttpsConnector as Https;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

use crate::peers::{Given, Peer, with_options};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Once in a process: the crypto of all TLS in it.
pub(crate) fn install_crypto() {
    // An error says that it is installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn trusting(authority: &Authority) -> ClientConfig {
    install_crypto();
    ClientConfig::builder().with_root_certificates(authority.roots()).with_no_client_auth()
}

/// reqwest, without what the environment says of proxies.
///
/// # Panics
///
/// If it cannot be built.
pub(crate) fn reqwest(peer: Peer, authority: Option<&Authority>) -> reqwest::Client {
    install_crypto();
    let builder = reqwest::Client::builder().no_proxy();
    let builder = builder.hickory_dns(peer == Peer::ReqwestHickory);
    let builder = match authority {
        Some(authority) => {
            let mut tls = trusting(authority);
            // reqwest offers by itself only where it makes the configuration.
            tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            builder.tls_backend_preconfigured(tls)
        }
        None => builder.tls_certs_only([]),
    };
    builder.build().expect("a client")
}

/// A client of HTTP over TLS.
pub(crate) enum Web {
    Reqwest(reqwest::Client),
    He(Box<Client<HttpsConnector, Empty<Bytes>>>),
    Hyper(Box<Client<Https<HttpConnector>, Empty<Bytes>>>),
    Reference(Box<Client<Https<HttpConnector<Given>>, Empty<Bytes>>>),
}

impl Web {
    /// `right`: the address for the reference.
    ///
    /// # Panics
    ///
    /// If this peer makes no requests.
    pub(crate) fn new(peer: Peer, authority: &Authority, right: SocketAddr) -> Self {
        match peer {
            Peer::Reqwest | Peer::ReqwestHickory => Self::Reqwest(reqwest(peer, Some(authority))),
            Peer::He => {
                let tls = Tls::new(Trust::config(trusting(authority)));
                Self::He(client(HttpsConnector::new(he::Connector::default()).with_tls(tls)))
            }
            Peer::Hyper => Self::Hyper(client(https(HttpConnector::new(), authority))),
            Peer::Reference => {
                let given = HttpConnector::new_with_resolver(Given([right].into()));
                Self::Reference(client(https(given, authority)))
            }
            _ => panic!("{peer:?} makes no requests"),
        }
    }

    /// Returns with the first byte of the response.
    pub(crate) async fn get(&self, uri: &'static str) -> Result<(), Error> {
        match self {
            Self::Reqwest(client) => drop(client.get(uri).send().await?),
            Self::He(client) => drop(client.get(Uri::from_static(uri)).await?),
            Self::Hyper(client) => drop(client.get(Uri::from_static(uri)).await?),
            Self::Reference(client) => drop(client.get(Uri::from_static(uri)).await?),
        }
        Ok(())
    }
}

fn client<C: Connect + Clone>(connector: C) -> Box<Client<C, Empty<Bytes>>> {
    Box::new(Client::builder(TokioExecutor::new()).build(connector))
}

fn https<R>(http: HttpConnector<R>, authority: &Authority) -> Https<HttpConnector<R>> {
    hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(trusting(authority))
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(with_options(http, None))
}
