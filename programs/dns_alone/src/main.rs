//! With feature `dns` alone every question goes in plaintext, and nothing goes to port 853. A server
//! that has to be authenticated is refused as text, and cannot be made otherwise.

use std::time::Duration;

use he::dns::{NameServer, Resolver};
use he::{Connector, Origin, Query, Record, Resolve};
use tokio::net::TcpListener;

#[path = "../../common/name_server.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod name_server;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dns = name_server::NameServer::start();
    // Port 853 takes a privilege on many systems.
    let tls = TcpListener::bind("127.0.0.1:853").await;
    if tls.is_err() && std::env::var_os("HE_REQUIRE_NET").is_some() {
        panic!("port 853 is needed: {tls:?}");
    }

    let server: NameServer = dns.addr.to_string().parse().unwrap();
    let resolver = Resolver::name_servers([server]).unwrap();
    let answer = resolver.lookup(&Query::new("www.test", Record::A)).await.unwrap();
    assert_eq!((answer.origin(), answer.plaintext_reason()), (Origin::Udp, None));
    assert_eq!(dns.asked(), 1);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let connector = Connector::new(resolver);
    let stream = connector.connect("db.test", &[addr.port()]).await.unwrap();
    assert_eq!((stream.peer_addr().unwrap(), dns.asked()), (addr, 3));

    match tls {
        Ok(tls) => {
            let came = tokio::time::timeout(Duration::from_millis(100), tls.accept()).await;
            assert!(came.is_err(), "a connection came to port 853");
        }
        Err(error) => println!("left out, because port 853 cannot be bound: {error}"),
    }

    let error = "tls:192.0.2.53!dns.test".parse::<NameServer>().unwrap_err().to_string();
    assert!(error.ends_with("DNS over TLS needs feature `dns-over-tls` of he-connect"), "{error}");
    // The default connector exists, and asks nobody for this name.
    he::connect("localhost", &[addr.port()]).await.unwrap();
}
