//! The behaviours of the test internet itself, as the kernel's TCP and a resolver see them.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use he::dns::Resolver;
use he_testnet::{Home, Host, Net, Over, Unreachable, internet, internet_at, words};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

async fn dial(net: Net, host: Host) -> std::io::Result<TcpStream> {
    net.call(TcpStream::connect((host.ip(), 443))).await
}

#[test]
fn icmp_over_ipv4_means_the_error_that_linux_makes_of_it() {
    internet(|net| async move {
        let kinds = [
            (Unreachable::NoRoute, ErrorKind::NetworkUnreachable),
            (Unreachable::Host, ErrorKind::HostUnreachable),
            (Unreachable::Prohibited, ErrorKind::HostUnreachable),
            (Unreachable::Port, ErrorKind::ConnectionRefused),
            (Unreachable::Reject, ErrorKind::NetworkUnreachable),
        ];
        for (why, expected) in kinds {
            let host = net.host("198.51.100.1").rtt(2).icmp(why);
            assert_eq!(dial(net, host).await.unwrap_err().kind(), expected, "{why:?}");
            net.assert_returned(2);
        }
    });
}

#[test]
fn refused_over_ipv4_is_refused_after_a_round_trip() {
    internet(|net| async move {
        let host = net.host("198.51.100.1").rtt(30).refused();
        assert_eq!(dial(net, host).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        net.assert_returned(30);
    });
}

#[test] // C-RTO
fn a_lost_first_syn_is_repeated_by_the_kernel_after_a_second() {
    internet(|net| async move {
        let host = net.host("2001:db8::1").rtt(10).lose_first_syns(1);
        dial(net, host).await.unwrap();
        net.assert_starts(&[(host, 0)]);
        net.assert_returned_after_repetition(10);
    });
}

#[test]
fn loss_is_the_same_with_the_same_seed() {
    let lost = async |net: Net, seed| {
        let host = net.host("198.51.100.1").port(9).loss(seed, 0.5);
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let sends = async || {
            for _ in 0..20 {
                socket.send_to(b"hello", (host.ip(), 9)).await.unwrap();
            }
        };
        net.call(sends()).await;
        net.sees("20 datagrams", |log| log.sent_to(host) == 20).await;
        net.log().with(host).map(|packet| packet.lost).collect::<Vec<_>>()
    };
    internet(async move |net| {
        let first = lost(net, 1).await;
        assert_eq!(first, lost(net, 1).await);
        assert_ne!(first, lost(net, 2).await);
        assert!(first.contains(&true) && first.contains(&false), "{first:?}");
    });
}

#[test]
fn hosts_that_accept_speak_close_reset_or_stay_silent() {
    internet(|net| async move {
        let mut buffer = [0; 8];
        let mut closing = dial(net, net.host("198.51.100.1").accepts_then_closes()).await.unwrap();
        assert_eq!(closing.read(&mut buffer).await.unwrap(), 0);
        let mut resetting =
            dial(net, net.host("198.51.100.2").accepts_then_resets()).await.unwrap();
        resetting.write_all(b"hello").await.unwrap();
        let error = resetting.read(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let mut silent = dial(net, net.host("198.51.100.3").answers_never()).await.unwrap();
        silent.write_all(b"hello").await.unwrap();
        let heard = tokio::time::timeout(Duration::from_millis(100), silent.read(&mut buffer));
        assert!(heard.await.is_err());
        let mut speaking = dial(net, net.host("198.51.100.4")).await.unwrap();
        speaking.write_all(b"hello").await.unwrap();
        assert_eq!(speaking.read(&mut buffer).await.unwrap(), 5);
    });
}

#[test]
fn a_port_may_differ_from_its_host() {
    internet(|net| async move {
        let host = net.host("198.51.100.1").rtt(5);
        let refused = host.port(80).refused();
        host.port(8080);
        let dial = |port| TcpStream::connect((host.ip(), port));
        assert_eq!(dial(80).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        dial(443).await.unwrap();
        dial(8080).await.unwrap();
        // No socket listens there, so the kernel refuses the connection.
        assert_eq!(dial(81).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(net.whole_log().sent_to(refused), 1);
    });
}

#[test]
fn nobody_is_at_an_address_that_no_story_speaks_of() {
    internet(|net| async move {
        let dialling = net.call(TcpStream::connect("203.0.113.9:443"));
        assert!(tokio::time::timeout(Duration::from_millis(100), dialling).await.is_err());
        assert_eq!(net.log().starts().len(), 1);
    });
}

#[test]
fn without_a_default_route_nothing_leaves() {
    internet_at(Home::v4_only(), |net| async move {
        let host = net.host("2001:db8::1");
        assert_eq!(dial(net, host).await.unwrap_err().kind(), ErrorKind::NetworkUnreachable);
        assert_eq!(net.log().packets().len(), 0);
    });
}

#[test]
fn truncation_cnames_and_failures_are_what_the_resolver_makes_of_them() {
    internet(|net| async move {
        let host = net.host("2001:db8::1").rtt(5);
        net.dns("long.test").aaaa([host]).truncated();
        net.dns("alias.test").cname("host.test");
        net.dns("host.test").aaaa([host]);
        net.dns("loop.test").cname("pool.test");
        net.dns("pool.test").cname("loop.test");
        net.dns("broken.test").aaaa([host]).servfail().a([host_v4(net)]).refused();
        let tells = async |name: &str| match net.connect(name, &[443]).await {
            Ok(established) => words(&established.report),
            Err(error) => words(error.report()),
        };
        let won = "[2001:db8::1]:443: won";
        assert_eq!(tells("long.test").await[..], ["AAAA: 1", "A: no records", won]);
        assert_eq!(net.asked().iter().filter(|asked| asked.over == Over::Tcp).count(), 1);
        assert_eq!(tells("alias.test").await[..], ["AAAA: 1", "A: no records", won]);
        assert_eq!(tells("loop.test").await[..], ["AAAA: lookup failed", "A: lookup failed"]);
        assert_eq!(tells("broken.test").await[..], ["AAAA: server failure", "A: refused"]);
        assert_eq!(tells("unknown.test").await[..], ["AAAA: no such name", "A: no such name"]);
    });
}

#[test]
fn an_answer_of_thousands_of_addresses_comes_over_tcp() {
    internet(|net| async move {
        let all = (0..2000).map(|n| Ipv4Addr::from_bits(0xc633_6400 + n)).collect::<Vec<_>>();
        net.host("198.51.100.0").rtt(5);
        net.dns("www.test").a(all).ttl(1 << 31);
        let established = net.connect("www.test", &[443]).await.unwrap();
        let reported = words(&established.report);
        assert_eq!(reported, ["AAAA: no records", "A: 64", "198.51.100.0:443: won"]);
        assert_eq!(net.asked().iter().filter(|asked| asked.over == Over::Tcp).count(), 1);
    });
}

fn host_v4(net: Net) -> Host {
    net.host("198.51.100.1")
}

#[test]
fn name_servers_have_moods_of_their_own() {
    internet(|net| async move {
        let host = net.host("2001:db8::1").rtt(5);
        net.dns("www.test").aaaa([host]);
        let dead = net.name_server("192.0.2.1").dead();
        net.name_server("192.0.2.2").servfail();
        net.name_server("2001:db8:53::3").after(40);
        net.resolv_conf("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 2001:db8:53::3\n");
        net.connect("www.test", &[443]).await.unwrap();
        // The dead server takes the head start of TLS and as much patience (N-1), the failing one no
        // time, and the third one 40 ms.
        net.assert_starts(&[(host, 140)]);
        let log = net.log();
        let first = log.packets().iter().find(|packet| dead.host().is(packet.peer)).unwrap();
        assert!(first.lost, "{first:?}");
    });
}

#[test]
fn files_of_the_storys_own_work_as_well() {
    internet(|net| async move {
        let (there, here) = (net.host("2001:db8::1").rtt(5), net.host("2001:db8::2").rtt(5));
        net.name_server("192.0.2.9");
        net.dns("www.test").aaaa([there]);
        let (conf, hosts) = (net.dir().join("my-resolv.conf"), net.dir().join("my-hosts"));
        std::fs::write(&conf, "nameserver 192.0.2.9\n").unwrap();
        std::fs::write(&hosts, "2001:db8::2 near.test\n").unwrap();
        let resolver = Resolver::from_resolv_conf(conf).with_hosts(hosts);
        let connector = he::Connector::new(resolver);
        net.call(connector.connect("www.test", 443)).await.unwrap();
        net.assert_starts(&[(there, 0)]);
        net.call(connector.connect("near.test", 443)).await.unwrap();
        net.assert_starts(&[(here, 0)]);
        let server: IpAddr = "192.0.2.9".parse().unwrap();
        assert!(net.asked().iter().all(|asked| asked.server == server), "{:?}", net.asked());
    });
}
