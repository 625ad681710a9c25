//! The source of the configuration.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{Stamp, read};
use super::resolv_conf::Conf;
use crate::dns::name_server::NameServer;
use crate::race::answer::{LookupError, LookupErrorKind};

/// The path of resolv.conf(5).
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The source of the name servers, the search list and the options.
#[derive(Debug, Clone)]
pub(in crate::dns) enum Source {
    /// A file in the form of resolv.conf(5).
    File(PathBuf),
    /// The settings of a system without such a file.
    #[cfg(any(windows, target_vendor = "apple", target_os = "android"))]
    Platform,
    /// The caller.
    Given(Vec<NameServer>),
}

impl Source {
    #[cfg(not(any(windows, target_vendor = "apple", target_os = "android")))]
    pub(in crate::dns) fn system() -> Self {
        Self::File(RESOLV_CONF.into())
    }

    #[cfg(any(windows, target_vendor = "apple", target_os = "android"))]
    pub(in crate::dns) fn system() -> Self {
        Self::Platform
    }

    pub(in crate::dns) fn is_of_the_system(&self) -> bool {
        match self {
            Self::File(path) => path == Path::new(RESOLV_CONF),
            #[cfg(any(windows, target_vendor = "apple", target_os = "android"))]
            Self::Platform => true,
            Self::Given(_) => false,
        }
    }

    /// The state of the source: another stamp means that it has changed.
    pub(in crate::dns) fn stamp(&self) -> Stamp {
        match self {
            Self::File(path) => Stamp::of(path),
            #[cfg(any(windows, target_vendor = "apple", target_os = "android"))]
            Self::Platform => Stamp::Period(super::platform::period()),
            Self::Given(_) => Stamp::Missing,
        }
    }

    /// # Errors
    ///
    /// The configuration is there and cannot be read.
    pub(in crate::dns) fn read(&self) -> Result<Conf, LookupError> {
        match self {
            Self::File(path) => match read(path) {
                Ok(text) => Ok(Conf::parse(&text)),
                Err(e) => Err(no_name_server(path, e)),
            },
            #[cfg(any(windows, target_vendor = "apple", target_os = "android"))]
            Self::Platform => super::platform::read(),
            Self::Given(servers) => Ok(Conf::of(servers.iter().cloned())),
        }
    }
}

fn no_name_server(path: &Path, error: io::Error) -> LookupError {
    let why = format!("{}: {error}", path.display());
    LookupError::from(LookupErrorKind::NoNameServer).with_worded_cause(why, Arc::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::race::causes::raw_os_error;

    #[test]
    #[cfg(unix)]
    fn a_file_that_cannot_be_read_keeps_the_number_of_the_error() {
        let too_long = "x".repeat(5_000);
        let error = Source::File(too_long.as_str().into()).read().unwrap_err();
        assert_eq!(raw_os_error(&error), Some(libc::ENAMETOOLONG));
        let error = Source::File("/".into()).read().unwrap_err();
        assert_eq!(error.to_string(), "no name server: /: not a regular file");
    }
}
