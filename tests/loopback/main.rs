//! The connector on real sockets, loopback only.
//!
//! Tests that only Linux runs need 127.0.0.2 and further addresses, or a socket that drops every
//! packet. They compile everywhere.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod causes;
mod connect;
mod dial;
mod errors;
mod gate;
mod transient;
mod turns;
