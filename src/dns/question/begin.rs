//! The start of a server's part in a question.

use std::time::{Duration, Instant};

use super::datagram::Repeats;
use super::health::TlsAdvice;
use super::neutral::Neutral;
use super::plain::{First, Plain};
use super::rtt::MAX_PATIENCE;
use super::server::{Moment, Server, ServerOptions};
use super::transports::Transports;
use super::{Connections, Upstream, Usage};

/// The patience with the only server before it is asked again, if nothing is known of it.
const UNKNOWN_PATIENCE_OF_THE_ONLY: Duration = Duration::from_millis(100);

impl Server {
    /// The server is asked from now on.
    pub(super) fn begin(
        index: usize,
        upstream: &Upstream,
        options: ServerOptions,
        at: &mut Moment<'_>,
    ) -> Self {
        let mut server = Self::new(index, upstream, options, at.connections, at.now);
        match &upstream.usage {
            Usage::Never(error) => server.outcome = Some(Err(error.clone())),
            Usage::Plain { .. } => {
                server.transports.plain = Some(server.plain(server.first(at), at))
            }
            Usage::Strict => server.transports = Transports::over_tls(None, at.now),
            Usage::Opportunistic { head_start, .. } => match server.advice(at) {
                TlsAdvice::Use => {
                    server.transports = Transports::over_tls(Some(*head_start), at.now);
                }
                TlsAdvice::Skip(why) => server.no_tls = Some(why),
                TlsAdvice::Probe(why) => {
                    server.probe_is_due = true;
                    server.no_tls = Some(why);
                }
            },
        }
        server
    }

    /// The TLS port of the server is asked the neutral question, to see if it answers, and nothing
    /// else.
    pub(super) fn probe(
        index: usize,
        upstream: &Upstream,
        connections: &dyn Connections,
        now: Instant,
    ) -> Self {
        let options = ServerOptions { is_only: true, offset: Duration::ZERO };
        let mut server = Self::new(index, upstream, options, connections, now);
        server.neutral = Some(Neutral::of_a_dead_port(Transports::over_tls(None, now), now));
        server
    }

    fn new(
        index: usize,
        upstream: &Upstream,
        options: ServerOptions,
        connections: &dyn Connections,
        now: Instant,
    ) -> Self {
        Self {
            index,
            route: connections.route(index),
            usage: upstream.usage.clone(),
            tls_addr: upstream.tls_addr,
            asked_at: now,
            options,
            transports: Transports::default(),
            probe_is_due: false,
            no_tls: None,
            neutral: None,
            sends: 0,
            neutral_sent_at: None,
            failed_here: false,
            is_heard: false,
            outcome: None,
            drains_until: None,
            plain_is_noted: false,
        }
    }

    fn advice(&self, at: &mut Moment<'_>) -> TlsAdvice {
        if let Some(why) = at.connections.why_no_tls() {
            return TlsAdvice::Skip(why);
        }
        match at.health.tls_advice(&self.route, at.now) {
            // Another lookup marked the port dead, but our connection still works.
            TlsAdvice::Skip(_) if self.has_good_link(at) => TlsAdvice::Use,
            advice @ (TlsAdvice::Use | TlsAdvice::Skip(_) | TlsAdvice::Probe(_)) => advice,
        }
    }

    /// True if the port has answered, and the connection is up and not in doubt.
    fn has_good_link(&self, at: &Moment<'_>) -> bool {
        let link = at.health.link(&self.route, true);
        link.is_proven && !link.is_in_doubt() && at.connections.is_tls_up(&self.route, self.index)
    }

    /// How the question begins in plaintext.
    pub(super) fn first(&self, at: &Moment<'_>) -> First {
        match self.usage.is_tcp_only() {
            true => First::TcpOnly,
            false if at.health.is_udp_silent(&self.route, at.now) => First::Tcp,
            false => First::Udp,
        }
    }

    pub(super) fn plain(&self, first: First, at: &Moment<'_>) -> Plain {
        let second = match self.options.is_only {
            true => at.health.patience(&self.route).unwrap_or(UNKNOWN_PATIENCE_OF_THE_ONLY),
            false => MAX_PATIENCE,
        };
        let edns = !at.health.needs_no_edns(&self.route, at.now);
        Plain::new(first, edns, Repeats { second, offset: self.options.offset }, at.now)
    }
}
