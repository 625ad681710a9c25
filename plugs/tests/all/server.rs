//! Servers of Debian's, each a process of the test's own: on loopback, in a directory of its own,
//! without privileges.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use he_test_support::missing;
use tokio::net::TcpStream;

/// How long a server may take to start, or to end. Far more than any needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Debian's user `nobody` and group `nogroup`.
const NOBODY: u32 = 65_534;

/// True if a program is there. If not, this reports that tests are left out.
pub(crate) fn installed(program: &Path, package: &str) -> bool {
    let there = program.exists();
    if !there {
        let what = format!("the tests of plugs with {package}: {} is missing", program.display());
        missing(&what, &format!("apt-get install {package}"));
    }
    there
}

/// The number of the next directory.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory of a server's own, which goes when it is dropped.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new(name: &str) -> Self {
        let made = std::iter::repeat_with(|| {
            let path = Self::place(NEXT.fetch_add(1, Ordering::Relaxed), name);
            fs::create_dir(&path).map(|()| path)
        });
        // One that was killed under the same process id has left its own.
        let left = |made: &io::Result<PathBuf>| {
            made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
        };
        let path = made.take(1000).find(|made| !left(made)).expect("a free number").unwrap();
        give_away(&path, 0o700);
        Self(path)
    }

    fn place(number: u32, name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("he-plugs-{}-{number}-{name}", std::process::id()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A file that only the server can read: keys are among them.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        give_away(&path, 0o600);
        path
    }

    /// A certificate and its key, as `certificate.pem` and `key.pem`.
    pub(crate) fn certificate(&self, (certificate, key): (String, String)) -> [PathBuf; 2] {
        [self.write("certificate.pem", &certificate), self.write("key.pem", &key)]
    }

    /// A program that runs here, as `nobody` if this is root. The kernel ends it with the thread
    /// that has started it.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        if is_root() {
            let [user, group] = ["reuid", "regid"].map(|id| format!("--{id}={NOBODY}"));
            command.args([&user, &group, "--clear-groups"]);
        }
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command.current_dir(&self.0).env("HOME", &self.0).stdin(Stdio::null());
        command
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn give_away(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// The names of the user and the group that servers run as.
pub(crate) fn identity() -> [String; 2] {
    ["-un", "-gn"].map(|what| {
        let mut id = Command::new("id");
        id.arg(what);
        if is_root() {
            id.arg(NOBODY.to_string());
        }
        String::from_utf8(id.output().unwrap().stdout).unwrap().trim().to_owned()
    })
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A server that listens. Dropped, it ends, and its directory goes.
pub(crate) struct Server {
    process: Child,
    log: PathBuf,
    dir: Dir,
}

impl Server {
    /// Runs the command, and waits until all of these addresses accept connections.
    pub(crate) async fn start(dir: Dir, mut command: Command, addrs: &[SocketAddr]) -> Self {
        let log = dir.path().join("log");
        let output = File::create(&log).unwrap();
        let process = command
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .expect("setpriv (package util-linux)");
        let mut server = Self { process, log, dir };
        for addr in addrs {
            server.accepts(*addr).await;
        }
        server
    }

    async fn accepts(&mut self, addr: SocketAddr) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(addr).await.is_err() {
            self.goes_on(until).await;
        }
    }

    /// Waits until it says this: some accept connections before they are ready for them.
    pub(crate) async fn says(mut self, words: &str) -> Self {
        let until = Instant::now() + PATIENCE;
        while !self.log().contains(words) {
            self.goes_on(until).await;
        }
        self
    }

    async fn goes_on(&mut self, until: Instant) {
        let over = self.process.try_wait().unwrap();
        assert!(over.is_none() && Instant::now() < until, "it does not start: {over:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// An interrupt lets a server take down what it has made outside of its directory, processes
    /// and shared memory.
    fn end(&mut self) -> io::Result<()> {
        let pid = self.process.id().to_string();
        Command::new("kill").args(["-INT", &pid]).status()?;
        let until = Instant::now() + PATIENCE;
        while self.process.try_wait()?.is_none() {
            if Instant::now() > until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            let _ = self.process.kill();
            let _ = self.process.wait();
            eprintln!("{}: had to be killed: {error}", self.dir.path().display());
        }
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

#[test]
fn a_directory_that_was_left_is_not_taken() {
    let next = NEXT.load(Ordering::Relaxed);
    // More than other tests of this process have in the meantime.
    let left = (next..next + 50).map(|number| Dir(Dir::place(number, "left")));
    let left: Vec<Dir> = left.inspect(|it| fs::create_dir_all(it.path()).unwrap()).collect();
    let new = Dir::new("left");
    assert!(left.iter().all(|it| it.path() != new.path()));
}
