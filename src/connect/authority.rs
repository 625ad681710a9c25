//! `host:port`, as configuration files have it.

use std::fmt;

use crate::race::text::Escaped;

/// The host and the port of a text such as `db.example:5432`, `db.example`, `[2001:db8::1]:443` or
/// `2001:db8::1`. Without a port, or with an empty one (RFC 3986 section 3.2.3), it is the default.
pub(crate) fn split(authority: &str, default_port: u16) -> Result<(&str, u16), InvalidAuthority> {
    if authority.contains('@') {
        return Err(InvalidAuthority::Userinfo);
    }
    let after_literal = authority.rfind(']').map_or(0, |at| at + 1);
    let colon = authority[after_literal..].find(':').map(|at| at + after_literal);
    let Some(colon) = colon else { return Ok((authority, default_port)) };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    if after_literal == 0 && port.contains(':') {
        return Ok((authority, default_port)); // an IPv6 address without brackets
    }
    match port {
        "" => Ok((host, default_port)),
        _ => Ok((host, port_number(port).ok_or_else(|| InvalidAuthority::port(port))?)),
    }
}

/// The number of a port that is written in digits alone; `parse` accepts a sign.
pub(crate) fn port_number(text: &str) -> Option<u16> {
    let is_digits = text.bytes().all(|c| c.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}

/// The reason why a text is no authority.
#[derive(Debug)]
pub(crate) enum InvalidAuthority {
    /// It is not a number from 0 to 65535.
    Port(String),
    /// The text has a user and maybe a password, which must not be shown.
    Userinfo,
}

impl InvalidAuthority {
    fn port(port: &str) -> Self {
        Self::Port(Escaped(port).to_string())
    }
}

impl fmt::Display for InvalidAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "invalid port {port}"),
            Self::Userinfo => f.write_str("a user before @ has no place in host:port"),
        }
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
            ("[::1]x:80", "[::1]x", 80),
        ] {
            assert_eq!(split(text, 1).unwrap(), (host, port), "{text}");
        }
    }

    #[test]
    fn a_bad_port_is_named_and_a_password_is_not() {
        for (text, error) in [
            ("db.test:65536", "invalid port 65536"),
            ("db.test:+80", "invalid port +80"),
            ("db.test:http", "invalid port http"),
            ("[::1]:8 0", "invalid port 8 0"),
            ("[::1]:80:80", "invalid port 80:80"),
            ("me:secret@db.test:80", "a user before @ has no place in host:port"),
            ("me@db.test", "a user before @ has no place in host:port"),
        ] {
            assert_eq!(split(text, 1).unwrap_err().to_string(), error, "{text}");
        }
    }
}
