//! The tests of this crate, in one program: it links once.

#![cfg(target_os = "linux")] // Addresses from 127.0.0.2 on, and sockets that drop every packet.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "../../../tests/support/src/net.rs"]
mod net;
#[cfg(feature = "middleware")]
mod site;
mod support;
#[cfg(feature = "middleware")]
#[path = "../../../tests/support/src/tls.rs"]
mod tls;
#[path = "../../../tests/support/src/web.rs"]
mod web;

#[cfg(feature = "middleware")]
mod bodies;
mod dns;
#[cfg(feature = "middleware")]
mod redirects;
#[cfg(feature = "middleware")]
mod refused;
#[cfg(feature = "middleware")]
mod transport;
