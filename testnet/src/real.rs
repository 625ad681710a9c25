//! Real name servers, over TLS on port 853.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::certificate::Certificate;
use crate::clock::Moment;
use crate::net::Net;
use crate::program::Program;
use crate::tls;

/// A process that serves port 853 of every address of the home host, including loopback, and of
/// every [`NameServer`](crate::NameServer) with [`tls_open`](crate::NameServer::tls_open) and
/// without a certificate. Dropping it ends the process.
pub struct RealServer {
    process: Child,
    log: PathBuf,
}

/// unbound closes a connection after this many milliseconds without a question. (knot-resolver's
/// timer for that starts with 10 s, which no setting changes.)
const IDLE: u64 = 2_000;
/// The longest time that a server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

impl Program {
    /// Starts the server with this certificate and the addresses of these names. The test's home
    /// host has to [need](crate::Home::needs) the program. The server listens when this returns.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start(
        self,
        net: Net,
        certificate: &Certificate,
        records: &[(&str, &str)],
    ) -> RealServer {
        let dir = net.dir().join(self.package());
        fs::create_dir(&dir).expect("a directory");
        fs::write(dir.join("chain.pem"), certificate.chain_pem()).expect("a certificate");
        fs::write(dir.join("key.pem"), certificate.key_pem()).expect("a key");
        fs::write(dir.join("conf"), self.configuration(&dir, records)).expect("a configuration");
        let log = dir.join("log");
        let output = File::create(&log).expect("a log");
        // The kernel kills it when the test's thread ends, also after a panic.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(self.path())
            .args(self.arguments())
            .arg("conf")
            .current_dir(&dir)
            .stdout(output.try_clone().expect("a file"))
            .stderr(output)
            .spawn()
            .expect("setpriv (package util-linux)");
        let mut server = RealServer { process, log };
        server.is_up().await;
        server
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            // The first -d keeps it in the foreground, the second logs to stderr.
            Self::Unbound => &["-d", "-d", "-c"],
            Self::Kresd => &["--noninteractive", "--config"],
        }
    }

    fn configuration(self, dir: &Path, records: &[(&str, &str)]) -> String {
        match self {
            Self::Unbound => unbound(dir, records),
            Self::Kresd => kresd(dir, records),
        }
    }
}

fn unbound(dir: &Path, records: &[(&str, &str)]) -> String {
    let dir = dir.display();
    let mut text = format!(
        r#"server:
    interface: 0.0.0.0@853
    interface: ::@853
    tls-port: 853
    tls-service-pem: "{dir}/chain.pem"
    tls-service-key: "{dir}/key.pem"
    access-control: 0.0.0.0/0 allow
    access-control: ::/0 allow
    directory: "{dir}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    module-config: "iterator"
    local-zone: "." static
    tcp-idle-timeout: {IDLE}
remote-control:
    control-enable: no
server:
"#
    );
    for (name, addr) in records {
        let _ = writeln!(text, "    local-data: \"{name}. {} {addr}\"", record(addr));
    }
    text
}

fn kresd(dir: &Path, records: &[(&str, &str)]) -> String {
    let dir = dir.display();
    let mut text = format!(
        "net.ipv6 = true\n\
         net.listen('0.0.0.0', 853, {{ kind = 'tls' }})\n\
         net.listen('::', 853, {{ kind = 'tls' }})\n\
         net.tls('{dir}/chain.pem', '{dir}/key.pem')\n\
         cache.size = 10 * MB\n\
         trust_anchors.remove('.')\n\
         for _, name in ipairs({{ 'priming', 'detect_time_skew', 'ta_update' }}) do\n\
           modules.unload(name)\n\
         end\n\
         modules = {{ 'hints > iterate' }}\n"
    );
    for (name, addr) in records {
        let _ = writeln!(text, "hints.set('{name} {addr}')");
        let _ = writeln!(text, "policy.add(policy.suffix(policy.PASS, {{todname('{name}')}}))");
    }
    text + "policy.add(policy.all(policy.DENY))\n"
}

fn record(addr: &str) -> &'static str {
    match addr.parse() {
        Ok(IpAddr::V4(_)) => "A",
        Ok(IpAddr::V6(_)) => "AAAA",
        Err(error) => panic!("{addr}: {error}"),
    }
}

impl RealServer {
    /// The id of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    async fn is_up(&mut self) {
        let until = Moment::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, tls::PORT)).await.is_err() {
            let over = self.process.try_wait().expect("a child of ours");
            assert!(over.is_none() && Moment::now() < until, "no server: {over:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}
