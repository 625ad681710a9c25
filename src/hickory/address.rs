//! Addresses as configuration files write them: with a zone.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};

/// `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`, `fe80::1%2`. `None` if it is none of these, or the
/// host has no such interface.
pub(super) fn parse(text: &str, port: u16) -> Option<SocketAddr> {
    match text.split_once('%') {
        None => Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, port)),
        Some((ip, zone)) => with_zone(ip.parse().ok()?, zone, port),
    }
}

fn with_zone(ip: Ipv6Addr, zone: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(index) = zone.parse() {
        return Some(SocketAddrV6::new(ip, port, 0, index).into());
    }
    // Names of interfaces are turned into numbers by the system's literal parser, the one way there
    // is without `unsafe`. It sends nothing: a literal with an unknown zone is an error at once.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | ':');
    if zone.is_empty() || !zone.chars().all(plain) {
        return None;
    }
    (format!("{ip}%{zone}"), port).to_socket_addrs().ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // R-4007-11
    fn an_address_keeps_its_zone() {
        let scope = |text| match parse(text, 53) {
            Some(SocketAddr::V6(addr)) => Some((addr.scope_id(), addr.port())),
            _ => None,
        };
        assert_eq!(scope("fe80::1%7"), Some((7, 53)));
        assert_eq!(scope("fe80::1%lo"), Some((1, 53)));
        assert_eq!(scope("2001:db8::1"), Some((0, 53)));
        assert_eq!(parse("192.0.2.1", 0), Some("192.0.2.1:0".parse().unwrap()));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "fe80::1%", "fe80::1%no such", "fe80::1%nosuch0", "192.0.2.1%lo", "1.2.3", "x"]
        {
            assert_eq!(parse(text, 53), None, "{text}");
        }
    }
}
