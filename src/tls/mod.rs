//! TLS for name servers and hosts alike: the crypto provider, trust, and the words for a failed
//! handshake.

pub(crate) mod provider;
pub(crate) mod trust;
pub(crate) mod words;
