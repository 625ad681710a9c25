//! The resolver against a name server that others wrote.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use he::dns::Resolver;
use he::{LookupErrorKind, Origin, Query, Record, Resolve};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record as Rr};
use hickory_server::Server;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use tokio::net::{TcpListener, UdpSocket};

fn name(text: &str) -> Name {
    Name::from_labels(text.split('.').map(str::as_bytes)).unwrap()
}

fn zone() -> InMemoryZoneHandler {
    let (origin, deny) = (name("example.test"), AxfrPolicy::Deny);
    let mut zone = InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, deny);
    let soa = SOA::new(name("ns.example.test"), name("root.example.test"), 1, 2, 3, 4, 40);
    let mut add = |owner, ttl, data| {
        assert!(zone.upsert_mut(Rr::from_rdata(owner, ttl, data), 1));
    };
    add(origin, 50, RData::SOA(soa));
    add(name("web.example.test"), 300, RData::A(A::new(192, 0, 2, 1)));
    let v6 = AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    add(name("web.example.test"), 200, RData::AAAA(v6));
    add(name("www.example.test"), 100, RData::CNAME(CNAME(name("web.example.test"))));
    // Too many for a datagram of 1232 octets.
    for last in 0..=255 {
        add(name("many.example.test"), 60, RData::A(A::new(10, 0, 0, last)));
    }
    zone
}

/// The server lives as long as what is returned beside its address.
async fn server() -> (SocketAddr, Server<Catalog>) {
    let mut catalog = Catalog::new();
    catalog.upsert(name("example.test").into(), vec![Arc::new(zone())]);
    let mut server = Server::new(catalog);
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addr = udp.local_addr().unwrap();
        if let Ok(tcp) = TcpListener::bind(addr).await {
            server.register_socket(udp);
            server.register_listener(tcp, Duration::from_secs(5), 4_096);
            return (addr, server);
        }
    }
}

#[tokio::test] // R-1034-3.6.2
async fn a_cname_is_followed_for_both_families() {
    let (addr, _server) = server().await;
    let resolver = Resolver::plain_servers([addr]).without_hosts();
    for (record, ip, ttl) in [(Record::A, "192.0.2.1", 100), (Record::Aaaa, "2001:db8::1", 100)] {
        let answer = resolver.lookup(&Query::new("www.example.test", record)).await.unwrap();
        assert_eq!(answer.addrs().len(), 1);
        assert_eq!(answer.addrs()[0].ip().to_string(), ip);
        assert_eq!(answer.name(), Some("web.example.test"));
        assert_eq!(answer.ttl(), Some(Duration::from_secs(ttl)));
        assert_eq!((answer.server(), answer.origin()), (Some(addr), Origin::Udp));
    }
}

#[tokio::test] // R-7766-5
async fn an_answer_that_does_not_fit_comes_over_tcp() {
    let (addr, _server) = server().await;
    let resolver = Resolver::plain_servers([addr]).without_hosts();
    let answer = resolver.lookup(&Query::new("many.example.test", Record::A)).await.unwrap();
    assert_eq!((answer.origin(), answer.addrs().len()), (Origin::Tcp, 64));
}

#[tokio::test] // R-2308-5
async fn none_is_none_and_a_foreign_zone_is_refused() {
    let (addr, _server) = server().await;
    let resolver = Resolver::plain_servers([addr]).without_hosts();
    for (name, record, kind) in [
        ("many.example.test", Record::Aaaa, LookupErrorKind::NoRecords),
        ("none.example.test", Record::A, LookupErrorKind::NoSuchName),
        ("www.example.org", Record::A, LookupErrorKind::Refused),
    ] {
        let query = Query::new(name, record);
        let error = resolver.lookup(&query).await.unwrap_err();
        assert_eq!((error.kind(), error.server()), (kind, Some(addr)), "{name}");
        assert!(resolver.lookup(&query).await.unwrap_err().is_cached(), "{name}");
    }
}
