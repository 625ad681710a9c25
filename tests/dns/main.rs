//! The resolver, with scripted and real name servers on loopback.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cache;
mod deadline;
mod files;
mod flood;
mod health;
mod large_hosts;
mod peers;
mod queries;
mod race;
mod replies;
mod servers;
