//! Whatever is typed as a host: no panic, one line of error, and a literal stays what it is.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test panics at what it does not expect")]

use he_test_support::cases::check;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Instant;

use he::Config;
use he::race::{Race, Step};
use proptest::prelude::{Just, Strategy, any, prop_oneof};

fn race(host: &str) -> Result<Race, he::Error> {
    Race::new(host, [443], Config::new(), Instant::now())
}

fn dialled(host: &str) -> SocketAddr {
    match race(host).unwrap().poll(Instant::now()) {
        Step::Connect(0, addr) => addr,
        step => panic!("{host}: {step:?}"),
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9.:%\\[\\]/_-]{0,80}",
        "\\[?[0-9a-f:.]{0,40}(%[a-z0-9._~-]{0,17})?\\]?",
        "([a-zßü日。.-]{1,70}\\.){0,5}[a-z0-9x]{0,8}\\.?",
    ]
}

#[test]
fn any_text_is_a_host_or_says_on_one_line_why_not() {
    check("host texts", 2_000, &text(), |text| match race(&text) {
        Ok(parsed) => {
            let Some(name) = parsed.name() else { return };
            let bare = name.strip_suffix('.').unwrap_or(name);
            assert!(name.is_ascii() && bare.len() <= 253 && !bare.is_empty(), "{name}");
            assert!(!name.bytes().any(|c| c.is_ascii_uppercase()), "{name}");
            assert!(bare.split('.').all(|label| (1..=63).contains(&label.len())), "{name}");
            let again = race(name).unwrap();
            assert_eq!(again.name(), Some(name), "a name stays what it is");
        }
        Err(error) => {
            let told = error.to_string();
            assert!(!told.chars().any(char::is_control) && told.len() < 4_000, "{told:?}");
        }
    });
}

#[test]
fn an_address_is_dialled_as_it_is_written_with_and_without_brackets_and_zone() {
    let zone = prop_oneof![Just(None), (1..=u32::MAX).prop_map(Some)];
    check("literals", 2_000, &(any::<u128>(), zone), |(bits, zone)| {
        // Global unicast, or link-local where there is a zone.
        let prefix: u128 = if zone.is_some() { 0xfe80 << 112 } else { 0x2001_0db8 << 96 };
        let ip = Ipv6Addr::from(prefix | bits & u128::from(u64::MAX));
        let text = zone.map_or(ip.to_string(), |zone| format!("{ip}%{zone}"));
        let expected = SocketAddr::from(SocketAddrV6::new(ip, 443, 0, zone.unwrap_or(0)));
        assert_eq!(dialled(&text), expected);
        assert_eq!(dialled(&format!("[{text}]")), expected);
    });
}
