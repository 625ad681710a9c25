//! Long, repetitive and hostile answers.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use he::{Config, ErrorKind};
use he_testnet::{Host, Net, Over, internet, words};

/// The shortest delay, and attempts that time out before the kernel repeats a SYN.
fn hasty() -> Config {
    Config::new()
        .with_connect_delay(Duration::from_millis(10))
        .with_connect_timeout(Duration::from_millis(800))
}

/// One start every 10 ms.
fn each_10_ms(hosts: &[Host]) -> Vec<(Host, u64)> {
    hosts.iter().copied().zip((0..).step_by(10)).collect()
}

async fn connect(
    net: Net,
    config: Config,
) -> Result<he::Established<tokio::net::TcpStream>, he::Error> {
    let connector = net.connector().with_config(config);
    net.call(connector.connect_with("www.test", 443, he::Attempt::connect)).await
}

fn silence(host: Host) {
    let _ = host.silent();
}

fn count(reported: &[String], end: &str) -> usize {
    reported.iter().filter(|line| line.ends_with(end)).count()
}

#[test] // F-15
fn an_answer_that_repeats_a_silent_address_costs_one_delay() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").silent();
        let v4 = net.host("198.51.100.1").rtt(20);
        net.dns("www.test").aaaa([v6, v6, v6, v6]).a([v4, v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        net.assert_gap(v6, v4, 250);
        net.assert_returned(270);
        net.assert_over(v4, &[v6]).await;
        assert_eq!(
            words(&established.report),
            ["AAAA: 4", "A: 2", "[2001:db8::1]:443: cancelled", "198.51.100.1:443: won"]
        );
    });
}

#[test] // F-14, F-15
fn a_mapped_address_is_the_v4_address_that_it_maps() {
    internet(|net| async move {
        let silent = net.host("198.51.100.1").silent();
        let v4 = net.host("198.51.100.2").rtt(20);
        let mapped = Ipv4Addr::new(198, 51, 100, 1).to_ipv6_mapped();
        net.dns("www.test").aaaa([mapped]).a([silent, v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(silent, 0), (v4, 250)]);
        net.assert_returned(270);
        net.assert_over(v4, &[silent]).await;
        assert_eq!(
            words(&established.report),
            ["AAAA: 1", "A: 2", "198.51.100.1:443: cancelled", "198.51.100.2:443: won"]
        );
    });
}

#[test] // R-8305-5c, R-V3-6a
fn the_last_of_30_addresses_is_reached_after_29_delays() {
    internet(|net| async move {
        let hosts = net.hosts("2001:db8::", 1..=30);
        hosts[..29].iter().for_each(|host| silence(*host));
        net.dns("www.test").aaaa(&hosts);
        let established = connect(net, hasty()).await.unwrap();
        net.assert_starts(&each_10_ms(&hosts));
        hosts.windows(2).for_each(|pair| net.assert_gap(pair[0], pair[1], 10));
        net.assert_returned(310);
        net.assert_over(hosts[29], &hosts[..29]).await;
        let reported = words(&established.report);
        assert_eq!(reported[..2], ["AAAA: 30", "A: no records"]);
        assert_eq!((count(&reported, ": cancelled"), reported.len()), (29, 32));
        assert_eq!(reported[31], "[2001:db8::30]:443: won");
        assert_eq!(established.report.left_out(), 0);
    });
}

#[test] // R-8305-4b, R-8305-4c
fn of_40_addresses_of_each_family_32_are_tried() {
    internet(|net| async move {
        let (v6, v4) = (net.hosts("2001:db8::", 1..=40), net.hosts("198.51.100.", 1..=40));
        v6.iter().chain(&v4).for_each(|host| silence(*host));
        net.dns("www.test").aaaa(&v6).a(&v4);
        let error = connect(net, hasty()).await.unwrap_err();
        let tried: Vec<_> = v6.into_iter().zip(v4).take(32).flat_map(|(v6, v4)| [v6, v4]).collect();
        net.assert_starts(&each_10_ms(&tried));
        net.assert_returned(630 + 800);
        for host in tried {
            net.let_go(host).await;
        }
        let reported = words(error.report());
        assert_eq!(reported[..2], ["AAAA: 40", "A: 40"]);
        assert_eq!((count(&reported, ": timed out"), reported.len()), (64, 66));
        assert_eq!((error.report().left_out(), error.report().not_tried()), (16, 0));
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(net.log().connections(), []);
    });
}

#[test] // because 4 000 SYNs would be a flood
fn of_thousands_of_addresses_32_a_family_are_tried() {
    internet(|net| async move {
        // 4 000 addresses fit into a message over TCP, because the server does not compress names.
        let v4 = (0..2500).map(|n| Ipv4Addr::from_bits(0xc633_0000 + n));
        let v6 = (0..1500).map(|n| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, n));
        net.dns("www.test").aaaa(v6).a(v4).ttl(u32::MAX);
        let error = connect(net, hasty()).await.unwrap_err();
        assert_eq!(net.log().starts().len(), 64);
        assert_eq!(net.log().connections(), []);
        let reported = words(error.report());
        assert_eq!(reported[..2], ["AAAA: 64", "A: 64"]);
        assert_eq!((count(&reported, ": timed out"), reported.len()), (64, 66));
        assert_eq!(error.report().left_out(), 4_000 - 64);
        assert_eq!(net.asked().iter().filter(|asked| asked.over == Over::Tcp).count(), 2);
        assert_eq!(net.sockets(), []);
    });
}

#[test] // R-7766-5
fn an_answer_that_is_too_long_even_for_tcp_is_an_error_at_once() {
    internet(|net| async move {
        let v4 = (0..4000).map(|n| Ipv4Addr::from_bits(0xc633_0000 + n));
        net.dns("www.test").a(v4);
        let error = net.connect("www.test", &[443]).await.unwrap_err();
        net.assert_starts(&[]);
        net.assert_returned(0);
        assert_eq!(words(error.report()), ["AAAA: no records", "A: lookup failed"]);
        assert!(error.to_string().ends_with("truncated on a stream"), "{error}");
        assert_eq!(net.asked().iter().filter(|asked| asked.over == Over::Tcp).count(), 1);
        assert_eq!(net.sockets(), []);
    });
}

/// A name without an address at its end: each type is asked once, and the error says why.
fn leads_nowhere(aliases: &'static [&'static str], questions: usize, why: &'static str) {
    internet(move |net| async move {
        for pair in aliases.windows(2) {
            net.dns(pair[0]).cname(pair[1]);
        }
        let error = net.connect(aliases[0], &[443]).await.unwrap_err();
        net.assert_starts(&[]);
        net.assert_returned(0);
        assert_eq!(words(error.report()), ["AAAA: lookup failed", "A: lookup failed"]);
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(net.asked().len(), questions);
    });
}

#[test] // R-1034-3.6.2
fn a_cname_loop_is_an_error_at_once() {
    leads_nowhere(&["a.test", "b.test", "a.test"], 2, "CNAME loop: a.test -> b.test -> a.test");
}

#[test] // R-1034-3.6.2
fn a_name_that_is_its_own_alias_is_an_error_at_once() {
    leads_nowhere(&["a.test", "a.test"], 2, "CNAME loop: a.test -> a.test");
}

/// The names of a chain of 17 CNAMEs.
const CHAIN: [&str; 18] = [
    "0.test", "1.test", "2.test", "3.test", "4.test", "5.test", "6.test", "7.test", "8.test",
    "9.test", "10.test", "11.test", "12.test", "13.test", "14.test", "15.test", "16.test",
    "17.test",
];

#[test] // R-1034-3.6.2, C-ALIAS
fn more_than_16_cnames_are_an_error() {
    // The server of this test follows eight of them in a reply.
    leads_nowhere(&CHAIN, 6, "more than 16 CNAMEs");
}

#[test] // R-1034-3.6.2, C-ALIAS
fn sixteen_cnames_are_followed() {
    internet(|net| async move {
        let host = net.host("2001:db8::1").rtt(20);
        for pair in CHAIN[..17].windows(2) {
            net.dns(pair[0]).cname(pair[1]);
        }
        net.dns(CHAIN[16]).aaaa([host]);
        net.connect(CHAIN[0], &[443]).await.unwrap();
        net.assert_starts(&[(host, 0)]);
    });
}

/// Two calls of the same connector, between which the name gets another address. They ask `asked`
/// questions.
fn moves(ttl: u32, asked: usize, follows: bool) {
    internet(move |net| async move {
        let (old, new) = (net.host("2001:db8::1").rtt(20), net.host("2001:db8::2").rtt(20));
        let connector = net.connector();
        net.dns("www.test").aaaa([old]).ttl(ttl);
        net.call(connector.connect("www.test", 443)).await.unwrap();
        net.assert_starts(&[(old, 0)]);
        net.let_go(old).await;
        net.dns("www.test").aaaa([new]).ttl(ttl);
        net.call(connector.connect("www.test", 443)).await.unwrap();
        net.assert_starts(&[(if follows { new } else { old }, 0)]);
        net.assert_returned(20);
        assert_eq!(net.asked().len(), asked);
    });
}

#[test] // R-1035-TTL
fn an_answer_with_a_ttl_is_remembered() {
    moves(300, 2, false);
}

#[test] // R-1035-TTL; the absence of A records is remembered
fn an_answer_with_a_ttl_of_zero_is_not_remembered() {
    moves(0, 3, true);
}

#[test] // R-1035-TTL
fn a_ttl_of_2_to_the_31_is_zero() {
    moves(1 << 31, 3, true);
}
