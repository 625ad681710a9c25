//! The settings of a resolver, and the network, the hosts file and the other sources of names that
//! follow from them now. A changed configuration makes a new network.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::config::file::{self, Stamp};
use super::config::hosts::{self, Hosts};
use super::config::nsswitch::{self, Services};
use super::config::resolv_conf::Conf;
use super::config::source::Source;
use super::config::watched::{Freshness, Watched};
use super::link::links::{LinkSettings, Links};
use super::link::tls::{TlsClients, Trust};
use super::lookup::network::Network;
use super::lookup::other_sources::OtherSources;
use super::lookup::system::System;
use super::name_server::NameServer;
use crate::mutex::Mutex;
use crate::race::answer::LookupError;
use crate::race::text::Escaped;

/// The settings that a resolver was made with.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) source: Source,
    /// The servers of the system are asked in plaintext, as if they all were `udp:`.
    pub(super) plain: bool,
    /// `None` for no hosts file.
    pub(super) hosts: Option<PathBuf>,
    pub(super) overrides: Arc<Hosts>,
    /// The head start of TLS where plain DNS serves as well.
    pub(super) plain_delay: Duration,
    pub(super) trust: Trust,
}

/// A round trip to most name servers, and the computing of a handshake.
const PLAIN_DELAY: Duration = Duration::from_millis(50);

impl Settings {
    /// The defaults: with the hosts file of the system.
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            plain: false,
            hosts: Some(hosts::path()),
            overrides: Arc::default(),
            plain_delay: PLAIN_DELAY,
            trust: Trust::default(),
        }
    }

    fn read(&self) -> Result<Conf, LookupError> {
        let mut conf = self.source.read()?;
        if self.plain {
            conf.servers.iter_mut().for_each(|it| *it = NameServer::udp(it.addr()));
        }
        Ok(conf)
    }

    fn network(&self, conf: Conf) -> Arc<Network> {
        let clients = TlsClients::new(self.trust.clone());
        let (plain_delay, tcp_only, rotate) = (self.plain_delay, conf.use_vc, conf.rotate);
        let settings = LinkSettings { plain_delay, tcp_only, rotate };
        let links = Links::new(&conf.servers, clients, settings);
        Arc::new(Network::new(conf, links))
    }
}

/// A hosts file of at most so many bytes is read at once, because that takes about as long as the
/// way to another thread. A blocklist is longer.
const MAX_READ_AT_ONCE: u64 = 64 * 1024;

/// The settings of a resolver, and all that follows from them now. What was read is kept until its
/// file changes. Reading blocks for as long as a small local file takes.
#[derive(Debug)]
pub(super) struct LiveSettings {
    pub(super) settings: Settings,
    /// The nsswitch.conf, if the configuration is the system's own.
    nsswitch: Option<PathBuf>,
    /// Asks the other sources that it lists. `None` where they are only named.
    system: Option<System>,
    read: Mutex<ReadFiles>,
}

#[derive(Debug, Default)]
struct ReadFiles {
    network: Option<Watched<Network>>,
    hosts: Option<Watched<Hosts>>,
    services: Option<Watched<Services>>,
    /// Hears of the end of a read of the hosts file in the background.
    reading: Option<watch::Receiver<()>>,
}

/// The hosts file of a lookup.
pub(super) enum HostsNow {
    /// `None` for no hosts file.
    Known(Option<Arc<Hosts>>),
    /// It is being read for the first time. The receiver hears of the end.
    Reading(watch::Receiver<()>),
}

/// A missing file is empty. `None` if it cannot be read.
fn read_hosts(path: &Path) -> Option<Arc<Hosts>> {
    match file::read(path) {
        Ok(text) => Some(Arc::new(Hosts::parse(&text))),
        Err(error) => {
            tracing::debug!(path = %path.display(), error = %Escaped(error), "hosts file: not read");
            None
        }
    }
}

impl ReadFiles {
    fn known_hosts(&self) -> Option<Arc<Hosts>> {
        self.hosts.as_ref().map(|known| known.value.clone())
    }

    /// The end of a read in the background that still runs.
    fn running_read(&self) -> Option<watch::Receiver<()>> {
        self.reading.clone().filter(|end| end.has_changed().is_ok())
    }
}

impl LiveSettings {
    /// Reads nothing yet.
    pub(super) fn new(settings: Settings) -> Self {
        let nsswitch = settings.source.is_of_the_system().then(nsswitch::path).flatten();
        let asks = nsswitch.is_some() && !settings.plain;
        let system = asks.then(System::getaddrinfo).flatten();
        Self { settings, nsswitch, system, read: Mutex::default() }
    }

    /// As if the configuration were the system's own, with this nsswitch.conf and this `getaddrinfo`.
    #[cfg(test)]
    pub(super) fn with_other_sources(self, nsswitch: PathBuf, getaddrinfo: System) -> Self {
        Self { nsswitch: Some(nsswitch), system: Some(getaddrinfo), ..self }
    }

    /// The network under the present configuration. A changed configuration makes a new network, in
    /// which nothing has been learned.
    ///
    /// # Errors
    ///
    /// The configuration is there and cannot be read.
    pub(super) fn network(&self, now: Instant) -> Result<Arc<Network>, LookupError> {
        let mut read = self.read.lock();
        let look = || self.settings.source.stamp();
        let stamp = match Watched::freshness(&mut read.network, now, look) {
            Freshness::Fresh(network) => return Ok(network),
            Freshness::Stale(stamp) => stamp,
        };
        // A failure is not kept, so that the next lookup tries again. The same content is the same
        // network, in which everything is still known.
        let conf = self.settings.read()?;
        let network = match read.network.take() {
            Some(Watched { value, .. }) if value.conf == conf => value,
            Some(_) | None => {
                tracing::debug!(source = ?self.settings.source, ?conf, "name servers");
                self.settings.network(conf)
            }
        };
        read.network = Some(Watched { stamp, value: network.clone(), seen_at: Some(now) });
        Ok(network)
    }

    /// The present hosts file. If it cannot be read, the names of the last successful read stay. A
    /// large file is read on another thread, and until its end the names of the last read count.
    pub(super) fn hosts(self: &Arc<Self>, now: Instant) -> HostsNow {
        let Some(path) = &self.settings.hosts else { return HostsNow::Known(None) };
        let mut state = self.read.lock();
        let stamp = match Watched::freshness(&mut state.hosts, now, || Stamp::of(path)) {
            Freshness::Fresh(hosts) => return HostsNow::Known(Some(hosts)),
            Freshness::Stale(stamp) => stamp,
        };
        let end = match stamp.length() {
            ..=MAX_READ_AT_ONCE => None,
            _ => state.running_read().or_else(|| self.clone().read_in_background(path, &stamp)),
        };
        let Some(end) = end else {
            Watched::note(&mut state.hosts, stamp, read_hosts(path), now);
            return HostsNow::Known(state.known_hosts());
        };
        state.reading = Some(end.clone());
        match state.known_hosts() {
            Some(hosts) => HostsNow::Known(Some(hosts)),
            None => HostsNow::Reading(end),
        }
    }

    /// Reads the hosts file on a thread of its own, without the lock. The receiver hears of the
    /// end; `None` if there is no thread. It is no blocking thread of the runtime, which may be
    /// busy or end while lookups in other runtimes wait. A paused clock does not stand still
    /// meanwhile.
    fn read_in_background(
        self: Arc<Self>,
        path: &Path,
        stamp: &Stamp,
    ) -> Option<watch::Receiver<()>> {
        let (end, receiver) = watch::channel(());
        let (path, stamp, seen_at) = (path.to_owned(), stamp.clone(), Instant::now());
        let read = move || {
            let hosts = read_hosts(&path);
            Watched::note(&mut self.read.lock().hosts, stamp, hosts, seen_at);
            drop(end);
        };
        let builder = thread::Builder::new().name("he-hosts".to_owned());
        builder.spawn(read).is_ok().then_some(receiver)
    }

    /// The hosts file, once a read in the background has ended.
    pub(super) async fn hosts_after(&self, mut end: watch::Receiver<()>) -> Option<Arc<Hosts>> {
        // The sender says nothing; it is dropped at the end.
        let _ = end.changed().await;
        self.read.lock().known_hosts()
    }

    /// The sources of names that the system has besides the hosts file and DNS. If nsswitch.conf
    /// cannot be read, those of the last successful read stay.
    pub(super) fn other_sources(&self, now: Instant) -> Option<OtherSources> {
        let path = self.nsswitch.as_ref()?;
        let known = &mut self.read.lock().services;
        if let Freshness::Stale(stamp) = Watched::freshness(known, now, || Stamp::of(path)) {
            Watched::note(known, stamp, Services::read(path).map(Arc::new), now);
        }
        let services = known.as_ref()?.value.clone();
        (!services.is_empty()).then(|| OtherSources::new(services, self.system.clone()))
    }

    /// Forgets the network, with everything that was learned in it. The hosts file and nsswitch.conf
    /// do not depend on the network, so they are only checked.
    pub(super) fn forget(&self) {
        let mut read = self.read.lock();
        read.network = None;
        if let Some(hosts) = &mut read.hosts {
            hosts.seen_at = None;
        }
        if let Some(services) = &mut read.services {
            services.seen_at = None;
        }
    }
}
