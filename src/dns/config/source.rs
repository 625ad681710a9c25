//! The source of the configuration.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{Stamp, read};
use super::resolv_conf::Conf;
use crate::dns::name_server::NameServer;
use crate::race::answer::{LookupError, LookupErrorKind};

/// The path of resolv.conf(5).
#[cfg(not(any(windows, target_vendor = "apple", target_os = "android")))]
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The source of the name servers, the search list and the options.
#[derive(Debug, Clone)]
pub(in crate::dns) enum Source {
    /// `/etc/resolv.conf`, or the settings of a system without it.
    System,
    /// A file in the form of resolv.conf(5), chosen by the caller.
    File(PathBuf),
    /// The caller.
    Given(Vec<NameServer>),
}

impl Source {
    pub(in crate::dns) fn is_of_the_system(&self) -> bool {
        matches!(self, Self::System)
    }

    /// The state of the source: another stamp means that it has changed.
    pub(in crate::dns) fn stamp(&self) -> Stamp {
        match self {
            Self::System => system_stamp(),
            Self::File(path) => Stamp::of(path),
            Self::Given(_) => Stamp::Missing,
        }
    }

    /// # Errors
    ///
    /// The configuration is there and cannot be read.
    pub(in crate::dns) fn read(&self) -> Result<Conf, LookupError> {
        match self {
            Self::System => read_system(),
            Self::File(path) => read_file(path),
            Self::Given(servers) => Ok(Conf::of(servers.iter().cloned())),
        }
    }
}

#[cfg(not(any(windows, target_vendor = "apple", target_os = "android")))]
fn system_stamp() -> Stamp {
    Stamp::of(Path::new(RESOLV_CONF))
}

#[cfg(any(windows, target_vendor = "apple", target_os = "android"))]
fn system_stamp() -> Stamp {
    Stamp::Period(super::platform::period())
}

#[cfg(not(any(windows, target_vendor = "apple", target_os = "android")))]
fn read_system() -> Result<Conf, LookupError> {
    read_file(Path::new(RESOLV_CONF))
}

#[cfg(any(windows, target_vendor = "apple", target_os = "android"))]
fn read_system() -> Result<Conf, LookupError> {
    super::platform::read()
}

fn read_file(path: &Path) -> Result<Conf, LookupError> {
    match read(path) {
        Ok(text) => Ok(Conf::parse(&text)),
        Err(e) => Err(no_name_server(path, e)),
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
    fn a_file_that_the_caller_names_is_not_the_systems_configuration() {
        assert!(Source::System.is_of_the_system());
        assert!(!Source::File("/etc/resolv.conf".into()).is_of_the_system());
    }

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
