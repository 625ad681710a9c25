//! The links to the name servers of a network.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::{self, Handle};

use super::Link;
use super::connection::Phase;
use super::dial::{Dialer, TlsDialer};
use super::ports::Ports;
use super::route::Route;
use super::tls::TlsClients;
use crate::dns::name_server::{NameServer, Profile};
use crate::mutex::Mutex;
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::binding::Binding;

/// At most this many links are kept although they are not in use.
const MAX_LINKS: usize = 64;

/// The links of a network, the memory of the servers' ports, and the TLS clients. All lookups of
/// the network share it.
#[derive(Debug)]
pub(in crate::dns) struct Links {
    pub(in crate::dns) ports: Arc<Ports>,
    /// The head start of TLS where plain DNS serves as well.
    pub(in crate::dns) plain_delay: Duration,
    /// No UDP (`use-vc`).
    pub(in crate::dns) tcp_only: bool,
    pub(in crate::dns) clients: Arc<TlsClients>,
    table: Mutex<HashMap<LinkKey, Arc<Link>>>,
}

/// The transport of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::dns) enum Transport {
    Tcp,
    Tls,
}

/// The key of a link. A connection and its timers belong to the runtime that made them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LinkKey {
    runtime: runtime::Id,
    route: Route,
    profile: Profile,
    transport: Transport,
}

/// The means by which one question reaches one server: the links, the server, the binding and the
/// route.
pub(in crate::dns) struct Way<'a> {
    pub(in crate::dns) links: &'a Links,
    pub(in crate::dns) server: &'a NameServer,
    pub(in crate::dns) binding: &'a Binding,
    pub(in crate::dns) route: Route,
    /// The reason for which the question was sent in plaintext, once it was.
    pub(in crate::dns) plaintext_reason: &'a OnceLock<Arc<str>>,
}

impl Links {
    pub(in crate::dns) fn new(clients: TlsClients, plain_delay: Duration, tcp_only: bool) -> Self {
        let (ports, table) = (Arc::default(), Mutex::default());
        Self { ports, plain_delay, tcp_only, clients: Arc::new(clients), table }
    }

    pub(in crate::dns) fn way<'a>(
        &'a self,
        server: &'a NameServer,
        binding: &'a Binding,
        plaintext_reason: &'a OnceLock<Arc<str>>,
    ) -> Way<'a> {
        let route = Route::to(server.addr(), binding);
        Way { links: self, server, binding, route, plaintext_reason }
    }
}

impl Way<'_> {
    /// The link of this runtime to the server.
    pub(in crate::dns) fn link(&self, transport: Transport) -> Arc<Link> {
        let (route, profile) = (self.route.clone(), self.server.profile().clone());
        let key = LinkKey { runtime: Handle::current().id(), route, profile, transport };
        let mut table = self.links.table.lock();
        if table.len() >= MAX_LINKS && !table.contains_key(&key) {
            table.retain(|_, link| link.is_in_use() || Arc::strong_count(link) > 1);
        }
        let link = table.entry(key).or_insert_with(|| {
            let dialer = self.dialer(transport);
            Arc::new(Link::new(dialer.addr, move |quota| dialer.open(quota)))
        });
        link.clone()
    }

    /// For a silent TLS-only server: how far the connection got.
    pub(in crate::dns) fn how_far_it_got(&self) -> Option<LookupError> {
        if !self.server.is_authenticated() {
            return None;
        }
        let link = self.link(Transport::Tls);
        let silent = |what| LookupError::from(LookupErrorKind::TimedOut).with_cause(what);
        link.failure().or_else(|| match link.phase()? {
            Phase::Connecting(_) => Some(silent("no TCP connection")),
            Phase::Handshaking(_) => Some(silent("TCP is up, TLS is silent")),
            Phase::Up => Some(silent("TLS is up and silent")),
            Phase::Ended => None,
        })
    }

    fn dialer(&self, transport: Transport) -> Dialer {
        let binding = self.binding.clone();
        if transport == Transport::Tcp {
            return Dialer { addr: self.server.addr(), binding, tls: None };
        }
        let addr = self.server.tls_addr().unwrap_or(self.server.addr());
        let opportunistic = matches!(self.server.profile(), Profile::Opportunistic { .. });
        let tls = TlsDialer {
            server: self.server.clone(),
            clients: self.links.clients.clone(),
            client: Arc::default(),
            ports: opportunistic.then(|| (self.links.ports.clone(), self.route.clone())),
        };
        Dialer { addr, binding, tls: Some(tls) }
    }
}
