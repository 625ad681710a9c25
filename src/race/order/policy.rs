//! The properties that RFC 6724 gives an address: its scope, its label and its precedence.

use std::net::{IpAddr, Ipv6Addr};

use crate::race::prefix::Prefix;

/// The reach of an address, as a number of RFC 4291 section 2.7. Smaller is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope(u8);

impl Scope {
    pub(super) const LINK_LOCAL: Self = Self(0x2);
    pub(super) const SITE_LOCAL: Self = Self(0x5);
    pub(super) const GLOBAL: Self = Self(0xe);

    /// The scope by RFC 6724 sections 3.1 and 3.2. Private IPv4 addresses and ULAs are global.
    pub(super) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) if ip.is_loopback() || ip.is_link_local() => Self::LINK_LOCAL,
            IpAddr::V4(_) => Self::GLOBAL,
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        match ip.segments()[0] {
            multicast @ 0xff00..=0xffff => Self((multicast & 0xf) as u8),
            0xfe80..=0xfebf => Self::LINK_LOCAL,
            0xfec0..=0xfeff => Self::SITE_LOCAL,
            _ if ip.is_loopback() => Self::LINK_LOCAL,
            _ => Self::GLOBAL,
        }
    }
}

/// A row of the policy table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) precedence: u8,
    pub(super) label: u8,
}

impl Policy {
    /// The row of `::/0`.
    pub(super) const DEFAULT: Self = Self { precedence: 40, label: 1 };

    /// The row with the longest matching prefix. An IPv4 address has the row of its IPv4-mapped
    /// address.
    // Inlined twice into the ranking it costs a third more instructions, or not: the compiler
    // decides by what else is in the crate.
    #[inline(never)]
    pub(super) fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => MAPPED,
            IpAddr::V6(ip) => {
                let row = TABLE.iter().find(|(prefix, _)| prefix.contains(ip));
                row.map_or(Self::DEFAULT, |(_, policy)| *policy)
            }
        }
    }
}

/// The number of leading bits that two IPv6 addresses share, at most the 64 of a subnet. RFC 6724
/// section 2.2 asks for the source's prefix length, which is not known here and is hardly ever
/// another.
pub(super) fn common_prefix_len(a: Ipv6Addr, b: Ipv6Addr) -> u32 {
    (a.to_bits() ^ b.to_bits()).leading_zeros().min(64)
}

/// The row of `::ffff:0:0/96`.
const MAPPED: Policy = Policy { precedence: 35, label: 4 };

/// The table of RFC 6724 section 2.1, the longest prefix first. The system's own table
/// (`/etc/gai.conf`, `ip addrlabel`) and the one of draft-ietf-6man-rfc6724-update are left out.
const TABLE: [(Prefix, Policy); 8] = [
    row([0, 0, 0, 0, 0, 0, 0, 1], 128, 50, 0),
    row([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, MAPPED.precedence, MAPPED.label),
    row([0, 0, 0, 0, 0, 0, 0, 0], 96, 1, 3),
    row([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, 5, 5),
    row([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, 30, 2),
    row([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, 1, 12),
    row([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, 1, 11),
    row([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, 3, 13),
];

const fn row(
    [a, b, c, d, e, f, g, h]: [u16; 8],
    len: u32,
    precedence: u8,
    label: u8,
) -> (Prefix, Policy) {
    (Prefix::v6(Ipv6Addr::new(a, b, c, d, e, f, g, h), len), Policy { precedence, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // R-6724-2.1a
    fn the_policy_table_is_that_of_rfc_6724() {
        for (ip, precedence, label) in [
            ("::1", 50, 0),
            ("2001:db8::1", 40, 1),
            ("::2:0:0", 40, 1),
            ("192.0.2.1", 35, 4),
            ("127.0.0.1", 35, 4),
            ("::ffff:192.0.2.1", 35, 4),
            ("2002:c000:201::1", 30, 2),
            ("2001::1", 5, 5),
            ("2001:0:ffff::1", 5, 5),
            ("2001:1::1", 40, 1),
            ("fc00::1", 3, 13),
            ("fdff::1", 3, 13),
            ("fe00::1", 40, 1),
            ("::192.0.2.1", 1, 3),
            ("::", 1, 3),
            ("fec0::1", 1, 11),
            ("feff::1", 1, 11),
            ("fe80::1", 40, 1),
            ("3ffe::1", 1, 12),
            ("3fff::1", 40, 1),
        ] {
            assert_eq!(Policy::of(ip.parse().unwrap()), Policy { precedence, label }, "{ip}");
        }
    }

    #[test] // R-6724-3.2
    fn scopes_are_those_of_rfc_6724() {
        for (scope, ips) in [
            (Scope(1), &["ff01::1", "ff11::1"][..]),
            (Scope::LINK_LOCAL, &["fe80::1", "febf::1", "::1", "ff02::1", "ff32::1"]),
            (Scope::LINK_LOCAL, &["127.0.0.1", "127.9.9.9", "169.254.0.1", "169.254.255.255"]),
            (Scope::LINK_LOCAL, &["::ffff:127.0.0.1", "::ffff:169.254.0.1"]),
            (Scope(4), &["ff04::1"]),
            (Scope::SITE_LOCAL, &["fec0::1", "feff::1", "ff05::1"]),
            (Scope(8), &["ff08::1"]),
            (Scope::GLOBAL, &["2001:db8::1", "fc00::1", "fd00::1", "ff0e::1", "::2", "2002::1"]),
            (Scope::GLOBAL, &["10.0.0.1", "172.16.0.1", "192.168.0.1", "192.0.2.1", "100.64.0.1"]),
            (Scope::GLOBAL, &["169.253.0.1", "128.0.0.1", "::ffff:10.0.0.1"]),
        ] {
            for ip in ips {
                assert_eq!(Scope::of(ip.parse().unwrap()), scope, "{ip}");
            }
        }
    }

    #[test] // R-6724-6.9, F-12
    fn a_common_prefix_counts_up_to_64_bits() {
        let len = |a: &str, b: &str| common_prefix_len(a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(len("2001:db8::1", "2001:db8::1"), 64);
        assert_eq!(len("2001:db8::1", "2001:db8::2"), 64);
        assert_eq!(len("2001:db8:0:1::", "2001:db8::"), 63);
        assert_eq!(len("2001:db8:3ffe::1", "2001:db8:3f44::2"), 40);
        assert_eq!(len("8000::", "::"), 0);
    }
}
