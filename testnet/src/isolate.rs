//! Namespaces for each test. A test runs its own binary again for itself alone, in new network and
//! mount namespaces, because a process with threads cannot change namespaces as a whole.

use std::env;
use std::fs::{self, File};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use he_test_support::missing;

use crate::privilege::{Lack, Privilege, privilege, unshare};
use crate::program::Program;

/// Set in the inner process: the network namespace of the outer process, which must be another one.
const MARK: &str = "HE_TESTNET_OUTSIDE";
/// Set in the inner process: a directory that the outer process removes.
const DIR: &str = "HE_TESTNET_DIR";
/// The inner process prints this at the end of a test.
const DONE: &str = "he-testnet: the test has ended";

/// The test's directory, if this is the inner process.
///
/// # Panics
///
/// If the inner process is not in a namespace of its own.
pub(crate) fn inside() -> Option<PathBuf> {
    let outside = env::var(MARK).ok()?;
    assert_ne!(outside, namespace(), "{MARK} is set outside a test's namespace");
    Some(env::var_os(DIR).expect("the outer process names a directory").into())
}

/// Reports the end of the test to the outer process.
pub(crate) fn report_end() {
    println!("{DONE}");
}

/// Runs the current test in an inner process.
///
/// # Panics
///
/// If the test fails, or if it cannot run and CI requires it.
pub(crate) fn run_inside(programs: &[Program]) {
    let name = thread::current().name().expect("libtest names its threads").to_owned();
    let Some(privilege) = privilege_or_report() else { return };
    if let Some(program) = programs.iter().find(|program| !program.path().exists()) {
        let (path, package) = (program.path().display(), program.package());
        let what = format!("the tests of testnet with {package}: {path} is missing");
        return missing(&what, &format!("apt-get install {package}"));
    }
    let _slot = Slot::take(binary().parent().expect("a directory"));
    judge(&run_again(privilege, &[&name, "--exact", "--nocapture", "--include-ignored"]));
}

/// Runs this binary again, in new namespaces and with a new directory.
pub(crate) fn run_again(privilege: Privilege, args: &[&str]) -> Output {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = env::temp_dir().join(format!("he-testnet-{}-{count}", std::process::id()));
    fs::create_dir_all(&dir).expect("a temporary directory");
    let mut command = unshare(privilege);
    let output = command.arg(binary()).args(args).env(MARK, namespace()).env(DIR, &dir).output();
    let _ = fs::remove_dir_all(&dir);
    output.expect("unshare runs")
}

fn binary() -> PathBuf {
    env::current_exe().expect("the path of this binary")
}

/// # Panics
///
/// If the test failed.
fn judge(output: &Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    print!("{stdout}");
    eprint!("{stderr}");
    assert!(output.status.success(), "the test failed, see above ({})", output.status);
    assert!(stdout.contains(DONE), "the inner process ended without running the test");
}

fn namespace() -> String {
    let link = fs::read_link("/proc/self/ns/net").expect("Linux, with /proc");
    link.to_string_lossy().into_owned()
}

/// The privilege that this process has. If it has none, this reports that all tests of this binary
/// are left out.
fn privilege_or_report() -> Option<Privilege> {
    static TESTS: OnceLock<usize> = OnceLock::new();
    let report = |lack: &&Lack| {
        let what = format!("the {} tests of testnet: {}", TESTS.get_or_init(tests), lack.what);
        missing(&what, &lack.cure);
    };
    privilege().inspect_err(report).ok()
}

/// True if this process can have namespaces, for tests that do not call
/// [`internet`](crate::internet). If not, it reports that tests are left out.
///
/// # Panics
///
/// If it cannot, and `HE_REQUIRE_NET` is set.
#[must_use]
pub fn has_namespaces() -> bool {
    privilege_or_report().is_some()
}

/// The number of tests of this binary.
fn tests() -> usize {
    let list = Command::new(binary()).args(["--list", "--format", "terse"]).output();
    let list = list.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&list).lines().filter(|line| line.ends_with(": test")).count()
}

/// The right to run a test, shared by all processes. Dropping it gives the right back.
struct Slot(#[expect(dead_code, reason = "holds the lock")] File);

impl Slot {
    /// As many tests run at once as there are cores, so that none is late, and at least four, which
    /// mostly wait.
    fn take(dir: &Path) -> Self {
        static SEARCH: Mutex<()> = Mutex::new(());
        let slots = thread::available_parallelism().map_or(1, NonZero::get).max(4);
        let path = |n| dir.join(format!("he-testnet-slot-{n}"));
        let mut files: Vec<File> =
            (0..slots).map(|n| File::create(path(n)).expect("a lock file")).collect();
        let _search = SEARCH.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match files.iter().position(|file| file.try_lock().is_ok()) {
                Some(free) => return Self(files.swap_remove(free)),
                None => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}
