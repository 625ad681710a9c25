//! The race in virtual time, one test for each requirement.

mod dns;
mod end;
mod gate;
mod handshake;
mod hosts;
mod negative;
mod order;
mod pacing;
mod ports;
mod sources;
mod ties;
mod timeouts;
