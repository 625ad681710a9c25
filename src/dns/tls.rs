//! The settings of a resolver that only TLS needs, and their types.

use std::time::Duration;

use super::Resolver;

pub use super::link::tls::Trust;
pub use super::name_server::Pin;
use super::question::OPPORTUNISTIC_TIMEOUT;

impl Resolver {
    /// How long a question to an opportunistic server waits for TLS before it is also sent in
    /// plaintext. Default 50 ms, a round trip to most servers; more than 2 s counts as 2 s.
    ///
    /// | state | wait |
    /// |---|---|
    /// | TCP is not connected | this delay, from the start of TCP |
    /// | TCP is connected, TLS is not | this delay again, from then on |
    /// | the same two, where TLS took longer before | twice the time that it took, up to 1 s |
    ///
    /// A longer delay sends fewer questions in plaintext. Where port 853 is dropped, the first
    /// lookup takes as much longer.
    #[must_use]
    pub fn with_plain_delay(self, delay: Duration) -> Self {
        self.with(|settings| settings.plain_delay = delay.min(OPPORTUNISTIC_TIMEOUT))
    }

    /// The certificate authorities for strict servers. Default [`Trust::platform`]: the roots that
    /// the system trusts.
    #[must_use]
    pub fn with_trust(self, trust: Trust) -> Self {
        self.with(|settings| settings.trust = trust)
    }
}
