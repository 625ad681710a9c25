//! unbound, knot-resolver and BIND over TLS, as a plain TLS client sees them.

use std::net::{IpAddr, SocketAddr};

use he_testnet::{Authority, Home, Net, Program, RealServer, Served, internet_at};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType::{A, AAAA};

use crate::support::client::{Client, Connection, NAME, SERVER, at};

const RECORDS: [(&str, &str); 2] = [("www.test", "2001:db8::1"), ("www.test", "198.51.100.1")];

/// Asks for both types in one flight. The answers may come in any order.
async fn look_up(connection: &mut Connection) {
    connection.ask(&[("www.test", AAAA), ("www.test", A)]).await.unwrap();
    let mut said = [connection.hear().await.unwrap(), connection.hear().await.unwrap()];
    said.sort_by_key(|said| said.id);
    for (id, (said, (name, addr))) in (0..).zip(said.iter().zip(RECORDS)) {
        assert_eq!((said.id, said.name.as_str(), said.code), (id, name, ResponseCode::NoError));
        assert_eq!(said.addrs, [addr.parse::<IpAddr>().unwrap()]);
    }
}

/// Asks twice on one connection, then resumes a session, both over the wire and on loopback.
async fn serves(net: Net, program: Program) -> RealServer {
    let root = Authority::new();
    let certificate = root.intermediate().issue(&[NAME, SERVER, "127.0.0.53"]);
    let server = program.start(net, &certificate, &Served::addrs(&RECORDS)).await;
    let far = net.name_server(SERVER).tls_open();
    far.host().rtt(10);
    let client = Client::new(root.roots());
    for (addr, name) in [(at(far), SERVER), (SocketAddr::from(([127, 0, 0, 53], 853)), NAME)] {
        let mut connection = client.connect(addr, name).await.unwrap();
        assert!(!connection.resumed());
        look_up(&mut connection).await;
        look_up(&mut connection).await;
        let mut again = client.connect(addr, name).await.unwrap();
        assert!(again.resumed());
        look_up(&mut again).await;
    }
    let mut connection = client.connect(at(far), NAME).await.unwrap();
    let unknown = connection.lookup("no.test", A).await.unwrap();
    assert_eq!((unknown.code, unknown.addrs.len()), (ResponseCode::NXDomain, 0));
    assert_eq!(net.whole_log().starts_to(at(far)).len(), 3);
    assert_eq!(net.whole_log().sent_to_port(53), 0, "it asks no other server");
    server
}

#[test]
fn unbound_serves_over_tls() {
    internet_at(Home::dual_stack().needs(Program::Unbound), |net| async move {
        let server = serves(net, Program::Unbound).await;
        ends(server);
    });
}

#[test]
fn knot_resolver_serves_over_tls() {
    internet_at(Home::dual_stack().needs(Program::Kresd), |net| async move {
        let server = serves(net, Program::Kresd).await;
        ends(server);
    });
}

#[test]
fn bind_serves_over_tls() {
    // It serves no address of loopback that no device has.
    let home = Home::dual_stack().and("addr add 127.0.0.53/8 dev lo");
    internet_at(home.needs(Program::Bind), |net| async move {
        let server = serves(net, Program::Bind).await;
        ends(server);
    });
}

/// Asserts that the process ends with its handle.
fn ends(server: RealServer) {
    let process = std::path::PathBuf::from(format!("/proc/{}", server.pid()));
    assert!(process.exists());
    drop(server);
    assert!(!process.exists());
}
