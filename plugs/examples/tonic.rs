//! tonic, asking a server how it is: `cargo run -p he-plugs --example tonic --
//! https://grpc.example`.

use std::error::Error;

use he::Connector;
use he::rustls::{HttpsConnector, Tls};
use http::Uri;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::{Service, service_fn};

/// gRPC to an `http` or `https` URI; for `https` an address wins when its TLS handshake is done.
/// The channel connects again by itself, by the same connector and with all addresses anew.
///
/// Of the endpoint's settings, those of TCP and TLS have no effect here: they are in
/// `he::SocketOptions`, `he::Config` and `Tls`. `Channel::balance_list` takes no connector.
/// `connect_with_connector_lazy` does the same at the first request.
pub(crate) async fn connect(
    connector: &Connector,
    tls: &Tls,
    uri: Uri,
) -> Result<Channel, tonic::transport::Error> {
    // gRPC needs HTTP/2: a server that does not take it loses.
    let https = HttpsConnector::new(connector.clone()).with_tls(tls.clone().with_alpn(["h2"]));
    // Who is named before an @ would go out with every request.
    let authority = uri.authority().map_or("", |it| it.as_str());
    let place = authority.rsplit('@').next().unwrap_or_default();
    let origin = format!("{}://{place}", uri.scheme_str().unwrap_or("http"));
    let origin = Endpoint::from_shared(origin)?.uri().clone();
    // Built with one of its TLS features, tonic refuses an endpoint that is `https` unless it does
    // TLS itself. So it gets another one; what it asks the server for is in the origin.
    let endpoint = Endpoint::from_static("http://see.origin.invalid").origin(origin);
    let connect = service_fn(move |_: Uri| https.clone().call(uri.clone()));
    endpoint.connect_with_connector(connect).await
}

#[tokio::main]
#[allow(dead_code, reason = "a test has this file as a module")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let uri: Uri = args.next().ok_or("usage: tonic http[s]://HOST[:PORT] [SERVICE]")?.parse()?;
    let service = args.next().unwrap_or_default(); // "" is the server as a whole
    let connector = Connector::default();
    connector.on_report(|report| println!("{report}"));
    let channel = connect(&connector, &Tls::default(), uri).await?;
    let mut health = HealthClient::new(channel);
    let answer = health.check(HealthCheckRequest { service }).await?;
    println!("{}", answer.into_inner().status().as_str_name());
    Ok(())
}
