//! A socket option that could not be set. The report shows it; `connect/socket/` and
//! `connect/bind.rs` set the options.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// A socket option that was refused: its name, the address, and the reason.
#[derive(Debug)]
pub struct OptionError {
    option: &'static str,
    addr: SocketAddr,
    cause: io::Error,
}

impl OptionError {
    pub(crate) fn wrap(option: &'static str, addr: SocketAddr, cause: io::Error) -> io::Error {
        io::Error::new(cause.kind(), Self { option, addr, cause })
    }

    /// The option's name, as in the system's manual: `TCP_NODELAY`, `SO_MARK`; or `local address`.
    #[must_use]
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// The address that was about to be dialled.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The reason.
    #[must_use]
    pub fn cause(&self) -> &io::Error {
        &self.cause
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}: {}", self.option, self.addr, self.cause)
    }
}

/// `Display` has the reason as well.
impl std::error::Error for OptionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}
