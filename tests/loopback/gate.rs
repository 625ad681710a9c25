//! The gate on real sockets, loopback only: it sees every address, and what it refuses gets
//! nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use he::{Answer, Connector, ErrorKind, Reason, Record, Resolving, SourceAddrs};
use he_test_support::net::Peer::{Accepts, Refuses};
use he_test_support::net::{self, Peers, Reports, Table};

/// Lets some addresses through, and remembers what it was asked.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<Vec<SocketAddr>>>);

impl Gate {
    fn on(
        connector: Connector,
        lets: impl Fn(SocketAddr) -> bool + Send + Sync + 'static,
    ) -> (Connector, Self) {
        let gate = Self::default();
        let asked = gate.clone();
        let connector = connector.with_gate(move |addr| {
            asked.0.lock().map(|mut asked| asked.push(addr)).is_ok() && lets(addr)
        });
        (connector, gate)
    }

    fn asked(&self) -> Vec<SocketAddr> {
        self.0.lock().map(|mut asked| std::mem::take(&mut *asked)).unwrap_or_default()
    }
}

#[tokio::test]
async fn the_gate_is_asked_for_literals_mapped_ones_as_ipv4() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let (connector, gate) = Gate::on(Connector::without_resolver(), |_| false);
    for host in ["127.0.0.1", "::ffff:127.0.0.1", "[::ffff:7f00:1]"] {
        let error = connector.connect(host, peers.port).await.unwrap_err();
        assert_eq!(gate.asked(), [peers.addr(0)]);
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(!error.is_transient());
        assert_eq!(
            peers.text(&error),
            format!("cannot connect to {host}: every address is forbidden; 127.0.0.1:P: forbidden")
        );
        let passed = error.report().skipped();
        assert_eq!((passed[0].addr, passed[0].reason), (peers.addr(0), Reason::Forbidden));
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::PermissionDenied);
    }
    peers.assert_nobody_came(0);
}

#[tokio::test]
async fn the_gate_is_asked_for_localhost() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let (connector, gate) = Gate::on(Connector::without_resolver(), |_| false);
    let error = connector.connect("localhost", peers.port).await.unwrap_err();
    let v6 = SocketAddr::new("::1".parse().unwrap(), peers.port);
    assert_eq!(gate.asked(), [v6, peers.addr(0)]);
    assert_eq!(
        peers.text(&error),
        "cannot connect to localhost: every address is forbidden; \
         [::1]:P: forbidden; 127.0.0.1:P: forbidden"
    );
    peers.assert_nobody_came(0);
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn the_gate_is_asked_for_answers_and_lets_the_others_race() {
    let peers =
        Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Refuses), ("127.0.0.3", Accepts)]);
    let first = peers.addr(0);
    let (connector, gate) =
        Gate::on(Connector::new(Table::of(peers.ips())), move |addr| addr != first);
    let (connector, reports) = Reports::of(connector);
    let stream = connector.connect("service.test", peers.port).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), peers.addr(2));
    assert_eq!(gate.asked(), [peers.addr(0), peers.addr(1), peers.addr(2)]);
    let report = reports.only();
    assert_eq!(peers.story(&report), ["127.0.0.2:P connection refused", "127.0.0.3:P won"]);
    assert_eq!(report.skipped().len(), 1);
    peers.assert_nobody_came(0);
}

#[tokio::test]
async fn the_gate_is_asked_for_an_answer_that_comes_late() {
    if !net::ipv6() {
        return;
    }
    let peers = Peers::new(&[("::1", Accepts), ("127.0.0.1", Refuses)]);
    let (refused, late) = tokio::sync::oneshot::channel::<()>();
    let late = Mutex::new(Some(late));
    // AAAA answers once A's address has been seen by the gate.
    let resolver = move |query: &he::Query| match query.record() {
        Record::A => {
            Resolving::ready(Ok(Answer::from(vec![SocketAddr::from(([127, 0, 0, 1], 0))])))
        }
        Record::Aaaa | _ => {
            let late = late.lock().map(|mut late| late.take()).ok().flatten();
            Resolving::new(async {
                if let Some(late) = late {
                    let _ = late.await;
                }
                Ok(Answer::from(vec![SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), 0)]))
            })
        }
    };
    let refused = Mutex::new(Some(refused));
    let (connector, gate) = Gate::on(Connector::new(resolver), move |_| {
        drop(refused.lock().map(|mut refused| refused.take()));
        false
    });
    let error = connector.connect("service.test", peers.port).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(gate.asked(), [peers.addr(1), peers.addr(0)]);
    peers.assert_nobody_came(0);
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn the_gate_is_asked_for_each_address_of_a_list_once() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    let first = peers.addr(0);
    let (connector, gate) = Gate::on(Connector::without_resolver(), move |addr| addr != first);
    let mapped = SocketAddr::new("::ffff:127.0.0.1".parse().unwrap(), peers.port);
    let list = [mapped, peers.addr(0), peers.addr(1)];
    let stream = connector.connect_addrs(list).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), peers.addr(1));
    assert_eq!(gate.asked(), [peers.addr(0), peers.addr(1)]);
    let error = connector.connect_addrs(&list[..2]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(
        peers.text(&error),
        "cannot connect to any of 2 addresses: every address is forbidden; 127.0.0.1:P: forbidden"
    );
    peers.assert_nobody_came(0);
}

#[tokio::test]
async fn the_gate_judges_each_port() {
    let (one, two) = (Peers::new(&[("127.0.0.1", Accepts)]), Peers::new(&[("127.0.0.1", Accepts)]));
    let refused = one.port;
    let (connector, gate) =
        Gate::on(Connector::without_resolver(), move |addr| addr.port() != refused);
    let (connector, reports) = Reports::of(connector);
    let stream = connector.connect("127.0.0.1", [one.port, two.port]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), two.addr(0));
    assert_eq!(gate.asked(), [one.addr(0), two.addr(0)]);
    let report = reports.only();
    assert_eq!(two.story(&report), ["127.0.0.1:P won"]);
    let row = format!("\n  127.0.0.1:{}: forbidden\n", one.port);
    assert!(report.to_string().contains(&row), "{report}");
    one.assert_nobody_came(0);
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn not_even_a_source_address_is_asked_for_a_refused_address() {
    let peers =
        Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts), ("127.0.0.3", Accepts)]);
    let (first, forbidden) = (peers.addr(0), peers.addr(0).ip());
    let sources = SourceAddrs::new(move |addrs: &[SocketAddr]| {
        assert!(addrs.iter().all(|addr| addr.ip() != forbidden), "{addrs:?}");
        addrs.iter().map(|addr| Some(addr.ip())).collect()
    });
    let connector = Connector::new(Table::of(peers.ips())).with_source_addrs(sources);
    let connector = connector.with_gate(move |addr| addr != first);
    let stream = connector.connect("service.test", peers.port).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), peers.addr(1));
}

#[tokio::test]
async fn the_ready_made_gate_refuses_loopback_however_it_is_written() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let connector = Connector::new(Table::of(peers.ips())).with_gate(he::is_public);
    let hosts = ["127.0.0.1", "::ffff:127.0.0.1", "::1", "localhost", "rebound.test"];
    for host in hosts {
        let error = connector.connect(host, peers.port).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{host}");
        assert!(error.report().attempts().is_empty(), "{host}");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::PermissionDenied, "{host}");
    }
    let error = connector.connect_addrs(peers.addr(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    peers.assert_nobody_came(0);
}
