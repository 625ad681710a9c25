//! The two machines of `he`, compiled alone: the race, and one question to the name servers. They
//! have no clock, no socket, no task, no TLS and no log. They need nothing from outside of
//! `src/race/` and `src/dns/question/`, so an import from there does not compile here.

#![allow(dead_code, unused_imports, reason = "the rest of he-connect uses them")]

#[path = "../../src/race/mod.rs"]
pub mod race;

#[cfg(feature = "dns")]
#[path = "../../src/dns"]
pub mod dns {
    pub mod question;
}
