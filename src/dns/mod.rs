//! The DNS resolver: UDP, TCP and (feature `dns-over-tls`) TLS, resolv.conf, hosts file, search
//! list, cache.
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
//! ## Order
//!
//! 1. Overrides, then the hosts file. A name that one of them has is never asked in DNS, in neither
//!    family.
//! 2. The cache.
//! 3. The name servers. Up to 16 CNAMEs are followed.
//!
//! The configured order of the servers is a preference: an office's server stands before a public
//! one. The next server is asked when the one before is late, or at once when it fails (SERVFAIL,
//! REFUSED, a port that cannot be reached). A server is late after its usual round trip plus four
//! times the deviation, within 50 to 250 ms and counted from when the question itself leaves; after
//! 50 ms if nothing is known, or 250 ms if it is strict or pinned, or takes no connection.
//! **Asking early is not winning:**
//!
//! - "No such name" and "no records" of a later server count only when every server before it has
//!   failed or is known to be silent, or when the time of the lookup is over.
//! - An address of a later server counts at once, except beside an earlier server that is known to
//!   be alive: that one has 1 s from when it was asked.
//! - Another server goes first, for 60 s, only after one could not be reached or authenticated, or
//!   was silent. Silent means that it answered neither the question, which was sent twice (or found
//!   no connection), nor a neutral question (`. NS`) half a second after the first send. For this an
//!   earlier server is listened to for 1 s after the answer of a later one. A reply, whatever it
//!   says, moves no server back.
//!
//! So a slow first server shows names to the second one, also where both are opportunistic.
//!
//! The names of the search list are tried for AAAA and A together, so that both end at the same
//! host: the first name with an address of either type. A name without one, whether it does not
//! exist, failed (SERVFAIL, REFUSED) or is unreachable, is followed by the next. A silent name has
//! a share of the time (the time left, divided by the names left); then the next one is asked
//! beside it, and its own answer still counts until another name has an address. If no name has
//! one, a failure is reported before "no such name".
//!
//! Equal questions at the same time are one query (per tokio runtime), which is given up when
//! all lookups that wait for it are dropped.
//!
//! ## Retries
//!
//! | what | what happens |
//! |---|---|
//! | UDP | sent to the same server three times at most, at 0, 250 ms and 1 s, each time from a socket of its own; AAAA is repeated 25 ms later than A; a slow answer to any of them counts until the deadline of the query, 5 s without one |
//! | the same, if there is only one server | the second time when it is late, after 100 ms if nothing is known |
//! | a UDP socket fails (ICMP) | sent once more at once, and over TCP: the error may be forged |
//! | EDNS over UDP | the third time goes without it, and so do all for 10 min where only that has helped |
//! | a reply that refuses EDNS or cannot be read | asked again without EDNS, then over TCP |
//! | TCP | where a reply is truncated or cannot be read, or 8 replies had a wrong id (RFC 5452 section 9.3); beside UDP when that is silent for 250 ms, and before it for 60 s where that has helped |
//! | connections (TCP, TLS) | one for each server and transport (and runtime, and binding), shared by all: up to 100 questions are open at once, more wait; answers come in any order |
//! | a connection that ends | its questions move to another one; after two that have answered nobody they are given up |
//! | a TCP connection that takes 250 ms to be made, where no plaintext may join | another one is opened beside it |
//! | a connection that is silent for 250 ms while a question is open | another one is opened beside it; after false alarms it waits longer, up to 2 s |
//! | a connection without a question for 30 s | it is closed |
//!
//! ## Replies
//!
//! Home routers and small proxies copy bytes of the question into the reply, or cut it. A reply
//! counts as far as it can be read: an answer that makes no sense is skipped, what stands behind
//! the answers spoils nothing, and an error code in the header suffices to say that the server does
//! not understand EDNS. A reply is a failure of its server if its answers are cut, or if none of
//! them makes sense and nothing else says that there is none (`malformed reply`). Addresses of the
//! other type alone are `an answer to another question`.
//!
//! A name is read with at most 127 compression pointers, so that a hostile reply of 64 KiB costs
//! little time.
//!
//! ## TLS
//!
//! A [`NameServer`] has a usage profile (RFC 8310). The servers of the system's configuration are
//! *opportunistic*. Exceptions are loopback and link-local servers (systemd-resolved's 127.0.0.53,
//! a container's, a home router's) and servers at another port than 53, which are always asked in
//! plaintext. [`Resolver::system_plain`] asks all of them in plaintext.
//!
//! This needs feature `dns-over-tls` and a crypto provider (feature `aws-lc-rs` or `ring`, or one
//! that the process has installed). Without the feature every server is asked in plaintext, and
//! there are no strict and pinned ones. Without a provider opportunistic servers are asked in
//! plaintext, the reason is in each answer, and the log has one warning.
//!
//! **Opportunistic** (RFC 8310 section 5): TLS at port 853 with any certificate, and plain DNS
//! where that does not work. This protects against passive eavesdroppers only; an active attacker
//! can force plaintext. The table says how long a question waits before it is also sent in
//! plaintext, and what is remembered of the TLS port.
//!
//! | trigger | the question waits | remembered |
//! |---|---|---|
//! | TCP is not connected | 50 ms ([`Resolver::with_plain_delay`]) | nothing: a later handshake still serves later questions |
//! | TCP is connected, TLS is not | 50 ms more | nothing, as above |
//! | the same two, after a slower connection | twice the time that took, up to 1 s | nothing, as above |
//! | no handshake within 2 s, while port 53 answers | as in the rows above | dead |
//! | the port is closed, or the handshake fails | not at all | dead |
//! | two connections end by themselves and have answered nobody | not at all | dead |
//! | REFUSED or a senseless reply over TLS, or it ends the connection at the question | not at all | the neutral question decides |
//! | TLS is connected and silent | 250 ms | the neutral question decides |
//! | the same, where it has answered before | 1 s: some names are answered slowly | the neutral question decides |
//!
//! A name may be a stranger's choice, so what becomes of one name says nothing of a port. Before a
//! port counts as dead for that, it is asked a neutral question (`. NS`) over TLS. It has 1 s for
//! an answer, SERVFAIL included, or for an answer to any other question. The name itself may have
//! been read by others; no other name is.
//!
//! A server of resolv.conf with a private address (RFC 1918, 100.64/10, fc00::/7) seldom has TLS,
//! so the first question goes to port 53 at once. TLS is tried beside it and serves later
//! questions.
//!
//! After SERVFAIL over TLS the question is not sent in plaintext: that would show the name to
//! everyone, and most likely fail again.
//!
//! A dead port is left alone for 10 s, doubling to 1 h; for 1 minute at most where there was TLS
//! before. Then a neutral question in the background probes it, for which no lookup waits. An answered or
//! failed lookup has the first reason for which a question of it was sent in plaintext
//! ([`Answer::plaintext_reason`](crate::Answer::plaintext_reason),
//! [`LookupError::plaintext_reason`](crate::LookupError::plaintext_reason)). There is an event for
//! each such question, at level warn (once a minute) where there was TLS before.
//!
//! **Strict** and **pinned** ([`NameServer::tls`]): the server is authenticated, or the lookup
//! fails and says why. No packet goes to port 53, and no question is sent before the server is
//! authenticated.
//!
//! Questions over TLS are padded to a multiple of 128 bytes (RFC 8467) and ask the server to pass
//! on nothing of the client's address (RFC 7871); questions in plaintext do neither. Sessions are
//! resumed, early data is off.
//!
//! Not supported: raw public keys (rustls does not verify them by pins), DANE and the lookup of a
//! server's address by its name (both need an answer that can be trusted first), DNS over HTTPS and
//! QUIC.
//!
//! ## What is remembered
//!
//! | what | for how long |
//! |---|---|
//! | an answer | its TTL, at most 1 h; it is forgotten after all attempts of a call to its addresses have failed, at most once a second |
//! | a name that does not exist, or has no addresses | 2 s, and no longer than the SOA says |
//! | such a name of the search list, skipped on the way to an address | as long as that address, until it is forgotten, at most 1 min, and no longer than the SOA says |
//! | a name with addresses lacks those of the other type | as long as the addresses, at most 5 min, and no longer than the SOA says |
//! | a lookup that has failed by silence or an unreachable server | 1 s |
//! | SERVFAIL, REFUSED | 1 s, doubling to 30 s |
//! | a server that was silent or could not be reached is asked last | 60 s, or until it replies |
//! | a server is silent | until it replies |
//! | a server is alive | 10 min after its last reply |
//! | a server's round trip | until the network changes |
//! | questions leave without EDNS where only those were answered | 10 min |
//! | TCP goes first where UDP was silent | 60 s |
//! | resolv.conf, the hosts file and nsswitch.conf | until their content changes, which is noticed within 100 ms |
//!
//! A hosts file of more than 64 KiB (a blocklist) is read on another thread. The first lookup waits
//! for it, within its own time, so that a call still ends in time; later lookups go on with the
//! names of the last read.
//!
//! The cache has 4 MiB for all runtimes. Resolvers share nothing: an answer that one of them got in
//! plaintext is never used by another one that is strict. After a `fork`, parent and child send the
//! same question ids if there was a lookup before; their source ports still differ.
//!
//! ## Names that are not in DNS
//!
//! `.local` names go to DNS like all others: there is no multicast DNS here. If nsswitch.conf has
//! more sources than `files` and `dns`, and DNS has no addresses of either type for a name,
//! [`Resolver::system`] asks the operating system once (feature `os`, on Linux), within the time of
//! the lookup. The answer has [`Origin::System`](crate::Origin::System). The operating system reads
//! its own hosts file, and may ask name servers in plaintext. Without feature `os`, with a binding,
//! and by [`Resolver::system_plain`] they are not asked, and "no such name" names them. Resolvers
//! with servers or a resolv.conf of the caller do neither.
//!
//! ## Why not hickory-resolver
//!
//! hickory-proto encodes and decodes the messages; the path to the name servers is this crate's
//! own. hickory-resolver 0.26 ends a lookup at the first SERVFAIL or REFUSED, knows no zones of
//! name servers, sends no SNI, takes a closed UDP port for silence, walks the search list for each
//! record type alone (AAAA and A were seen to come from two hosts), remembers no failures, and has
//! one cache whatever interface or mark a lookup is bound to. It is only used where the system has
//! no resolv.conf, to read the settings.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::race::host::why_never_looked_up;
use crate::race::text::Escaped;
use config::source::Source;
use live::{LiveSettings, Settings};

mod config;
mod link;
mod live;
mod lookup;
mod message;
mod name_server;
mod question;
mod resolve;
mod server;
#[cfg(test)]
mod tests;
#[cfg(feature = "dns-over-tls")]
mod tls;

pub use name_server::{NameServer, NameServerError};
#[cfg(feature = "dns-over-tls")]
pub use tls::{Pin, Trust};

/// Asks name servers. Cheap to clone; clones share everything that they have learned.
///
/// A `with_` method makes a resolver that shares nothing with the one it was made from. Call it at
/// the start of a program, not for each connection.
#[derive(Clone)]
pub struct Resolver {
    live: Arc<LiveSettings>,
}

impl Resolver {
    /// The servers, search list and options of the system: those of `/etc/resolv.conf`, or the
    /// settings of Windows, Apple's systems and Android.
    ///
    /// Nothing is read before the first lookup, and this cannot fail. Without a configuration the
    /// server is 127.0.0.1, as resolv.conf(5) says, and never a public one. If the configuration
    /// cannot be read, the lookups fail.
    ///
    /// Servers are asked over TLS where that works, otherwise in plaintext; see the
    /// [module](self#tls).
    ///
    /// Of the options of resolv.conf `ndots`, `rotate`, `use-vc` and `no-aaaa` are used. `timeout`
    /// times `attempts` is the time of a lookup where that is longer than the default of
    /// [`Config::resolve_retries`](crate::Config::resolve_retries), at most 30 s. `LOCALDOMAIN`,
    /// `RES_OPTIONS` and the domain of the host's own name are not used.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Settings::new(Source::System))
    }

    /// Like [`system`](Self::system), but never over TLS: UDP and TCP at port 53 only. It is for
    /// networks where port 853 must not be touched.
    #[must_use]
    pub fn system_plain() -> Self {
        Self::new(Settings { plain: true, ..Settings::new(Source::System) })
    }

    /// Like [`system`](Self::system), but with this file in place of `/etc/resolv.conf`, on every
    /// system: for tests and containers. In this file a server may be written `[address]:port`, as
    /// on OpenBSD.
    ///
    /// The file is the caller's, also where the path is that of the system's own: other sources of
    /// names are [neither asked nor named](self#names-that-are-not-in-dns).
    ///
    /// This is no setting of a resolver that exists, so it never replaces servers that were given,
    /// strict ones for instance.
    #[must_use]
    pub fn from_resolv_conf(path: impl Into<PathBuf>) -> Self {
        Self::new(Settings::new(Source::File(path.into())))
    }

    /// Like [`from_resolv_conf`](Self::from_resolv_conf), but never over TLS, as
    /// [`system_plain`](Self::system_plain).
    #[must_use]
    pub fn from_resolv_conf_plain(path: impl Into<PathBuf>) -> Self {
        Self::new(Settings { plain: true, ..Settings::new(Source::File(path.into())) })
    }

    /// These servers, in this order, in plaintext over UDP and TCP, and no search list. The hosts
    /// file is read, except after [`without_hosts`](Self::without_hosts). Without any server every
    /// lookup that needs one fails with
    /// [`LookupErrorKind::NoNameServer`](crate::LookupErrorKind::NoNameServer).
    #[must_use]
    pub fn plain_servers(servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        let servers = servers.into_iter().map(NameServer::udp).collect();
        Self::new(Settings::new(Source::Given(servers)))
    }

    /// These servers, in this order, each by its own usage profile, and no search list. The rest is
    /// as with [`plain_servers`](Self::plain_servers).
    ///
    /// ```
    /// # #[cfg(feature = "dns-over-tls")]
    /// # fn doc() -> Result<(), he::dns::NameServerError> {
    /// use he::dns::{NameServer, Resolver};
    ///
    /// let list = ["tls:192.0.2.53!dns.test", "tls:[2001:db8::53]!dns.test"];
    /// let servers: Vec<NameServer> = list.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    /// let resolver = Resolver::name_servers(servers)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A server cannot be asked: its address cannot be dialled, or its port is 0, or 53 for TLS, or
    /// 853 without it (RFC 7858 section 3.1). Or the list mixes strict or pinned servers with
    /// others, or pinned with strict ones: an attacker who silences some servers would choose the
    /// others.
    pub fn name_servers(
        servers: impl IntoIterator<Item = NameServer>,
    ) -> Result<Self, NameServerError> {
        let servers: Vec<_> = servers.into_iter().collect();
        name_server::check_list(&servers)?;
        Ok(Self::new(Settings::new(Source::Given(servers))))
    }

    /// Answers a name without asking: both families, before the hosts file and everything else. A
    /// name that is given twice has the addresses of both times. A name without addresses has no
    /// records. Case and a dot at the end make no difference.
    ///
    /// Some names never reach a resolver, so that an override has no effect on connections:
    /// `localhost` and all names under it are loopback (RFC 6761), `.invalid` and `.onion` are
    /// refused, an IP literal is its own address, and a text that is not a host name (`bad name`,
    /// `db.test:80`, `127.1`) is invalid input. An event at level debug says so.
    #[must_use]
    pub fn with_override(self, name: &str, addrs: impl IntoIterator<Item = IpAddr>) -> Self {
        if let Some(why) = why_never_looked_up(name) {
            tracing::debug!(name = %Escaped(name), %why, "override: without effect on connects");
        }
        let addrs = addrs.into_iter().map(|ip| SocketAddr::new(ip, 0));
        self.with(|settings| {
            Arc::make_mut(&mut settings.overrides).insert(name, addrs);
        })
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

    fn new(settings: Settings) -> Self {
        Self { live: Arc::new(LiveSettings::new(settings)) }
    }

    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.live.settings.clone();
        change(&mut settings);
        Self::new(settings)
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
        let Settings { source, plain, hosts, overrides, plain_delay, trust } = &self.live.settings;
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
