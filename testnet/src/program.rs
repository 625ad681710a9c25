//! Name servers that have to be installed.

use std::path::Path;

/// A name server of Debian's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Package unbound.
    Unbound,
    /// Package knot-resolver.
    Kresd,
}

impl Program {
    /// Where its package installs it.
    pub(crate) fn path(self) -> &'static Path {
        match self {
            Self::Unbound => Path::new("/usr/sbin/unbound"),
            Self::Kresd => Path::new("/usr/sbin/kresd"),
        }
    }

    /// Its package.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::Kresd => "knot-resolver",
        }
    }
}
