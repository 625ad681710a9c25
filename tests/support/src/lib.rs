//! A scripted world, and what plays in it: the machine in virtual time, the connector in tokio's
//! paused time.

#![allow(dead_code, unused_imports, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

pub(crate) mod addr;
pub(crate) mod cases;
pub(crate) mod dialled;
#[cfg(feature = "dns")]
pub(crate) mod dns;
pub(crate) mod machine;
pub(crate) mod played;
pub(crate) mod random;
pub(crate) mod routes;
pub(crate) mod scenarios;
pub(crate) mod world;

pub(crate) use addr::addr;
pub(crate) use he::Record::{A, Aaaa};
pub(crate) use played::Played;
pub(crate) use world::{World, script};
