//! The core of `he`, compiled alone. It has no clock, no socket, no task, no TLS and no log, so it
//! needs nothing from outside `src/race/`: an import that reaches outwards does not compile here.

#![allow(dead_code, unused_imports, reason = "the other rooms of he-connect use the rest")]

#[path = "../../src/race/mod.rs"]
pub mod race;
