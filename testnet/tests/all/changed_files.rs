//! resolv.conf and the hosts file change between two calls. The second call uses the new files if
//! the resolver has looked at them again.

use std::fs;
use std::net::IpAddr;

use he::Connector;
use he::dns::Resolver;
use he_testnet::{Host, Net, internet};
use tokio::net::TcpStream;

/// The resolver looks at files again after this many milliseconds.
const LOOK: u64 = 100;

/// Asserts that the call began its only attempt at once, to this host. Then closes the connection.
async fn is_with(net: Net, stream: Result<TcpStream, he::Error>, host: Host) {
    net.assert_starts(&[(host, 0)]);
    net.assert_returned(20);
    net.assert_over(host, &[]).await;
    drop(stream.unwrap());
    net.let_go(host).await;
}

/// The server of each question.
fn servers(net: Net) -> Vec<IpAddr> {
    net.asked().iter().map(|asked| asked.server).collect()
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn he_connect_asks_the_server_of_the_new_resolv_conf() {
    internet(|net| async move {
        let (old, new) = (net.host("2001:db8::1").rtt(20), net.host("2001:db8::2").rtt(20));
        net.name_server("192.0.2.9");
        net.dns("www.test").aaaa([old]);
        is_with(net, net.call(he::connect("www.test", 443)).await, old).await;
        // Another network may have other answers, so the resolver forgets those of the old one.
        net.resolv_conf("# roamed\nnameserver 192.0.2.9\n");
        net.pass(LOOK).await;
        net.dns("www.test").aaaa([new]);
        is_with(net, net.call(he::connect("www.test", 443)).await, new).await;
        is_with(net, net.call(he::connect("www.test", 443)).await, new).await;
        assert_eq!(servers(net), ips(&["192.0.2.53", "192.0.2.53", "192.0.2.9", "192.0.2.9"]));
    });
}

#[test]
fn he_connect_searches_the_domain_of_the_new_resolv_conf() {
    internet(|net| async move {
        let (old, new) = (net.host("2001:db8::1").rtt(20), net.host("2001:db8::2").rtt(20));
        net.dns("www.old.test").aaaa([old]);
        net.dns("www.new-domain.test").aaaa([new]);
        net.resolv_conf("nameserver 192.0.2.53\nsearch old.test\n");
        is_with(net, net.call(he::connect("www", 443)).await, old).await;
        net.resolv_conf("nameserver 192.0.2.53\nsearch new-domain.test\n");
        net.pass(LOOK).await;
        is_with(net, net.call(he::connect("www", 443)).await, new).await;
    });
}

#[test]
fn he_connect_goes_by_the_new_hosts_file() {
    internet(|net| async move {
        let hosts = net.hosts("2001:db8::", 1..=3);
        let [dns, old, new] = hosts[..] else { panic!("three") };
        net.dns("db.test").aaaa([dns]);
        is_with(net, net.call(he::connect("db.test", 443)).await, dns).await;
        net.etc_hosts("2001:db8::2 db.test\n");
        net.pass(LOOK).await;
        is_with(net, net.call(he::connect("db.test", 443)).await, old).await;
        net.etc_hosts("# moved\n2001:db8::3 db.test\n");
        net.pass(LOOK).await;
        is_with(net, net.call(he::connect("db.test", 443)).await, new).await;
        net.etc_hosts("");
        net.pass(LOOK).await;
        is_with(net, net.call(he::connect("db.test", 443)).await, dns).await;
        assert_eq!(net.asked().len(), 2, "the last answer was still known");
    });
}

#[test]
fn files_of_the_same_length_that_are_moved_into_place_are_read() {
    internet(|net| async move {
        let path = |name: &str| net.dir().join(name);
        let replace = |name: &str, text: &str| {
            fs::write(path("new"), text).unwrap();
            fs::rename(path("new"), path(name)).unwrap();
        };
        let hosts = net.hosts("2001:db8::", 1..=3);
        let [dns, old, new] = hosts[..] else { panic!("three") };
        net.name_server("192.0.2.1");
        net.name_server("192.0.2.2");
        net.dns("www.test").aaaa([dns]);
        replace("conf", "nameserver 192.0.2.1\n");
        replace("names", "2001:db8::2 db.test\n");
        let resolver = Resolver::from_resolv_conf(path("conf")).with_hosts(path("names"));
        let connector = Connector::new(resolver);
        is_with(net, net.call(connector.connect("www.test", 443)).await, dns).await;
        is_with(net, net.call(connector.connect("db.test", 443)).await, old).await;
        replace("conf", "nameserver 192.0.2.2\n");
        replace("names", "2001:db8::3 db.test\n");
        net.pass(LOOK).await;
        is_with(net, net.call(connector.connect("www.test", 443)).await, dns).await;
        is_with(net, net.call(connector.connect("db.test", 443)).await, new).await;
        assert_eq!(servers(net), ips(&["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"]));
    });
}

#[test]
fn without_a_resolv_conf_the_server_is_on_this_host_until_there_is_one() {
    internet(|net| async move {
        let host = net.host("2001:db8::1").rtt(20);
        net.dns("www.test").aaaa([host]);
        let conf = net.dir().join("conf");
        let connector = Connector::new(Resolver::from_resolv_conf(&conf));
        is_with(net, net.call(connector.connect("www.test", 443)).await, host).await;
        fs::write(&conf, "nameserver 192.0.2.53\n").unwrap();
        net.pass(LOOK).await;
        is_with(net, net.call(connector.connect("www.test", 443)).await, host).await;
        let (here, there) = ("127.0.0.1", "192.0.2.53");
        assert_eq!(servers(net), ips(&[here, here, there, there]));
    });
}
