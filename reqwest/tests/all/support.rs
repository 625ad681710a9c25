//! A part of he-connect's `tests/support`: a scripted world, played on a connector in paused time.

#![allow(dead_code, reason = "the tests here use a part of it")]

#[path = "../../../tests/support/src/addr.rs"]
pub(crate) mod addr;
#[path = "../../../tests/support/src/dialled.rs"]
pub(crate) mod dialled;
#[path = "../../../tests/support/src/played.rs"]
mod played;
#[path = "../../../tests/support/src/routes.rs"]
mod routes;
#[path = "../../../tests/support/src/world.rs"]
pub(crate) mod world;

pub(crate) use he::Record::{A, Aaaa};
pub(crate) use world::{World, script};
