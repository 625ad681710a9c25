//! The causes of an error.

use std::error::Error as StdError;
use std::io;
use std::iter::successors;
use std::sync::{Arc, LazyLock};

use super::error::Error;

type Cause<'a> = &'a (dyn StdError + 'static);

/// An error, then its causes. `source` of an `io::Error` skips the error inside it, and `source` of
/// an `Arc` or a `Box` the error that it holds; both are among the causes here.
pub(crate) fn causes<'a>(error: Cause<'a>) -> impl Iterator<Item = Cause<'a>> {
    successors(Some(error), |error| below(*error))
}

fn below<'a>(error: Cause<'a>) -> Option<Cause<'a>> {
    inside(error).or_else(|| error.source())
}

fn inside<'a>(error: Cause<'a>) -> Option<Cause<'a>> {
    if let Some(shared) = error.downcast_ref::<Arc<io::Error>>() {
        return Some(&**shared);
    }
    if let Some(shared) = error.downcast_ref::<Arc<Error>>() {
        return Some(&**shared);
    }
    if let Some(boxed) = error.downcast_ref::<Box<Error>>() {
        return Some(&**boxed);
    }
    error.downcast_ref::<io::Error>()?.get_ref().map(|inner| inner as Cause<'a>)
}

/// The first `io::Error` among an error and its causes.
pub(crate) fn io_error(error: Cause<'_>) -> Option<&io::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The first error number of the system among an error and its causes.
pub(crate) fn raw_os_error(error: Cause<'_>) -> Option<i32> {
    let mut io = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.find_map(io::Error::raw_os_error)
}

/// The cause of a failure by a time-out of ours: programs that look for an `io::Error` find its
/// kind.
pub(crate) fn timed_out() -> &'static io::Error {
    static TIMED_OUT: LazyLock<io::Error> = LazyLock::new(|| io::ErrorKind::TimedOut.into());
    &TIMED_OUT
}

/// True if descriptors or memory are used up, on this host or in this process.
pub(crate) fn is_used_up(error: Cause<'_>) -> bool {
    let mut io = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.any(|error| {
        error.kind() == io::ErrorKind::OutOfMemory
            || error.raw_os_error().is_some_and(|number| USED_UP.contains(&number))
    })
}

/// ENFILE, EMFILE and ENOBUFS, for which std has no kinds. ENOMEM has one. (ENOBUFS differs on MIPS
/// and SPARC, where it is not recognised.)
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const USED_UP: [i32; 3] = [23, 24, 105];
/// ENFILE, EMFILE and ENOBUFS, as Apple's systems and the BSDs count.
#[cfg(not(any(target_os = "linux", target_os = "android", windows)))]
pub(crate) const USED_UP: [i32; 3] = [23, 24, 55];
/// ERROR_TOO_MANY_OPEN_FILES, WSAEMFILE and WSAENOBUFS.
#[cfg(windows)]
pub(crate) const USED_UP: [i32; 3] = [4, 10_024, 10_055];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn the_numbers_are_those_of_the_system() {
        assert_eq!(USED_UP, [libc::ENFILE, libc::EMFILE, libc::ENOBUFS]);
        for number in [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS] {
            assert!(is_used_up(&io::Error::from_raw_os_error(number)), "{number}");
        }
        for number in [libc::EACCES, libc::EPERM, libc::ECONNREFUSED, libc::EIO] {
            assert!(!is_used_up(&io::Error::from_raw_os_error(number)), "{number}");
        }
    }

    #[test]
    fn an_error_inside_an_io_error_or_an_arc_is_among_the_causes() {
        let refused = || io::Error::from_raw_os_error(111);
        let twice = io::Error::other(io::Error::other(refused()));
        assert_eq!(causes(&twice).count(), 3);
        assert_eq!((twice.raw_os_error(), raw_os_error(&twice)), (None, Some(111)));
        let shared = Arc::new(refused());
        assert_eq!(io_error(&shared).unwrap().raw_os_error(), Some(111));
        assert!(io_error(&std::fmt::Error).is_none());
    }
}
