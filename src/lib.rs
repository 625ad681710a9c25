//! Happy Eyeballs for tokio.
#![allow(dead_code, reason = "the skeleton; removed with the connector")]

mod binding;
mod config;
mod resolve;
mod socket;
mod text;

pub use binding::{Binding, OptionError};
pub use config::{Config, Family};
pub use resolve::{
    Answer, LookupError, LookupErrorKind, Origin, Query, Record, Resolve, Resolving,
};
pub use socket::{KeepAlive, SocketOptions};
