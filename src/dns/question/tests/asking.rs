//! The inquiries of a world, and what they see of its connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::links::Links;
use super::world::Way;
use crate::dns::question::{Connections, Inquiry, Phase, Route, Seen, Upstream, Usage, Via};
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::binding::Binding;

/// An inquiry that is being played.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) inquiry: Inquiry,
    /// The question's number from 0; `None` for a probe.
    pub(super) question: Option<usize>,
    /// The connections of its sends.
    pub(super) on: BTreeMap<usize, usize>,
    /// The connections on which its sends were answered.
    pub(super) answered_on: BTreeMap<usize, usize>,
    /// The sends over connections that leave once it waits.
    pub(super) unsent: Vec<usize>,
    /// The datagrams of which something may come.
    pub(super) udp: BTreeSet<usize>,
    /// It waits at most until then.
    pub(super) until: Option<Instant>,
    /// It is to be polled.
    pub(super) is_awake: bool,
    pub(super) ended_at: Option<Instant>,
    pub(super) is_over: bool,
}

impl Asking {
    pub(super) fn new(inquiry: Inquiry, question: Option<usize>) -> Self {
        Self {
            inquiry,
            question,
            on: BTreeMap::new(),
            answered_on: BTreeMap::new(),
            unsent: Vec::new(),
            udp: BTreeSet::new(),
            until: None,
            is_awake: true,
            ended_at: None,
            is_over: false,
        }
    }

    /// True if it has no outcome to come: it has one, or it is a probe.
    pub(super) fn is_in_background(&self) -> bool {
        self.question.is_none() || self.ended_at.is_some()
    }

    pub(super) fn is_on(&self, id: usize) -> bool {
        self.on.values().any(|on| *on == id)
    }
}

/// The connections as an inquiry sees them.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) links: &'a Links,
    /// The inquiry's number, and the connections of its sends; `None` for one that sends nothing
    /// yet.
    pub(super) on: Option<(usize, &'a BTreeMap<usize, usize>)>,
    pub(super) upstreams: &'a [Upstream],
    pub(super) why_no_tls: Option<&'static str>,
}

impl Connections for View<'_> {
    fn route(&self, server: usize) -> Route {
        let server = self.upstreams[server].addr;
        Route { server, local: None, binding: Binding::default() }
    }

    fn why_no_tls(&self) -> Option<Arc<str>> {
        self.why_no_tls.map(Arc::from)
    }

    fn seen(&self, send: usize) -> Seen {
        let ended = Seen { phase: Phase::Ended, sent_at: None, heard_at: None, has_other: false };
        let Some((asking, on)) = self.on else { return ended };
        on.get(&send).map_or(ended, |id| self.links.seen(*id, asking, send))
    }

    fn is_tls_up(&self, _: &Route, server: usize) -> bool {
        self.links.is_up((server, Via::Tls))
    }

    fn was_tls_heard_since(&self, _: &Route, server: usize, then: Instant) -> bool {
        self.links.was_heard_since((server, Via::Tls), then)
    }
}

/// The server with this number, counted from 1. S1 is 192.0.2.1.
pub(super) fn upstream(way: Way, nth: u8) -> Upstream {
    let at = |port: u16| ([192, 0, 2, nth], port).into();
    let usage = match way {
        Way::Plain { tcp_only } => Usage::Plain { tcp_only },
        Way::Opportunistic { head_start, tcp_only } => {
            Usage::Opportunistic { head_start: Duration::from_millis(head_start), tcp_only }
        }
        Way::Strict => Usage::Strict,
        Way::Never => {
            let why = "port 853 is for TLS, never for plain DNS";
            Usage::Never(LookupError::from(LookupErrorKind::NoNameServer).with_cause(why))
        }
    };
    let addr = if matches!(way, Way::Strict | Way::Never) { at(853) } else { at(53) };
    Upstream { addr, tls_addr: at(853), usage }
}
