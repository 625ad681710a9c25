//! Lookups as a race makes them: two record types of one name, a deadline, a binding.

use std::net::SocketAddr;
use std::time::Duration;

use he_test_support::dns::{Dns, HeldClock, Reply, pass};
use hickory_proto::rr::RecordType;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Resolver;
use crate::race::answer::LookupErrorKind;
use crate::race::binding::Binding;
use crate::race::query::{Query, Record};
use crate::resolve::Resolve;

mod other_sources;
mod walk;

/// A server, and a resolver whose resolv.conf names it. The file goes with the test.
struct World {
    dns: Dns,
    resolver: Resolver,
    path: std::path::PathBuf,
    _held: HeldClock,
}

impl World {
    async fn new(lines: &str) -> Self {
        let _held = HeldClock::hold();
        let dns = Dns::start().await;
        let name = format!("he-search-{}-{}", std::process::id(), dns.addr.port());
        let path = std::env::temp_dir().join(name);
        let server = format!("nameserver [{}]:{}\n", dns.addr.ip(), dns.addr.port());
        std::fs::write(&path, server + lines).unwrap();
        let resolver = Resolver::from_resolv_conf(&path).without_hosts();
        Self { dns, resolver, path, _held }
    }

    fn start(&self, name: &str, record: Record) -> JoinHandle<Result<String, String>> {
        let lookup = self.resolver.lookup(&both(name, record));
        let server = self.dns.addr.to_string();
        tokio::spawn(async move {
            let said = |text: String| text.replace(&server, "dns");
            match lookup.await {
                Ok(answer) => {
                    let addrs: Vec<_> = answer.addrs().iter().map(SocketAddr::ip).collect();
                    Ok(format!("{addrs:?} {}", answer.name().unwrap_or("as typed")))
                }
                Err(error) => Err(said(error.to_string())),
            }
        })
    }

    /// The outcomes of AAAA and A, asked as a race asks them.
    async fn race(&self, name: &str) -> [String; 2] {
        let lookups = [self.start(name, Record::Aaaa), self.start(name, Record::A)];
        let mut results = Vec::new();
        for lookup in lookups {
            results.push(lookup.await.unwrap().unwrap_or_else(|error| error));
        }
        results.try_into().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).unwrap();
    }
}

fn both(name: &str, record: Record) -> Query {
    let sibling = match record {
        Record::Aaaa => Record::A,
        Record::A => Record::Aaaa,
    };
    Query::new(name, record).with_siblings([sibling])
}

fn v4() -> Reply {
    Reply::addrs(60, &["192.0.2.1"])
}

fn v6() -> Reply {
    Reply::addrs(60, &["2001:db8::1"])
}

fn none() -> Reply {
    Reply::nxdomain().soa(60, 60)
}

const AAAA: RecordType = RecordType::AAAA;
const A: RecordType = RecordType::A;

#[tokio::test(start_paused = true)]
async fn the_first_candidate_with_an_address_of_either_type_decides_for_both() {
    let world = World::new("search a.corp b.corp\n").await;
    // A only at a.corp, AAAA only at b.corp: two different hosts.
    world.dns.on("db.a.corp", A, [v4()]).on("db.a.corp", AAAA, [none()]);
    world.dns.on("db.b.corp", A, [none()]).on("db.b.corp", AAAA, [v6()]);
    let expected = ["no records (db.a.corp, dns)", "[192.0.2.1] db.a.corp"];
    assert_eq!(world.race("db").await, expected);
    assert!(!world.dns.asked().iter().any(|asked| asked.contains("b.corp")));
    // The same from the cache.
    let again = ["no records (db.a.corp, dns, cached)", "[192.0.2.1] db.a.corp"];
    assert_eq!(world.race("db").await, again);
    assert_eq!(world.dns.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_decides_also_when_the_other_answer_comes_first_or_may_not_be_cached() {
    for (aaaa, a) in [(0, 20), (20, 0), (0, 0)] {
        let world = World::new("search a.corp b.corp\n").await;
        world.dns.on("db.a.corp", AAAA, [Reply::addrs(0, &["2001:db8::1"]).after(aaaa)]);
        world.dns.on("db.a.corp", A, [Reply::none().after(a)]);
        world.dns.on("db.b.corp", A, [v4()]);
        let race = world.race("db");
        let (results, ()) = tokio::join!(race, async {
            world.dns.settle().await;
            pass(20, &[&world.dns]).await;
        });
        assert_eq!(results, ["[2001:db8::1] db.a.corp", "no records (db.a.corp, dns)"]);
        assert_eq!(world.dns.asked(), ["AAAA db.a.corp", "A db.a.corp"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_is_reported_without_waiting_for_the_other_type() {
    let world = World::new("search a.corp\n").await;
    world.dns.on("db.a.corp", A, [v4()]).on("db.a.corp", AAAA, [Reply::silence()]);
    let _aaaa = world.start("db", Record::Aaaa);
    let a = world.start("db", Record::A);
    assert_eq!(a.await.unwrap().unwrap(), "[192.0.2.1] db.a.corp");
}

#[tokio::test(start_paused = true)]
async fn none_in_both_moves_on_to_the_next_candidate() {
    let world = World::new("search a.corp b.corp\n").await;
    world.dns.on("db.a.corp", A, [none()]).on("db.a.corp", AAAA, [Reply::none()]);
    world.dns.on("db.b.corp", A, [v4()]).on("db.b.corp", AAAA, [v6()]);
    assert_eq!(world.race("db").await, ["[2001:db8::1] db.b.corp", "[192.0.2.1] db.b.corp"]);
}

#[tokio::test(start_paused = true)] // F-4
async fn nxdomain_of_one_type_does_not_speak_for_the_other() {
    let world = World::new("").await;
    world.dns.on("db", AAAA, [none()]).on("db", A, [v4().after(20)]);
    let race = world.race("db");
    let (results, ()) = tokio::join!(race, async {
        world.dns.settle().await;
        pass(20, &[&world.dns]).await;
    });
    assert_eq!(results, ["no such name (dns)", "[192.0.2.1] as typed"]);
}

#[tokio::test(start_paused = true)]
async fn no_records_beside_an_answer_names_who_said_so_and_the_end_of_the_chain() {
    let world = World::new("search a.corp\n").await;
    world.dns.on("db.a.corp", A, [v4()]);
    world.dns.on("db.a.corp", AAAA, [none().cname(".", 60, "end.corp")]);
    assert_eq!(world.race("db").await[0], "no records (end.corp, dns)");
    assert_eq!(world.race("db").await[0], "no records (end.corp, dns, cached)");
}

#[tokio::test(start_paused = true)] // R-8305-3g
async fn none_of_the_last_candidate_does_not_wait_for_the_other_type() {
    let world = World::new("search a.corp\n").await;
    world.dns.on("db.a.corp", AAAA, [none()]).on("db.a.corp", A, [none()]);
    world.dns.on("db", AAAA, [none()]).on("db", A, [Reply::silence()]);
    let _a = world.start("db", Record::A);
    let aaaa = world.start("db", Record::Aaaa);
    assert_eq!(aaaa.await.unwrap().unwrap_err(), "no such name (dns)");
}

#[tokio::test(start_paused = true)]
async fn of_several_none_the_one_of_the_typed_name_is_reported() {
    let world = World::new("search a.corp b.corp\n").await;
    for (name, reply) in [("a.corp", none()), ("b.corp", none()), ("", Reply::none().soa(60, 60))] {
        let name = format!("db.{name}");
        world.dns.on(&name, A, [reply.clone()]).on(&name, AAAA, [reply]);
    }
    let reported = "no records (dns)".to_owned();
    assert_eq!(world.race("db").await, [reported.clone(), reported]);
}

#[tokio::test(start_paused = true)]
async fn with_ndots_5_a_public_name_is_found_last() {
    let world = World::new("search ns.svc.test svc.test\noptions ndots:5\n").await;
    for name in ["www.test.ns.svc.test", "www.test.svc.test"] {
        world.dns.on(name, A, [none()]).on(name, AAAA, [none()]);
    }
    world.dns.on("www.test", A, [v4()]).on("www.test", AAAA, [v6()]);
    assert_eq!(world.race("www.test").await, ["[2001:db8::1] as typed", "[192.0.2.1] as typed"]);
    assert_eq!(world.race("www.test.").await, ["[2001:db8::1] as typed", "[192.0.2.1] as typed"]);
    assert_eq!(world.dns.seen().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn no_aaaa_leaves_the_decision_to_a() {
    let world = World::new("search a.corp b.corp\noptions no-aaaa\n").await;
    world.dns.on("db.a.corp", A, [none()]).on("db.b.corp", A, [v4()]);
    assert_eq!(world.race("db").await, ["no records", "[192.0.2.1] db.b.corp"]);
    assert_eq!(world.dns.asked(), ["A db.a.corp", "A db.b.corp"]);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_gives_up_just_before_its_deadline_and_names_the_server() {
    let world = World::new("").await;
    world.dns.on("db", A, [Reply::silence()]);
    let deadline = Instant::now() + Duration::from_secs(5);
    let query = Query { deadline: Some(deadline.into_std()), ..Query::new("db", Record::A) };
    let lookup = tokio::spawn(world.resolver.lookup(&query));
    world.dns.settle().await;
    pass(4_994, &[&world.dns]).await;
    assert!(!lookup.is_finished());
    pass(1, &[&world.dns]).await;
    let error = lookup.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), format!("no answer ({})", world.dns.addr));
}

#[tokio::test(start_paused = true)] // R-9520-3.2a
async fn silence_counts_as_a_failure_from_a_second_on() {
    for (millis, is_remembered) in [(999, false), (1_000, true)] {
        let world = World::new("").await;
        world.dns.on("db", A, [Reply::silence()]);
        let deadline = Some((Instant::now() + Duration::from_millis(millis)).into_std());
        let query = Query { deadline, ..Query::new("db", Record::A) };
        let lookup = tokio::spawn(world.resolver.lookup(&query));
        world.dns.settle().await;
        pass(millis - 5, &[&world.dns]).await;
        assert_eq!(lookup.await.unwrap().unwrap_err().kind(), LookupErrorKind::TimedOut);
        let again = format!("{:?}", world.resolver.lookup(&query));
        assert_eq!(again == "Resolving(ready)", is_remembered, "{millis} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn merged_lookups_keep_their_own_deadlines() {
    let world = World::new("").await;
    world.dns.on("db", A, [v4().after(2_000), Reply::silence()]);
    let start = |millis| {
        let deadline = Instant::now() + Duration::from_millis(millis);
        let deadline = Some(deadline.into_std());
        tokio::spawn(world.resolver.lookup(&Query { deadline, ..Query::new("db", Record::A) }))
    };
    let (short, long) = (start(1_000), start(3_000));
    world.dns.settle().await;
    for _ in 0..20 {
        pass(100, &[&world.dns]).await;
    }
    let error = short.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), format!("no answer ({})", world.dns.addr));
    long.await.unwrap().unwrap();
}

// Other systems have only 127.0.0.1.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_binding_holds_for_the_questions_and_parts_the_cache() {
    let world = World::new("").await;
    world.dns.on("db", A, [v4().truncated()]);
    for last in [2, 3] {
        let local_v4 = Some([127, 0, 0, last].into());
        let binding = Binding { local_v4, ..Binding::default() };
        let query = Query { binding, ..Query::new("db", Record::A) };
        assert!(!world.resolver.lookup(&query).await.unwrap().is_cached());
        assert!(world.resolver.lookup(&query).await.unwrap().is_cached());
    }
    let from: Vec<_> = world.dns.seen().iter().map(|seen| seen.from.ip().to_string()).collect();
    assert_eq!(from, ["127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"]);
}

#[tokio::test(start_paused = true)]
async fn a_binding_that_cannot_be_had_is_reported() {
    let world = World::new("").await;
    let local_v6 = Some("::1".parse().unwrap());
    let binding = Binding { local_v6, ..Binding::default() };
    let query = Query { binding, ..Query::new("db", Record::A) };
    let error = world.resolver.lookup(&query).await.unwrap_err();
    assert_eq!(error.kind(), LookupErrorKind::NoNameServer);
    let cause = format!(
        "local address for {}: a local address is set for the other family only",
        world.dns.addr
    );
    assert_eq!(error.cause().unwrap().to_string(), cause);
    assert_eq!(world.dns.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_cannot_be_sent_is_an_error_without_a_query() {
    let world = World::new("").await;
    let long = "a".repeat(64);
    for (name, why) in [
        ("a..b", "a label is empty"),
        (&long, "a label is longer than 63 characters"),
        ("Bad name", "' ' has no place in a name"),
        ("DB.test:80", "the port is a separate argument"),
        ("Ü b.test", "' ' has no place in a name"),
        #[cfg(feature = "idna")]
        ("a\u{2488}b", "not a name by the rules for international names (UTS 46)"),
    ] {
        let error = world.resolver.lookup(&Query::new(name, Record::A)).await.unwrap_err();
        assert_eq!(error.kind(), LookupErrorKind::Other, "{name}");
        let reported = format!("lookup failed: invalid host \"{}\": {why}", name.to_lowercase());
        assert_eq!(error.to_string(), reported);
    }
    assert_eq!(world.dns.asked(), [""; 0]);
}

#[test]
fn the_system_is_lazy_and_the_default() {
    let system = format!("{:?}", Resolver::default());
    assert_eq!(system, format!("{:?}", Resolver::system()));
    #[cfg(all(target_os = "linux", feature = "dns-over-tls"))]
    assert_eq!(
        system,
        "Resolver { source: System, plain: false, hosts: Some(\"/etc/hosts\"), \
         overrides: Hosts({}), plain_delay: 50ms, trust: Trust(platform) }"
    );
}

#[test]
fn without_a_resolv_conf_the_server_is_the_one_on_this_host() {
    let resolver = Resolver::from_resolv_conf("/nowhere/resolv.conf");
    let network = resolver.live.network(Instant::now()).unwrap();
    let servers: Vec<_> = network.conf.servers.iter().map(|server| server.to_string()).collect();
    assert_eq!(servers, ["udp:127.0.0.1"]);
}

// There is no setting that replaces them: another resolv.conf is another resolver.
#[test] // R-8310-5a
#[cfg(feature = "dns-over-tls")]
fn strict_servers_stay_whatever_else_is_set() {
    use crate::dns::Trust;
    let given = "tls:192.0.2.53!dns.test";
    let resolver = Resolver::name_servers([given.parse().unwrap()]).unwrap();
    let resolver = resolver.with_hosts("/nowhere/hosts").without_hosts();
    let resolver = resolver.with_override("a.test", ["192.0.2.1".parse().unwrap()]);
    let resolver = resolver.with_plain_delay(Duration::ZERO).with_trust(Trust::platform());
    let network = resolver.live.network(Instant::now()).unwrap();
    let servers: Vec<_> = network.conf.servers.iter().map(|server| server.to_string()).collect();
    assert_eq!(servers, [given]);
}

#[test]
fn the_plain_system_asks_every_server_in_plaintext() {
    let path = std::env::temp_dir().join(format!("he-plain-{}", std::process::id()));
    std::fs::write(&path, "nameserver 192.0.2.1\nnameserver ::1\n").unwrap();
    let servers = |resolver: Resolver| {
        let network = resolver.live.network(Instant::now()).unwrap();
        network.conf.servers.iter().map(|server| server.to_string()).collect::<Vec<_>>()
    };
    let plain = || Resolver::from_resolv_conf_plain(&path);
    assert_eq!(servers(plain()), ["udp:192.0.2.1", "udp:::1"]);
    assert_eq!(servers(plain().without_hosts()), ["udp:192.0.2.1", "udp:::1"]);
    assert_eq!(servers(Resolver::from_resolv_conf(&path)), ["192.0.2.1", "udp:::1"]);
    std::fs::remove_file(&path).unwrap();
}
