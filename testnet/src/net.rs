//! The test internet as a test uses it.

use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use he::{Connector, Error, Established};
use tokio::net::TcpStream;

use crate::capture::Packet;
use crate::clock::Moment;
use crate::dns_name::DnsName;
use crate::home::{self, Home};
use crate::host::Host;
use crate::log::Log;
use crate::name_server::{self, NameServer};
use crate::remote;
use crate::sockets::{self, Socket};
use crate::tls::TlsConnection;
use crate::world::{Call, World};
use crate::zone::Asked;

/// The test internet of one test. It is `Copy`, so that every closure can have it.
#[derive(Clone, Copy)]
pub struct Net {
    pub(crate) world: &'static World,
}

impl Net {
    pub(crate) fn new(world: &'static World, home: &Home) -> Self {
        let net = Self { world };
        name_server::serve(world, home.second());
        remote::listen(world, 443);
        let _ = NameServer::new(world, home.name_server());
        net
    }

    /// A remote host at this address, which may be any that the home host does not have. An address
    /// that the test does not mention has no host.
    ///
    /// # Panics
    ///
    /// If the text is not an IP address.
    #[must_use]
    pub fn host(&self, ip: &str) -> Host {
        Host::new(self.world, ip.parse().expect("an IP address"))
    }

    /// Remote hosts at the addresses that this prefix and these numbers form, such as `2001:db8::`
    /// and 1.
    #[must_use]
    pub fn hosts(&self, prefix: &str, numbers: impl IntoIterator<Item = u16>) -> Vec<Host> {
        numbers.into_iter().map(|n| self.host(&format!("{prefix}{n}"))).collect()
    }

    /// A name in the DNS, whose records the test sets.
    #[must_use]
    pub fn dns(&self, name: &str) -> DnsName {
        DnsName::new(self.world, name)
    }

    /// A name server. The home host asks it if [`resolv_conf`](Self::resolv_conf) names it. At the
    /// start that file names [`NAME_SERVER_V4`](crate::NAME_SERVER_V4).
    ///
    /// # Panics
    ///
    /// If the text is not an IP address.
    pub fn name_server(&self, ip: &str) -> NameServer {
        NameServer::new(self.world, ip.parse().expect("an IP address"))
    }

    /// Writes the home host's `/etc/resolv.conf`.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn resolv_conf(&self, text: &str) {
        fs::write(self.world.etc.join("resolv.conf"), text).expect("resolv.conf");
    }

    /// Writes the home host's `/etc/hosts`.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn etc_hosts(&self, text: &str) {
        fs::write(self.world.etc.join("hosts"), text).expect("hosts");
    }

    /// Writes the home host's `/etc/nsswitch.conf`.
    ///
    /// # Panics
    ///
    /// If it cannot be written, or if this machine has no such file to mount it over.
    pub fn nsswitch_conf(&self, text: &str) {
        let there = std::path::Path::new("/etc/nsswitch.conf").exists();
        assert!(there, "this machine has no /etc/nsswitch.conf to mount a file over");
        fs::write(self.world.etc.join("nsswitch.conf"), text).expect("nsswitch.conf");
    }

    /// A directory for the test's own files.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.world.etc.clone()
    }

    /// Runs a command of `ip` on the home host, such as `route del ::/0 dev he0`, or
    /// `-6 rule add fwmark 7 table 7` where the arguments do not show the family.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn ip(&self, command: &str) {
        home::ip(&[command.to_owned()]).expect(command);
    }

    /// A connector as `he::connect` uses it, with the system's resolver and all defaults.
    pub fn connector(&self) -> Connector {
        Connector::default()
    }

    /// Connects, and records the times of the call and of its end.
    ///
    /// # Errors
    ///
    /// The connector's.
    pub async fn connect(
        &self,
        host: &str,
        ports: &[u16],
    ) -> Result<Established<TcpStream>, Error> {
        let connector = self.connector();
        self.call(connector.connect_with(host, ports, he::Attempt::connect)).await
    }

    /// Records the times of any call and of its end. Then the runtime runs its queue, which closes
    /// the losers' sockets.
    pub async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        let noted = Call::now();
        self.world.note(noted);
        let result = call.await;
        let noted = Call { returned: Some(Moment::now()), ..noted };
        self.world.note(noted);
        tokio::task::yield_now().await;
        self.world.note(Call { settled: Some(Moment::now()), ..noted });
        result
    }

    /// The packets since the last call.
    #[must_use]
    pub fn log(&self) -> Log {
        let zero = self.world.call().called;
        Log::since(zero, &self.world.log())
    }

    /// The packets since the start of the test.
    #[must_use]
    pub fn whole_log(&self) -> Log {
        let log = self.world.log();
        let zero = log.first().map_or_else(Moment::now, |packet| packet.at);
        Log::since(zero, &log)
    }

    /// Takes the packets out of the log, and empties the list of questions to name servers. This is
    /// for tests that run for hours.
    #[must_use]
    pub fn drain(&self) -> Vec<Packet> {
        self.world.zone().asked.clear();
        std::mem::take(&mut *self.world.log())
    }

    /// The greatest lateness of control timers and of the wire's threads between two moments of the
    /// last minutes.
    #[must_use]
    pub fn lateness(&self, from: Moment, to: Moment) -> Duration {
        self.world.control.worst(from, to)
    }

    /// The questions to all name servers since the start of the test.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.world.zone().asked.clone()
    }

    /// All connections to this name server's port for DNS over TLS since the start of the test,
    /// including those that failed.
    #[must_use]
    pub fn tls_connections(&self, server: NameServer) -> Vec<TlsConnection> {
        self.world.tls().connections(server.ip())
    }

    /// The home host's TCP sockets that connect or are connected. Those to name servers are left
    /// out, because they outlive a call.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        let mut sockets = sockets::list();
        sockets.retain(|socket| !matches!(socket.peer.port(), 53 | 853));
        sockets
    }

    /// Waits until the home host has no socket to this host. A socket that is closed while it
    /// connects sends no packet, so only the list of sockets shows its end.
    ///
    /// # Panics
    ///
    /// If a socket is left after a second.
    pub async fn let_go(&self, host: Host) {
        let gone = || !sockets::list().iter().any(|socket| host.is(socket.peer));
        assert!(self.soon(gone).await, "there is a socket to {host:?} after 1 s");
    }

    /// Waits until the log fulfils a condition.
    ///
    /// # Panics
    ///
    /// If it does not within a second.
    pub async fn sees(&self, what: &str, shown: impl Fn(&Log) -> bool) {
        assert!(self.soon(|| shown(&self.log())).await, "no sign of {what} after 1 s");
    }

    /// Waits for `ms` milliseconds in which something must not happen.
    pub async fn pass(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    async fn soon(&self, mut is: impl FnMut() -> bool) -> bool {
        let until = Moment::now() + Duration::from_secs(1);
        loop {
            if is() {
                return true;
            }
            if Moment::now() > until {
                return false;
            }
            self.pass(2).await;
        }
    }
}
