//! A configuration file: reading it, and noticing that it has changed.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

/// The most that is read of a file, in bytes. A blocklist of a million names fits.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// The state of a file, by which a change is noticed without reading the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dns) enum Stamp {
    /// There is no file, or its state is unknown.
    Missing,
    /// Inode and change time tell apart two files of the same length and time, one of which was
    /// moved in place of the other.
    File { modified: Option<SystemTime>, length: u64, inode: u64, changed: (i64, i64) },
    /// There is no file. The configuration is read again in each period, and compared.
    #[allow(dead_code, reason = "for the systems without resolv.conf")]
    Period(u64),
}

impl Stamp {
    /// The length of the file in bytes; 0 without one.
    pub(in crate::dns) fn length(&self) -> u64 {
        match self {
            Self::File { length, .. } => *length,
            Self::Missing | Self::Period(_) => 0,
        }
    }

    pub(in crate::dns) fn of(path: &Path) -> Self {
        let Ok(meta) = fs::metadata(path) else { return Self::Missing };
        let (inode, changed) = identity(&meta);
        Self::File { modified: meta.modified().ok(), length: meta.len(), inode, changed }
    }
}

#[cfg(unix)]
fn identity(meta: &Metadata) -> (u64, (i64, i64)) {
    use std::os::unix::fs::MetadataExt;
    (meta.ino(), (meta.ctime(), meta.ctime_nsec()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, (i64, i64)) {
    (0, (0, 0))
}

/// The text of a file. A missing file is empty: for resolv.conf(5) that means the server on this
/// host. A pipe or a device is refused, because it could keep the reader forever.
pub(in crate::dns) fn read(path: &Path) -> io::Result<String> {
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(e) => return Err(e),
    };
    if !meta.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
