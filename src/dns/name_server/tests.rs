use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const KEY: &str = "key-fp:SHA256:INSZEZpDoWKiavosV2/xVT8O83vk/RRwS+LTiL+IpHs=";

fn server(text: &str) -> NameServer {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn tls(text: &str) -> NameServer {
    NameServer::tls(addr(text))
}

/// The text says what is wrong with which part at which byte.
#[track_caller]
fn refused(text: &str, part: &str, at: usize, why: &str) {
    let error = text.parse::<NameServer>().unwrap_err();
    let reported = format!("invalid name server \"{text}\": \"{part}\" at byte {at}: {why}");
    assert_eq!(error.to_string(), reported);
    assert_eq!(&text[at..at + part.len()], part);
}

#[test] // C-853, R-8310-5b, R-8310-5.1a
fn texts_are_the_servers_that_they_say() {
    for (text, expected) in [
        ("192.0.2.53", NameServer::opportunistic(addr("192.0.2.53:53"))),
        ("192.0.2.53:5353", NameServer::opportunistic(addr("192.0.2.53:5353"))),
        ("2001:db8::53", NameServer::opportunistic(addr("[2001:db8::53]:53"))),
        ("[2001:db8::53]", NameServer::opportunistic(addr("[2001:db8::53]:53"))),
        ("[2001:db8::53]:5353", NameServer::opportunistic(addr("[2001:db8::53]:5353"))),
        ("::ffff:192.0.2.53", NameServer::opportunistic(addr("192.0.2.53:53"))),
        ("fe80::53%lo", NameServer::opportunistic(addr("[fe80::53%1]:53"))),
        ("udp:192.0.2.53", NameServer::udp(addr("192.0.2.53:53"))),
        ("udp:::1", NameServer::udp(addr("[::1]:53"))),
        ("tcp:[::1]:54", NameServer::tcp(addr("[::1]:54"))),
        ("tls:192.0.2.53", tls("192.0.2.53:853")),
        ("tls:192.0.2.53:443", tls("192.0.2.53:443")),
        ("tls:[fe80::53%lo]:443", tls("[fe80::53%1]:443")),
        ("tls:192.0.2.53!DNS.Test.", tls("192.0.2.53:853").with_hostname("dns.test").unwrap()),
        (
            "tls:192.0.2.53!dns.b\u{fc}cher",
            tls("192.0.2.53:853").with_hostname("dns.bücher").unwrap(),
        ),
    ] {
        assert_eq!(server(text), expected, "{text}");
    }
}

#[test]
fn the_text_of_a_server_leaves_out_what_is_the_default() {
    for (text, shown) in [
        ("192.0.2.53:53", "192.0.2.53"),
        ("[2001:DB8::53]:53", "2001:db8::53"),
        ("[2001:db8::53]:54", "[2001:db8::53]:54"),
        ("fe80::53%lo", "fe80::53%1"),
        ("[fe80::53%lo]:54", "[fe80::53%1]:54"),
        ("udp:192.0.2.53:53", "udp:192.0.2.53"),
        ("tcp:[2001:db8::53]", "tcp:2001:db8::53"),
        ("tls:192.0.2.53:853", "tls:192.0.2.53"),
        ("tls:[2001:db8::53]:853!dns.test", "tls:2001:db8::53!dns.test"),
        ("tls:192.0.2.53!dns.B\u{fc}cher.", "tls:192.0.2.53!dns.xn--bcher-kva"),
    ] {
        assert_eq!(server(text).to_string(), shown);
        assert_eq!(server(shown), server(text));
        assert_eq!(format!("{:?}", server(text)), format!("NameServer({shown})"));
    }
}

#[test] // R-7858-4.2b, R-7858-4.2c, C-PIN
fn pins_are_hashes_of_keys_and_certificates_and_there_may_be_several() {
    let hex = "20d49911".to_owned() + &"0a".repeat(28);
    let colons: Vec<_> =
        hex.as_bytes().chunks(2).map(|b| std::str::from_utf8(b).unwrap()).collect();
    let colons = colons.join(":").to_uppercase();
    let mut hash = [0x0a; 32];
    hash[..4].copy_from_slice(&[0x20, 0xd4, 0x99, 0x11]);
    let base64 = "INSZEQoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo=";
    let shown = format!("cert-fp:SHA256:{hex}");
    for text in [&hex, &colons, base64] {
        let pin: Pin = format!("cert-fp:sha256:{text}").parse().unwrap();
        assert_eq!(pin, Pin::certificate_sha256(hash));
        assert_eq!(pin.to_string(), shown);
    }
    let key: Pin = format!("key-fp:SHA256:{base64}").parse().unwrap();
    assert_eq!(key, Pin::key_sha256(hash));
    assert_ne!(key, Pin::certificate_sha256(hash));
    assert_eq!(format!("{key:?}"), format!("Pin(key-fp:SHA256:{base64})"));

    let text = format!("tls:192.0.2.53!{shown}!dns.test!{KEY}!{shown}");
    let given = server(&text);
    assert_eq!(given.to_string(), format!("tls:192.0.2.53!dns.test!{shown}!{KEY}"));
    let pins = [Pin::certificate_sha256(hash), KEY.parse().unwrap()];
    let expected = Authentication { name: Some("dns.test".into()), pins: pins.into() };
    let expected = Profile::Tls(expected);
    assert_eq!(given.profile(), &expected);
}

#[test]
fn what_is_no_address_is_refused() {
    let ip = "not an IP address";
    refused("", "", 0, ip);
    refused("tls:", "", 4, ip);
    refused("dns.test", "dns.test", 0, ip);
    refused("tls:dns.test!dns.test", "dns.test", 4, ip);
    refused("tls:dns.test:853", "dns.test", 4, ip);
    refused("192.0.2.256", "192.0.2.256", 0, ip);
    refused("udp: 192.0.2.1", " 192.0.2.1", 4, ip);
    refused("2001:db8::53:853x", "2001:db8::53:853x", 0, ip);
    refused("0.0.0.0", "0.0.0.0", 0, "the unspecified address");
    refused("tcp:[ff02::fb]:5353", "ff02::fb", 5, "a multicast address");
    refused("fe80::53", "fe80::53", 0, "a link-local address without a zone");
    let zone = "no such zone: no interface has this name or number";
    refused("tls:[fe80::53%no-such]:853", "fe80::53%no-such", 5, zone);
}

#[test]
fn brackets_stand_around_ipv6_addresses() {
    refused("[::1:53", "[::1:53", 0, "the closing bracket is missing");
    refused("tls:2001:db8::53]:853", "2001:db8::53]:853", 4, "the opening bracket is missing");
    refused("udp:[192.0.2.1]:53", "192.0.2.1", 5, "brackets are for IPv6 addresses");
    let behind = "behind the bracket there is a colon and a port, or nothing";
    refused("[::1]53", "53", 5, behind);
}

#[test]
fn an_unknown_scheme_is_not_taken_for_an_address() {
    let why = "unknown: a name server begins with udp:, tcp:, tls:, or its IP";
    refused("https://dns.test/dns-query", "https", 0, why);
    refused("TLS:192.0.2.53", "TLS", 0, why);
    refused("dot:192.0.2.53:853", "dot", 0, why);
    refused("h3:192.0.2.53", "h3", 0, why);
}

#[test] // R-7858-3.1a, R-7858-3.1c, C-853
fn tls_never_has_the_port_of_plain_dns_nor_plain_dns_that_of_tls() {
    let number = "not a port, which is a number from 1 to 65535";
    refused("192.0.2.53:", "", 11, number);
    refused("192.0.2.53:+53", "+53", 11, number);
    refused("[::1]:65536", "65536", 6, number);
    refused("tls:192.0.2.53:dns", "dns", 15, number);
    let zero = "port 0 cannot be connected to";
    refused("udp:192.0.2.53:0", "0", 15, zero);
    refused("tls:[::1]:0", "0", 10, zero);
    let clear = "port 53 is for plain DNS, never for TLS (RFC 7858 section 3.1)";
    refused("tls:192.0.2.53:53!dns.test", "53", 15, clear);
    let tls = "port 853 is for TLS, never for plain DNS (RFC 7858 section 3.1)";
    refused("192.0.2.53:853", "853", 11, tls);
    refused("udp:[::1]:853", "853", 10, tls);
    refused("tcp:192.0.2.53:853", "853", 15, tls);
}

#[test]
fn hostnames_are_names_and_there_is_one() {
    let missing = "a hostname or a pin is missing behind the !";
    refused("tls:192.0.2.53!", "", 15, missing);
    refused("tls:192.0.2.53!dns.test!", "", 24, missing);
    refused("tls:192.0.2.53!!dns.test", "", 15, missing);
    let ip = "an IP address is no hostname; without one the certificate has to be for the server's IP \
              address";
    refused("tls:192.0.2.53!192.0.2.53", "192.0.2.53", 15, ip);
    refused("tls:192.0.2.53!2001:db8::53", "2001:db8::53", 15, ip);
    refused("tls:192.0.2.53!dns.test!two.test", "two.test", 24, "a second hostname");
    refused("tls:192.0.2.53!dns.test:853", "853", 24, "the port stands behind the IP address");
    refused("tls:192.0.2.53!*.test", "*.test", 15, "'*' has no place in a name");
    refused("tls:192.0.2.53!dns test", "dns test", 15, "' ' has no place in a name");
    refused("tls:192.0.2.53!dns-.test", "dns-.test", 15, "invalid dns name");
    refused("tls:192.0.2.53!dns..test", "dns..test", 15, "a label is empty");
    let only = "a hostname or a pin needs tls:";
    refused("192.0.2.53!dns.test", "dns.test", 11, only);
    refused(&format!("udp:192.0.2.53!{KEY}"), KEY, 15, only);
}

#[test] // C-PIN
fn pins_have_the_form_of_pins() {
    let kind = "unknown: a pin begins with key-fp: or cert-fp:";
    refused("tls:192.0.2.53!spki:SHA256:x", "spki", 15, kind);
    refused("tls:192.0.2.53!dns.test!pin-sha256:x", "pin-sha256", 24, kind);
    let hash = "unknown: the hash of a pin is SHA256";
    refused("tls:192.0.2.53!key-fp:MD5:x", "MD5", 22, hash);
    let algorithm = "the name of the hash is missing: SHA256: and the hash";
    refused("tls:192.0.2.53!key-fp:x=", "x=", 22, algorithm);
    let key = "not 32 bytes in Base64, which are 44 characters";
    refused("tls:192.0.2.53!key-fp:SHA256:", "", 29, key);
    refused("tls:192.0.2.53!key-fp:SHA256:AAAA", "AAAA", 29, key);
    let unpadded = KEY.trim_end_matches('=');
    let at = 15 + "key-fp:SHA256:".len();
    refused(&format!("tls:192.0.2.53!{unpadded}"), &unpadded[14..], at, key);
    let certificate = "not 32 bytes: 64 hexadecimal digits, or 44 characters of Base64";
    refused("tls:192.0.2.53!cert-fp:SHA256:ab:cd", "ab:cd", 30, certificate);
    let odd = "0".repeat(63);
    refused(&format!("tls:192.0.2.53!cert-fp:SHA256:{odd}"), &odd, 30, certificate);
    assert_eq!(
        "key-fp:MD5:x".parse::<Pin>().unwrap_err().to_string(),
        "invalid pin \"key-fp:MD5:x\": \"MD5\" at byte 7: unknown: the hash of a pin is SHA256"
    );
}

#[test]
fn what_a_server_cannot_have_is_refused_when_it_is_given() {
    let reported = |result: Result<NameServer, NameServerError>| result.unwrap_err().to_string();
    let (strict, udp) = (tls("192.0.2.53:853"), NameServer::udp(addr("192.0.2.53:53")));
    assert_eq!(
        reported(strict.clone().with_hostname("a\nb")),
        "invalid name server \"tls:192.0.2.53\": hostname \"a\\u{a}b\": \
         '\\u{a}' has no place in a name"
    );
    assert_eq!(
        reported(strict.clone().with_hostname("")),
        "invalid name server \"tls:192.0.2.53\": hostname \"\": it is empty"
    );
    assert_eq!(
        reported(strict.clone().with_hostname("a.test").unwrap().with_hostname("b.test")),
        "invalid name server \"tls:192.0.2.53!a.test\": hostname \"b.test\": a second hostname"
    );
    assert_eq!(
        reported(udp.clone().with_hostname("a.test")),
        "invalid name server \"udp:192.0.2.53\": hostname \"a.test\": \
         a hostname or a pin needs tls:"
    );
    assert_eq!(
        reported(udp.with_pin(Pin::key_sha256([0; 32]))),
        "invalid name server \"udp:192.0.2.53\": a hostname or a pin needs tls:"
    );
    assert_eq!(
        reported(strict.with_tls_port(8853)),
        "invalid name server \"tls:192.0.2.53\": only an opportunistic server has a second port"
    );
}

#[test] // R-7858-3.1a, R-7858-3.1c
fn the_tls_port_of_an_opportunistic_server_differs_from_the_one_for_plain_dns() {
    let server = NameServer::opportunistic(addr("192.0.2.53:5353"));
    assert_eq!(server.tls_addr(), Some(addr("192.0.2.53:853")));
    for (port, why) in [
        (0, "port 0 cannot be connected to"),
        (53, "port 53 is for plain DNS, never for TLS (RFC 7858 section 3.1)"),
        (5353, "one port for TLS and for plain DNS"),
    ] {
        let error = server.clone().with_tls_port(port).unwrap_err();
        assert_eq!(error.to_string(), format!("invalid name server \"192.0.2.53:5353\": {why}"));
    }
    let moved = server.clone().with_tls_port(8853).unwrap();
    assert_eq!(moved.tls_addr(), Some(addr("192.0.2.53:8853")));
    assert_ne!(moved, server);
    assert_eq!(format!("{moved:?}"), "NameServer(192.0.2.53:5353, TLS at 8853)");
    assert_eq!(tls("192.0.2.53:853").tls_addr(), Some(addr("192.0.2.53:853")));
    assert_eq!(NameServer::tcp(addr("192.0.2.53:53")).tls_addr(), None);
}

fn list(texts: &[&str]) -> Result<(), String> {
    let servers: Vec<_> = texts.iter().map(|text| server(text)).collect();
    check_list(&servers).map_err(|error| error.to_string())
}

#[test] // R-7858-4.2d, R-8310-5.1b
fn one_list_has_one_worth() {
    let (strict, pinned) = ("tls:192.0.2.1", format!("tls:192.0.2.2!dns.test!{KEY}"));
    assert_eq!(list(&[]), Ok(()));
    assert_eq!(list(&["192.0.2.1", "udp:192.0.2.2", "tcp:192.0.2.3"]), Ok(()));
    assert_eq!(list(&[strict, "tls:192.0.2.2!dns.test"]), Ok(()));
    assert_eq!(list(&[&pinned, &format!("tls:192.0.2.3!{KEY}")]), Ok(()));
    let mixed = "cannot be in one list, because an attacker who silences the first would choose \
                 the second";
    assert_eq!(
        list(&[strict, strict, "192.0.2.3"]),
        Err(format!("tls:192.0.2.1 (strict) and 192.0.2.3 (not authenticated) {mixed}"))
    );
    assert_eq!(
        list(&[strict, &pinned]),
        Err(format!("tls:192.0.2.1 (strict) and {pinned} (pinned) {mixed}"))
    );
    for clear in ["192.0.2.3", "udp:192.0.2.3", "tcp:192.0.2.3"] {
        assert!(list(&[clear, strict]).is_err());
        assert!(list(&[clear, &pinned]).is_err());
    }
}

#[test] // R-7858-3.1a, R-7858-3.1c
fn a_list_is_checked_server_by_server() {
    let reported = |server: NameServer| check_list(&[server]).unwrap_err().to_string();
    assert_eq!(
        reported(tls("192.0.2.53:53")),
        "invalid name server \"tls:192.0.2.53:53\": \
         port 53 is for plain DNS, never for TLS (RFC 7858 section 3.1)"
    );
    assert_eq!(
        reported(NameServer::udp(addr("0.0.0.0:53"))),
        "invalid name server \"udp:0.0.0.0\": the unspecified address"
    );
    assert_eq!(
        reported(NameServer::tcp(addr("192.0.2.53:0"))),
        "invalid name server \"tcp:192.0.2.53:0\": port 0 cannot be connected to"
    );
    assert_eq!(
        reported(NameServer::opportunistic(addr("192.0.2.53:853"))),
        "invalid name server \"192.0.2.53:853\": \
         port 853 is for TLS, never for plain DNS (RFC 7858 section 3.1)"
    );
}

fn any_server() -> impl Strategy<Value = NameServer> {
    let zoned = (any::<u64>(), 1u32..9).prop_map(|(ip, zone)| {
        let ip = Ipv6Addr::from(0xfe80 << 112 | u128::from(ip));
        SocketAddr::from(std::net::SocketAddrV6::new(ip, 0, 0, zone))
    });
    let plain = any::<IpAddr>().prop_map(|ip| SocketAddr::new(ip, 0));
    let port = prop_oneof![Just(53), Just(853), any::<u16>()];
    let pin = (any::<bool>(), any::<[u8; 32]>()).prop_map(|(key, hash)| match key {
        true => Pin::key_sha256(hash),
        false => Pin::certificate_sha256(hash),
    });
    let name = proptest::option::of("[a-z]([a-z0-9_]{0,2}-?[a-z0-9])?(\\.[a-z]{1,5}){0,3}");
    let pins = proptest::collection::vec(pin, 0..3);
    (prop_oneof![plain, zoned], port, 0..4, name, pins).prop_map(
        |(mut addr, port, kind, name, pins)| {
            addr.set_port(port);
            match kind {
                0 => NameServer::opportunistic(addr),
                1 => NameServer::udp(addr),
                2 => NameServer::tcp(addr),
                _ => {
                    let server = NameServer::tls(addr);
                    let named = |name: String| server.clone().with_hostname(&name).unwrap();
                    let server = name.map_or(server.clone(), named);
                    pins.into_iter().fold(server, |server, pin| server.with_pin(pin).unwrap())
                }
            }
        },
    )
}

proptest! {
    #[test]
    fn a_server_that_can_be_asked_is_what_its_text_says(server in any_server()) {
        let parsed = server.to_string().parse::<NameServer>();
        match check_list(std::slice::from_ref(&server)) {
            Ok(()) => prop_assert_eq!(parsed, Ok(server)),
            Err(_) => prop_assert!(parsed.is_err(), "{}", server),
        }
    }

    #[test]
    fn any_text_is_a_server_or_says_why_not_on_one_line(text in "(tls:|udp:|)[^ ]{0,40}", any: String) {
        for text in [text, any] {
            match text.parse::<NameServer>() {
                Ok(server) => prop_assert_eq!(server.to_string().parse(), Ok(server)),
                Err(error) => prop_assert!(error.to_string().lines().count() == 1),
            }
        }
    }
}
