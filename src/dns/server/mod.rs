//! One question to one server. `exchange` chooses by the server's profile: `plain` asks over `udp`
//! and `tcp`, `opportunistic` over TLS and `plain`, and `tcp` alone over TLS for strict and pinned
//! servers. `asking` is a question over TLS as a task of its own. A `reply` is what all of them
//! return.

mod asking;
pub(super) mod exchange;
mod opportunistic;
mod plain;
pub(super) mod reply;
mod tcp;
pub(super) mod udp;
