//! What everything was measured on and with.

use std::fs;
use std::process::Command;

/// `2 CPUs, Linux 6.18, rustc 1.95.0`.
pub(crate) fn line() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel: Vec<&str> = release.split('.').take(2).collect();
    let output = Command::new("rustc").arg("--version").output();
    let rustc = output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    let rustc = rustc.unwrap_or_default();
    let rustc = rustc.split_whitespace().nth(1).unwrap_or("of an unknown version");
    format!("{cpus} CPUs, Linux {}, rustc {rustc}", kernel.join("."))
}

/// The versions of all peers, as the lock file has them.
pub(crate) fn versions() -> String {
    let peers = [
        "tokio",
        "hyper-util",
        "hyper-rustls",
        "reqwest",
        "hickory-resolver",
        "happy-eyeballs",
        "happyeyeballs",
        "tokio-happy-eyeballs",
    ];
    let of = |name: &str| format!("{name} {}", version(include_str!("../../../Cargo.lock"), name));
    peers.map(of).join(", ")
}

fn version<'a>(lock: &'a str, name: &str) -> &'a str {
    let entry = lock.split_once(&format!("name = \"{name}\"\nversion = \""));
    let version = entry.and_then(|(_, rest)| rest.split_once('"'));
    version.map_or("of an unknown version", |(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert!(!versions().contains("unknown"), "{}", versions());
        let lock = "name = \"a-b\"\nversion = \"2.0\"\nname = \"b\"\nversion = \"1.0\"\n";
        assert_eq!((version(lock, "b"), version(lock, "a-b")), ("1.0", "2.0"));
    }
}
