//! resolv.conf, the hosts file, overrides: what is read, and when it is read again.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use he::dns::Resolver;
use he::{Attempt, Connector, LookupErrorKind, Origin, Query, Record, Resolve};
use he_test_support::dns::{Dns, HeldClock, Reply, pass};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

/// A directory that goes with the test.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("he-files-{}-{nth}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// As careful programs do: written beside it, then moved there.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    pub(crate) fn resolver(&self) -> Resolver {
        let (resolv_conf, hosts) = (self.path("resolv.conf"), self.path("hosts"));
        Resolver::from_resolv_conf(resolv_conf).with_hosts(hosts)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

pub(crate) fn conf(servers: &[&Dns], rest: &str) -> String {
    let line = |dns: &&Dns| format!("nameserver [{}]:{}\n", dns.addr.ip(), dns.addr.port());
    servers.iter().map(line).collect::<String>() + rest
}

async fn addrs(resolver: &Resolver, name: &str, record: Record) -> Vec<String> {
    let answer = resolver.lookup(&Query::new(name, record)).await.unwrap();
    answer.addrs().iter().map(|addr| addr.ip().to_string()).collect()
}

async fn kind(resolver: &Resolver, name: &str, record: Record) -> LookupErrorKind {
    resolver.lookup(&Query::new(name, record)).await.unwrap_err().kind()
}

/// Files are looked at again after 100 ms.
async fn pass_ms(millis: u64) {
    tokio::time::advance(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn a_replaced_resolv_conf_counts_from_the_next_look_on() {
    let _held = HeldClock::hold();
    let (dir, old, new) = (Dir::new(), Dns::start().await, Dns::start().await);
    old.on("www.test", RecordType::A, [Reply::addrs(60, &["192.0.2.1"])]);
    old.on("bad.test", RecordType::A, [Reply::code(ResponseCode::ServFail)]);
    new.on("www.test", RecordType::A, [Reply::addrs(60, &["192.0.2.2"])]);
    new.on("bad.test", RecordType::A, [Reply::addrs(60, &["192.0.2.3"])]);
    dir.replace("resolv.conf", &conf(&[&old], ""));
    let resolver = dir.resolver();
    assert_eq!(addrs(&resolver, "www.test", Record::A).await, ["192.0.2.1"]);
    assert_eq!(kind(&resolver, "bad.test", Record::A).await, LookupErrorKind::ServerFailure);
    dir.replace("resolv.conf", &conf(&[&new], ""));
    pass_ms(100).await;
    // Neither the answer nor the failure of the old network holds in the new one.
    assert_eq!(addrs(&resolver, "www.test", Record::A).await, ["192.0.2.2"]);
    assert_eq!(addrs(&resolver, "bad.test", Record::A).await, ["192.0.2.3"]);
    assert_eq!((old.seen().len(), new.seen().len()), (2, 2));
    // And the same file is not read anew.
    assert_eq!(addrs(&resolver, "www.test", Record::A).await, ["192.0.2.2"]);
    assert_eq!(new.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_hosts_file_counts_from_the_next_look_on() {
    let _held = HeldClock::hold();
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dir.replace("resolv.conf", &conf(&[&dns], ""));
    let resolver = dir.resolver();
    dir.replace("hosts", "192.0.2.1 db\n");
    assert_eq!(addrs(&resolver, "db", Record::A).await, ["192.0.2.1"]);
    dir.replace("hosts", "192.0.2.2 db\n");
    pass_ms(99).await;
    assert_eq!(addrs(&resolver, "db", Record::A).await, ["192.0.2.1"]);
    pass_ms(1).await;
    assert_eq!(addrs(&resolver, "db", Record::A).await, ["192.0.2.2"]);
    fs::remove_file(dir.path("hosts")).unwrap();
    pass_ms(100).await;
    assert_eq!(kind(&resolver, "db", Record::A).await, LookupErrorKind::Refused);
    assert_eq!(dns.asked(), ["A db"]);
}

/// The address that a call for this host would try first.
async fn first_addr(resolver: &Resolver, host: &str) -> String {
    let dial = |attempt: Attempt| async move { Ok(attempt.addr().ip()) };
    let made = Connector::new(resolver.clone()).connect_with(host, 443, dial).await;
    made.map_or_else(|error| error.kind().to_string(), |made| made.stream.to_string())
}

// Containers have such names.
#[tokio::test(start_paused = true)]
async fn a_name_of_digits_is_found_in_overrides_the_hosts_file_and_dns() {
    let _held = HeldClock::hold();
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dns.on("redis.1.", RecordType::AAAA, [Reply::none()]);
    dns.on("redis.1.", RecordType::A, [Reply::addrs(60, &["192.0.2.3"])]);
    dir.replace("resolv.conf", &conf(&[&dns], ""));
    dir.replace("hosts", "192.0.2.1 482910384756 cache.7 2130706433\n");
    let resolver = dir.resolver().with_override("573910384756", ["192.0.2.2".parse().unwrap()]);
    assert_eq!(first_addr(&resolver, "482910384756").await, "192.0.2.1");
    assert_eq!(first_addr(&resolver, "cache.7").await, "192.0.2.1");
    assert_eq!(first_addr(&resolver, "573910384756").await, "192.0.2.2");
    assert_eq!(first_addr(&resolver, "redis.1.").await, "192.0.2.3");
    // `inet_aton` takes this one for an address. The core refuses it without any I/O.
    assert_eq!(first_addr(&resolver, "2130706433").await, "invalid input");
}

#[tokio::test(start_paused = true)]
#[cfg(feature = "idna")]
async fn a_name_that_is_not_ascii_is_found_in_the_hosts_file() {
    let dir = Dir::new();
    dir.replace("hosts", "203.0.113.1 b\u{fc}cher.test\n203.0.113.2 xn--bro-hoa.test\n");
    let resolver = dir.resolver();
    assert_eq!(first_addr(&resolver, "B\u{fc}cher.test").await, "203.0.113.1");
    assert_eq!(first_addr(&resolver, "xn--bcher-kva.test").await, "203.0.113.1");
    assert_eq!(first_addr(&resolver, "b\u{fc}ro.test").await, "203.0.113.2");
}

// N-27: what was learned, and the connections, belong to the servers and not to the file.
#[tokio::test(start_paused = true)]
async fn a_resolv_conf_with_the_same_content_forgets_nothing() {
    let _held = HeldClock::hold();
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dns.on("www.test", RecordType::A, [Reply::addrs(60, &["192.0.2.1"])]);
    dir.replace("resolv.conf", &conf(&[&dns], "search lan\n"));
    let resolver = dir.resolver();
    addrs(&resolver, "www.test", Record::A).await;
    for text in ["search lan\n", "# again\nsearch lan\n"] {
        dir.replace("resolv.conf", &conf(&[&dns], text));
        pass_ms(100).await;
        addrs(&resolver, "www.test", Record::A).await;
        assert_eq!(dns.seen().len(), 1, "{text}");
    }
    // Nor does a time without a readable file.
    fs::remove_file(dir.path("resolv.conf")).unwrap();
    fs::create_dir(dir.path("resolv.conf")).unwrap();
    pass_ms(100).await;
    resolver.lookup(&Query::new("www.test", Record::A)).await.unwrap_err();
    fs::remove_dir(dir.path("resolv.conf")).unwrap();
    dir.replace("resolv.conf", &conf(&[&dns], "search lan\n"));
    pass_ms(100).await;
    addrs(&resolver, "www.test", Record::A).await;
    assert_eq!(dns.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hosts_entry_of_one_family_sends_no_query_for_the_other() {
    let _held = HeldClock::hold();
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dir.replace("resolv.conf", &conf(&[&dns], "search a.corp\n"));
    dir.replace("hosts", "192.0.2.1 db.corp db\n2001:db8::1 six\n");
    let resolver = dir.resolver();
    let answer = resolver.lookup(&Query::new("db", Record::A)).await.unwrap();
    assert_eq!((answer.origin(), answer.server()), (Origin::Hosts, None));
    assert_eq!(kind(&resolver, "db", Record::Aaaa).await, LookupErrorKind::NoRecords);
    assert_eq!(kind(&resolver, "six", Record::A).await, LookupErrorKind::NoRecords);
    assert_eq!(addrs(&resolver, "six.", Record::Aaaa).await, ["2001:db8::1"]);
    dns.settle().await;
    assert_eq!(dns.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
#[cfg(unix)]
async fn a_resolv_conf_that_cannot_be_read_is_an_error_with_its_cause() {
    use std::os::unix::fs::PermissionsExt;

    let _held = HeldClock::hold();
    let dir = Dir::new();
    let resolver = dir.resolver();
    // A directory is as unreadable to root as to anybody else.
    fs::create_dir(dir.path("resolv.conf")).unwrap();
    fs::set_permissions(dir.path("resolv.conf"), fs::Permissions::from_mode(0o700)).unwrap();
    let error = resolver.lookup(&Query::new("www.test", Record::A)).await.unwrap_err();
    let path = dir.path("resolv.conf");
    let text = format!("no name server: {}: not a regular file", path.display());
    assert_eq!(error.to_string(), text);
    // The hosts file goes on working.
    dir.replace("hosts", "192.0.2.1 db\n");
    pass_ms(100).await;
    assert_eq!(addrs(&resolver, "db", Record::A).await, ["192.0.2.1"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_before_the_first_lookup() {
    let _held = HeldClock::hold();
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dns.on("www.test", RecordType::A, [Reply::addrs(60, &["192.0.2.1"])]);
    let resolver = dir.resolver();
    dir.replace("resolv.conf", &conf(&[&dns], ""));
    assert_eq!(addrs(&resolver, "www.test", Record::A).await, ["192.0.2.1"]);
}

#[tokio::test(start_paused = true)]
async fn use_vc_is_tcp_at_once() {
    let _held = HeldClock::hold();
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dns.on("www.test", RecordType::A, [Reply::addrs(60, &["192.0.2.1"])]);
    dir.replace("resolv.conf", &conf(&[&dns], "options use-vc\n"));
    let answer = dir.resolver().lookup(&Query::new("www.test", Record::A)).await.unwrap();
    assert_eq!(answer.origin(), Origin::Tcp);
    assert_eq!(dns.asked(), ["A www.test tcp"]);
}

// Of one name; different names each open their own until connections are kept.
#[tokio::test(start_paused = true)] // dot-single-connect-in-flight
async fn fifty_questions_for_a_name_at_once_are_one_connection() {
    let _held = HeldClock::hold();
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dns.on("www.test", RecordType::A, [Reply::addrs(0, &["192.0.2.1"]).after(100)]);
    dir.replace("resolv.conf", &conf(&[&dns], "options use-vc\n"));
    let resolver = dir.resolver();
    let query = Query::new("www.test", Record::A);
    let lookups: Vec<_> = (0..50).map(|_| tokio::spawn(resolver.lookup(&query))).collect();
    dns.settle().await;
    pass(100, &[&dns]).await;
    for lookup in lookups {
        lookup.await.unwrap().unwrap();
    }
    let connections: HashSet<_> = dns.seen().iter().map(|seen| (seen.tcp, seen.from)).collect();
    assert_eq!((connections.len(), dns.seen().len()), (1, 1));
    assert!(dns.seen()[0].tcp);
}

#[tokio::test(start_paused = true)]
async fn no_aaaa_sends_no_aaaa() {
    let _held = HeldClock::hold();
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dns.on("www.test", RecordType::A, [Reply::addrs(60, &["192.0.2.1"])]);
    dir.replace("resolv.conf", &conf(&[&dns], "options no-aaaa\n"));
    let resolver = dir.resolver();
    assert_eq!(kind(&resolver, "www.test", Record::Aaaa).await, LookupErrorKind::NoRecords);
    assert_eq!(addrs(&resolver, "www.test", Record::A).await, ["192.0.2.1"]);
    assert_eq!(dns.asked(), ["A www.test"]);
}

#[tokio::test(start_paused = true)]
async fn rotate_asks_each_server_in_turn() {
    let _held = HeldClock::hold();
    let (dir, one, two) = (Dir::new(), Dns::start().await, Dns::start().await);
    for dns in [&one, &two] {
        dns.on("www.test", RecordType::A, [Reply::addrs(0, &["192.0.2.1"])]);
    }
    dir.replace("resolv.conf", &conf(&[&one, &two], "options rotate\n"));
    let resolver = dir.resolver();
    for _ in 0..4 {
        addrs(&resolver, "www.test", Record::A).await;
    }
    pass(0, &[&one, &two]).await;
    assert_eq!((one.seen().len(), two.seen().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_override_comes_first_and_asks_nobody() {
    let _held = HeldClock::hold();
    let (dir, dns) = (Dir::new(), Dns::start().await);
    dir.replace("resolv.conf", &conf(&[&dns], ""));
    dir.replace("hosts", "192.0.2.1 www.test\n");
    let resolver = dir
        .resolver()
        .with_override("WWW.Test.", ["192.0.2.7".parse().unwrap(), "::1".parse().unwrap()])
        .with_override("four.test", ["192.0.2.4".parse().unwrap()])
        .with_override("bücher.test", ["192.0.2.5".parse().unwrap()])
        .with_override("blocked.test", []);
    assert_eq!(addrs(&resolver, "www.test", Record::A).await, ["192.0.2.7"]);
    assert_eq!(addrs(&resolver, "WWW.test.", Record::Aaaa).await, ["::1"]);
    assert_eq!(addrs(&resolver, "xn--bcher-kva.test", Record::A).await, ["192.0.2.5"]);
    assert_eq!(addrs(&resolver, "Bücher.test", Record::A).await, ["192.0.2.5"]);
    assert_eq!(kind(&resolver, "four.test", Record::Aaaa).await, LookupErrorKind::NoRecords);
    assert_eq!(kind(&resolver, "blocked.test", Record::A).await, LookupErrorKind::NoRecords);
    resolver.network_changed();
    assert_eq!(addrs(&resolver, "www.test", Record::A).await, ["192.0.2.7"]);
    dns.settle().await;
    assert_eq!(dns.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)] // R-3493-LIT
async fn a_literal_is_never_asked() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    let resolver = Resolver::plain_servers([dns.addr]);
    assert_eq!(addrs(&resolver, "192.0.2.1", Record::A).await, ["192.0.2.1"]);
    assert_eq!(addrs(&resolver, "2001:db8::", Record::Aaaa).await, ["2001:db8::"]);
    assert_eq!(kind(&resolver, "192.0.2.1", Record::Aaaa).await, LookupErrorKind::NoRecords);
    dns.settle().await;
    assert_eq!(dns.asked(), [""; 0]);
}

#[test]
fn a_resolver_shows_what_it_is_made_of() {
    let resolver = Resolver::plain_servers(["127.0.0.1:53".parse().unwrap()])
        .with_hosts("/nowhere/hosts")
        .with_override("a.test", ["192.0.2.1".parse().unwrap()]);
    assert_eq!(
        format!("{resolver:?}"),
        "Resolver { source: Given([NameServer(udp:127.0.0.1)]), plain: false, hosts: Some(\"/nowhere/hosts\"), \
         overrides: Hosts({\"a.test\": [192.0.2.1:0]}), plain_delay: 50ms, trust: Trust(platform) }"
    );
}
