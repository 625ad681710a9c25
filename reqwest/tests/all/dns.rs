//! Addresses for reqwest's own client, with servers on loopback.

use std::error::Error as _;
use std::future::pending;

use he::{Connector, Error, ErrorKind, Outcome, Query, Record, Resolving};
use he_reqwest::Dns;
use he_test_support::net::Peer::{Accepts, Refuses};
use he_test_support::net::{Peers, Reports, Table};
use he_test_support::web;

fn client(connector: Connector) -> reqwest::Client {
    reqwest::Client::builder().no_proxy().dns_resolver(Dns::new(connector)).build().unwrap()
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn reqwest_connects_to_the_addresses_on_the_port_of_its_url() {
    let peers = Peers::new(&[("127.0.0.1", Refuses), ("127.0.0.2", Accepts)]);
    let guests = web::serve(peers.listener(1));
    let table = Table::of(peers.ips());
    let answers = table.clone();
    // AAAA is never answered.
    let (connector, reports) =
        Reports::of(Connector::new(move |query: &Query| match query.record() {
            Record::Aaaa => Resolving::new(pending()),
            Record::A | _ => Resolving::ready(answers.answer(query.record())),
        }));
    let client = client(connector);
    for path in ["/first", "/second"] {
        let url = format!("http://service.test:{}{path}", peers.port);
        let response = client.get(url).send().await.unwrap();
        assert_eq!(response.remote_addr(), Some(peers.addr(1)));
        assert_eq!(response.text().await.unwrap(), format!("{path} over h1"));
    }
    assert_eq!(guests.came().len(), 1);
    let report = reports.only();
    assert_eq!((report.host(), report.outcome()), ("service.test", Outcome::Resolved));
    assert_eq!(serde_json::to_value(&report).unwrap()["outcome"], "resolved");
    let drawn = report.to_string();
    assert!(drawn.lines().last().unwrap().starts_with("  resolved after "), "{drawn}");
}

#[tokio::test]
async fn the_error_is_among_the_causes_of_reqwests_error() {
    let client = client(Connector::new(Table::default()));
    let error = client.get("http://service.test/").send().await.unwrap_err();
    assert!(error.is_dns() && error.is_connect());
    let found = Error::find_in(&error).unwrap();
    assert_eq!(found.kind(), ErrorKind::NoAddress);
    assert_eq!(
        found.to_string(),
        "cannot connect to service.test: no usable address; AAAA: no records; A: no records"
    );
    assert!(error.source().is_some());
}

// The documentation warns of it: reqwest connects to an address without a lookup.
#[tokio::test]
async fn the_gate_is_not_asked_for_an_address_in_a_url() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    web::serve(peers.listener(0));
    let (connector, reports) = Reports::of(Connector::new(Table::of(peers.ips())));
    let client = client(connector.with_gate(|_| false));
    let named = format!("http://service.test:{}/", peers.port);
    let error = client.get(named).send().await.unwrap_err();
    assert_eq!(Error::find_in(&error).unwrap().kind(), ErrorKind::Forbidden);
    assert_eq!(reports.only().outcome(), Outcome::Failed(ErrorKind::Forbidden));
    let literal = format!("http://{}/", peers.addr(0));
    assert_eq!(client.get(literal).send().await.unwrap().status(), 200);
    assert_eq!(reports.count(), 0);
}
