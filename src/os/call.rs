//! The call of `getaddrinfo`, and the meaning of its errors.

use std::net::SocketAddr;

use dns_lookup::{AddrFamily, AddrInfoHints, LookupErrorKind as Eai, SockType};

use super::hosts;
use crate::race::address::IpVersion;
use crate::race::answer::{Answer, LookupError, LookupErrorKind, Origin};
use crate::race::query::Record;

/// Blocks for as long as the system takes: with glibc and a silent name server 10 s.
pub(super) fn look_up(name: &str, record: Record) -> Result<Answer, LookupError> {
    match hosts::correction(name, record) {
        None => getaddrinfo(name, record),
        Some(addrs) if addrs.is_empty() => Err(LookupErrorKind::NoRecords.into()),
        Some(addrs) => Ok(Answer::from(addrs).with_origin(Origin::Hosts)),
    }
}

fn getaddrinfo(name: &str, record: Record) -> Result<Answer, LookupError> {
    let family = match record.ip_version() {
        Some(IpVersion::V6) => AddrFamily::Inet6,
        Some(IpVersion::V4) => AddrFamily::Inet,
        None => return Err(LookupErrorKind::NoRecords.into()),
    };
    let mut addrs = call(name, family.into()).map_err(error)?;
    // glibc gives zones only to a call for both families, because nsswitch modules can return them
    // only there. Without its zone the race skips a link-local address.
    if addrs.iter().any(lacks_zone) {
        addrs = call(name, ANY_FAMILY).unwrap_or(addrs);
    }
    addrs.retain(|addr| record.holds(*addr));
    match addrs.is_empty() {
        true => Err(LookupErrorKind::NoRecords.into()),
        false => Ok(Answer::from(addrs).with_origin(Origin::System)),
    }
}

fn lacks_zone(addr: &SocketAddr) -> bool {
    matches!(addr, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

/// `AF_UNSPEC`, which is 0 on every system.
const ANY_FAMILY: i32 = 0;

fn call(name: &str, family: i32) -> Result<Vec<SocketAddr>, dns_lookup::LookupError> {
    // Flags 0. With AI_ADDRCONFIG a host that has only ::1 would never get an AAAA record. With
    // AI_CANONNAME, which would give the final name, dns-lookup panics at a name that is not UTF-8.
    let (socktype, default) = (SockType::Stream.into(), AddrInfoHints::default());
    let hints = AddrInfoHints { address: family, socktype, ..default };
    let found = dns_lookup::getaddrinfo(Some(name), None, Some(hints))?;
    Ok(found.filter_map(Result::ok).map(|info| info.sockaddr).collect())
}

/// Measured with glibc 2.36: NXDOMAIN and FORMERR are NONAME, NODATA is NODATA in either family,
/// and SERVFAIL, NOTIMP, REFUSED, a closed port and silence are AGAIN.
fn error(error: dns_lookup::LookupError) -> LookupError {
    let kind = match error.kind() {
        Eai::NoName => LookupErrorKind::NoSuchName,
        Eai::NoData => LookupErrorKind::NoRecords,
        Eai::Again | Eai::Fail => LookupErrorKind::ServerFailure,
        Eai::Badflags
        | Eai::Family
        | Eai::Socktype
        | Eai::Service
        | Eai::Memory
        | Eai::System
        | Eai::Unknown
        | Eai::IO => LookupErrorKind::Other,
    };
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    LookupError::new(kind).with_cause(format!("getaddrinfo: {text}"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_what_the_system_says() {
        let reported = |number| error(dns_lookup::LookupError::new(number)).to_string();
        for (number, expected) in [
            (libc::EAI_NONAME, "no such name: getaddrinfo: "),
            (libc::EAI_AGAIN, "server failure: getaddrinfo: "),
            (libc::EAI_FAIL, "server failure: getaddrinfo: "),
            (libc::EAI_MEMORY, "lookup failed: getaddrinfo: "),
            (libc::EAI_FAMILY, "lookup failed: getaddrinfo: "),
        ] {
            let text = reported(number);
            // The rest is the system's text.
            let rest = text.strip_prefix(expected).unwrap_or_else(|| panic!("{text}"));
            assert!(!rest.is_empty() && !rest.contains("failed to lookup"), "{text}");
        }
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn a_name_without_records_exists() {
        let error = error(dns_lookup::LookupError::new(libc::EAI_NODATA));
        assert_eq!(error.kind(), LookupErrorKind::NoRecords);
    }
}
