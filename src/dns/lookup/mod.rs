//! One lookup: the search list, the cache, lookups in flight, the choice among servers.

pub(super) mod ask;
pub(super) mod cache;
pub(super) mod chain;
pub(super) mod network;
pub(super) mod search;
pub(super) mod servers;
pub(super) mod single_flight;
