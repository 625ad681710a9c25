//! The connector on real sockets, loopback only.
//!
//! Tests that are for Linux only need 127.0.0.2 and further addresses, or a socket that drops every
//! packet.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod connect;
mod dial;
mod errors;
mod gate;
mod transient;
mod turns;
