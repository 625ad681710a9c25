//! The replacement of `tls.rs` without feature `dns-over-tls`: there is no strict and no pinned
//! server.

use std::fmt;

use super::text::Part;
use super::{NameServer, NameServerError};

/// It has no value, so the compiler knows that no server is strict or pinned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::dns) enum Authentication {}

impl Authentication {
    pub(super) fn class(&self) -> &'static str {
        match *self {}
    }
}

impl fmt::Display for Authentication {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// Refuses the text after `tls:`.
pub(super) fn read(text: Part<'_>) -> Result<NameServer, NameServerError> {
    Err(text.error("DNS over TLS needs feature `dns-over-tls` of he-connect"))
}

#[cfg(test)]
mod tests {
    use super::NameServer;

    #[test] // R-8310-5.1a
    fn a_server_with_tls_is_refused_and_names_the_feature() {
        let error = "tls:192.0.2.53!dns.test".parse::<NameServer>().unwrap_err();
        let reported = "invalid name server \"tls:192.0.2.53!dns.test\": \"192.0.2.53!dns.test\" \
                        at byte 4: DNS over TLS needs feature `dns-over-tls` of he-connect";
        assert_eq!(error.to_string(), reported);
        assert!("192.0.2.53!dns.test".parse::<NameServer>().is_err());
    }

    #[test]
    fn a_server_without_a_scheme_is_never_authenticated() {
        let server: NameServer = "192.0.2.53".parse().unwrap();
        assert_eq!(server, NameServer::opportunistic(server.addr()));
        assert!(!server.is_authenticated());
        assert_eq!(server.to_string(), "192.0.2.53");
    }
}
