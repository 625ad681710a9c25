//! The core of `he`, compiled alone. It has no clock, no socket, no task, no TLS and no log. It
//! needs nothing from outside of `src/race/`, so an import from there does not compile here.

#![allow(dead_code, unused_imports, reason = "the rest of he-connect uses them")]

#[path = "../../src/race/mod.rs"]
pub mod race;
