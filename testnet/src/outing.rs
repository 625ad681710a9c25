//! Namespaces for programs other than tests. A program runs itself again in new namespaces, and
//! receives the output of that process.

use std::net::IpAddr;

use crate::home;
use crate::isolate;
use crate::privilege::privilege;

/// Runs this program again with these arguments, in new network and mount namespaces, and returns
/// its output. In the inner process [`is_out`] is true. The caller decides how many outings run at
/// once.
///
/// The inner process may call [`internet`](crate::internet) once, or [`only_loopback`].
///
/// # Errors
///
/// The missing requirement; or what the inner process printed on stderr, if it failed.
///
/// # Panics
///
/// If there is no temporary directory, or no `/proc`.
pub fn outing(args: &[&str]) -> Result<String, String> {
    let privilege = privilege().map_err(|lack| lack.what.clone())?;
    let output = isolate::run_again(privilege, args);
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    match output.status.success() {
        true => Ok(stdout.into_owned()),
        false => Err(format!("{} ({})", stderr.trim(), output.status)),
    }
}

/// True if this process is on an [`outing`].
///
/// # Panics
///
/// If the process is marked as an inner one, and is not in a new namespace.
#[must_use]
pub fn is_out() -> bool {
    isolate::inside().is_some()
}

/// Sets the namespace up with loopback alone, and with an `/etc/resolv.conf` that names this
/// server. It is for the inner process of an [`outing`] that does not call
/// [`internet`](crate::internet).
///
/// # Panics
///
/// If this is not such a process, or the namespace cannot be set up.
pub fn only_loopback(name_server: IpAddr) {
    let dir = isolate::inside().expect("the inner process of an outing");
    home::ip(&["link set lo up".to_owned()]).expect("loopback");
    home::replace_etc(&dir, name_server).expect("files for /etc");
}
