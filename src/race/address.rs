//! Addresses as endpoints of TCP: their IP version, and which of them can be dialled.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    /// The version of this address. An IPv4-mapped address counts as it is written: as IPv6.
    #[must_use]
    pub fn of(addr: SocketAddr) -> Self {
        if addr.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// The reason why an address is never dialled, from any source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Unusable {
    /// `::` or `0.0.0.0`.
    Unspecified,
    /// A multicast address: TCP has no multicast.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// `fe80::/10` without a zone names no interface to leave from.
    NoZone,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::NoZone => "a link-local address without a zone",
        })
    }
}

/// The address that is dialled for this one: an IPv4-mapped address counts as IPv4.
pub(crate) fn usable(addr: SocketAddr) -> Result<SocketAddr, Unusable> {
    let addr = match addr.ip().to_canonical() {
        // Flow labels do not distinguish endpoints, nor do zones of addresses that need none.
        IpAddr::V6(ip) if !ip.is_unicast_link_local() => SocketAddr::new(ip.into(), addr.port()),
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, addr.port()),
        IpAddr::V6(_) => addr,
    };
    match addr {
        addr if addr.ip().is_unspecified() => Err(Unusable::Unspecified),
        addr if addr.ip().is_multicast() => Err(Unusable::Multicast),
        SocketAddr::V4(v4) if v4.ip().is_broadcast() => Err(Unusable::Broadcast),
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 => {
            Err(Unusable::NoZone)
        }
        SocketAddr::V4(_) | SocketAddr::V6(_) => Ok(addr),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap_or_else(|_| SocketAddr::new(text.parse().unwrap(), 0))
    }

    #[test] // E-7
    fn addresses_that_can_only_fail_are_unusable() {
        for (text, why) in [
            ("0.0.0.0", Unusable::Unspecified),
            ("::", Unusable::Unspecified),
            ("::ffff:0.0.0.0", Unusable::Unspecified),
            ("224.0.0.1", Unusable::Multicast),
            ("239.255.255.255", Unusable::Multicast),
            ("ff02::1", Unusable::Multicast),
            ("[ff02::1%2]:0", Unusable::Multicast),
            ("::ffff:224.0.0.1", Unusable::Multicast),
            ("255.255.255.255", Unusable::Broadcast),
            ("::ffff:255.255.255.255", Unusable::Broadcast),
            ("fe80::1", Unusable::NoZone),
            ("febf::1", Unusable::NoZone),
        ] {
            assert_eq!(usable(addr(text)), Err(why), "{text}");
        }
    }

    #[test] // E-7, F-14
    fn all_other_addresses_are_usable_and_mapped_ones_are_ipv4() {
        for text in ["127.0.0.1:80", "[::1]:80", "[fe80::1%2]:80", "[fec0::1]:80", "10.0.0.1:80"] {
            assert_eq!(usable(addr(text)), Ok(addr(text)));
        }
        assert_eq!(usable(addr("[::ffff:192.0.2.1]:80")), Ok(addr("192.0.2.1:80")));
        assert_eq!(usable(addr("[::ffff:127.0.0.1%2]:80")), Ok(addr("127.0.0.1:80")));
    }

    #[test]
    fn the_reasons_read_as_nouns() {
        let all =
            [Unusable::Unspecified, Unusable::Multicast, Unusable::Broadcast, Unusable::NoZone];
        assert_eq!(
            all.map(|why| why.to_string()),
            [
                "the unspecified address",
                "a multicast address",
                "the broadcast address",
                "a link-local address without a zone"
            ]
        );
    }
}
