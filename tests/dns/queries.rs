//! The number of questions of a program that connects to one name once a second, for ten minutes.

use he::Connector;
use he::dns::Resolver;
use he_test_support::dns::{Dns, HeldClock, Reply, pass};
use hickory_proto::rr::RecordType::{A, AAAA};

use crate::files::{Dir, conf};

const NAME: &str = "api.example.test";

/// The questions to each server. All of them know the name, and nothing below the search list.
async fn questions(servers: usize, search: &[&str], ttl: u32) -> Vec<usize> {
    let _held = HeldClock::hold();
    let mut dns = Vec::new();
    for _ in 0..servers {
        dns.push(Dns::start().await);
    }
    for server in &dns {
        for domain in search {
            let absent = format!("{NAME}.{domain}");
            for rtype in [A, AAAA] {
                server.on(&absent, rtype, [Reply::nxdomain().soa(ttl, ttl)]);
            }
        }
        server.on(NAME, A, [Reply::addrs(ttl, &["127.0.0.1"])]);
        server.on(NAME, AAAA, [Reply::none().soa(ttl, ttl)]);
    }
    let (dir, servers) = (Dir::new(), dns.iter().collect::<Vec<_>>());
    let list = format!("search {}\noptions ndots:5\n", search.join(" "));
    dir.replace("resolv.conf", &conf(&servers, if search.is_empty() { "" } else { &list }));
    let resolver = Resolver::from_resolv_conf_plain(dir.path("resolv.conf"));
    let connector = Connector::new(resolver.without_hosts());
    for _ in 0..600 {
        let _ = connector.resolve(NAME).await.unwrap();
        pass(1_000, &servers).await;
    }
    dns.iter().map(|server| server.seen().len()).collect()
}

#[tokio::test(start_paused = true)]
async fn one_server_is_asked_once_a_ttl_for_each_type() {
    assert_eq!(questions(1, &[], 60).await, [20]);
}

#[tokio::test(start_paused = true)]
async fn of_two_servers_the_second_is_not_asked() {
    assert_eq!(questions(2, &[], 60).await, [20, 0]);
}

// Kubernetes: five dots are needed for the name itself to go first.
#[tokio::test(start_paused = true)]
async fn three_search_domains_are_walked_once_a_ttl() {
    let cluster = ["prod.svc.cluster.test", "svc.cluster.test", "cluster.test"];
    assert_eq!(questions(1, &cluster, 30).await, [160]);
}
