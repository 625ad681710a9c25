//! One lookup: `search` walks along the search list, and decides by the outcomes of the
//! `tried_names`. `network` takes the answer from its `cache` or joins a question in
//! `single_flight`. `ask` asks the name servers, and follows CNAMEs along a `chain`.
//! `other_sources` asks the operating `system` for a name that DNS does not have.

pub(super) mod ask;
pub(super) mod cache;
pub(super) mod chain;
pub(super) mod network;
pub(super) mod other_sources;
pub(super) mod search;
pub(super) mod single_flight;
pub(super) mod system;
mod tried_names;
