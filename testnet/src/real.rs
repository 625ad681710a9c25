//! Real name servers, in plaintext and over TLS.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::certificate::Certificate;
use crate::clock::Moment;
use crate::home::HOME_V4;
use crate::net::Net;
use crate::program::Program;
use crate::served::Served;
use crate::tls;

/// A process that serves a port of every address of the home host, and of remote hosts. Dropping
/// it ends the process.
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
    /// Starts the server with this certificate, on port 853 of the home host, including loopback,
    /// and of every [`NameServer`](crate::NameServer) with
    /// [`tls_open`](crate::NameServer::tls_open) and without a certificate. The test's home host
    /// has to [need](crate::Home::needs) the program. The server listens when this returns.
    ///
    /// # Panics
    ///
    /// If it does not start, or is dnsmasq, which has no TLS.
    pub async fn start(self, net: Net, certificate: &Certificate, served: &Served) -> RealServer {
        let dir = self.dir(net, tls::PORT);
        fs::write(dir.join("chain.pem"), certificate.chain_pem()).expect("a certificate");
        fs::write(dir.join("key.pem"), certificate.key_pem()).expect("a key");
        let text = match self {
            Self::Unbound => unbound(&dir, UNBOUND_TLS, served),
            Self::Kresd => kresd(KRESD_TLS, served),
            Self::Bind => bind(&dir, BIND_KEYS, BIND_TLS, served),
            Self::Dnsmasq => panic!("dnsmasq has no TLS"),
        };
        self.run(&dir, &text, (Ipv4Addr::LOCALHOST, tls::PORT).into()).await
    }

    /// Starts the server without TLS, as the one at this IPv4 address. It has a
    /// [port](Self::plain_addr) of its own, because port 53 is taken. The test's home host has to
    /// [need](crate::Home::needs) the program. The server listens when this returns.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start_plain(self, net: Net, ip: &str, served: &Served) -> RealServer {
        let port = self.plain_addr(ip).port();
        let _ = net.host(ip);
        let dir = self.dir(net, port);
        let text = match self {
            Self::Unbound => unbound(&dir, &format!("    interface: 0.0.0.0@{port}\n"), served),
            Self::Kresd => kresd(&format!("net.listen('0.0.0.0', {port})\n"), served),
            Self::Bind => {
                let listens =
                    format!("listen-on port {port} {{ any; }};\n    listen-on-v6 {{ none; }};");
                bind(&dir, "", &listens, served)
            }
            Self::Dnsmasq => dnsmasq(&dir, port, served),
        };
        self.run(&dir, &text, (HOME_V4, port).into()).await
    }

    /// Its address and port without TLS, if it is the server at this address.
    ///
    /// # Panics
    ///
    /// If the text is not an IP address.
    #[must_use]
    pub fn plain_addr(self, ip: &str) -> SocketAddr {
        let port = match self {
            Self::Unbound => 5301,
            Self::Kresd => 5302,
            Self::Dnsmasq => 5303,
            Self::Bind => 5304,
        };
        SocketAddr::new(ip.parse().expect("an IP address"), port)
    }

    fn dir(self, net: Net, port: u16) -> PathBuf {
        let dir = net.dir().join(format!("{}-{port}", self.package()));
        fs::create_dir(&dir).expect("a directory");
        dir
    }

    async fn run(self, dir: &Path, text: &str, listens: SocketAddr) -> RealServer {
        fs::write(dir.join("conf"), text).expect("a configuration");
        let log = dir.join("log");
        let output = File::create(&log).expect("a log");
        // The kernel kills it when the test's thread ends, also after a panic.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .args(self.wrapper())
            .arg(self.path())
            .args(self.arguments())
            .arg("conf")
            .current_dir(dir)
            .stdout(output.try_clone().expect("a file"))
            .stderr(output)
            .spawn()
            .expect("setpriv (package util-linux)");
        let mut server = RealServer { process, log };
        server.is_up(self, listens).await;
        server
    }

    /// The command that starts it.
    fn wrapper(self) -> &'static [&'static str] {
        match self {
            // It forks for each TCP connection. These processes end with their PID namespace.
            Self::Dnsmasq => &["unshare", "--pid", "--fork", "--kill-child"],
            Self::Unbound | Self::Kresd | Self::Bind => &[],
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            // The first -d keeps it in the foreground, the second logs to stderr.
            Self::Unbound => &["-d", "-d", "-c"],
            Self::Kresd => &["--noninteractive", "--config"],
            Self::Dnsmasq => &["--keep-in-foreground", "--log-facility=-", "-C"],
            // -g keeps it in the foreground and logs to stderr.
            Self::Bind => &["-g", "-c"],
        }
    }
}

const UNBOUND_TLS: &str = r#"    interface: 0.0.0.0@853
    interface: ::@853
    tls-port: 853
    tls-service-pem: "chain.pem"
    tls-service-key: "key.pem"
"#;

fn unbound(dir: &Path, listens: &str, served: &Served) -> String {
    let dir = dir.display();
    let served = served.unbound();
    format!(
        r#"server:
{listens}    access-control: 0.0.0.0/0 allow
    access-control: ::/0 allow
    directory: "{dir}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    module-config: "iterator"
    outgoing-port-avoid: 0-32767
    tcp-idle-timeout: {IDLE}
remote-control:
    control-enable: no
{served}"#
    )
}

const KRESD_TLS: &str = "net.ipv6 = true
net.listen('0.0.0.0', 853, { kind = 'tls' })
net.listen('::', 853, { kind = 'tls' })
net.tls('chain.pem', 'key.pem')
";

fn kresd(listens: &str, served: &Served) -> String {
    format!(
        "{listens}cache.size = 10 * MB
trust_anchors.remove('.')
for _, name in ipairs({{ 'priming', 'detect_time_skew', 'ta_update' }}) do
  modules.unload(name)
end
{}",
        served.kresd()
    )
}

fn dnsmasq(dir: &Path, port: u16, served: &Served) -> String {
    format!(
        "port={port}\nlisten-address={HOME_V4}\nbind-interfaces\nuser=root\ngroup=\npid-file=\n\
         no-resolv\nno-hosts\nmin-port=32768\n{}",
        served.dnsmasq(dir)
    )
}

const BIND_KEYS: &str = r#"tls own { cert-file "chain.pem"; key-file "key.pem"; };"#;
const BIND_TLS: &str = "listen-on port 853 tls own { any; };
    listen-on-v6 port 853 tls own { any; };";

fn bind(dir: &Path, keys: &str, listens: &str, served: &Served) -> String {
    let (served, dir) = (served.bind(dir), dir.display());
    format!(
        r#"{keys}
options {{
    {listens}
    directory "{dir}";
    pid-file none;
    session-keyfile none;
    recursion yes;
    allow-query {{ any; }};
    dnssec-validation no;
    empty-zones-enable no;
    max-cache-size 16m;
}};
controls {{ }};
{served}"#
    )
}

impl RealServer {
    /// The id of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    async fn is_up(&mut self, program: Program, listens: SocketAddr) {
        let until = Moment::now() + PATIENCE;
        while !self.has_loaded(program) || TcpStream::connect(listens).await.is_err() {
            let over = self.process.try_wait().expect("a child of ours");
            assert!(over.is_none() && Moment::now() < until, "no server: {over:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// BIND listens before it has read its zones.
    fn has_loaded(&self, program: Program) -> bool {
        let log = || fs::read_to_string(&self.log).unwrap_or_default();
        program != Program::Bind || log().contains("all zones loaded")
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
