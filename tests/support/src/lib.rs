//! Helpers that several test programs share: scripted worlds, loopback sockets, servers.
//!
//! A helper of one test program is a module of that program.

pub mod addr;
pub mod cases;
pub mod dialled;
pub mod dns;
mod left_out;
pub mod net;
pub mod notes;
pub mod outcome;
pub mod played;
pub mod routes;
pub mod tls;
pub mod web;
pub mod world;

pub use addr::addr;
pub use he::Record::{A, Aaaa};
pub use left_out::missing;
pub use played::Played;
pub use world::{World, script};
