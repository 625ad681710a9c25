// In the documentation of a crate the links of the README lead to its own pages.
#![cfg_attr(feature = "middleware", doc = "[`Transport`]: Transport")]
#![doc = "[`Dns`]: Dns"]
#![doc = ""]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "middleware")]
mod causes;
#[cfg(feature = "middleware")]
mod content;
mod dns;
#[cfg(feature = "middleware")]
mod error;
#[cfg(feature = "middleware")]
mod hop;
#[cfg(feature = "middleware")]
mod redirects;
#[cfg(feature = "middleware")]
mod timed;
#[cfg(feature = "middleware")]
mod transport;
#[cfg(feature = "middleware")]
mod words;

pub use ::{he, reqwest};
#[cfg(feature = "middleware")]
pub use ::reqwest_middleware;
pub use dns::Dns;
#[cfg(feature = "middleware")]
pub use error::Error;
#[cfg(feature = "middleware")]
pub use redirects::Redirects;
#[cfg(feature = "middleware")]
pub use transport::Transport;
