//! One lookup: `search` tries the names of the search list, and decides by what it has `heard`.
//! `network` takes the answer from its `cache` or joins a question in `single_flight`. `ask` asks
//! the name servers in the order that `servers` gives, and follows CNAMEs along a `chain`.
//! `elsewhere` asks the operating `system` for a name that DNS does not have.

pub(super) mod ask;
pub(super) mod cache;
pub(super) mod chain;
pub(super) mod elsewhere;
mod heard;
pub(super) mod network;
pub(super) mod search;
pub(super) mod servers;
pub(super) mod single_flight;
#[cfg(all(feature = "os", target_os = "linux"))]
mod system;
