use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::race::endpoint::EndpointOrigin;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| SocketAddr::new(text.parse().unwrap(), 0))
}

fn endpoint(addr: SocketAddr) -> Endpoint {
    Endpoint::new(addr, EndpointOrigin::Lookup(0))
}

/// Puts endpoints into the order of destination address selection.
fn sort(endpoints: &mut Vec<Endpoint>, ports: &[u16], sources: &SourceAddrs) {
    let order = super::sort(endpoints, ports, sources);
    *endpoints = order.into_iter().map(|index| endpoints[index]).collect();
}

/// Interleaves endpoints that are already sorted.
fn interleave(sorted: &[Endpoint], ports: &[u16], first: Option<IpVersion>) -> Vec<Endpoint> {
    let order: Vec<usize> = (0..sorted.len()).collect();
    let attempts = super::interleave(&order, sorted, ports, first);
    attempts.into_iter().map(|index| sorted[index]).collect()
}

fn endpoints(texts: &[&str]) -> Vec<Endpoint> {
    texts.iter().map(|text| endpoint(addr(text))).collect()
}

/// Sorts destinations, each with its source beside it; `-` stands for none. The result must not
/// depend on their order, so the callers try both orders of a pair.
fn sorted(pairs: &[(&str, &str)]) -> Vec<String> {
    let table: Vec<(IpAddr, Option<IpAddr>)> =
        pairs.iter().map(|(d, s)| (addr(d).ip(), (*s != "-").then(|| addr(s).ip()))).collect();
    let sources = SourceAddrs::new(move |destinations: &[SocketAddr]| {
        destinations
            .iter()
            .map(|d| table.iter().find(|row| row.0 == d.ip()).and_then(|row| row.1))
            .collect()
    });
    let mut destinations = endpoints(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    sort(&mut destinations, &[1, 2, 3], &sources);
    destinations.iter().map(|d| d.addr.ip().to_string()).collect()
}

/// The first pair wins over the second, in either order.
#[track_caller]
fn prefers(a: (&str, &str), b: (&str, &str)) {
    assert_eq!(sorted(&[a, b]), [a.0, b.0]);
    assert_eq!(sorted(&[b, a]), [a.0, b.0]);
}

/// Neither pair wins: the order stays as it is.
#[track_caller]
fn ties(a: (&str, &str), b: (&str, &str)) {
    assert_eq!(sorted(&[a, b]), [a.0, b.0]);
    assert_eq!(sorted(&[b, a]), [b.0, a.0]);
}

#[test] // R-6724-6.1
fn rule_1_puts_unreachable_addresses_last() {
    prefers(("192.0.2.1", "192.0.2.9"), ("2001:db8::1", "-"));
    prefers(("2001:db8::1", "fe80::2"), ("192.0.2.1", "-"));
    // Rule 1 comes before rules 2 to 9: the loser would win by each of them.
    prefers(("fec0::1", "::1"), ("::1", "-"));
    // Between two unreachable destinations the later rules decide.
    prefers(("2001:db8::1", "-"), ("192.0.2.1", "-"));
    ties(("2001:db8::1", "-"), ("2001:db8::2", "-"));
}

#[test] // R-6724-6.2
fn rule_2_prefers_a_source_of_the_same_scope() {
    prefers(("192.0.2.1", "10.0.0.2"), ("2001:db8::1", "fe80::2"));
    prefers(("2001:db8::1", "2001:db8::2"), ("192.0.2.1", "169.254.0.2"));
    // Rule 2 comes before rule 5: the loser's label matches, the winner's does not.
    prefers(("2001:db8::1", "2002::2"), ("2001:db8:1::1", "fe80::2"));
}

#[test] // R-6724-6.5
fn rule_5_prefers_a_source_of_the_same_label() {
    prefers(("2002:c633:6401::1", "2002:c633:6401::2"), ("2001:db8:1::1", "2002:c633:6401::2"));
    // A host that has only a ULA does not start with global IPv6.
    prefers(("192.0.2.1", "192.168.0.2"), ("2001:db8::1", "fd00::2"));
    // Rule 5 comes before rule 6: the loser has the higher precedence.
    prefers(("fd00::1", "fd00::2"), ("2001:db8::1", "fd00::2"));
}

#[test] // R-6724-6.6
fn rule_6_prefers_the_higher_precedence() {
    prefers(("2001:db8::1", "2001:db8::2"), ("192.0.2.1", "192.0.2.9"));
    prefers(("::1", "::1"), ("127.0.0.1", "127.0.0.1"));
    prefers(("192.0.2.1", "192.0.2.9"), ("2002::1", "2002::2"));
    prefers(("192.0.2.1", "192.0.2.9"), ("fd00::1", "fd00::2"));
    // Rule 6 comes before rule 8: the loser's scope is smaller.
    prefers(("2001:db8::1", "2001:db8::2"), ("169.254.0.1", "169.254.0.2"));
}

#[test] // R-6724-6.8
fn rule_8_prefers_the_smaller_scope() {
    prefers(("fe80::1", "fe80::2"), ("2001:db8::1", "2001:db8::2"));
    prefers(("169.254.0.1", "169.254.0.2"), ("192.0.2.1", "192.0.2.9"));
    // Rule 8 comes before rule 9: the loser shares more bits with its source.
    prefers(("fe80:0:0:1::1", "fe80::2"), ("2001:db8::1", "2001:db8::2"));
}

#[test] // R-6724-6.9
fn rule_9_prefers_the_longest_common_prefix_of_ipv6() {
    prefers(("2001:db8:1::1", "2001:db8:1::2"), ("2001:db8:3ffe::1", "2001:db8:3f44::2"));
    prefers(("2001:db8:0:1::1", "2001:db8::2"), ("2001:db8:0:2::1", "2001:db8::2"));
}

#[test] // R-6724-6.9, F-12
fn rule_9_stops_at_the_64_bits_of_a_subnet() {
    ties(("2001:db8::2:1", "2001:db8::2:2"), ("2001:db8::9:1", "2001:db8::2:2"));
}

#[test] // F-12: DNS round robin survives
fn rule_9_leaves_ipv4_alone() {
    ties(("10.0.0.1", "10.0.0.2"), ("203.0.113.1", "10.0.0.2"));
}

#[test] // R-6724-6.10
fn rule_10_keeps_the_order_of_the_answer() {
    let texts: Vec<String> = (0..200).map(|i| format!("192.0.2.{}", i * 7 % 200)).collect();
    let pairs: Vec<(&str, &str)> = texts.iter().map(|t| (t.as_str(), "192.0.2.250")).collect();
    assert_eq!(sorted(&pairs), texts);
}

#[test] // R-6724-6
fn the_examples_of_rfc_6724_section_10_2() {
    // The two examples on home and deprecated addresses are missing, because rules 3 and 4 are not
    // applied.
    prefers(("2001:db8:1::1", "2001:db8:1::2"), ("198.51.100.121", "169.254.13.78"));
    prefers(("198.51.100.121", "198.51.100.117"), ("2001:db8:1::1", "fe80::1"));
    prefers(("2001:db8:1::1", "2001:db8:1::2"), ("10.1.2.3", "10.1.2.4"));
    prefers(("fe80::1", "fe80::2"), ("2001:db8:1::1", "2001:db8:1::2"));
    prefers(("2001:db8:1::1", "2001:db8:1::2"), ("2001:db8:3ffe::1", "2001:db8:3f44::2"));
    prefers(("2002:c633:6401::1", "2002:c633:6401::2"), ("2001:db8:1::1", "2002:c633:6401::2"));
    prefers(("2001:db8:1::1", "2001:db8:1::2"), ("2002:c633:6401::1", "2002:c633:6401::2"));
}

#[test] // R-6724-6: both families in one list
fn one_list_holds_both_families() {
    assert_eq!(
        sorted(&[
            ("192.0.2.1", "192.0.2.9"),
            ("2001:db8:f::1", "-"),
            ("2001:db8:2::1", "2001:db8::9"),
            ("127.0.0.1", "127.0.0.1"),
            ("2002::1", "2001:db8::9"),
            ("2001:db8:1::1", "2001:db8::9"),
            ("::1", "::1"),
        ]),
        [
            "::1",
            "2001:db8:1::1",
            "2001:db8:2::1",
            "127.0.0.1",
            "192.0.2.1",
            "2002::1",
            "2001:db8:f::1"
        ]
    );
}

#[test] // scenarios rfc6724-link-local-only, rfc6724-ula-source
fn the_scenarios_with_unreachable_ipv6() {
    prefers(("192.0.2.1", "10.0.0.2"), ("2001:db8::1", "-"));
    prefers(("192.0.2.1", "192.0.2.200"), ("2001:db8::1", "fd00::1"));
}

#[test]
fn one_call_asks_for_all_sources() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let sources = SourceAddrs::new(move |destinations: &[SocketAddr]| {
        count.fetch_add(1, Ordering::Relaxed);
        vec![None; destinations.len()]
    });
    sort(&mut endpoints(&["192.0.2.1", "2001:db8::1", "192.0.2.2"]), &[1, 2, 3], &sources);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn ports_and_zones_stay_with_their_addresses() {
    let texts = ["192.0.2.1:1", "[fe80::1%3]:2", "[fe80::1%2]:3", "[2001:db8::1]:4"];
    let mut list = endpoints(&texts);
    sort(
        &mut list,
        &[1],
        &SourceAddrs::new(|d: &[SocketAddr]| d.iter().map(|d| Some(d.ip())).collect()),
    );
    assert_eq!(list, endpoints(&[texts[1], texts[2], texts[3], texts[0]]));
}

#[test]
fn the_order_does_not_depend_on_the_order_of_the_answer() {
    // The addresses have distinct ranks, so all their rotations have the same result.
    let mut list =
        endpoints(&["::1", "fe80::1", "2001:db8::1", "169.254.0.1", "192.0.2.1", "fd00::1"]);
    list.extend(endpoints(&["2002::1", "2001::1", "fec0::1", "3ffe::1", "2001:db8:8000::1"]));
    let sources = || {
        SourceAddrs::new(|destinations: &[SocketAddr]| {
            let source = |d: &SocketAddr| match d.ip() {
                IpAddr::V6(ip) if ip.segments()[0] == 0x2001 => "2001:db8::2".parse().ok(),
                ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => Some(ip),
            };
            destinations.iter().map(source).collect()
        })
    };
    let mut expected = list.clone();
    sort(&mut expected, &[1, 2, 3], &sources());
    for _ in 0..list.len() {
        list.rotate_left(1);
        let mut again = list.clone();
        sort(&mut again, &[1, 2, 3], &sources());
        assert_eq!(again, expected);
    }
}

/// The endpoints `6a 4b` and so on, named as in the scenarios.
fn named(names: &str, ports: &[u16]) -> Vec<Endpoint> {
    let ip = |name: &str| match name.split_at(1) {
        ("6", letter) => format!("2001:db8::{letter}"),
        (_, letter) => format!("192.0.2.{}", u8::from_str_radix(letter, 16).unwrap()),
    };
    let with_ports =
        |name| ports.iter().map(move |port| endpoint(SocketAddr::new(addr(&ip(name)).ip(), *port)));
    names.split(' ').flat_map(with_ports).collect()
}

fn words(attempts: &[Endpoint]) -> String {
    let word = |Endpoint { addr, .. }: &Endpoint| match addr.ip() {
        IpAddr::V6(ip) => format!("6{:x}:{}", ip.segments()[7], addr.port()),
        IpAddr::V4(ip) => format!("4{:x}:{}", ip.octets()[3], addr.port()),
    };
    attempts.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn turns(sorted: &str, ports: &[u16], first: Option<IpVersion>, expected: &str) {
    let attempts = interleave(&named(sorted, ports), ports, first);
    assert_eq!(words(&attempts), expected);
}

#[test] // R-8305-4b
fn families_alternate_from_the_first_address_on() {
    turns("6a 6b 4a 4b", &[1], None, "6a:1 4a:1 6b:1 4b:1");
    turns("4a 4b 6a 6b", &[1], None, "4a:1 6a:1 4b:1 6b:1");
    turns("6a", &[1], None, "6a:1");
    assert!(interleave(&[], &[1], None).is_empty());
}

#[test] // scenarios robur-unequal-families-no-duplicates, trio-reorder-homogeneous, -already
fn the_scenarios_on_the_order_of_families() {
    turns("6a 6b 6c 4a", &[1], None, "6a:1 4a:1 6b:1 6c:1");
    turns("4a 4b", &[1], None, "4a:1 4b:1");
    turns("4a 6a 4b 6b", &[1], None, "4a:1 6a:1 4b:1 6b:1");
    // trio-reorder-one expects RFC 6555's single address at the second place. By RFC 8305 section 4
    // the families alternate throughout.
    turns("4a 4b 4c 6a 6b", &[1], None, "4a:1 6a:1 4b:1 6b:1 4c:1");
}

#[test] // E-8, F-16
fn the_family_alternates_before_the_port() {
    turns("6a 6b 4a 4b", &[1, 2], None, "6a:1 4a:1 6a:2 4a:2 6b:1 4b:1 6b:2 4b:2");
    turns("6a 6b 6c 4a", &[1, 2], None, "6a:1 4a:1 6a:2 4a:2 6b:1 6b:2 6c:1 6c:2");
}

#[test] // scenario robur-multi-port
fn in_one_family_the_ports_vary_fastest() {
    turns("4a 4b", &[443, 80], None, "4a:443 4a:80 4b:443 4b:80");
}

#[test]
fn the_caller_can_name_the_first_family() {
    turns("6a 6b 4a", &[1], Some(IpVersion::V4), "4a:1 6a:1 6b:1");
    turns("4a 6a", &[1], Some(IpVersion::V6), "6a:1 4a:1");
    turns("6a 6b", &[1], Some(IpVersion::V4), "6a:1 6b:1");
    turns("6a 4a", &[1, 2], Some(IpVersion::V4), "4a:1 6a:1 4a:2 6a:2");
}

#[test] // E-8, F-16
fn a_port_that_the_gate_has_refused_leaves_no_gap() {
    let sorted = [named("6a", &[2]), named("4a 4b", &[1, 2])].concat();
    assert_eq!(words(&interleave(&sorted, &[1, 2], None)), "4a:1 6a:2 4a:2 4b:1 4b:2");
}

#[test]
fn each_address_is_asked_for_its_source_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let sources = SourceAddrs::new(move |destinations: &[SocketAddr]| {
        count.fetch_add(destinations.len(), Ordering::Relaxed);
        vec![None; destinations.len()]
    });
    sort(&mut named("6a 4a", &[1, 2, 3]), &[1, 2, 3], &sources);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}
