//! Connects to a host over TCP as soon as the network allows: Happy Eyeballs for tokio.
//!
//! ```no_run
//! # #[cfg(any(feature = "dns", feature = "os"))]
//! # async fn doc() -> Result<(), he::Error> {
//! let stream = he::connect("robur.coop", 443).await?; // tokio::net::TcpStream
//! # Ok(())
//! # }
//! ```
//!
//! # Why
//!
//! A host has several addresses, of two families. Each of them may be dead or slow, or may not be
//! known yet because a DNS answer was lost. A program that tries one after the other hangs for as
//! long as the kernel repeats its SYN: two minutes on Linux. This crate asks for AAAA and A at the
//! same time, in separate lookups. It orders the addresses by RFC 6724, and races attempts that
//! start a moment apart (RFC 8305). The first connection wins, and the others are dropped. The
//! [`Report`] shows what happened to each.
//!
//! # The race
//!
//! In this example AAAA comes first, IPv6 is silent, and IPv4 works:
//!
//! ```text
//!  0 ms      ask AAAA and A
//! 12 ms      AAAA answers: connect [2001:db8::1]:443 ──────────── silence ─────────── dropped
//! 14 ms      A answers: the address waits for its turn
//! 262 ms     connect_delay (250 ms) is over: connect 193.30.40.138:443 ── 30 ms ── connected
//! 292 ms     he::connect returns
//! ```
//!
//! - **Start**: the first answer starts the race. If A comes first, it waits up to `aaaa_timeout`
//!   (50 ms) for AAAA, once. A negative AAAA, or a failed one, ends that wait, and a host without a
//!   default route for IPv6 does not wait. On a host whose only IPv6 address is a unique local,
//!   6to4 or Teredo one, AAAA waits for A instead, because RFC 6724 puts IPv4 first there. Late
//!   answers join the race as if they had been there from the start.
//! - **Order**: RFC 6724 sorts both families together, by the source address that each destination
//!   would get. Then the families alternate. With several ports, the second attempt goes to
//!   the other family, not to the second port.
//! - **Pace**: the next attempt starts `connect_delay` after the one before, or at once when any
//!   running attempt fails. It never starts less than 10 ms after an attempt that sent a packet,
//!   except on loopback. Earlier attempts go on, and the kernel's own retransmissions with them.
//! - **Win**: the first completed TCP handshake wins. With [`Connector::connect_with`] it is the
//!   first completed dial, so a path that fails in TLS loses. The other lookup runs on for at most
//!   1 s to fill the cache.
//!
//! # Three entry points
//!
//! 1. `he::connect` is a function. It needs feature `dns` or `os`; both are on by default. The
//!    connector behind it is `he::default_connector()`, and `he::resolve` finds addresses only.
//! 2. [`Connector`] is a value with a resolver, a [`Config`], [`SocketOptions`], a gate for
//!    addresses ([`Connector::with_gate`]) and hooks for reports ([`Connector::on_report`]).
//! 3. [`race`] is the algorithm alone, without I/O and without a clock, for other runtimes and for
//!    tests. There is no tokio in the algorithm; tokio is compiled all the same.
//!
//! # Glossary
//!
//! - **call**: one `connect` or `resolve` of any form ([`Call`]), from its
//!   first lookup to its connection or error.
//! - **lookup**: one question about one name and record type. The resolver answers it. A reply is
//!   one DNS message; an answer is the result of the lookup.
//! - **endpoint**: an address with its port.
//! - **attempt**: one try to reach one endpoint. It may be running, won, failed, timed out or
//!   cancelled.
//! - **dial**: the work of an attempt. It is the TCP handshake, and with `connect_with` also what
//!   follows (TLS, a proxy, a greeting).
//! - **gate**: the caller's function that permits or refuses an address before any packet.
//!
//! # How long can it take
//!
//! | wait | default | set by |
//! |---|---|---|
//! | an A waits for AAAA | 50 ms | [`Config::aaaa_timeout`] |
//! | between two attempts, while none fails | 250 ms | [`Config::connect_delay`] |
//! | a question waits for TLS before it is sent in plaintext | 50 ms, and 50 ms for the handshake; up to 1 s where TLS was slower before | `Resolver::with_plain_delay` |
//! | one attempt | 10 s | [`Config::connect_timeout`] |
//! | one lookup | 1 s × 5, or what resolv.conf asks for if that is longer | [`Config::resolve_timeout`] × [`Config::resolve_retries`] |
//! | the whole call | 30 s | [`Config::total_timeout`] |
//!
//! Both lookups run at the same time, and every address is known when the slower one has ended.
//! With `n` pairs of address and port, a call therefore ends within
//!
//! ```text
//! min(total_timeout, resolve_timeout × resolve_retries + (n − 1) × connect_delay + connect_timeout)
//! ```
//!
//! [`Config::worst_case`] computes this: 15.25 s for one address of each family, and never more
//! than 30 s. Where `options timeout:` and `attempts:` of resolv.conf raise the default time of a
//! lookup, that time stands in the formula, and the limit is still 30 s. For a dial that goes on
//! after TCP, 2 s stand in place of `connect_delay` ([`Config::worst_case_with`]). The limit also
//! holds if your own resolver never ends a lookup.
//!
//! # DNS over TLS
//!
//! The system's name servers are asked over TLS where that works, and in plaintext elsewhere. A
//! server on this host or link (systemd-resolved's 127.0.0.53, a container's) is always asked in
//! plaintext. A server with a private address is first asked in plaintext, and over TLS as soon as
//! that works. A network that drops port 853 costs the first lookup 50 ms. This protects against
//! passive eavesdroppers only; an active attacker can force plaintext. `Resolver::system_plain`
//! never uses TLS. For more protection, name a server and how to authenticate it. Then it is
//! authenticated, or the lookup fails:
//!
//! ```
//! # #[cfg(feature = "dns-over-tls")]
//! # fn doc() -> Result<(), Box<dyn std::error::Error>> {
//! use he::dns::{NameServer, Resolver};
//!
//! let server: NameServer = "tls:89.233.43.71!unicast.uncensoreddns.org".parse()?;
//! let connector = he::Connector::new(Resolver::name_servers([server])?);
//! # Ok(())
//! # }
//! ```
//!
//! # Several ports
//!
//! `connect("mail.example", &[465, 587])` races both. **Never put a secure and an insecure port in
//! one list** unless you accept either: an attacker who can drop packets to one of them chooses the
//! other.
//!
//! # Features
//!
//! | feature | default | it adds | Rust |
//! |---|---|---|---|
//! | (none) | | the race, the connector, your own [`Resolve`] | 1.85 |
//! | `dns` | by `dns-over-tls` | the DNS resolver in `he::dns`, in plaintext only; no TLS in its tree | 1.88 |
//! | `dns-over-tls` | yes | name servers over TLS: opportunistic, strict, pinned | 1.88 |
//! | `aws-lc-rs` | yes | the crypto provider, for name servers and https; nothing without `dns-over-tls` or `rustls` | 1.85 |
//! | `ring` | | the same, if `aws-lc-rs` is off | 1.85 |
//! | `os` | yes | the operating system's resolver in `he::os`: nsswitch, mDNS, per-interface DNS | 1.85 |
//! | `idna` | yes | names that are not ASCII; without it they are refused, and `xn--` labels pass | 1.85 |
//! | `hyper` | | [`Connector`] as a `Service<Uri>` for hyper-util's client and others that take its connectors; the report in each response | 1.85 |
//! | `rustls` | | TLS within the race in `he::rustls`, with `hyper` a connector for https; your own root store or configuration, for DNS over TLS too | 1.85 |
//! | `webpki-roots` | | Mozilla's root certificates, for `rustls` and for DNS over TLS | 1.85 |
//! | `serde` | | `Serialize` for [`Report`] | 1.85 |
//!
//! Without `dns`, which needs the same crates, `idna` brings 29 crates; with version 1.0.0 of the
//! crate `idna_adapter` in Cargo.lock it brings fewer.
//!
//! `he::connect` and `Connector::default()` exist with `dns` or `os`. With `dns` they use
//! `he::dns::Resolver`, otherwise `he::os::Resolver`. That `dns`, `dns-over-tls` and `os` change
//! what `he::connect` does is the one exception to: a feature never changes behaviour.
//!
//! ## One crypto provider in a program
//!
//! rustls finds its crypto provider by itself only if exactly one is compiled in. With two,
//! `rustls::ClientConfig::builder()` panics, in whatever crate calls it. The cure is one line,
//! first in `main`:
//!
//! ```text
//! rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap();
//! ```
//!
//! The default features bring *aws-lc-rs*, as those of rustls do. A program on *ring* chooses its
//! own list, so that it has one provider:
//!
//! ```toml
//! he-connect = { version = "0.1", default-features = false, features = ["dns-over-tls", "ring", "os", "idna"] }
//! ```
//!
//! This crate uses the provider that the process has installed, otherwise the compiled one (of two,
//! aws-lc-rs), and never panics for want of one. If there is none, https and strict name servers
//! fail and say so; other name servers are asked in plaintext, an answer's
//! [`plaintext_reason`](Answer::plaintext_reason) says why, and the log has one warning.
//!
//! # Not here
//!
//! - QUIC, SVCB/HTTPS and SRV records: this crate makes TCP connections. SVCB and HTTPS records
//!   belong to a URL's scheme, and `connect` gets only a host and ports.
//! - reqwest: the crate `he-reqwest` sends its requests over the race (`he_reqwest::Transport`), or
//!   gives addresses to its own client (`he_reqwest::Dns`), which cannot use a custom connector.
//! - DNS over HTTPS and over QUIC: they need an HTTP client and QUIC, and this crate has neither.
//! - NAT64 synthesis (RFC 7050, 8781): DNS64 answers work as they are, but IPv4 literals do not.
//! - History between calls (RTT, last winner): every call follows the same rules.
//! - TCP Fast Open: a dead path "connects" at once with it, so it cannot take part in a race.
//! - Names from other sources of the system (`nsswitch.conf`, mDNS, per-interface DNS), with
//!   feature `dns`, before DNS: the resolver takes names from the hosts file and DNS. On Linux it
//!   asks the system for a name that DNS does not have, if nsswitch.conf names more sources
//!   (feature `os`). `he::os::Resolver` asks the system first, if you choose it.
//! - Windows, macOS, Android: the code is behind `cfg` as in socket2. We have not compiled or run
//!   it. WASM has no sockets.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;
#[cfg(any(feature = "dns", feature = "os"))]
mod default;
#[cfg(feature = "dns")]
pub mod dns;
#[cfg(any(feature = "dns", feature = "os"))]
mod hosts_file;
#[cfg(feature = "hyper")]
pub mod hyper;
mod mutex;
#[cfg(feature = "os")]
pub mod os;
pub mod race;
mod resolve;
#[cfg(feature = "rustls")]
pub mod rustls;
#[cfg(any(feature = "dns-over-tls", feature = "rustls"))]
mod tls;

pub use ::tokio;
pub use connect::Connector;
pub use connect::attempt::{Attempt, Established};
pub use connect::call::Call;
pub use connect::resolved::Resolved;
pub use connect::socket::{KeepAlive, SocketOptions};
#[cfg(any(feature = "dns", feature = "os"))]
pub use default::{connect, default_connector, resolve};
pub use race::address::{IpVersion, Unusable};
pub use race::answer::{Answer, LookupError, LookupErrorKind, Origin};
pub use race::binding::Binding;
pub use race::config::{Config, Family};
pub use race::error::Error;
pub use race::gate::is_public;
pub use race::option_error::OptionError;
pub use race::order::SourceAddrs;
pub use race::ports::Ports;
pub use race::query::{Query, Record};
pub use race::report::{
    AttemptOutcome, AttemptReport, ErrorKind, LookupOutcome, LookupReport, Outcome, Reason, Report,
    Skipped,
};
pub use race::socket_addrs::SocketAddrs;
pub use resolve::{Resolve, Resolving};
