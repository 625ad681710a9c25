//! What name servers and hosts have in common where TLS is spoken to them: who is trusted, and what
//! a failed handshake is called.

pub(crate) mod trust;
pub(crate) mod words;
