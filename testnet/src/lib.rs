//! The internet that `he` is tested on. Both ends have real kernel sockets, and the DNS is real;
//! the wire between them delays, drops and answers packets as a test says. No packet leaves the
//! machine, because each test runs in a network namespace that has only loopback and one or two TUN
//! devices.
//!
//! The home host is that namespace: `he` runs there. Remote hosts have the addresses to which it
//! sends packets; this process plays all of them.
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
//! # Requirements
//!
//! Linux with `/dev/net/tun`, `ip` (iproute2), `unshare` and `mount` (util-linux), and root or user
//! namespaces with access to the device. The tests of real name servers need these servers too:
//! unbound, kresd (knot-resolver), dnsmasq (dnsmasq-base) and named (bind9). If something is
//! missing, tests are left out, which one line on stderr reports; with `HE_REQUIRE_NET=1` they
//! fail.
//!
//! # Times
//!
//! Times come from the packets: TCP segments carry the kernel's clock, and the wire stamps all
//! other packets. An attempt that starts a millisecond too early fails the test. An attempt that
//! starts too late fails it only if control timers in the same process were on time.

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
mod outing;
mod packet;
mod path;
mod privilege;
mod program;
mod real;
mod remote;
mod run;
mod served;
mod sockets;
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
pub use isolate::has_namespaces;
pub use log::{End, Log, Start};
pub use name_server::NameServer;
pub use net::Net;
pub use outing::{is_out, only_loopback, outing};
pub use packet::{Body, Header, Segment};
pub use program::Program;
pub use real::RealServer;
pub use run::{internet, internet_at, internet_for};
pub use served::Served;
pub use sockets::Socket;
pub use tls::{Goodbye, Hello, TlsConnection};
pub use words::words;
pub use zone::{Asked, Over};
