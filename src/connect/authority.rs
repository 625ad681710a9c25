//! `host:port`, as configuration files have it.

use std::fmt;

use crate::race::text::Escaped;

/// The host and the port of a text such as `db.example:5432`, `db.example`, `[2001:db8::1]:443` or
/// `2001:db8::1`. Without a port, or with an empty one (RFC 3986 section 3.2.3), it is the default.
pub(crate) fn split(authority: &str, default_port: u16) -> Result<(&str, u16), InvalidAuthority> {
    let after_literal = authority.rfind(']').map_or(0, |at| at + 1);
    let colon = authority[after_literal..].find(':').map(|at| at + after_literal);
    let Some(colon) = colon else { return Ok((authority, default_port)) };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    if after_literal == 0 && port.contains(':') {
        return Ok((authority, default_port)); // an IPv6 address without brackets
    }
    match port {
        "" => Ok((host, default_port)),
        // `parse` accepts a sign.
        _ if !port.bytes().all(|c| c.is_ascii_digit()) => Err(InvalidAuthority::of(port)),
        _ => Ok((host, port.parse().map_err(|_| InvalidAuthority::of(port))?)),
    }
}

/// A port that is no number from 0 to 65535.
#[derive(Debug)]
pub(crate) struct InvalidAuthority {
    port: String,
}

impl InvalidAuthority {
    fn of(port: &str) -> Self {
        Self { port: Escaped(port).to_string() }
    }
}

impl fmt::Display for InvalidAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid port {}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // R-3986-3.2.2
    fn an_authority_is_a_host_and_maybe_a_port() {
        for (text, host, port) in [
            ("db.test:5432", "db.test", 5432),
            ("db.test", "db.test", 1),
            ("db.test:", "db.test", 1),
            ("192.0.2.1:80", "192.0.2.1", 80),
            ("[2001:db8::1]:443", "[2001:db8::1]", 443),
            ("[2001:db8::1]", "[2001:db8::1]", 1),
            ("[fe80::1%eth0]:22", "[fe80::1%eth0]", 22),
            ("2001:db8::1", "2001:db8::1", 1),
            ("fe80::1%eth0", "fe80::1%eth0", 1),
            ("::1", "::1", 1),
            // These are refused as hosts or ports later.
            ("", "", 1),
            (":80", "", 80),
            ("db.test:0", "db.test", 0),
            ("me@db.test:80", "me@db.test", 80),
            ("[::1]x:80", "[::1]x", 80),
        ] {
            assert_eq!(split(text, 1).unwrap(), (host, port), "{text}");
        }
    }

    #[test]
    fn a_port_that_is_no_number_of_16_bits_is_named() {
        for (text, error) in [
            ("db.test:65536", "invalid port 65536"),
            ("db.test:+80", "invalid port +80"),
            ("db.test:http", "invalid port http"),
            ("[::1]:8 0", "invalid port 8 0"),
            ("[::1]:80:80", "invalid port 80:80"),
        ] {
            assert_eq!(split(text, 1).unwrap_err().to_string(), error, "{text}");
        }
    }
}
