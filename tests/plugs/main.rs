//! The connector in clients of others and below TLS, with servers on loopback.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[cfg(feature = "rustls")]
use he::rustls::{Tls, Trust};
#[cfg(feature = "rustls")]
use he_test_support::tls::Authority;

#[cfg(feature = "rustls")]
mod https;
mod hyper;
#[cfg(feature = "rustls")]
mod tls;

/// TLS for a client that trusts this authority alone.
#[cfg(feature = "rustls")]
fn trusting(authority: &Authority) -> Tls {
    Tls::new(Trust::roots(authority.roots()))
}
