//! Connects to a host over TCP as soon as the network allows: Happy Eyeballs for tokio.
//!
//! ```no_run
//! # #[cfg(feature = "dns")]
//! # async fn doc() -> Result<(), he::Error> {
//! let stream = he::connect("robur.coop", &[443]).await?; // tokio::net::TcpStream
//! # Ok(())
//! # }
//! ```
//!
//! # Why
//!
//! A host has several addresses, of two families, and any of them may be dead, slow, or not yet
//! known because a DNS answer was lost. Trying one after the other hangs for as long as the kernel
//! repeats its SYN, two minutes on Linux. This crate asks AAAA and A at once and separately, orders
//! what comes by RFC 6724, and races attempts that start a moment apart (RFC 8305). The first
//! connection wins, the others are dropped, and the [`Report`] tells what happened to each.
//!
//! # The race
//!
//! AAAA comes first, IPv6 is silent, IPv4 works:
//!
//! ```text
//!  0 ms      ask AAAA and A
//! 12 ms      AAAA answers: connect [2001:db8::1]:443 ──────────── silence ─────────── dropped
//! 14 ms      A answers: the address waits for its turn
//! 262 ms     connect_delay (250 ms) is over: connect 193.30.40.138:443 ── 30 ms ── connected
//! 292 ms     he::connect returns
//! ```
//!
//! - **An answer starts the race**, whichever comes first. An A alone waits up to `aaaa_timeout`
//!   (50 ms) for AAAA, once; a negative AAAA of any kind ends that wait, and a host without a default
//!   route for IPv6 does not wait. Late answers join the race as if they had been there from the start.
//! - **Order**: RFC 6724 over both families, by the source address that each destination would
//!   get; then the families alternate, and with several ports the family alternates before the
//!   port.
//! - **Pace**: the next attempt starts `connect_delay` after the one before, or at once when any
//!   running attempt fails; never within 10 ms of one that sent a packet (loopback apart). Earlier
//!   attempts go on, and the kernel's own retransmissions with them.
//! - **Win**: the first completed TCP handshake; with [`Connector::connect_with`] the first
//!   completed dial, so that a path that dies in TLS loses.
//!
//! # Three doors
//!
//! 1. `he::connect`: a function. Feature `dns`, on by default.
//! 2. [`Connector`]: a value with a resolver, a [`Config`], [`SocketOptions`], a gate for addresses
//!    ([`Connector::allow`]) and a hook for reports ([`Connector::on_report`]).
//! 3. [`race`]: the algorithm alone, without I/O and without a clock, for other runtimes and for
//!    tests.
//!
//! # How long can it take
//!
//! | what | default | set by |
//! |---|---|---|
//! | an A waits for AAAA | 50 ms | [`Config::aaaa_timeout`] |
//! | between two attempts, while none fails | 250 ms | [`Config::connect_delay`] |
//! | a question waits for TLS before it goes in clear | 50 ms, and 50 ms for the handshake; up to 1 s where TLS was slower before | `Resolver::with_plain_delay` |
//! | one attempt | 10 s | [`Config::connect_timeout`] |
//! | one lookup | 1 s × 3 | [`Config::resolve_timeout`] × [`Config::resolve_retries`] |
//! | the whole call | 30 s | [`Config::total_timeout`] |
//!
//! Both lookups run at once, and every address is known when the slower one has ended, so with `n`
//! pairs of address and port a call ends within
//!
//! ```text
//! min(total_timeout, resolve_timeout × resolve_retries + (n − 1) × connect_delay + connect_timeout)
//! ```
//!
//! which is [`Config::worst_case`]: 13.25 s for one address of each family, and never more than
//! 30 s. While a dial goes on after TCP, 2 s stand for `connect_delay`
//! ([`Config::worst_case_with`]). A resolver of yours that never ends is given up all the same.
//!
//! # DNS over TLS
//!
//! The system's name servers are asked over TLS where that works, and else in clear: a network that
//! drops port 853 costs the first lookup 50 ms. That hides names from eavesdroppers, and from nobody
//! who can drop or change packets. `Resolver::system_plain` never uses TLS. For more, name a server
//! and how to authenticate it; then it is authenticated, or the lookup fails:
//!
//! ```
//! # #[cfg(feature = "dns")]
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
//! one list** unless you accept either: whoever can drop packets to one of them chooses the other.
//!
//! # Features
//!
//! | feature | default | what it adds | Rust |
//! |---|---|---|---|
//! | (none) | | the race, the connector, any [`Resolve`] of yours | 1.85 |
//! | `dns` | yes | `he::connect`, `Connector::default()`, the DNS resolver in `he::dns` | 1.88 |
//! | `hyper` | | [`Connector`] as a `Service<Uri>` for hyper-util's client and what takes its connectors; the report in each response | 1.85 |
//! | `rustls` | | TLS within the race in `he::rustls`, with `hyper` a connector for https; a root store or configuration of yours, for DNS over TLS as well | 1.85 |
//! | `webpki-roots` | | Mozilla's root certificates, for `rustls` and for DNS over TLS | 1.85 |
//! | `os` | | the operating system's resolver in `he::os`: nsswitch, mDNS, per-interface DNS | 1.85 |
//! | `serde` | | `Serialize` for [`Report`] | 1.85 |
//!
//! # Not here
//!
//! - QUIC, SVCB/HTTPS and SRV records: this crate makes TCP connections, and a port is no scheme.
//! - reqwest: the crate `he-reqwest` sends its requests over the race (`he_reqwest::Transport`), or
//!   gives addresses to its own client (`he_reqwest::Dns`), which cannot use a custom connector.
//! - DNS over HTTPS and over QUIC: a name server that is reached by TCP is what a connector of TCP needs.
//! - NAT64 synthesis (RFC 7050, 8781): DNS64 answers work as they come; literals do not get through.
//! - History between connects (RTT, last winner): every connect follows the same rules.
//! - TCP Fast Open: a dead path "connects" at once with it, so it cannot take part in a race.
//! - Names from elsewhere in the system (`nsswitch.conf`, mDNS, per-interface DNS) by themselves: the
//!   resolver reads resolv.conf and the hosts file, nothing else, and where nsswitch.conf has more,
//!   the error of a name that is not found says so. `he::os::Resolver` asks the system for them, if
//!   you choose it (feature `os`).
//! - Windows, macOS, Android: written behind `cfg` as in socket2, and not compiled or run by us. WASM
//!   has no sockets.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;
#[cfg(feature = "dns")]
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
#[cfg(any(feature = "dns", feature = "rustls"))]
mod tls;

pub use connect::Connector;
pub use connect::attempt::{Attempt, Established};
pub use connect::socket::{KeepAlive, SocketOptions};
#[cfg(feature = "dns")]
pub use default::connect;
pub use race::address::{IpVersion, Unusable};
pub use race::answer::{Answer, LookupError, LookupErrorKind, Origin};
pub use race::binding::Binding;
pub use race::config::{Config, Family};
pub use race::error::Error;
pub use race::gate::is_public;
pub use race::option_error::OptionError;
pub use race::order::SourceAddrs;
pub use race::query::{Query, Record};
pub use race::report::{
    AttemptOutcome, AttemptReport, ErrorKind, LookupOutcome, LookupReport, Outcome, Reason, Report,
    Skipped,
};
pub use resolve::{Resolve, Resolving};
