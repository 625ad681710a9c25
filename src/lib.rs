//! Happy Eyeballs for tokio.
#![allow(dead_code, reason = "the skeleton; removed with the connector")]

mod binding;
mod config;
#[cfg(feature = "hickory")]
pub mod hickory;
mod resolve;
mod text;

pub use binding::{Binding, OptionError};
pub use config::{Config, Family};
pub use resolve::{
    Answer, LookupError, LookupErrorKind, Origin, Query, Record, Resolve, Resolving,
};
