//! The installed name servers that tests may need.

use std::path::Path;

/// A name server that Debian has as a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The package unbound.
    Unbound,
    /// The package knot-resolver.
    Kresd,
    /// The package dnsmasq-base.
    Dnsmasq,
    /// The package bind9.
    Bind,
}

impl Program {
    /// The path at which its package installs it.
    pub(crate) fn path(self) -> &'static Path {
        match self {
            Self::Unbound => Path::new("/usr/sbin/unbound"),
            Self::Kresd => Path::new("/usr/sbin/kresd"),
            Self::Dnsmasq => Path::new("/usr/sbin/dnsmasq"),
            Self::Bind => Path::new("/usr/sbin/named"),
        }
    }

    /// The name of its package.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::Kresd => "knot-resolver",
            Self::Dnsmasq => "dnsmasq-base",
            Self::Bind => "bind9",
        }
    }
}
