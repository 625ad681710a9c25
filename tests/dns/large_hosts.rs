//! N-24: a hosts file that takes longer to read than a poll should.

use std::time::Duration;

use he::dns::Resolver;
use he::{Origin, Query, Record, Resolve};
use he_test_support::dns::Dns;

use super::files::{Dir, conf};

/// A hosts file with 20,000 names, as blocklists have, and one more.
fn blocklist(ip: &str) -> String {
    let lines = (0..20_000).map(|nth| format!("0.0.0.0 ads{nth}.example\n"));
    lines.collect::<String>() + ip + " db\n"
}

/// The paused clock does not wait for threads, so the query has no deadline.
async fn addr_of_db(resolver: &Resolver) -> String {
    let answer = resolver.lookup(&Query::new("db", Record::A)).await.unwrap();
    answer.addrs().iter().map(|addr| addr.ip().to_string()).collect()
}

// The first lookup waits for the file, later ones go on with what is known.
#[tokio::test]
async fn a_large_hosts_file_is_read_on_another_thread() {
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dir.replace("resolv.conf", &conf(&[&dns], ""));
    dir.replace("hosts", &blocklist("192.0.2.1"));
    let resolver = dir.resolver();
    let lookup = resolver.lookup(&Query::new("db", Record::A));
    assert_eq!(format!("{lookup:?}"), "Resolving(running)");
    assert_eq!(lookup.await.unwrap().addrs(), ["192.0.2.1:0".parse().unwrap()]);
    dir.replace("hosts", &blocklist("192.0.2.2"));
    let mut seen = Vec::new();
    while seen.last().is_none_or(|addr| addr == "192.0.2.1:0") {
        let lookup = resolver.lookup(&Query::new("db", Record::A));
        assert_eq!(format!("{lookup:?}"), "Resolving(ready)");
        seen.extend(lookup.await.unwrap().addrs().iter().map(ToString::to_string));
        tokio::task::yield_now().await;
    }
    assert_eq!(seen.last().unwrap(), "192.0.2.2:0");
    assert_eq!(dns.asked(), [""; 0]);
}

// A runtime whose blocking threads are all busy begins to read, and another one waits.
#[test]
fn a_large_hosts_file_is_read_although_the_runtime_of_the_first_lookup_is_busy_or_ends() {
    let dir = Dir::new();
    dir.replace("hosts", &blocklist("192.0.2.1"));
    let resolver = Resolver::plain_servers([]).with_hosts(dir.path("hosts"));
    let mut busy = tokio::runtime::Builder::new_current_thread();
    let busy = busy.max_blocking_threads(1).build().unwrap();
    let (_until_the_end, wait) = std::sync::mpsc::channel::<()>();
    busy.spawn_blocking(move || wait.recv());
    // The deadline is only there so that the test cannot hang.
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let query = Query::new("db", Record::A).with_deadline(deadline);
    let within = busy.enter();
    drop(resolver.lookup(&query));
    drop(within);
    busy.shutdown_background();
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = other.block_on(async { resolver.lookup(&query).await });
    assert_eq!(answer.unwrap().origin(), Origin::Hosts);
}

// The file is the same on every network.
#[tokio::test(start_paused = true)]
async fn a_changed_network_forgets_no_hosts_file() {
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dir.replace("resolv.conf", &conf(&[&dns], ""));
    dir.replace("hosts", &blocklist("192.0.2.1"));
    let resolver = dir.resolver();
    assert_eq!(addr_of_db(&resolver).await, "192.0.2.1");
    resolver.network_changed();
    let lookup = resolver.lookup(&Query::new("db", Record::A));
    assert_eq!(format!("{lookup:?}"), "Resolving(ready)");
    // A change of the file is noticed at once.
    dir.replace("hosts", "192.0.2.2 db\n");
    resolver.network_changed();
    assert_eq!(addr_of_db(&resolver).await, "192.0.2.2");
}

#[test]
fn a_lookup_outside_a_runtime_reads_a_large_hosts_file_as_well() {
    let dir = Dir::new();
    let filler = "0.0.0.0 a-name-that-nobody-asks-for.test\n".repeat(3_000);
    dir.replace("hosts", &format!("{filler}192.0.2.9 www.test\n"));
    let resolver = Resolver::plain_servers([]).with_hosts(dir.path("hosts"));
    let resolving = resolver.lookup(&Query::new("www.test", Record::A));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(resolving).unwrap();
    assert_eq!(answer.origin(), Origin::Hosts);
}
