//! A ready-made gate for [`Connector::with_gate`](crate::Connector::with_gate): public addresses
//! only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::prefix::Prefix;

/// True if an address belongs to the public Internet: globally reachable unicast, by the IANA
/// special-purpose address registries (RFC 6890, RFC 8190). The port does not matter.
///
/// It is meant for servers that connect to addresses of their users' choice: webhooks, link
/// previews, imports. Such a server must not connect into its own network (server-side request
/// forgery). `connector.with_gate(he::is_public)` prevents that.
///
/// ```
/// let metadata = "169.254.169.254:80".parse().unwrap();
/// assert!(!he::is_public(metadata));
/// ```
///
/// The gate judges the very address that is about to be dialled, so a name that resolves to one
/// address for a check and to another for the connection gains nothing (DNS rebinding).
///
/// It refuses loopback, private, shared (carrier NAT), link-local, documentation, benchmarking,
/// multicast and reserved addresses, and all of IPv6 outside of `2000::/3`. It judges IPv4-mapped
/// addresses and the well-known NAT64 prefix `64:ff9b::/96` by the IPv4 address in them.
///
/// It is stricter than the registries where those list exceptions inside a block: the anycast
/// services `192.0.0.9`, `192.0.0.10` and `2001:1::1` to `2001:1::3` answer for the local network
/// (a port-mapping server among them); `2001:3::/32` (AMT), `2001:4:112::/48` (AS112),
/// `2001:20::/28` (ORCHIDv2) and `2001:30::/28` (drone identifiers) hold no server that a user
/// would name. It refuses the tunnels that hide an IPv4 address, 6to4 (`2002::/16`) and Teredo
/// (`2001::/32`), as a whole.
///
/// It does not protect services of your own on public addresses that trust their callers' network,
/// cloud services on public addresses (Azure's `168.63.129.16`), addresses behind a NAT64 prefix of
/// the network's own (which looks like any other), hosts that a proxy connects to on your behalf,
/// and services on other ports of a public host.
#[must_use]
pub fn is_public(addr: SocketAddr) -> bool {
    match addr.ip() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match embedded_v4(ip) {
            Some(ip) => is_public_v4(ip),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4.iter().any(|block| block.contains(ip.to_ipv6_mapped()))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    GLOBAL_UNICAST_V6.contains(ip) && !NOT_PUBLIC_V6.iter().any(|block| block.contains(ip))
}

/// The IPv4 address that receives the packets to this address.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = ip.octets();
    // ::ffff:0:0/96 IPv4-mapped (RFC 4291); 64:ff9b::/96 NAT64 (RFC 6052)
    let mapped = v6(0, 0, 0, 0, 0, 0xffff, 96).contains(ip);
    let nat64 = v6(0x64, 0xff9b, 0, 0, 0, 0, 96).contains(ip);
    (mapped || nat64).then_some(Ipv4Addr::new(a, b, c, d))
}

/// The IPv4 special-purpose registry as of 2025-10, without the blocks that are global (AS112
/// `192.31.196.0/24` and `192.175.48.0/24`, AMT `192.52.193.0/24`), with multicast, and each block
/// once.
const NOT_PUBLIC_V4: [Prefix; 15] = [
    v4(0, 0, 0, 0, 8),       // this network (RFC 791)
    v4(10, 0, 0, 0, 8),      // private (RFC 1918)
    v4(100, 64, 0, 0, 10),   // shared, carrier NAT (RFC 6598)
    v4(127, 0, 0, 0, 8),     // loopback (RFC 1122)
    v4(169, 254, 0, 0, 16),  // link-local (RFC 3927), cloud metadata
    v4(172, 16, 0, 0, 12),   // private (RFC 1918)
    v4(192, 0, 0, 0, 24),    // IETF protocol assignments (RFC 6890)
    v4(192, 0, 2, 0, 24),    // documentation (RFC 5737)
    v4(192, 88, 99, 0, 24),  // 6to4 relay anycast (RFC 7526), 6a44 (RFC 6751)
    v4(192, 168, 0, 0, 16),  // private (RFC 1918)
    v4(198, 18, 0, 0, 15),   // benchmarking (RFC 2544)
    v4(198, 51, 100, 0, 24), // documentation (RFC 5737)
    v4(203, 0, 113, 0, 24),  // documentation (RFC 5737)
    v4(224, 0, 0, 0, 4),     // multicast (RFC 5771)
    v4(240, 0, 0, 0, 4),     // reserved (RFC 1112), broadcast (RFC 919)
];

/// The space that IANA assigns for global unicast (RFC 4291 section 2.4, RFC 3587). Outside of it
/// are `::`, `::1`, 64:ff9b:1::/48 (RFC 8215), 100::/64 (RFC 6666), 5f00::/16 (RFC 9602), fc00::/7
/// (RFC 4193), fe80::/10, fec0::/10 (RFC 3879), ff00::/8, and unassigned space.
const GLOBAL_UNICAST_V6: Prefix = v6(0x2000, 0, 0, 0, 0, 0, 3);

/// The blocks of the IPv6 special-purpose registry that lie in 2000::/3 and are not global.
const NOT_PUBLIC_V6: [Prefix; 4] = [
    v6(0x2001, 0, 0, 0, 0, 0, 23), // IETF protocol assignments (RFC 2928), Teredo (RFC 4380)
    v6(0x2001, 0xdb8, 0, 0, 0, 0, 32), // documentation (RFC 3849)
    v6(0x2002, 0, 0, 0, 0, 0, 16), // 6to4 (RFC 3056)
    v6(0x3fff, 0, 0, 0, 0, 0, 20), // documentation (RFC 9637)
];

const fn v4(a: u8, b: u8, c: u8, d: u8, len: u32) -> Prefix {
    Prefix::v4(Ipv4Addr::new(a, b, c, d), len)
}

/// An IPv6 prefix of at most 96 bits.
const fn v6(a: u16, b: u16, c: u16, d: u16, e: u16, f: u16, len: u32) -> Prefix {
    Prefix::v6(Ipv6Addr::new(a, b, c, d, e, f, 0, 0), len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(SocketAddr::new(text.parse().unwrap(), 443))
    }

    #[track_caller]
    fn check(expected: bool, texts: &[&str]) {
        for text in texts {
            assert_eq!(public(text), expected, "{text}");
        }
    }

    #[test]
    fn ordinary_addresses_are_public() {
        check(true, &["1.1.1.1", "9.9.9.9", "193.0.6.139", "2606:4700:4700::1111", "2a00:1450::1"]);
    }

    #[test] // the addresses before and behind each block
    fn the_neighbours_of_every_ipv4_block_are_public() {
        check(true, &["1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"]);
        check(true, &["126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0"]);
        check(true, &["172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0"]);
        check(true, &["192.0.1.255", "192.0.3.0", "192.88.98.255", "192.88.100.0"]);
        check(true, &["192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0"]);
        check(true, &["198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0"]);
        check(true, &["223.255.255.255"]);
    }

    #[test] // the first and the last address of each block
    fn the_edges_of_every_ipv4_block_are_not_public() {
        check(false, &["0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255"]);
        check(false, &["100.64.0.0", "100.127.255.255", "127.0.0.0", "127.255.255.255"]);
        check(false, &["169.254.0.0", "169.254.169.254", "169.254.255.255"]);
        check(false, &["172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.255"]);
        check(false, &["192.0.2.0", "192.0.2.255", "192.88.99.0", "192.88.99.255"]);
        check(false, &["192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255"]);
        check(false, &["198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255"]);
        check(false, &["224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255"]);
    }

    #[test]
    fn blocks_that_the_registry_calls_global_are_public() {
        check(true, &["192.31.196.0", "192.52.193.0", "192.175.48.0", "2620:4f:8000::"]);
    }

    #[test]
    fn exceptions_inside_a_refused_block_are_not_made() {
        check(false, &["192.0.0.9", "192.0.0.10", "2001:1::1", "2001:1::2", "2001:1::3"]);
        check(false, &["2001:3::1", "2001:4:112::1", "2001:20::1", "2001:30::1"]);
    }

    #[test]
    fn ipv6_is_public_in_2000_3_only() {
        let last = "ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        check(true, &["2000::", "3ffe::1", &format!("3ffe:{last}")]);
        check(false, &["::", "::1", "::2", "::1.1.1.1", "100::", "100:0:0:1::", "400::"]);
        check(false, &[&format!("1fff:{last}"), "4000::", "5f00::1", "fc00::", "fd00::1"]);
        check(false, &["fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1"]);
    }

    #[test]
    fn ipv6_blocks_within_2000_3_end_where_they_should() {
        let last = "ffff:ffff:ffff:ffff:ffff:ffff";
        check(true, &[&format!("2000:ffff:{last}"), "2001:200::"]);
        check(false, &["2001::", "2001:0:1::", &format!("2001:1ff:{last}")]);
        check(true, &[&format!("2001:db7:{last}"), "2001:db9::"]);
        check(false, &["2001:db8::", &format!("2001:db8:{last}")]);
        check(true, &[&format!("2001:ffff:{last}"), "2003::"]);
        check(false, &["2002::", "2002:101:101::1", &format!("2002:ffff:{last}")]);
        check(true, &[&format!("3ffe:ffff:{last}"), "3fff:1000::"]);
        check(false, &["3fff::", &format!("3fff:fff:{last}")]);
    }

    #[test] // F-14
    fn an_embedded_ipv4_address_decides() {
        check(true, &["::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]);
        check(false, &["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"]);
        check(false, &["64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::0"]);
        // the neighbours of the two prefixes, and the local-use NAT64 prefix
        check(
            false,
            &["::fffe:101:101", "::1:0:101:101", "64:ff9b::1:101:101", "64:ff9b:1::101:101"],
        );
        check(false, &["64:ff9a:ffff:ffff:ffff:ffff:101:101"]);
    }

    #[test]
    fn zone_and_port_do_not_matter() {
        let zoned = "[2606:4700::1%3]:0".parse().unwrap();
        assert!(is_public(zoned));
        assert!(!is_public("[fe80::1%3]:443".parse().unwrap()));
    }
}
