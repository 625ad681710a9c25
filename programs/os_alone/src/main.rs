//! With feature `os` alone there are `he::connect` and `Connector::default()`, and names are asked
//! of the operating system.

use he::{Connector, Query, Record, Resolve};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let stream = he::connect("localhost", &[addr.port()]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), addr);
    let stream = Connector::default().connect("127.0.0.1", &[addr.port()]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), addr);

    // The race answers `localhost` by itself, so this asks the resolver.
    let resolver = he::os::Resolver::new();
    let answer = resolver.lookup(&Query::new("localhost", Record::A)).await.unwrap();
    assert!(answer.addrs().iter().all(|addr| addr.ip().is_loopback()));

    let error = he::connect("b\u{fc}cher.example", &[443]).await.unwrap_err();
    assert_eq!(error.kind(), he::ErrorKind::InvalidInput);
    assert!(error.to_string().ends_with("needs feature `idna` of he-connect"), "{error}");
}
