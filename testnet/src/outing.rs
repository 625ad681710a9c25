//! For programs that are no tests: a program runs itself again, in namespaces of its own, and gets
//! what that has printed.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::home;
use crate::isolate::{self, Privilege};

/// Runs this program again, with these arguments, in network and mount namespaces of its own; the
/// inner process sees [`is_out`]. What it prints is returned. Several may be out at once: how many
/// is the caller's business.
///
/// There it may tell one story of [`internet`](crate::internet), or call [`only_loopback`].
///
/// # Errors
///
/// What is missing, or what the inner process has said on stderr if it failed.
///
/// # Panics
///
/// If there is no temporary directory, or no `/proc`.
pub fn outing(args: &[&str]) -> Result<String, String> {
    static PRIVILEGE: OnceLock<Result<Privilege, String>> = OnceLock::new();
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let privilege = PRIVILEGE.get_or_init(isolate::privilege).clone()?;
    let name = format!("outing-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let output = isolate::run_again(privilege, &name, args);
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    match output.status.success() {
        true => Ok(stdout.into_owned()),
        false => Err(format!("{} ({})", stderr.trim(), output.status)),
    }
}

/// Whether this process is on an [`outing`].
///
/// # Panics
///
/// If it should be, and is not in a namespace of its own.
#[must_use]
pub fn is_out() -> bool {
    isolate::inside().is_some()
}

/// The namespace has loopback and nothing else, and `/etc/resolv.conf` names this server. For the
/// inner process of an [`outing`] that tells no story.
///
/// # Panics
///
/// If this is not such a process, or the namespace cannot be set up.
pub fn only_loopback(name_server: IpAddr) {
    let dir = isolate::inside().expect("the inner process of an outing");
    home::ip(&["link set lo up".to_owned()]).expect("loopback");
    home::replace_etc(&dir, name_server).expect("files for /etc");
}
