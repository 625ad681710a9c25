//! The links to the name servers of a network.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::{self, Handle};

use super::Link;
use super::connection::Phase;
use super::dial::{Dialer, TlsDialer};
use super::ports::Ports;
use super::route::Route;
use super::said::Said;
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
    pub(in crate::dns) said: &'a Arc<Said>,
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
        said: &'a Arc<Said>,
    ) -> Way<'a> {
        let route = Route::to(server.addr(), binding);
        Way { links: self, server, binding, route, plaintext_reason, said }
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

    /// For a server without an answer: its reply that did not suffice; and for a TLS-only server
    /// how far the connection got.
    pub(in crate::dns) fn how_far_it_got(&self) -> Option<LookupError> {
        let reply = || self.said.text().map(no_answer);
        if !self.server.is_authenticated() {
            return reply();
        }
        let link = self.link(Transport::Tls);
        link.failure().or_else(reply).or_else(|| match link.phase()? {
            Phase::Connecting(_) => Some(no_answer("no TCP connection")),
            Phase::Handshaking(_) => Some(no_answer("TCP is up, TLS is silent")),
            Phase::Up => Some(no_answer("TLS is up and silent")),
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

/// The error of a silent server, with a text for its cause.
pub(in crate::dns) fn no_answer(why: impl Into<String>) -> LookupError {
    let cause = Arc::new(io::Error::from(io::ErrorKind::TimedOut));
    LookupError::from(LookupErrorKind::TimedOut).with_worded_cause(why, cause)
}
