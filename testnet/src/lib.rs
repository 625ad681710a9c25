//! The internet that `he` is tested on: real kernel sockets on both ends, real DNS, and in between
//! a wire that delays, drops and answers as a story says. No packet leaves the machine: each story
//! runs in a network namespace that has nothing but loopback and a TUN device, or two.
//!
//! ```no_run
//! use he_testnet::internet;
//!
//! // with #[test]
//! fn a_silent_v6_address_costs_one_connect_delay() {
//!     internet(|net| async move {
//!         let v6 = net.host("2001:db8::1").silent();
//!         let v4 = net.host("198.51.100.1").rtt(20);
//!         net.dns("www.test").aaaa([v6]).a([v4]);
//!         net.connect("www.test", &[443]).await.unwrap();
//!         net.assert_starts(&[(v6, 0), (v4, 250)]);
//!         net.assert_returned(270);
//!     });
//! }
//! ```
//!
//! # What it takes
//!
//! Linux with `/dev/net/tun`, `ip` (iproute2), `unshare` and `mount` (util-linux), and root or user
//! namespaces with access to the device; for the stories of real name servers, these. If something
//! is missing, a story says on stderr that it was not run; with `HE_REQUIRE_NET=1` it fails.
//!
//! # Times
//!
//! They come from the packets: TCP segments carry the kernel's clock, the rest is stamped by the
//! wire. A start that is early fails the test by a millisecond; one that is late only fails it if
//! control timers in the same process were on time.

#![cfg(target_os = "linux")]

mod answering;
mod capture;
mod certificate;
mod clock;
mod control;
mod craft;
mod dns_name;
mod home;
mod host;
mod isolate;
mod judge;
mod log;
mod name_server;
mod net;
#[path = "../../tests/support/outcome.rs"]
mod outcome;
mod outing;
mod packet;
mod path;
mod program;
mod real;
mod remote;
mod sockets;
mod story;
mod tls;
mod tls_server;
mod tls_words;
mod web;
mod wire;
mod words;
mod world;
mod zone;

pub use capture::Packet;
pub use certificate::{Authority, Certificate};
pub use clock::Moment;
pub use craft::Unreachable;
pub use dns_name::DnsName;
pub use home::{HOME_V4, HOME_V6, Home, NAME_SERVER_V4, NAME_SERVER_V6, SECOND_V4, SECOND_V6};
pub use host::Host;
pub use log::{End, Log, Start};
pub use name_server::NameServer;
pub use net::Net;
pub use outing::{is_out, only_loopback, outing};
pub use packet::{Body, Header, Segment};
pub use program::Program;
pub use real::RealServer;
pub use sockets::Socket;
pub use story::{internet, internet_at, internet_for};
pub use tls::{Goodbye, Hello, TlsConnection};
pub use words::words;
pub use zone::{Asked, Over};
