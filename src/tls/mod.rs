//! TLS for name servers and hosts alike: trust, and the words for a failed handshake.

pub(crate) mod trust;
pub(crate) mod words;
