//! A namespace for each story: the test runs its own binary again, for this one test, in network
//! and mount namespaces of its own. (A process with threads cannot change namespaces as a whole.)

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use crate::program::Program;

/// Set in the inner process: the network namespace of the outer one, which it must not be in.
const MARK: &str = "HE_TESTNET_OUTSIDE";
/// Set in the inner process: a directory that the outer one removes.
const DIR: &str = "HE_TESTNET_DIR";
/// Set by CI: a story that cannot be told fails.
const REQUIRE: &str = "HE_REQUIRE_NET";
/// The inner process says this at the end of a story.
const TOLD: &str = "he-testnet: the story is told";

/// Where the story runs, if this is the inner process.
///
/// # Panics
///
/// If it is not in a namespace of its own.
pub(crate) fn inside() -> Option<PathBuf> {
    let outside = env::var(MARK).ok()?;
    assert_ne!(outside, namespace(), "{MARK} is for the tests to set");
    Some(env::var_os(DIR).expect("the outer process names a directory").into())
}

/// The story has ended well.
pub(crate) fn told() {
    println!("{TOLD}");
}

/// Tells the story in an inner process.
///
/// # Panics
///
/// If it fails, or if it cannot be told and has to be.
pub(crate) fn tell_inside(programs: &[Program]) {
    let name = thread::current().name().expect("libtest names its threads").to_owned();
    let privilege = match installed(programs).and_then(|()| privilege()) {
        Ok(privilege) => privilege,
        Err(missing) if env::var_os(REQUIRE).is_some() => panic!("{REQUIRE} is set, and {missing}"),
        Err(missing) => return say_aloud(&format!("NOT RUN: {name}: {missing}")),
    };
    let _slot = Slot::take(binary().parent().expect("a directory"));
    let args = [&name, "--exact", "--nocapture", "--include-ignored"];
    judge(&run_again(privilege, &name, &args));
}

/// Runs this binary again, in namespaces and with a directory of its own. `name` tells the
/// directories of one process apart.
pub(crate) fn run_again(privilege: Privilege, name: &str, args: &[&str]) -> Output {
    let dir = env::temp_dir().join(format!("he-testnet-{}-{name}", std::process::id()));
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
/// If the story failed.
fn judge(output: &Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    print!("{stdout}");
    eprint!("{stderr}");
    assert!(output.status.success(), "the story failed, see above ({})", output.status);
    assert!(stdout.contains(TOLD), "the inner process has not told the story");
}

/// Past libtest, which keeps what a passing test prints.
fn say_aloud(line: &str) {
    let _ = writeln!(io::stderr(), "he-testnet: {line}");
}

fn namespace() -> String {
    let link = fs::read_link("/proc/self/ns/net").expect("Linux, with /proc");
    link.to_string_lossy().into_owned()
}

/// By which right namespaces are made.
#[derive(Clone, Copy)]
pub(crate) enum Privilege {
    Root,
    UserNamespace,
}

fn unshare(privilege: Privilege) -> Command {
    let mut command = Command::new("unshare");
    match privilege {
        Privilege::Root => {}
        Privilege::UserNamespace => drop(command.args(["--user", "--map-root-user"])),
    }
    command.args(["--net", "--mount"]);
    command
}

/// `Err` says what is missing.
fn installed(programs: &[Program]) -> Result<(), String> {
    let missing = programs.iter().find(|program| !program.path().exists());
    missing.map_or(Ok(()), |program| {
        let (path, package) = (program.path().display(), program.package());
        Err(format!("{path} (package {package}) is missing"))
    })
}

/// `Err` says what is missing.
pub(crate) fn privilege() -> Result<Privilege, String> {
    let works = |mut command: Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let mut ip = Command::new("ip");
    ip.arg("-V");
    works(ip).map_err(|why| format!("`ip` (package iproute2) is missing: {why}"))?;
    let try_it = |privilege| {
        let mut probe = unshare(privilege);
        probe.args(["sh", "-c", "exec 3<>/dev/net/tun"]);
        works(probe)
    };
    if try_it(Privilege::Root).is_ok() {
        return Ok(Privilege::Root);
    }
    let right = try_it(Privilege::UserNamespace).map(|()| Privilege::UserNamespace);
    right.map_err(|why| {
        format!("a namespace with /dev/net/tun is missing (`unshare --net --mount`, root): {why}")
    })
}

/// Stories at once: enough to use the time that they spend waiting, few enough that none is late.
const SLOTS: usize = 4;

/// The right to run, across processes; given back when it is dropped.
struct Slot(#[expect(dead_code, reason = "holds the lock")] File);

impl Slot {
    fn take(dir: &Path) -> Self {
        let path = |n| dir.join(format!("he-testnet-slot-{n}"));
        let files: Vec<File> =
            (0..SLOTS).map(|n| File::create(path(n)).expect("a lock file")).collect();
        let free = files.iter().position(|file| file.try_lock().is_ok());
        let mine = free.unwrap_or_else(|| {
            let n = usize::try_from(std::process::id()).unwrap_or(0) % SLOTS;
            files[n].lock().expect("a lock");
            n
        });
        Self(files.into_iter().nth(mine).expect("one of them"))
    }
}
