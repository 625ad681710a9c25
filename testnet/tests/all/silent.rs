//! Hosts that drop every packet.

use he_testnet::{Host, Net, internet, words};

#[test] // S07, R-8305-5a, R-8305-5b, R-8305-5c, R-8305-5i, R-V3-6a, C-CAD
fn a_silent_v6_address_costs_one_connect_delay() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").silent();
        let v4 = net.host("198.51.100.1").rtt(20);
        net.dns("www.test").aaaa([v6]).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        net.assert_gap(v6, v4, 250);
        net.assert_returned(270);
        net.assert_over(v4, &[v6]).await;
        assert_eq!(
            words(&established.report),
            ["AAAA: 1", "A: 1", "[2001:db8::1]:443: cancelled", "198.51.100.1:443: won"]
        );
    });
}

/// The first `n` of these hosts are silent, and the rest accept. An attempt starts every 250 ms.
async fn first_are_silent(net: Net, hosts: Vec<Host>, n: usize) {
    let (silent, working) = hosts.split_at(n);
    for host in silent {
        host.silent();
    }
    let starts: Vec<_> = hosts[..=n].iter().copied().zip((0..).step_by(250)).collect();
    let established = net.connect("www.test", &[443]).await.unwrap();
    net.assert_starts(&starts);
    hosts[..=n].windows(2).for_each(|pair| net.assert_gap(pair[0], pair[1], 250));
    net.assert_returned(starts[n].1 + 20);
    net.assert_over(working[0], silent).await;
    assert!(working[0].is(established.addr));
    let untried = |host: &&Host| net.log().sent_to(**host) == 0;
    assert_eq!(working[1..].iter().filter(untried).count(), 9 - n, "the rest is left alone");
    let reported = words(&established.report);
    let count = |end: &str| reported.iter().filter(|line| line.ends_with(end)).count();
    assert_eq!(
        (count(": cancelled"), count(": won"), reported.len()),
        (n, 1, n + 3),
        "{reported:?}"
    );
}

/// Ten addresses of one family.
fn of_ten_v6(n: usize) {
    internet(move |net| async move {
        let v6 = net.hosts("2001:db8::", 1..=10);
        net.dns("www.test").aaaa(&v6);
        first_are_silent(net, v6, n).await;
    });
}

/// Five addresses of each family. The attempts alternate between the families.
fn of_five_and_five(n: usize) {
    internet(move |net| async move {
        let (v6, v4) = (net.hosts("2001:db8::", 1..=5), net.hosts("198.51.100.", 1..=5));
        net.dns("www.test").aaaa(&v6).a(&v4);
        let alternating = v6.into_iter().zip(v4).flat_map(|(v6, v4)| [v6, v4]).collect();
        first_are_silent(net, alternating, n).await;
    });
}

#[test] // S13, R-8305-5c, R-V3-6a
fn one_silent_address_of_ten_v6_costs_250_ms() {
    of_ten_v6(1);
}

#[test] // S13, R-8305-5c, R-V3-6a
fn three_silent_addresses_of_ten_v6_cost_750_ms() {
    of_ten_v6(3);
}

#[test] // S13, R-8305-5c, R-V3-6a
fn five_silent_addresses_of_ten_v6_cost_1250_ms() {
    of_ten_v6(5);
}

#[test] // S13, R-8305-5c, R-V3-6a
fn nine_silent_addresses_of_ten_v6_cost_2250_ms() {
    of_ten_v6(9);
}

#[test] // S13 (b), R-8305-4b, R-8305-4c
fn one_silent_address_of_five_and_five_costs_250_ms() {
    of_five_and_five(1);
}

#[test] // S13 (b), R-8305-4b, R-8305-4c
fn three_silent_addresses_of_five_and_five_cost_750_ms() {
    of_five_and_five(3);
}

#[test] // S13 (b), R-8305-4b, R-8305-4c
fn five_silent_addresses_of_five_and_five_cost_1250_ms() {
    of_five_and_five(5);
}

#[test] // S13 (b), R-8305-4b, R-8305-4c
fn nine_silent_addresses_of_five_and_five_cost_2250_ms() {
    of_five_and_five(9);
}
