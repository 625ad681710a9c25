//! From the host of a call to a name in the DNS: the search list and the hosts file.

use he_testnet::{Host, Net, internet, words};

const SERVER: &str = "nameserver 192.0.2.53\n";

fn hosts(net: Net) -> (Host, Host) {
    (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1").rtt(20))
}

/// The questions in order, such as `AAAA www.one.test`.
fn asked(net: Net) -> Vec<String> {
    net.asked().iter().map(|asked| format!("{} {}", asked.record, asked.name)).collect()
}

#[test]
fn a_at_the_first_domain_decides_for_both_types() {
    internet(|net| async move {
        net.resolv_conf(&format!("{SERVER}search one.test two.test\n"));
        let (v6, v4) = hosts(net);
        net.dns("www.one.test").a([v4]);
        net.dns("www.two.test").aaaa([v6]);
        let established = net.connect("www", &[443]).await.unwrap();
        net.assert_starts(&[(v4, 0)]);
        net.assert_returned(20);
        net.assert_over(v4, &[]).await;
        let reported = words(&established.report);
        assert_eq!(reported, ["AAAA: no records", "A: 1", "198.51.100.1:443: won"]);
        assert_eq!(established.report.final_name(), Some("www.one.test"));
        assert_eq!(asked(net), ["AAAA www.one.test", "A www.one.test"]);
    });
}

#[test]
fn aaaa_at_the_first_domain_decides_for_both_types() {
    internet(|net| async move {
        net.resolv_conf(&format!("{SERVER}search one.test two.test\n"));
        let (v6, v4) = hosts(net);
        v6.refused();
        net.dns("www.one.test").aaaa([v6]);
        net.dns("www.two.test").a([v4]);
        let error = net.connect("www", &[443]).await.unwrap_err();
        net.assert_starts(&[(v6, 0)]);
        net.assert_returned(20);
        let refused = "[2001:db8::1]:443: connection refused";
        assert_eq!(words(error.report()), ["AAAA: 1", "A: no records", refused]);
        assert_eq!(asked(net), ["AAAA www.one.test", "A www.one.test"]);
    });
}

#[test]
fn a_name_that_the_first_domain_does_not_have_is_the_second_ones() {
    internet(|net| async move {
        net.resolv_conf(&format!("{SERVER}search one.test two.test\n"));
        net.name_server("192.0.2.53").after(30);
        let (v6, v4) = hosts(net);
        net.dns("www.two.test").aaaa([v6]).a([v4]);
        let established = net.connect("www", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 60)]);
        net.assert_returned(80);
        net.assert_over(v6, &[]).await;
        assert_eq!(established.report.final_name(), Some("www.two.test"));
        let mut asked = asked(net);
        asked[2..].sort();
        let expected =
            ["AAAA www.one.test", "A www.one.test", "A www.two.test", "AAAA www.two.test"];
        assert_eq!(asked, expected);
    });
}

#[test]
fn with_ndots_5_a_name_with_two_dots_goes_through_the_search_list_first() {
    internet(|net| async move {
        net.resolv_conf(&format!("{SERVER}search one.test two.test\noptions ndots:5\n"));
        net.name_server("192.0.2.53").after(30);
        let (v6, v4) = hosts(net);
        net.dns("www.host.test").aaaa([v6]).a([v4]);
        let _stream = net.connect("www.host.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 90)]);
        net.assert_returned(110);
        net.assert_over(v6, &[]).await;
        let names: Vec<_> = net.asked().into_iter().map(|asked| asked.name).collect();
        let (one, two) = ("www.host.test.one.test", "www.host.test.two.test");
        assert_eq!(names, [one, one, two, two, "www.host.test", "www.host.test"]);
    });
}

#[test]
fn with_ndots_5_a_dot_at_the_end_saves_the_search() {
    internet(|net| async move {
        net.resolv_conf(&format!("{SERVER}search one.test two.test\noptions ndots:5\n"));
        net.name_server("192.0.2.53").after(30);
        let (v6, v4) = hosts(net);
        net.dns("www.host.test").aaaa([v6]).a([v4]);
        let _stream = net.connect("www.host.test.", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 30)]);
        net.assert_returned(50);
        net.assert_over(v6, &[]).await;
        assert_eq!(asked(net), ["AAAA www.host.test", "A www.host.test"]);
    });
}

/// A name has one address in the hosts file, so those in the DNS do not count.
fn is_in_the_hosts_file(v6: bool) {
    internet(move |net| async move {
        let (v6_host, v4_host) = hosts(net);
        net.dns("db.test").aaaa([v6_host]).a([v4_host]);
        let host = if v6 { v6_host } else { v4_host };
        net.etc_hosts(&format!("{} db.test db\n", host.ip()));
        let established = net.connect("DB.test", &[443]).await.unwrap();
        net.assert_starts(&[(host, 0)]);
        net.assert_returned(20);
        net.assert_over(host, &[]).await;
        assert_eq!((net.asked().len(), net.log().sent_to_port(53)), (0, 0));
        let reported = words(&established.report);
        let lookups = if v6 { ["AAAA: 1", "A: no records"] } else { ["AAAA: no records", "A: 1"] };
        assert_eq!(reported[..2], lookups);
    });
}

#[test]
fn a_name_with_a_v4_address_in_the_hosts_file_is_not_asked_in_dns() {
    is_in_the_hosts_file(false);
}

#[test]
fn a_name_with_a_v6_address_in_the_hosts_file_is_not_asked_in_dns() {
    is_in_the_hosts_file(true);
}
