//! Code that several tests share.

pub(crate) mod client;
pub(crate) mod dot;
pub(crate) mod strict;
