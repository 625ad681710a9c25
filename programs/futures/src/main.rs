//! Calls are futures that own what they need.

use std::time::Duration;

use futures_util::future::join_all;
use he::{Call, Connector};
use tokio::net::{TcpListener, TcpStream};

/// A connection that is made when it is needed.
struct Lazy {
    next: Call<'static, TcpStream>,
}

impl Lazy {
    fn new(host: &str, port: u16) -> Self {
        Self { next: he::connect(host, [port]) }
    }
}

async fn first_of(connector: &Connector, ports: &[u16]) -> u16 {
    let calls = ports.iter().map(|port| tokio::spawn(connector.connect("localhost", *port)));
    let streams = join_all(calls).await;
    let mut connected = streams.into_iter().flat_map(|joined| joined.unwrap());
    connected.next().unwrap().peer_addr().unwrap().port()
}

#[tokio::main]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connector = Connector::default();

    tokio::select! {
        stream = connector.connect("localhost", &[port]) => drop(stream.unwrap()),
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("loopback is silent"),
    }
    let streams = join_all((0..10).map(|_| connector.connect("localhost", &[port]))).await;
    assert!(streams.iter().all(Result::is_ok));
    let call = connector.connect("localhost", &[port]);
    call.await.unwrap();
    let host = String::from("localhost");
    tokio::spawn(async move { connector.connect(&host, vec![port]).await }).await.unwrap().unwrap();
    Lazy::new("localhost", port).next.await.unwrap();

    assert_eq!(first_of(&Connector::default(), &[port]).await, port);
    let list = vec![listener.local_addr().unwrap()];
    Connector::without_resolver().connect_addrs(&list).await.unwrap();
    Connector::without_resolver().connect_addrs(list[0]).await.unwrap();
    Connector::default().connect_authority(format!("localhost:{port}"), 80).await.unwrap();
}
