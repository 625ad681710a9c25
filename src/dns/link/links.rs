//! The links to the name servers of a network.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{self, Handle};

use super::Link;
use super::dial::{Dialer, TlsDialer};
use super::tls::TlsClients;
use crate::connect::probe::source_of;
use crate::dns::name_server::{NameServer, Profile, TLS_PORT};
use crate::dns::question::{Health, Route, Upstream, Usage, Via};
use crate::mutex::Mutex;
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::binding::Binding;

/// At most this many links are kept although they are not in use.
const MAX_LINKS: usize = 64;

/// The name servers of a network, the links to them, what is remembered of them, and the TLS
/// clients. All lookups of the network share it.
#[derive(Debug)]
pub(in crate::dns) struct Links {
    servers: Vec<NameServer>,
    /// The same servers, as a question has to know them.
    pub(in crate::dns) upstreams: Arc<[Upstream]>,
    /// Each question begins with the next server in turn.
    pub(in crate::dns) rotate: bool,
    pub(in crate::dns) health: Arc<Mutex<Health>>,
    pub(in crate::dns) clients: Arc<TlsClients>,
    table: Mutex<HashMap<LinkKey, Arc<Link>>>,
}

/// The key of a link. A connection and its timers belong to the runtime that made them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LinkKey {
    runtime: runtime::Id,
    route: Route,
    profile: Profile,
    via: Via,
}

/// The settings of the links.
#[derive(Debug, Clone, Copy)]
pub(in crate::dns) struct LinkSettings {
    /// The head start of TLS where plain DNS serves as well.
    pub(in crate::dns) plain_delay: Duration,
    /// No UDP (`use-vc`).
    pub(in crate::dns) tcp_only: bool,
    pub(in crate::dns) rotate: bool,
}

impl Links {
    pub(in crate::dns) fn new(
        servers: &[NameServer],
        clients: TlsClients,
        settings: LinkSettings,
    ) -> Self {
        let upstream = |server: &NameServer| Upstream {
            addr: server.addr(),
            tls_addr: server.tls_addr().unwrap_or(server.addr()),
            usage: policy(server, settings),
        };
        Self {
            servers: servers.to_vec(),
            upstreams: servers.iter().map(upstream).collect(),
            rotate: settings.rotate,
            health: Arc::default(),
            clients: Arc::new(clients),
            table: Mutex::default(),
        }
    }

    /// The route to this server as the system has it now.
    pub(in crate::dns) fn route(&self, server: usize, binding: &Binding) -> Route {
        let server = self.upstreams[server].addr;
        Route { server, local: source_of(server, binding), binding: binding.clone() }
    }

    /// The link of this runtime to this server over TCP or TLS.
    pub(in crate::dns) fn link(&self, server: usize, route: &Route, via: Via) -> Arc<Link> {
        let server = &self.servers[server];
        let (runtime, profile) = (Handle::current().id(), server.profile().clone());
        let key = LinkKey { runtime, route: route.clone(), profile, via };
        let mut table = self.table.lock();
        if table.len() >= MAX_LINKS && !table.contains_key(&key) {
            table.retain(|_, link| link.is_in_use() || Arc::strong_count(link) > 1);
        }
        let link = table.entry(key).or_insert_with(|| {
            let dialer = self.dialer(server, route, via);
            Arc::new(Link::new(dialer.addr, move |quota| dialer.open(quota)))
        });
        link.clone()
    }

    fn dialer(&self, server: &NameServer, route: &Route, via: Via) -> Dialer {
        let binding = route.binding.clone();
        if via != Via::Tls {
            return Dialer { addr: server.addr(), binding, tls: None };
        }
        let addr = server.tls_addr().unwrap_or(server.addr());
        let is_opportunistic = matches!(server.profile(), Profile::Opportunistic { .. });
        let tls = TlsDialer {
            server: server.clone(),
            clients: self.clients.clone(),
            client: Arc::default(),
            health: is_opportunistic.then(|| (self.health.clone(), route.clone())),
        };
        Dialer { addr, binding, tls: Some(tls) }
    }
}

/// How a question reaches this server.
fn policy(server: &NameServer, settings: LinkSettings) -> Usage {
    let LinkSettings { plain_delay, tcp_only, .. } = settings;
    match server.profile() {
        // R-7858-3.1c, also where resolv.conf has this port.
        Profile::Udp | Profile::Tcp if server.addr().port() == TLS_PORT => {
            let why = "port 853 is for TLS, never for plain DNS";
            Usage::Never(LookupError::from(LookupErrorKind::NoNameServer).with_cause(why))
        }
        Profile::Udp => Usage::Plain { tcp_only },
        Profile::Tcp => Usage::Plain { tcp_only: true },
        // Without the feature nothing can be asked over TLS.
        Profile::Opportunistic { .. } if !cfg!(feature = "dns-over-tls") => {
            Usage::Plain { tcp_only }
        }
        Profile::Opportunistic { has_head_start, .. } => {
            let head_start = if *has_head_start { plain_delay } else { Duration::ZERO };
            Usage::Opportunistic { head_start, tcp_only }
        }
        Profile::Tls(_) => Usage::Strict,
    }
}
