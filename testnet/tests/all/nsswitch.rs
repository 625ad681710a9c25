//! A name that the DNS does not have, on a system with other sources of names. That error, and no
//! other, mentions these sources.

use std::process::Command;

use he::dns::Resolver;
use he::{Config, Connector, Family, LookupOutcome, LookupReport, Report};
use he_test_support::missing;
use he_testnet::{Net, internet};

const MDNS: &str = "hosts: files mdns4_minimal [NOTFOUND=return] dns wins\n";
const HINT: &str = "nsswitch.conf also has mdns4_minimal, wins: \
                    he::os::Resolver (feature os) asks them";

fn errors(report: &Report) -> Vec<String> {
    let of = |lookup: &LookupReport| lookup.error().map(ToString::to_string).unwrap_or_default();
    report.lookups().iter().map(of).collect()
}

async fn errors_of(net: Net, connector: &Connector, name: &str) -> Vec<String> {
    let connected = connector.connect_with(name, 443, he::Attempt::connect);
    match net.call(connected).await {
        Ok(established) => errors(&established.report),
        Err(error) => errors(error.report()),
    }
}

#[test]
fn a_name_that_is_not_found_might_be_known_elsewhere() {
    internet(|net| async move {
        net.nsswitch_conf(MDNS);
        let server = "192.0.2.53:53";
        let expected = format!("no such name ({server}): {HINT}");
        let connector = Connector::plain();
        let reported = errors_of(net, &connector, "printer.test").await;
        assert_eq!(reported, [expected.clone(), expected]);
        // The same from the cache. A changed file is noticed within 100 ms.
        let expected = format!("no such name ({server}, cached): {HINT}");
        assert_eq!(errors_of(net, &connector, "printer.test").await, [expected.clone(), expected]);
        net.nsswitch_conf("hosts: files dns\n");
        net.pass(100).await;
        let expected = format!("no such name ({server}, cached)");
        assert_eq!(errors_of(net, &connector, "printer.test").await, [expected.clone(), expected]);
        assert_eq!(net.asked().len(), 2);
    });
}

#[test]
fn a_host_without_one_family_has_been_found() {
    internet(|net| async move {
        net.nsswitch_conf(MDNS);
        let host = net.host("198.51.100.1");
        net.dns("www.test").aaaa([host_v6(net)]).nodata().a([host]);
        net.dns("late.test").aaaa([host_v6(net)]).nodata().after(100).a([host]);
        net.dns("down.test").aaaa([host_v6(net)]).servfail().a([host]).servfail();
        net.etc_hosts("198.51.100.1 db.test\n");
        let connector = net.connector();
        let none = "no records (192.0.2.53:53)";
        assert_eq!(errors_of(net, &connector, "www.test").await, [none, ""]);
        // The same if A is known first, and from the cache.
        assert_eq!(errors_of(net, &connector, "late.test").await[1], "");
        net.pass(150).await;
        let cached = "no records (192.0.2.53:53, cached)";
        assert_eq!(errors_of(net, &connector, "late.test").await, [cached, ""]);
        assert_eq!(errors_of(net, &connector, "db.test").await, ["no records", ""]);
        let reported = errors_of(net, &connector, "down.test").await;
        assert!(reported.iter().all(|error| !error.contains("nsswitch")), "{reported:?}");
    });
}

fn host_v6(net: Net) -> he_testnet::Host {
    net.host("2001:db8::1")
}

#[test]
fn a_name_without_records_of_either_type_is_not_found() {
    internet(|net| async move {
        net.nsswitch_conf(MDNS);
        let (v6, v4) = (host_v6(net), net.host("198.51.100.1"));
        // The second answer comes after the first one.
        net.dns("corp.test").aaaa([v6]).nodata().a([v4]).nodata().after(50);
        let none = "no records (192.0.2.53:53)";
        let reported = errors_of(net, &Connector::plain(), "corp.test").await;
        assert_eq!(reported, [none.to_owned(), format!("{none}: {HINT}")]);
        let v4_only = Connector::plain().with_config(Config::new().with_family(Family::V4Only));
        assert_eq!(errors_of(net, &v4_only, "corp.test").await, [format!("{none}: {HINT}")]);
    });
}

#[test]
fn a_resolver_that_is_not_the_systems_says_nothing_of_the_system() {
    internet(|net| async move {
        net.nsswitch_conf(MDNS);
        let (conf, server) = (net.dir().join("my.conf"), "192.0.2.53:53");
        std::fs::write(&conf, "nameserver 192.0.2.53\n").unwrap();
        let none = format!("no such name ({server})");
        for resolver in [
            Resolver::plain_servers([server.parse().unwrap()]),
            Resolver::from_resolv_conf(conf),
            Resolver::from_resolv_conf("/etc/resolv.conf"),
            Resolver::from_resolv_conf_plain("/etc/resolv.conf"),
        ] {
            let reported = errors_of(net, &Connector::new(resolver), "printer.test").await;
            assert_eq!(reported, [none.clone(), none.clone()]);
        }
    });
}

/// The system's resolver without the hosts file, so that the operating system has names that DNS does
/// not have.
fn without_hosts() -> Connector {
    Connector::new(Resolver::system().without_hosts())
}

async fn outcomes(net: Net, connector: &Connector, name: &str) -> Vec<String> {
    let report = match net.call(connector.connect_with(name, 443, he::Attempt::connect)).await {
        Ok(established) => established.report,
        Err(error) => error.report().clone(),
    };
    let of = |lookup: &LookupReport| match lookup.outcome() {
        LookupOutcome::Answered(answer) => format!("{:?}", answer.origin()),
        LookupOutcome::Failed(error) => error.to_string(),
        other => format!("{other:?}"),
    };
    report.lookups().iter().map(of).collect()
}

#[test] // D17
fn a_name_that_only_another_source_has_is_found() {
    internet(|net| async move {
        net.nsswitch_conf("hosts: dns wins files\n");
        net.host("198.51.100.1").rtt(20);
        net.etc_hosts("198.51.100.1 printer.test\n");
        let reported = outcomes(net, &without_hosts(), "printer.test").await;
        assert_eq!(reported[1], "System");
        assert!(
            reported[0].starts_with("no such name (192.0.2.53:53): getaddrinfo "),
            "{reported:?}"
        );
    });
}

#[test] // D17
fn a_name_that_no_source_has_is_not_found() {
    internet(|net| async move {
        net.nsswitch_conf("hosts: dns wins files\n");
        let expected = "no such name (192.0.2.53:53): getaddrinfo does not find it either";
        let reported = outcomes(net, &without_hosts(), "printer.test").await;
        assert_eq!(reported, [expected, expected]);
    });
}

#[test] // D17
fn the_operating_system_is_asked_for_nothing_else() {
    internet(|net| async move {
        net.etc_hosts("198.51.100.1 printer.test down.test\n");
        net.dns("down.test").aaaa([host_v6(net)]).servfail().a([net.host("198.51.100.1")]).nodata();
        net.nsswitch_conf("hosts: files dns\n");
        let none = "no such name (192.0.2.53:53)";
        assert_eq!(outcomes(net, &without_hosts(), "printer.test").await, [none, none]);
        net.nsswitch_conf("hosts: dns wins files\n");
        let server = Resolver::plain_servers(["192.0.2.53:53".parse().unwrap()]).without_hosts();
        assert_eq!(outcomes(net, &Connector::new(server), "printer.test").await, [none, none]);
        let reported = outcomes(net, &without_hosts(), "down.test").await;
        assert!(reported.iter().all(|text| !text.contains("getaddrinfo")), "{reported:?}");
    });
}

/// This machine's own name.
fn own_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    name.trim().to_ascii_lowercase()
}

/// True if glibc finds the module `myhostname`, and the module this machine's name. If not, this
/// reports that a test is left out.
fn has_myhostname() -> bool {
    let name = own_name();
    let mut getent = Command::new("getent");
    let output = getent.args(["-s", "hosts:myhostname", "hosts", &name]).output();
    let has = name != "localhost" && output.is_ok_and(|output| output.status.success());
    if !has {
        let what = format!("the test of `{name}` with libnss-myhostname");
        missing(&what, "apt-get install libnss-myhostname");
    }
    has
}

#[test] // D17, N-66
fn the_machines_own_name_is_found_by_myhostname() {
    if !has_myhostname() {
        return;
    }
    internet(|net| async move {
        net.nsswitch_conf("hosts: files myhostname dns\n");
        let listener = tokio::net::TcpListener::bind("[::]:0").await.unwrap();
        let (port, name) = (listener.local_addr().unwrap().port(), own_name());
        let stream = net.call(he::connect(&name, port)).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(stream.local_addr().unwrap().port(), peer.port());
        let mut asked: Vec<_> = net.asked().iter().map(|it| it.record.to_string()).collect();
        asked.sort();
        assert_eq!(asked, ["A", "AAAA"], "DNS was asked first");
    });
}
