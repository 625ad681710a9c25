//! How the name servers of a network are reached: the lines to them, what is remembered of their
//! ports, and whom TLS trusts.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::{self, Handle};

use super::connection::Phase;
use super::line::Line;
use super::opener::{Opener, Security};
use super::ports::{Ports, Spot};
use super::tls::Tls;
use crate::connect::probe::source_of;
use crate::dns::name_server::{NameServer, Policy};
use crate::mutex::Mutex;
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::binding::Binding;

/// Lines that are kept although nobody uses them.
const MAX_LINES: usize = 64;

/// Shared by all lookups of a network.
#[derive(Debug)]
pub(in crate::dns) struct Reach {
    pub(in crate::dns) ports: Arc<Ports>,
    /// The head start of TLS where plain DNS will do as well.
    pub(in crate::dns) plain_delay: Duration,
    /// No UDP (`use-vc`).
    pub(in crate::dns) tcp_only: bool,
    tls: Arc<Tls>,
    lines: Mutex<HashMap<Place, Arc<Line>>>,
}

/// What a stream to a server runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::dns) enum Transport {
    Tcp,
    Tls,
}

/// Whose line it is. A connection and its timers belong to the runtime that made them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    runtime: runtime::Id,
    server: NameServer,
    transport: Transport,
    spot: Spot,
}

/// The way of one question to one server.
pub(in crate::dns) struct Way<'a> {
    pub(in crate::dns) reach: &'a Reach,
    pub(in crate::dns) server: &'a NameServer,
    pub(in crate::dns) binding: &'a Binding,
    pub(in crate::dns) spot: Spot,
    /// Why it went in clear, once it has.
    pub(in crate::dns) clear: &'a OnceLock<Arc<str>>,
}

impl Reach {
    pub(in crate::dns) fn new(tls: Tls, plain_delay: Duration, tcp_only: bool) -> Self {
        let (ports, lines) = (Arc::default(), Mutex::default());
        Self { ports, plain_delay, tcp_only, tls: Arc::new(tls), lines }
    }

    pub(in crate::dns) fn way<'a>(
        &'a self,
        server: &'a NameServer,
        binding: &'a Binding,
        clear: &'a OnceLock<Arc<str>>,
    ) -> Way<'a> {
        let local = source_of(server.addr(), binding);
        let spot = Spot { server: server.addr(), local, binding: binding.clone() };
        Way { reach: self, server, binding, spot, clear }
    }
}

impl Way<'_> {
    /// The line of this runtime to the server.
    pub(in crate::dns) fn line(&self, transport: Transport) -> Arc<Line> {
        let (server, spot) = (self.server.clone(), self.spot.clone());
        let place = Place { runtime: Handle::current().id(), server, transport, spot };
        let mut lines = self.reach.lines.lock();
        if lines.len() >= MAX_LINES && !lines.contains_key(&place) {
            lines.retain(|_, line| line.is_in_use() || Arc::strong_count(line) > 1);
        }
        let line = lines.entry(place).or_insert_with(|| {
            let opener = self.opener(transport);
            Arc::new(Line::new(opener.addr, move |quota| opener.open(quota)))
        });
        line.clone()
    }

    /// What is to be said of a silent server that has to be reached over TLS: how far it got.
    pub(in crate::dns) fn standing(&self) -> Option<LookupError> {
        if !self.server.is_authenticated() {
            return None;
        }
        let line = self.line(Transport::Tls);
        let silent = |what| LookupError::from(LookupErrorKind::TimedOut).with_cause(what);
        line.failure().or_else(|| match line.phase()? {
            Phase::Connecting(_) => Some(silent("no TCP connection")),
            Phase::Handshaking(_) => Some(silent("TCP is up, TLS is silent")),
            Phase::Up => Some(silent("TLS is up and silent")),
            Phase::Ended => None,
        })
    }

    fn opener(&self, transport: Transport) -> Opener {
        let binding = self.binding.clone();
        if transport == Transport::Tcp {
            return Opener { addr: self.server.addr(), binding, security: None };
        }
        let addr = self.server.tls_addr().unwrap_or(self.server.addr());
        let opportunistic = matches!(self.server.policy(), Policy::Opportunistic { .. });
        let security = Security {
            server: self.server.clone(),
            tls: self.reach.tls.clone(),
            client: Arc::default(),
            ports: opportunistic.then(|| (self.reach.ports.clone(), self.spot.clone())),
        };
        Opener { addr, binding, security: Some(security) }
    }
}
