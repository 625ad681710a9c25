//! Code that several tests share.

pub(crate) mod client;
pub(crate) mod dot;
#[path = "../../../../tests/support/src/notes.rs"]
pub(crate) mod notes;
pub(crate) mod strict;
