//! Happy Eyeballs for tokio.
#![allow(dead_code, reason = "the skeleton; removed with the connector")]

mod binding;
mod config;
mod gate;
mod host;
mod order;
mod resolve;
mod socket;
mod text;

pub use binding::{Binding, OptionError};
pub use config::{Config, Family};
pub use gate::is_public;
pub use order::{Sources, Unusable};
pub use resolve::{
    Answer, LookupError, LookupErrorKind, Origin, Query, Record, Resolve, Resolving,
};
pub use socket::{KeepAlive, SocketOptions};
