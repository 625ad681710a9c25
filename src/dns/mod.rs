//! The resolver: DNS over TLS, UDP and TCP, resolv.conf, hosts file, search list, cache.
//!
//! ```
//! use he::dns::Resolver;
//!
//! let system = Resolver::system();
//! let given = Resolver::name_servers(["192.0.2.53".parse()?])?
//!     .with_override("db.test", ["127.0.0.1".parse().unwrap()]);
//! # Ok::<(), he::dns::NameServerError>(())
//! ```
//!
//! | point | what happens |
//! |---|---|
//! | order | overrides, hosts file, cache, DNS; a name known to one of the first two is never asked in DNS, in neither family |
//! | servers | in their configured order; the next one 250 ms after the one before, or at once when one fails (SERVFAIL and REFUSED are failures); the first good answer wins |
//! | asking again | the same server over UDP at 0, 250 ms and 1 s; a slow answer counts until the deadline of the query, 3 s without one |
//! | memory | a server that answers in place of another goes first for 60 s |
//! | TCP | for what is truncated; beside UDP when that is silent for 250 ms, and before it for 60 s where that has helped |
//! | connections | one to a server and transport (and runtime, and binding), for all questions: up to 100 open at once, more wait; answers in any order; closed by us after 30 s without a question; a question on one that ends goes on on another; one that is silent for 250 ms while a question is open (up to 2 s where that was a false alarm) gets another beside it |
//! | search list | walked for AAAA and A together, so that both end at the same host |
//! | cache | 4 MiB for all runtimes: answers by TTL up to 1 h, "none" by SOA up to 5 min, silence for 1 s, SERVFAIL and REFUSED from 1 s doubling to 30 s |
//! | same questions | those in flight at the same time are one query (per tokio runtime); it is given up when all lookups that wait for it are dropped |
//! | changes | resolv.conf and the hosts file are read again when they change, which is noticed within 100 ms |
//!
//! # Over TLS
//!
//! A [`NameServer`] has a policy. Those of the system's configuration are *opportunistic*, but for
//! loopback and link-local ones (a local cache, a container's or a home router's), and those with a
//! port of their own, which are asked in clear. [`Resolver::system_plain`] asks all in clear.
//!
//! - **Opportunistic** (RFC 8310 section 5): TLS at port 853, without a look at the certificate, and
//!   DNS in clear where that does not work. A question that finds no connection waits for one: 50 ms
//!   for the SYN-ACK and 50 ms more for the handshake ([`Resolver::with_plain_delay`]), and twice
//!   the time it took before where that is known, up to 1 s. Then it goes in clear as well, at once
//!   if the port is closed. Nor does it wait for ever on a connection that is up: after 250 ms without
//!   an answer it goes in clear as well, after 1 s where the connection has answered before, so a
//!   name that its servers answer slowly is seen. A handshake that is done later serves the
//!   questions after it. A dead port (refused; a failed handshake; none within 2 s while port 53
//!   answers; up, and silent for 1 s after port 53 has answered; REFUSED or nonsense over TLS) is
//!   left alone for 10 s, doubling to 1 h, and looked at again in the background, by a
//!   question that nobody waits for; where there was TLS before, for 1 minute at most. SERVFAIL over
//!   TLS is an answer: asking again in clear would show the name to everyone, and most likely fail
//!   again. An answered or failed lookup has the first reason for which a question of it went in
//!   clear ([`Answer::plaintext_reason`], [`LookupError::plaintext_reason`](crate::LookupError::plaintext_reason)), and there is
//!   an event for each: at level warn, once a minute, where there was TLS before.
//!   It hides names from eavesdroppers, and from nobody who can drop or change packets.
//! - **Strict** and **pinned** ([`NameServer::tls`]): authenticated or an error that says why. Not one
//!   packet goes to port 53, and no question leaves before the server is authenticated.
//!
//! Nothing is shared between resolvers: what one of them has learnt in clear never answers for
//! another that is strict. Over TLS, questions are padded to a multiple of 128 bytes (RFC
//! 8467) and ask the server to pass on nothing of the client's address (RFC 7871); in clear they do
//! neither. Sessions are resumed, early data is off.
//!
//! Not here: raw public keys (rustls does not verify them by pins), DANE and a server's address
//! found by its name (both need an answer that can be trusted first), DNS over HTTPS and QUIC.
//!
//! `.local` names go to DNS like all others: there is no multicast DNS here. Where nsswitch.conf has
//! more sources than `files` and `dns`, "no such name" of [`Resolver::system`] names them; what asks
//! them is `he::os::Resolver`, by feature `os`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::race::answer::{Answer, LookupError, LookupErrorKind, Origin};
use crate::race::host::why_never_looked_up;
use crate::race::name::Name;
use crate::race::query::{Query, Record};
use crate::race::report::text::Escaped;
use crate::resolve::{Resolve, Resolving};
use config::source::Source;
use lookup::search::SearchWalk;
use system::{Settings, System};

mod config;
mod link;
mod lookup;
mod message;
mod name_server;
mod server;
mod system;
#[cfg(test)]
mod tests;

pub use link::tls::Trust;
pub use name_server::{NameServer, NameServerError, Pin};

/// Asks name servers. Cheap to clone; clones share what they have learnt.
///
/// A `with_` method makes a resolver that shares nothing with the one it was made from, so it is
/// for the start of a program, not for each connect.
#[derive(Clone)]
pub struct Resolver {
    system: Arc<System>,
}

impl Resolver {
    /// The servers, search list and options of the system: `/etc/resolv.conf`, or what Windows,
    /// Apple's systems and Android have in its place.
    ///
    /// Nothing is read before the first lookup, and nothing can fail: without a configuration the
    /// server is 127.0.0.1, as resolv.conf(5) says, and never a public one. A configuration that
    /// cannot be read is an error of the lookups.
    ///
    /// Servers are asked over TLS where that works and else in clear, see the
    /// [module](self#over-tls).
    ///
    /// Of the options of resolv.conf `ndots`, `rotate`, `use-vc` and `no-aaaa` count; `timeout` and
    /// `attempts` do not, see [`Config::resolve_timeout`](crate::Config::resolve_timeout).
    /// `LOCALDOMAIN`, `RES_OPTIONS` and the domain of the host's own name are not used.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Settings::new(Source::system()))
    }

    /// The same in clear: UDP and TCP at port 53, and never TLS. For networks where port 853 must
    /// not be touched, and where the name server is this host's own anyway.
    #[must_use]
    pub fn system_plain() -> Self {
        Self::new(Settings { plain: true, ..Settings::new(Source::system()) })
    }

    /// These servers, in this order, over UDP and TCP in clear, and no search list. The hosts file
    /// is read all the same, see [`without_hosts`](Self::without_hosts). Without a server every
    /// lookup that needs one fails with [`LookupErrorKind::NoNameServer`].
    #[must_use]
    pub fn plain_servers(servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        let servers = servers.into_iter().map(NameServer::udp).collect();
        Self::new(Settings::new(Source::Given(servers)))
    }

    /// These servers, in this order, each by its own policy, and no search list. The rest is as with
    /// [`plain_servers`](Self::plain_servers).
    ///
    /// ```
    /// use he::dns::{NameServer, Resolver};
    ///
    /// let list = ["tls:192.0.2.53!dns.test", "tls:[2001:db8::53]!dns.test"];
    /// let servers: Vec<NameServer> = list.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    /// let resolver = Resolver::name_servers(servers)?;
    /// # Ok::<(), he::dns::NameServerError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A server that cannot be asked: its address cannot be dialled, or its port is 0, or 53 for TLS,
    /// or 853 in clear (RFC 7858 section 3.1). And lists that mix strict or pinned servers with others,
    /// or pinned with strict ones: whoever silences the one would choose the other.
    pub fn name_servers(
        servers: impl IntoIterator<Item = NameServer>,
    ) -> Result<Self, NameServerError> {
        let servers: Vec<_> = servers.into_iter().collect();
        name_server::check_list(&servers)?;
        Ok(Self::new(Settings::new(Source::Given(servers))))
    }

    /// Answers a name without asking: both families, before the hosts file and everything else.
    /// A name that is given twice has the addresses of both times, one without addresses has no
    /// records. Upper and lower case are the same, a dot at the end means nothing.
    ///
    /// Some names never reach a resolver, so overriding them changes no connect: `localhost` and
    /// all under it are loopback (RFC 6761), `.invalid` and `.onion` are refused, an IP literal is
    /// its own address, and what is no host name (`bad name`, `db.test:80`) is invalid input. An
    /// event at level debug says so.
    #[must_use]
    pub fn with_override(self, name: &str, addrs: impl IntoIterator<Item = IpAddr>) -> Self {
        if let Some(why) = why_never_looked_up(name) {
            tracing::debug!(name = %Escaped(name), %why, "override: without effect on connects");
        }
        let addrs = addrs.into_iter().map(|ip| SocketAddr::new(ip, 0));
        self.with(|settings| {
            Arc::make_mut(&mut settings.overrides).insert(Name::new(name).as_str(), addrs);
        })
    }

    /// Reads another file in place of `/etc/resolv.conf`, on every system: for tests and
    /// containers. It replaces the servers of [`name_servers`](Self::name_servers) as well, strict ones
    /// among them. A server may be written `[address]:port` there, as on OpenBSD. After
    /// [`system_plain`](Self::system_plain) its servers are asked in clear as well.
    #[must_use]
    pub fn with_resolv_conf(self, path: impl Into<PathBuf>) -> Self {
        if self.system.settings.source.is_authenticated() {
            tracing::warn!("with_resolv_conf: strict name servers are replaced");
        }
        self.with(|settings| settings.source = Source::File(path.into()))
    }

    /// Reads another file in place of `/etc/hosts`.
    #[must_use]
    pub fn with_hosts(self, path: impl Into<PathBuf>) -> Self {
        self.with(|settings| settings.hosts = Some(path.into()))
    }

    /// Reads no hosts file.
    #[must_use]
    pub fn without_hosts(self) -> Self {
        self.with(|settings| settings.hosts = None)
    }

    /// How long a question waits for TLS to an opportunistic server before it goes in clear as well:
    /// from the start of TCP, and again from the SYN-ACK. Default 50 ms, a round trip to most servers;
    /// at a server that had TLS before, twice the time it took then if that is longer, up to 1 s.
    /// Longer lets fewer questions go in clear, and costs the first lookup as much where port 853 is
    /// dropped. More than 2 s counts as 2 s. It has no effect on other servers.
    #[must_use]
    pub fn with_plain_delay(self, delay: Duration) -> Self {
        self.with(|settings| settings.plain_delay = delay.min(link::dial::OPPORTUNISTIC_TIMEOUT))
    }

    /// Whom strict servers are verified against. Default [`Trust::platform`]: the roots that the
    /// system trusts.
    #[must_use]
    pub fn with_trust(self, trust: Trust) -> Self {
        self.with(|settings| settings.trust = trust)
    }

    fn new(settings: Settings) -> Self {
        Self { system: Arc::new(System::new(settings)) }
    }

    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.system.settings.clone();
        change(&mut settings);
        Self::new(settings)
    }

    /// What nobody has to be asked for.
    fn without_dns(&self, query: &Query, now: Instant) -> Option<Result<Answer, LookupError>> {
        let (name, record) = (query.name(), query.record());
        literal_answer(name, record)
            .or_else(|| self.system.settings.overrides.find(name, record))
            .or_else(|| self.system.hosts(now)?.find(name, record))
    }
}

impl Default for Resolver {
    /// [`Resolver::system`].
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { source, plain, hosts, overrides, plain_delay, trust } =
            &self.system.settings;
        f.debug_struct("Resolver")
            .field("source", source)
            .field("plain", plain)
            .field("hosts", hosts)
            .field("overrides", overrides)
            .field("plain_delay", plain_delay)
            .field("trust", trust)
            .finish()
    }
}

/// The future has to be polled within a tokio runtime with I/O and time.
impl Resolve for Resolver {
    fn lookup(&self, query: &Query) -> Resolving {
        let now = Instant::now();
        if let Some(known) = self.without_dns(query, now) {
            return Resolving::ready(known);
        }
        let network = match self.system.network(now) {
            Ok(network) => network,
            Err(error) => return Resolving::ready(Err(error)),
        };
        if network.conf.never_asks(query.record()) {
            return Resolving::ready(Err(LookupErrorKind::NoRecords.into()));
        }
        let walk = SearchWalk::new(network, query, self.system.nsswitch.clone());
        match walk.cached(now) {
            Some(known) => Resolving::ready(known),
            None => Resolving::new(walk.run()),
        }
    }

    /// Drops the cache, learnt failures and the memory of servers, and reads the configuration
    /// again. Lookups in flight end as they began.
    fn network_changed(&self) {
        self.system.forget();
    }
}

/// The race never asks for a literal address; whoever does gets it without a query (R-3493-LIT).
fn literal_answer(name: &str, record: Record) -> Option<Result<Answer, LookupError>> {
    // Most names end here: no address ends with a letter that is no hexadecimal digit.
    let may_be = name.ends_with(|c: char| c.is_ascii_hexdigit()) || name.ends_with(':');
    let ip: IpAddr = may_be.then(|| name.parse().ok()).flatten()?;
    let answer = config::hosts::answer(&[SocketAddr::new(ip, 0)], record);
    let answer = answer.map(|answer| answer.with_origin(Origin::Unknown));
    Some(answer.ok_or_else(|| LookupErrorKind::NoRecords.into()))
}
