//! The crypto provider of every connection over TLS.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The provider that the process has installed, otherwise the compiled one. It is always passed on,
/// because rustls panics where it has to choose between two compiled ones. Install one before the
/// first connection: trust and sessions keep the provider with which they were made.
///
/// # Errors
///
/// None is installed, and none is compiled in.
pub(crate) fn provider() -> Result<Arc<CryptoProvider>, NoProvider> {
    CryptoProvider::get_default().cloned().or_else(compiled).ok_or(NoProvider)
}

/// The provider of this crate's features; of two, aws-lc-rs.
pub(crate) fn compiled() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "aws-lc-rs")]
    use rustls::crypto::aws_lc_rs::default_provider;
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    use rustls::crypto::ring::default_provider;

    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    return {
        static COMPILED: std::sync::LazyLock<Arc<CryptoProvider>> =
            std::sync::LazyLock::new(|| Arc::new(default_provider()));
        Some(COMPILED.clone())
    };
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    None
}

/// There is no crypto provider, so there is no TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoProvider;

impl fmt::Display for NoProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no crypto provider: turn on feature `aws-lc-rs` or `ring` of he-connect, or install one \
             with rustls::crypto::CryptoProvider::install_default",
        )
    }
}

impl std::error::Error for NoProvider {}

#[cfg(test)]
#[cfg(feature = "aws-lc-rs")]
mod tests {
    use super::*;

    #[test]
    fn of_two_providers_it_is_aws_lc_rs() {
        assert!(CryptoProvider::get_default().is_none());
        let provider = provider().unwrap();
        assert_eq!(format!("{:?}", provider.key_provider), "AwsLcRs");
    }
}
