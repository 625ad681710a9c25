//! One question to one server, by its policy.

mod asking;
pub(super) mod exchange;
mod opportunistic;
mod plain;
pub(super) mod reply;
mod tcp;
pub(super) mod udp;
