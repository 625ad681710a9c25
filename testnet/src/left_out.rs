//! The report of tests that are left out, because this machine lacks something that they need.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::parent_id;

/// Set by CI: a test that cannot run fails.
const REQUIRE: &str = "HE_REQUIRE_NET";

/// Reports in one line the tests that are left out and why (`what`), and the command that makes
/// them run (`cure`). Many threads of several programs may call this: the line is printed once for
/// each `cure` in a run of `cargo test`.
///
/// # Panics
///
/// If `HE_REQUIRE_NET` is set.
pub(crate) fn missing(what: &str, cure: &str) {
    let line = format!("left out: {what}; to run them: {cure}");
    assert!(env::var_os(REQUIRE).is_none(), "{REQUIRE} is set, and this is {line}");
    if is_new(cure).unwrap_or(true) {
        // libtest captures `eprintln!` in tests that pass, and no direct write.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// Whether this run has not reported that reason. A file beside the test programs has the last run
/// and its reasons, one a line.
fn is_new(reason: &str) -> io::Result<bool> {
    let path = env::current_exe()?.with_file_name("he-testnet-left-out");
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    file.lock()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let (mut lines, run) = (text.lines(), run());
    if lines.next() != Some(run.as_str()) {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{run}")?;
    } else if lines.any(|line| line == reason) {
        return Ok(false);
    }
    writeln!(file, "{reason}")?;
    Ok(true)
}

/// The parent and its start time, if it is cargo, which runs all test programs. Otherwise each test
/// program is a run of its own.
fn run() -> String {
    let parent = parent_id();
    let stat = fs::read_to_string(format!("/proc/{parent}/stat")).unwrap_or_default();
    match stat.split_once("(cargo").and_then(|(_, rest)| rest.rsplit(')').next()) {
        // proc_pid_stat(5): the start time is field 22, and field 3 follows the name.
        Some(fields) => format!("{parent} {}", fields.split_whitespace().nth(19).unwrap_or("")),
        None => std::process::id().to_string(),
    }
}
