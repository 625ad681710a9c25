//! The report of tests that are left out, because this machine lacks something that they need.

use std::collections::BTreeSet;
use std::env;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Mutex;

/// Set by CI: a test that cannot run fails.
const REQUIRE: &str = "HE_REQUIRE_NET";

/// Reports in one line the tests that are left out and why (`what`), and the command that makes
/// them run (`cure`). Many threads of several programs may call this: the line is printed once for
/// each `cure` in a run of `cargo test`.
///
/// # Panics
///
/// If `HE_REQUIRE_NET` is set.
pub fn missing(what: &str, cure: &str) {
    let line = format!("left out: {what}; to run them: {cure}");
    assert!(env::var_os(REQUIRE).is_none(), "{REQUIRE} is set, and this is {line}");
    if is_new(cure).unwrap_or(true) {
        // libtest captures `eprintln!` in tests that pass, and no direct write.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// True if this run has not reported that reason.
fn is_new(reason: &str) -> io::Result<bool> {
    static REPORTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    match run_of_cargo() {
        Some(run) => is_new_in(&run, reason),
        // This program is a run of its own.
        None => Ok(REPORTED.lock().map_or(true, |mut all| all.insert(reason.to_owned()))),
    }
}

/// A file beside the test programs has the last run and its reasons, one a line.
fn is_new_in(run: &str, reason: &str) -> io::Result<bool> {
    let path = env::current_exe()?.with_file_name("he-left-out");
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    file.lock()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let mut lines = text.lines();
    if lines.next() != Some(run) {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{run}")?;
    } else if lines.any(|line| line == reason) {
        return Ok(false);
    }
    writeln!(file, "{reason}")?;
    Ok(true)
}

/// The parent and its start time, if it is cargo, which runs all test programs.
#[cfg(unix)]
fn run_of_cargo() -> Option<String> {
    let parent = std::os::unix::process::parent_id();
    let stat = std::fs::read_to_string(format!("/proc/{parent}/stat")).ok()?;
    let fields = stat.split_once("(cargo")?.1.rsplit(')').next()?;
    // proc_pid_stat(5): the start time is field 22, and field 3 follows the name.
    Some(format!("{parent} {}", fields.split_whitespace().nth(19)?))
}

#[cfg(not(unix))]
fn run_of_cargo() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};
    use std::thread;

    use super::*;

    const AGAIN: &str = "HE_TEST_AGAIN";
    const THIS: &str = "left_out::tests::a_reason_is_reported_once_or_fails_where_all_is_required";

    /// Runs itself again, in processes whose output can be read.
    #[test]
    fn a_reason_is_reported_once_or_fails_where_all_is_required() {
        if env::var_os(AGAIN).is_some() {
            let report = || missing("the tests with foo", "apt-get install foo");
            thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(report))));
            return missing("the tests with bar", "apt-get install bar");
        }
        let output = again(|it| it.env_remove(REQUIRE));
        let text = String::from_utf8_lossy(&output.stderr);
        let mut lines: Vec<&str> = text.lines().filter(|it| it.starts_with("left out")).collect();
        lines.sort_unstable();
        let expected = [
            "left out: the tests with bar; to run them: apt-get install bar",
            "left out: the tests with foo; to run them: apt-get install foo",
        ];
        assert!(output.status.success() && lines == expected, "{text}");
        assert!(!again(|it| it.env(REQUIRE, "1")).status.success());
    }

    fn again(change: impl FnOnce(&mut Command) -> &mut Command) -> Output {
        let mut command = Command::new(env::current_exe().unwrap());
        change(command.args(["--exact", THIS]).env(AGAIN, "1")).output().unwrap()
    }
}
