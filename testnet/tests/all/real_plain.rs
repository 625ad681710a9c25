//! The resolver against unbound, knot-resolver, dnsmasq and BIND in plaintext.

use std::net::SocketAddr;

use he::dns::Resolver;
use he::{Answer, LookupError, Origin, Query, Record, Resolve};
use he_testnet::{Home, Net, Program, Served, internet_at};

use Program::{Bind, Dnsmasq, Kresd, Unbound};

const FIRST: &str = "192.0.2.1";
const SECOND: &str = "192.0.2.2";
const V6: &str = "2001:db8::1";
const V4: &str = "198.51.100.1";
/// Nothing listens there.
const CLOSED: ([u8; 4], u16) = ([127, 0, 0, 1], 1);

/// Runs a test on a home host that needs these programs.
fn with<F: Future<Output = ()>>(programs: &[Program], test: impl FnOnce(Net) -> F) {
    let home = programs.iter().fold(Home::dual_stack(), |home, program| home.needs(*program));
    internet_at(home, test);
}

/// Names with an address of each type.
fn names(names: &[&str]) -> Served {
    names.iter().fold(Served::new(), |served, name| served.addr(name, V6).addr(name, V4))
}

async fn ask(resolver: &Resolver, name: &str, record: Record) -> Result<Answer, LookupError> {
    resolver.lookup(&Query::new(name, record)).await
}

/// Asserts that both types of a name come from this server.
async fn found(resolver: &Resolver, name: &str, server: SocketAddr) {
    let (aaaa, a) = tokio::join!(ask(resolver, name, Record::Aaaa), ask(resolver, name, Record::A));
    for (answer, addr) in [(aaaa.unwrap(), V6), (a.unwrap(), V4)] {
        assert_eq!(answer.addrs()[0].ip().to_string(), addr, "{name}");
        assert_eq!(answer.server(), Some(server), "{name}");
    }
}

/// A chain of 17 CNAMEs, from `c0.test` to `c17.test`.
fn chain() -> Served {
    (0..17).fold(names(&["c17.test"]), |served, n| {
        served.cname(&format!("c{n}.test"), &format!("c{}.test", n + 1))
    })
}

/// Asserts that the chain from this name ends at its addresses.
async fn is_followed(resolver: &Resolver, name: &str, server: SocketAddr) {
    found(resolver, name, server).await;
    let answer = ask(resolver, name, Record::A).await.unwrap();
    assert_eq!(answer.name(), Some("c17.test"));
}

/// Chains of 9 and 16 CNAMEs lead to an address, and one of 17 is an error.
fn chains(program: Program) {
    with(&[program], |net| async move {
        let _server = program.start_plain(net, FIRST, &chain()).await;
        let server = program.plain_addr(FIRST);
        let resolver = Resolver::plain_servers([server]);
        is_followed(&resolver, "c8.test", server).await;
        is_followed(&resolver, "c1.test", server).await;
        let error = ask(&resolver, "c0.test", Record::A).await.unwrap_err();
        let names = (0..=17).map(|n| format!("c{n}.test")).collect::<Vec<_>>().join(" -> ");
        let text = format!("lookup failed ({server}): more than 16 CNAMEs: {names}");
        assert_eq!(error.to_string(), text);
    });
}

#[test] // R-1034-3.6.2, C-ALIAS
fn chains_of_cnames_of_unbound_which_gives_one_in_a_reply() {
    chains(Unbound);
}

#[test] // R-1034-3.6.2, C-ALIAS
fn chains_of_cnames_of_dnsmasq() {
    chains(Dnsmasq);
}

/// Longer chains are SERVFAIL at BIND itself.
#[test] // R-1034-3.6.2, C-ALIAS
fn nine_cnames_of_bind_behind_knot_resolver() {
    with(&[Bind, Kresd], |net| async move {
        let bind = Bind.plain_addr(SECOND);
        let _bind = Bind.start_plain(net, SECOND, &chain()).await;
        let served = Served::new().forward("test", bind);
        let _kresd = Kresd.start_plain(net, FIRST, &served).await;
        for server in [bind, Kresd.plain_addr(FIRST)] {
            let resolver = Resolver::plain_servers([server]);
            is_followed(&resolver, "c8.test", server).await;
        }
    });
}

/// The first server knows names inside, and asks the second one for names outside. The second one
/// is nearer, and says "no such name" for names inside.
fn split_view(inner: Program, outer: Program) {
    with(&[inner, outer], |net| async move {
        let second = outer.plain_addr(SECOND);
        let outside = names(&["www.out.test", "ftp.out.test"]);
        let inside = names(&["db0.in.test", "db1.in.test", "db2.in.test", "db3.in.test"]);
        let _outer = outer.start_plain(net, SECOND, &outside).await;
        let _inner = inner.start_plain(net, FIRST, &inside.forward("out.test", second)).await;
        net.host(FIRST).rtt(300);
        net.host(SECOND).rtt(10);
        let first = inner.plain_addr(FIRST);
        let resolver = Resolver::plain_servers([first, second]);
        net.call(found(&resolver, "db0.in.test", first)).await;
        if !net.was_late_by(200) {
            assert!(net.log().sent_to_addr(second) > 0, "the second is asked beside a slow first");
        }
        for name in ["db1.in.test", "www.out.test", "db2.in.test", "ftp.out.test", "db3.in.test"] {
            found(&resolver, name, first).await;
        }
        let error = ask(&resolver, "no.in.test", Record::A).await.unwrap_err();
        assert_eq!(error.server(), Some(first), "{error}");
    });
}

#[test]
fn split_view_of_dnsmasq_before_unbound() {
    split_view(Dnsmasq, Unbound);
}

#[test]
fn split_view_of_unbound_before_bind() {
    split_view(Unbound, Bind);
}

#[test]
fn split_view_of_bind_before_dnsmasq() {
    split_view(Bind, Dnsmasq);
}

#[test]
fn split_view_of_knot_resolver_before_dnsmasq() {
    split_view(Kresd, Dnsmasq);
}

/// The first server says SERVFAIL for one name, which the second one has. The other names are still
/// those of the first one.
fn servfail(ill: Program, well: Program) {
    with(&[ill, well], |net| async move {
        let inside = names(&["db1.test", "db2.test"]).forward("broken.test", CLOSED.into());
        let _first = ill.start_plain(net, FIRST, &inside).await;
        let _second = well.start_plain(net, SECOND, &names(&["www.broken.test"])).await;
        let (first, second) = (ill.plain_addr(FIRST), well.plain_addr(SECOND));
        let resolver = Resolver::plain_servers([first, second]);
        found(&resolver, "db1.test", first).await;
        found(&resolver, "www.broken.test", second).await;
        found(&resolver, "db2.test", first).await;
    });
}

#[test]
fn servfail_of_bind_before_dnsmasq() {
    servfail(Bind, Dnsmasq);
}

#[test]
fn servfail_of_unbound_before_bind() {
    servfail(Unbound, Bind);
}

/// The first AAAA and A record of this host, which are looked up together, and their names.
async fn searched(net: Net, server: SocketAddr, options: &str, host: &str) -> [String; 2] {
    let path = net.dir().join("search.conf");
    let text = format!("nameserver [{}]:{}\nsearch lan\n{options}", server.ip(), server.port());
    std::fs::write(&path, text).unwrap();
    let resolver = Resolver::from_resolv_conf_plain(path);
    let types = [Record::Aaaa, Record::A];
    let query = |record| {
        Query::new(host, record).with_siblings(types.iter().copied().filter(|it| *it != record))
    };
    let (aaaa, a) =
        tokio::join!(resolver.lookup(&query(types[0])), resolver.lookup(&query(types[1])));
    [aaaa, a].map(|answer| match answer {
        Ok(answer) => format!("{}: {}", answer.name().unwrap_or("itself"), answer.addrs()[0].ip()),
        Err(error) => error.kind().to_string(),
    })
}

/// The domain of the search list has an A record for every name.
fn wildcard_domain(program: Program) {
    with(&[program], |net| async move {
        let served = names(&["www.test"]).addr("*.lan", "198.51.100.9");
        let _server = program.start_plain(net, FIRST, &served).await;
        let server = program.plain_addr(FIRST);
        let itself = ["itself: 2001:db8::1", "itself: 198.51.100.1"];
        for (options, host, expected) in [
            ("options ndots:1\n", "www.test", itself),
            ("options ndots:5\n", "www.test", ["no records", "www.test.lan: 198.51.100.9"]),
            ("options ndots:5\n", "www.test.", itself),
            ("options ndots:1\n", "printer", ["no records", "printer.lan: 198.51.100.9"]),
        ] {
            assert_eq!(searched(net, server, options, host).await, expected, "{options}{host}");
        }
    });
}

#[test]
fn wildcard_domain_of_dnsmasq_in_the_search_list() {
    wildcard_domain(Dnsmasq);
}

#[test]
fn wildcard_domain_of_bind_in_the_search_list() {
    wildcard_domain(Bind);
}

#[test]
fn wildcard_domain_of_unbound_in_the_search_list() {
    wildcard_domain(Unbound);
}

/// 60 AAAA records do not fit into a datagram of 1232 bytes.
fn long() -> Served {
    (1..=60).fold(names(&["www.test"]), |served, n| {
        served.addr("many.test", &format!("2001:db8::{n:x}"))
    })
}

/// They come over TCP, and a short answer comes after them.
async fn is_truncated(net: Net, server: SocketAddr) {
    let resolver = Resolver::plain_servers([server]);
    let answer = ask(&resolver, "many.test", Record::Aaaa).await.unwrap();
    assert_eq!((answer.addrs().len(), answer.origin()), (60, Origin::Tcp));
    assert_eq!(net.whole_log().starts_to(server).len(), 1);
    found(&resolver, "www.test", server).await;
}

fn truncates(program: Program) {
    with(&[program], |net| async move {
        let _server = program.start_plain(net, FIRST, &long()).await;
        is_truncated(net, program.plain_addr(FIRST)).await;
    });
}

#[test] // R-7766-5
fn a_long_answer_of_unbound_comes_over_tcp() {
    truncates(Unbound);
}

#[test] // R-7766-5
fn a_long_answer_of_bind_behind_knot_resolver_comes_over_tcp() {
    with(&[Bind, Kresd], |net| async move {
        let _bind = Bind.start_plain(net, SECOND, &long()).await;
        let served = Served::new().forward("test", Bind.plain_addr(SECOND));
        let _kresd = Kresd.start_plain(net, FIRST, &served).await;
        is_truncated(net, Kresd.plain_addr(FIRST)).await;
    });
}

#[test] // R-7766-5
fn a_long_answer_of_dnsmasq_comes_over_tcp() {
    truncates(Dnsmasq);
}

#[test] // R-7766-5
fn a_long_answer_of_bind_comes_over_tcp() {
    truncates(Bind);
}

/// A name is found with EDNS. Then two datagrams are lost, so that the third one has none.
fn edns(program: Program) {
    with(&[program], |net| async move {
        let served = names(&["one.test", "two.test", "three.test"]);
        let _server = program.start_plain(net, FIRST, &served).await;
        let server = program.plain_addr(FIRST);
        let resolver = Resolver::plain_servers([server]);
        found(&resolver, "one.test", server).await;
        let host = net.host(FIRST).silent();
        let before = net.whole_log().sent_to(host);
        let reached = async {
            net.sees("two datagrams", |_| net.whole_log().sent_to(host) >= before + 2).await;
            host.tcp_silent();
        };
        tokio::join!(found(&resolver, "two.test", server), reached);
        found(&resolver, "three.test", server).await;
    });
}

#[test]
fn dnsmasq_with_and_without_edns() {
    edns(Dnsmasq);
}

#[test]
fn bind_with_and_without_edns() {
    edns(Bind);
}
