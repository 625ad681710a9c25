//! Address prefixes, of both IP versions.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A prefix of IPv6 addresses. An IPv4 prefix is a prefix of IPv4-mapped addresses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prefix {
    bits: u128,
    mask: u128,
}

impl Prefix {
    pub(crate) const fn v6(first: Ipv6Addr, len: u32) -> Self {
        let mask = if len == 0 { 0 } else { u128::MAX << (128 - len) };
        Self { bits: first.to_bits() & mask, mask }
    }

    pub(crate) const fn v4(first: Ipv4Addr, len: u32) -> Self {
        Self::v6(first.to_ipv6_mapped(), 96 + len)
    }

    pub(crate) const fn contains(self, ip: Ipv6Addr) -> bool {
        ip.to_bits() & self.mask == self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_contains_the_addresses_with_its_leading_bits() {
        let ip = |text: &str| text.parse::<Ipv6Addr>().unwrap();
        let doc = Prefix::v6(ip("2001:db8:ffff::1"), 32);
        assert!(doc.contains(ip("2001:db8::")) && doc.contains(ip("2001:db8:ffff:ffff::")));
        assert!(!doc.contains(ip("2001:db7:ffff::")) && !doc.contains(ip("2001:db9::")));
        let all = Prefix::v6(ip("::"), 0);
        assert!(all.contains(ip("::")) && all.contains(ip("ffff::1")));
        let one = Prefix::v6(ip("::1"), 128);
        assert!(one.contains(ip("::1")) && !one.contains(ip("::2")));
        let private = Prefix::v4([10, 0, 0, 0].into(), 8);
        assert!(
            private.contains(ip("::ffff:10.255.0.1")) && !private.contains(ip("::ffff:11.0.0.1"))
        );
        assert!(!private.contains(ip("::10.0.0.1")));
    }
}
