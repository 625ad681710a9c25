//! The tests of this crate, in one program: it links once.
//!
//! Tests that only Linux runs need 127.0.0.2, or a socket that drops every packet.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[cfg(feature = "middleware")]
mod bodies;
mod dns;
#[cfg(feature = "middleware")]
mod redirects;
#[cfg(feature = "middleware")]
mod refused;
#[cfg(feature = "middleware")]
mod retry;
#[cfg(feature = "middleware")]
mod site;
mod traits;
#[cfg(feature = "middleware")]
mod transport;
