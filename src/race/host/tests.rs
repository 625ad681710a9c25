use super::*;

fn host(text: &str) -> Host {
    Host::parse(text.into()).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn is_addr(text: &str, addr: &str, name: &str) {
    let host = host(text);
    assert_eq!(*host.kind(), HostKind::Literal(addr.parse().unwrap()), "{text}");
    assert_eq!(host.name(), name, "{text}");
}

#[track_caller]
fn is_name(text: &str, query: &str, name: &str) {
    let host = host(text);
    assert_eq!(*host.kind(), HostKind::Name(Name::parse_lossy(query)), "{text}");
    assert_eq!(host.name(), name, "{text}");
}

#[track_caller]
fn refused(why: &str, texts: &[&str]) {
    for text in texts {
        let error = Host::parse((*text).into()).map(|host| host.kind().clone()).unwrap_err();
        assert_eq!(error.to_string(), format!("invalid host \"{}\": {why}", Escaped(text)));
    }
}

#[test] // R-3493-LIT
fn ip_literals_need_no_lookup() {
    is_addr("192.0.2.1", "192.0.2.1:0", "192.0.2.1");
    is_addr("127.0.0.1", "127.0.0.1:0", "127.0.0.1");
    is_addr("2001:db8::1", "[2001:db8::1]:0", "2001:db8::1");
    is_addr("2001:DB8:0::1", "[2001:db8::1]:0", "2001:DB8:0::1");
    is_addr("::1", "[::1]:0", "::1");
}

#[test] // R-3986-3.2.2
fn an_ipv6_literal_may_stand_in_brackets() {
    is_addr("[2001:db8::1]", "[2001:db8::1]:0", "2001:db8::1");
    is_addr("[fe80::1%2]", "[fe80::1%2]:0", "fe80::1");
    let texts = ["[", "[]", "[::1", "[[::1]]", "[192.0.2.1]", "[example.com]", "[::1]x", "[::g]"];
    refused("brackets are for IPv6 addresses", &texts);
    refused("']' has no place in a name", &["a]"]);
    refused("not an IPv6 address", &["::1]"]);
}

#[test] // R-3986-3.2.2
fn ipv4_is_four_decimal_numbers_or_refused() {
    let why = "not an IPv4 address: that takes four decimal numbers up to 255";
    refused(why, &["127.1", "0x7f.1", "010.0.0.1", "1.2.3.4.5", "1.2.3.4.", "256.0.0.1"]);
    refused(why, &["1", "0", "2130706433", "4294967295", "2130706433.", "017700000001"]);
    refused(why, &["0x7f000001", "0X7F.0x1", "0x", "0xffffffff", "1.2.3", "0.0.0.08", "1.0x"]);
    for name in ["1.example", "0x7f.g", "0xg", "a.1b", "1a", "127.0.0.1.example", "0x7f.0xx"] {
        is_name(name, name, name);
    }
}

// A container's id may have digits only. Nothing takes these for an address.
#[test]
fn digits_that_are_no_ipv4_address_are_a_name() {
    for name in ["482910384756", "4294967296", "0x100000000", "004829103847", "08", "09.test"] {
        is_name(name, name, name);
    }
    for name in ["redis.1", "a.1", "a.0x", "a.b.0x7f", "1.a.1"] {
        is_name(name, name, name);
    }
    is_name("482910384756.", "482910384756.", "482910384756");
    let long = "9".repeat(63);
    is_name(&long, &long, &long);
}

#[test] // R-3986-3.2.2
#[cfg(feature = "idna")]
fn characters_that_become_digits_and_dots_make_no_address() {
    let why = "not an IPv4 address: that takes four decimal numbers up to 255";
    refused(why, &["１２７.0.0.1", "127。0。0。1", "①"]);
}

#[test] // F-14
fn a_mapped_address_is_ipv4_by_name_and_when_dialled() {
    is_addr("::ffff:192.0.2.1", "192.0.2.1:0", "192.0.2.1");
    is_addr("[::FFFF:c000:201]", "192.0.2.1:0", "192.0.2.1");
}

#[test] // E-7, R-4007-11
fn a_literal_that_can_only_fail_is_refused() {
    refused("the unspecified address", &["0.0.0.0", "::", "[::]", "::ffff:0.0.0.0"]);
    refused("a multicast address", &["224.0.0.1", "ff02::1"]);
    refused("the broadcast address", &["255.255.255.255"]);
    refused("a link-local address without a zone", &["fe80::1", "[fe80::1]"]);
}

#[test] // R-4007-11, R-9844-6a
fn a_zone_may_be_a_number() {
    is_addr("fe80::1%2", "[fe80::1%2]:0", "fe80::1");
    is_addr("febf::1%4294967295", "[febf::1%4294967295]:0", "febf::1");
    is_addr("fe80::1%25", "[fe80::1%25]:0", "fe80::1");
    let why = "no such zone: no interface has this name or number";
    refused(why, &["fe80::1%0", "fe80::1%4294967296", "[fe80::1%00]"]);
}

#[test] // R-4007-11
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_zone_may_be_an_interface() {
    is_addr("fe80::1%lo", "[fe80::1%1]:0", "fe80::1");
    is_addr("[fe80::1%lo]", "[fe80::1%1]:0", "fe80::1");
}

#[test] // R-4007-11
fn a_zone_without_an_interface_is_refused() {
    let longest = "fe80::1%no-such-if-abcd"; // 15 letters, as long as Linux allows
    refused("no such zone: no interface has this name or number", &["fe80::1%no-such-if", longest]);
}

#[test] // R-9844-6b
fn a_zone_of_odd_text_is_refused() {
    let why = "a zone is an interface's name or number, 1 to 15 letters, digits or -._~";
    refused(why, &["fe80::1%", "[fe80::1%]", "fe80::1%sixteen-letters_", "fe80::1%eth0\0"]);
    refused(why, &["fe80::1%%", "fe80::1%a%b", "fe80::1%eth 0", "fe80::1%é", "fe80::1%eth0:443"]);
    refused(why, &["fe80::1%../x", "fe80::1%4294967296000000"]);
}

#[test] // R-4007-11
fn only_link_local_addresses_have_a_zone() {
    let why = "only link-local IPv6 addresses (fe80::/10) have a zone";
    refused(why, &["2001:db8::1%1", "::1%1", "fd00::1%lo", "[::ffff:192.0.2.1%1]", "ff02::1%1"]);
    refused("'%' has no place in a name", &["192.0.2.1%1", "example.com%eth0"]);
}

#[test] // R-9844-3
fn an_encoded_zone_is_refused() {
    refused(
        "a zone is written %eth0, not %25eth0 (RFC 9844)",
        &["fe80::1%25eth0", "[fe80::1%25lo]"],
    );
}

// A zone by name needs an interface that has the same name everywhere: `lo`.
#[test] // R-4007-11
#[cfg(all(feature = "dns", any(target_os = "linux", target_os = "android")))]
fn an_address_of_a_file_keeps_the_zone_that_it_needs() {
    use crate::race::literal::{configured_addr, typed_addr};
    let read = |text| configured_addr(text, 53).ok().map(|addr| addr.to_string());
    let typed = |text| typed_addr(text, 53).ok().map(|addr| addr.to_string());
    for (text, expected) in [
        ("192.0.2.1", "192.0.2.1:53"),
        ("2001:db8::1", "[2001:db8::1]:53"),
        ("fe80::1", "[fe80::1]:53"),
        ("fe80::1%7", "[fe80::1%7]:53"),
        ("fe80::1%lo", "[fe80::1%1]:53"),
    ] {
        assert_eq!(read(text).as_deref(), Some(expected));
        assert_eq!(typed(text).as_deref(), Some(expected));
    }
    // NetworkManager and router advertisements write such zones; a user has made a mistake.
    for (text, expected) in [
        ("fd78::53%lo", "[fd78::53]:53"),
        ("2001:db8::1%nosuch0", "[2001:db8::1]:53"),
        ("2001:db8::1%", "[2001:db8::1]:53"),
        ("fec0::1%2", "[fec0::1]:53"),
        ("192.0.2.1%lo", "192.0.2.1:53"),
    ] {
        assert_eq!(read(text).as_deref(), Some(expected));
        assert_eq!(typed(text), None, "{text}");
    }
    for text in ["", "x", "1.2.3", "[::1]", "x%lo", "%lo", "fe80::1%nosuch0", "fe80::1%"] {
        assert_eq!((read(text), typed(text)), (None, None), "{text}");
    }
    for text in ["fe80::1%no such", "fe80::1%0", "fe80::1%25lo", "fe80::1%eth0:1"] {
        assert_eq!((read(text), typed(text)), (None, None), "{text}");
    }
}

#[test] // R-3493-LIT, R-6761-6.3a, R-6761-6.4, R-7686-2
#[cfg(feature = "dns")]
fn a_text_that_is_never_looked_up_has_a_reason() {
    let why = |text| why_never_looked_up(text).unwrap_or_default();
    assert_eq!(why("192.0.2.1"), "an IP literal needs no lookup");
    assert_eq!(why("a.localhost"), "localhost is always loopback (RFC 6761)");
    assert_eq!(why("a.invalid"), "names under .invalid never exist (RFC 6761)");
    assert_eq!(why("a.onion"), "names under .onion exist in Tor only (RFC 7686)");
    assert_eq!(why("a..b"), "invalid host \"a..b\": a label is empty");
    assert_eq!(why_never_looked_up("example.com"), None);
}

#[test] // R-6761-6.3a
fn localhost_is_loopback() {
    for (text, name) in [
        ("localhost", "localhost"),
        ("LOCALHOST.", "localhost"),
        ("a.b.localhost", "a.b.localhost"),
        ("X.LocalHost.", "x.localhost"),
        #[cfg(feature = "idna")]
        ("ｌocalhost", "localhost"),
    ] {
        assert_eq!(*host(text).kind(), HostKind::Localhost, "{text}");
        assert_eq!(host(text).name(), name);
    }
    assert_eq!(LOCALHOST.map(|addr| addr.to_string()), ["[::1]:0", "127.0.0.1:0"]);
    is_name("localhost.example", "localhost.example", "localhost.example");
    is_name("notlocalhost", "notlocalhost", "notlocalhost");
}

#[test] // R-6761-6.4, R-7686-2
fn invalid_and_onion_are_no_names() {
    for text in ["invalid", "a.invalid", "A.INVALID."] {
        let why = "names under .invalid never exist (RFC 6761)";
        assert_eq!(*host(text).kind(), HostKind::NoSuchName(why));
    }
    for text in ["onion", "a.b.onion", "A.Onion."] {
        let why = "names under .onion exist in Tor only (RFC 7686)";
        assert_eq!(*host(text).kind(), HostKind::NoSuchName(why));
    }
    assert_eq!(host("A.Onion.").name(), "a.onion");
    is_name("invalid.example", "invalid.example", "invalid.example");
    is_name("onions", "onions", "onions");
}

#[test] // R-6761-6.2, R-6762-3
fn test_example_and_local_are_ordinary() {
    for text in ["test", "a.test", "example", "example.com", "a.example.", "printer.local"] {
        is_name(text, text, text.trim_end_matches('.'));
    }
}

#[test] // R-5891-4
fn a_name_becomes_lower_case() {
    is_name("robur.coop", "robur.coop", "robur.coop");
    is_name("Robur.COOP", "robur.coop", "robur.coop");
    is_name("xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example");
    is_name("XN--Bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example");
}

#[test] // R-5891-4
#[cfg(feature = "idna")]
fn a_name_becomes_a_labels() {
    is_name("bücher.example", "xn--bcher-kva.example", "xn--bcher-kva.example");
    is_name("BÜCHER。example", "xn--bcher-kva.example", "xn--bcher-kva.example");
    is_name("straße.example", "xn--strae-oqa.example", "xn--strae-oqa.example");
    let why = "not a name by the rules for international names (UTS 46)";
    refused(why, &["xn--a.example", "\u{301}a.example", "a\u{2488}b.example"]);
    // The length counts in A-labels.
    refused("a label is longer than 63 characters", &[&"ü".repeat(60)]);
}

#[test]
#[cfg(not(feature = "idna"))]
fn without_idna_a_name_is_ascii_or_the_feature_is_named() {
    let why = "a name that is not ASCII needs feature `idna` of he-connect";
    refused(why, &["bücher.example", "127。0。0。1", "\u{ad}"]);
    is_name("xn--a.example", "xn--a.example", "xn--a.example");
}

#[test]
fn a_dot_at_the_end_stays_in_the_query_only() {
    is_name("example.com.", "example.com.", "example.com");
    is_name("EXAMPLE.com.", "example.com.", "example.com");
}

#[test]
fn underscores_and_hyphens_are_allowed() {
    for text in ["_sip._tcp.example", "a_b.example", "-a-.example", "a--b", "r3---sn.example"] {
        is_name(text, text, text);
    }
}

#[test] // R-1035-2.3.4
fn lengths_end_at_63_and_253() {
    let label = |n| "a".repeat(n);
    let longest = format!("{0}.{0}.{0}.{1}", label(63), label(61));
    assert_eq!(longest.len(), 253);
    is_name(&longest, &longest, &longest);
    is_name(&format!("{longest}."), &format!("{longest}."), &longest);
    refused(
        "it is longer than 253 characters",
        &[&format!("{longest}a"), &format!("a.{longest}.")],
    );
    is_name(&label(63), &label(63), &label(63));
    refused("a label is longer than 63 characters", &[&label(64), &format!("a.{}.b", label(64))]);
}

// UTS 46 removes soft hyphens, so the name is short although the text has the greatest length.
#[test] // R-5891-4
#[cfg(feature = "idna")]
fn a_text_of_more_than_2048_bytes_is_not_even_mapped() {
    let text = |hyphens| format!("a{}b", "\u{ad}".repeat(hyphens));
    assert_eq!(text(1_023).len(), 2_048);
    is_name(&text(1_023), "ab", "ab");
    refused("it is longer than 253 characters", &[&text(1_024)]);
}

#[test] // R-1035-2.3.4
fn empty_names_and_labels_are_refused() {
    refused("it is empty", &["", "."]);
    refused("a label is empty", &[".example", "a..example", "example..", ".."]);
    #[cfg(feature = "idna")]
    refused("it is empty", &["\u{ad}"]);
    #[cfg(feature = "idna")]
    refused("a label is empty", &["a.\u{ad}.b"]);
}

#[test]
fn a_port_or_a_url_has_an_error_of_its_own() {
    let port = "the port is a separate argument";
    refused(port, &["example.com:443", "192.0.2.1:80", "[::1]:443", "localhost:", "bücher.de:1"]);
    let url = "a URL is not a host: its host and its port are separate arguments";
    refused(url, &["http://example.com", "https://[::1]:443/", "ftp://a:b@c/"]);
    refused("not an IPv6 address", &["1:2:3", "::g", "2001:db8::1::2", ":::", "fe80::1:%lo:"]);
}

#[test]
fn a_character_out_of_place_is_named() {
    refused("'/' has no place in a name", &["example.com/", "/run/socket"]);
    refused("'@' has no place in a name", &["user@example.com"]);
    refused("' ' has no place in a name", &[" example.com", "a b"]);
    refused("'\\u{a}' has no place in a name", &["example.com\n"]);
    refused("'\\u{0}' has no place in a name", &["a\0b"]);
    refused("'\\u{7f}' has no place in a name", &["a\u{7f}"]);
}

#[test]
fn an_error_is_one_short_line() {
    let error = Host::parse("a\nb".into()).unwrap_err().to_string();
    assert_eq!(error, "invalid host \"a\\u{a}b\": '\\u{a}' has no place in a name");
    let error = Host::parse("a.".repeat(100_000).into()).unwrap_err().to_string();
    assert!(
        error.len() < 320 && error.ends_with("…\": it is longer than 253 characters"),
        "{error}"
    );
}

#[test]
fn a_plain_text_is_stored_once() {
    for text in ["192.0.2.1", "[::1]", "fe80::1%2", "example.com."] {
        let typed: Arc<str> = text.into();
        assert!(Arc::ptr_eq(&typed, &Host::parse(typed.clone()).unwrap().ascii), "{text}");
    }
}

#[test]
fn no_text_panics_and_an_accepted_text_is_clean() {
    let pieces =
        ["[", "]", "%", ":", "::", ".", "fe80", "1", "0x", "255", "a", "ü", "\0", " ", "。"];
    let mut seed = 1_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..8 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces.get((seed >> 33) as usize % 20).unwrap_or(&""));
        }
        let Ok(host) = Host::parse(text.as_str().into()) else { continue };
        let name = host.name();
        assert!(name.is_ascii() && !name.is_empty() && !name.contains(['[', ']', '%']), "{text}");
        assert_eq!(name.contains(':'), name.parse::<Ipv6Addr>().is_ok(), "{text}");
    }
}
