//! The recipe for tonic, and tonic's own TLS on top of a connector, against servers of tonic's.

#[path = "../../examples/tonic.rs"]
mod recipe;

use std::io;

use futures_util::stream::poll_fn;
use he::rustls::Tls;
use he::{Connector, ErrorKind};
use he_test_support::net::Peer::{Accepts, Refuses};
use he_test_support::net::{self, NAME, Peers, Table};
use he_test_support::tls::{Authority, Seen};
use he_test_support::web;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Server};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::health_reporter;

use crate::dual::Dual;
use crate::kernel;
use crate::trusting;

fn uri(scheme: &str, port: u16) -> Uri {
    format!("{scheme}://{NAME}:{port}").parse().unwrap()
}

#[tokio::test]
async fn requests_share_a_connection_in_clear_or_with_tls_within_the_race() {
    for scheme in ["http", "https"] {
        let (dual, authority) = (Dual::stack(Accepts), Authority::new());
        let secure = (scheme == "https").then_some(&authority);
        let host = Host::welcome(dual.peers.listener(1), secure);
        let uri = uri(scheme, dual.port());
        let channel = recipe::connect(&dual.connector, &trusting(&authority), uri).await.unwrap();
        for _ in 0..2 {
            assert_eq!(ask(&channel).await.unwrap(), "SERVING");
        }
        dual.assert_raced(&dual.reports.only());
        assert_eq!(kernel::guests(dual.server()), 1);
        let agreed: Vec<_> = host.seen.all().into_iter().map(|it| (it.sni, it.alpn)).collect();
        let h2 = (Some(NAME.to_owned()), Some("h2".to_owned()));
        assert_eq!(agreed, if secure.is_some() { vec![h2] } else { vec![] });
    }
}

#[tokio::test]
async fn a_channel_connects_again_through_the_connector() {
    let dual = Dual::stack(Accepts);
    let host = Host::welcome(dual.peers.listener(1), None);
    let uri = uri("http", dual.port());
    let channel = recipe::connect(&dual.connector, &Tls::default(), uri).await.unwrap();
    assert_eq!(ask(&channel).await.unwrap(), "SERVING");
    dual.assert_raced(&dual.reports.only());
    host.goes_away().await;

    let _host = Host::welcome(dual.peers.listener(1), None);
    assert_eq!(ask(&channel).await.unwrap(), "SERVING");
    dual.assert_raced(&dual.reports.only());
}

#[tokio::test]
async fn tonics_own_tls_is_on_top_of_a_connector_and_after_the_race() {
    let (dual, authority) = (Dual::stack(Accepts), Authority::new());
    let _host = Host::welcome(dual.peers.listener(1), Some(&authority));
    let endpoint = Endpoint::from(uri("https", dual.port()));
    let connect = |endpoint: Endpoint| {
        let connector = dual.connector.clone().enforce_http(false);
        async move { endpoint.connect_with_connector(connector).await }
    };
    let error = connect(endpoint.clone()).await.unwrap_err();
    assert!(causes(&error).ends_with("Connecting to HTTPS without TLS enabled"), "{error:?}");
    dual.assert_raced(&dual.reports.only());

    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
    let channel = connect(endpoint.tls_config(tls).unwrap()).await.unwrap();
    assert_eq!(ask(&channel).await.unwrap(), "SERVING");
    dual.assert_raced(&dual.reports.only());
}

#[tokio::test]
async fn the_error_of_the_connect_is_found_below_tonics() {
    let peers = Peers::new(&[("127.0.0.1", Refuses)]);
    let connector = Connector::new(Table::of(peers.ips()));
    let uri = uri("http", peers.port);
    let error = recipe::connect(&connector, &Tls::default(), uri.clone()).await.unwrap_err();
    let found = he::Error::find_in(&error).unwrap();
    assert_eq!(found.kind(), ErrorKind::Connect);
    assert_eq!(peers.story(found.report()), ["127.0.0.1:P connection refused"]);

    let channel = Endpoint::from(uri).connect_with_connector_lazy(connector);
    let status = ask(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let found = he::Error::find_in(&status).unwrap();
    assert_eq!(peers.story(found.report()), ["127.0.0.1:P connection refused"]);
}

#[tokio::test]
async fn a_server_without_http_2_loses() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    let authority = Authority::new();
    authority.server(&[NAME]).alpn(&["http/1.1"]).serve(peers.listener(0));
    let _host = Host::welcome(peers.listener(1), Some(&authority));
    let (connector, reports) = net::Reports::of(Connector::new(Table::of(peers.ips())));
    let uri = uri("https", peers.port);
    let channel = recipe::connect(&connector, &trusting(&authority), uri).await.unwrap();
    assert_eq!(ask(&channel).await.unwrap(), "SERVING");
    assert_eq!(peers.story(&reports.only()), ["127.0.0.1:P invalid data", "127.0.0.2:P won"]);
}

#[tokio::test]
async fn who_is_named_before_an_at_goes_to_nobody() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let (told, mut asked) = mpsc::unbounded_channel();
    web::Guests::welcome(peers.listener(0), move |guest| {
        let told = told.clone();
        let host = hyper::service::service_fn(move |request: Request<Incoming>| {
            let told = told.send(request.uri().authority().map(ToString::to_string));
            async move { told.map(|()| Response::new(String::new())) }
        });
        async move {
            let server = auto::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(guest), host).await;
        }
    });
    let connector = Connector::new(Table::of(peers.ips()));
    let uri = format!("http://me:secret@{NAME}:{}", peers.port).parse().unwrap();
    let channel = recipe::connect(&connector, &Tls::default(), uri).await.unwrap();
    ask(&channel).await.unwrap_err(); // what it answers is no gRPC
    assert_eq!(asked.recv().await.unwrap(), Some(format!("{NAME}:{}", peers.port)));
}

#[tokio::test]
async fn a_channel_or_a_request_that_is_dropped_leaves_nothing() {
    let (dual, authority) = (Dual::stack(Accepts), Authority::new());
    let _host = Host::welcome(dual.peers.listener(1), Some(&authority));
    let (tls, uri) = (trusting(&authority), uri("https", dual.port()));
    kernel::assert_leaves_nothing(&dual, async |connector| {
        recipe::connect(connector, &tls, uri.clone()).await
    })
    .await;

    let pem = Certificate::from_pem(authority.pem());
    let own = Endpoint::from(uri.clone()).tls_config(ClientTlsConfig::new().ca_certificate(pem));
    let own = own.unwrap();
    let request = || async {
        let channel = own.connect_with_connector_lazy(dual.connector.clone().enforce_http(false));
        ask(&channel).await
    };
    let drops = kernel::dropped_at_every_stage(&dual.addrs(), request).await;
    assert!(drops >= 2, "dropped {drops} times");
}

async fn ask(channel: &Channel) -> Result<&'static str, Status> {
    let request = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(channel.clone()).check(request).await?;
    Ok(answer.into_inner().status().as_str_name())
}

fn causes(error: &dyn std::error::Error) -> String {
    let below = error.source().map(|cause| format!(": {}", causes(cause)));
    format!("{error}{}", below.unwrap_or_default())
}

/// A server that says how it is.
struct Host {
    end: oneshot::Sender<()>,
    served: JoinHandle<Result<(), tonic::transport::Error>>,
    /// Its handshakes, if there is somebody to issue a certificate.
    seen: Seen,
}

impl Host {
    fn welcome(listener: TcpListener, authority: Option<&Authority>) -> Self {
        let (end, ended) = oneshot::channel();
        let until = async { drop(ended.await) };
        let server = Server::builder().add_service(health_reporter().1);
        let Some(authority) = authority else {
            let guests = TcpIncoming::from(listener);
            let served = tokio::spawn(server.serve_with_incoming_shutdown(guests, until));
            return Self { end, served, seen: Seen::default() };
        };
        // tonic's TLS for servers takes the crypto provider of the process, which has none.
        let (door, mut guests) = mpsc::unbounded_channel();
        let seen = authority.server(&[NAME]).alpn(&["h2"]).welcome(listener, move |guest| {
            let door = door.clone();
            async move { drop(door.send(guest)) }
        });
        let guests = poll_fn(move |cx| guests.poll_recv(cx).map(|it| it.map(io::Result::Ok)));
        let served = tokio::spawn(server.serve_with_incoming_shutdown(guests, until));
        Self { end, served, seen }
    }

    /// Ends its connections, and is gone.
    async fn goes_away(self) {
        drop(self.end);
        self.served.await.unwrap().unwrap();
    }
}
