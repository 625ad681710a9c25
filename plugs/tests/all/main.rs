//! The recipes, and other crates around a connector, against real servers.

#![cfg(target_os = "linux")] // Debian's servers, /proc, sockets that drop every packet.

use he::rustls::{Tls, Trust};
use he_test_support::tls::Authority;

mod dual;
mod kernel;
mod server;

mod hyper_rustls;
#[cfg(feature = "native-tls")]
mod hyper_tls;
mod imap;
mod nginx;
mod postgres;
mod redis;
mod smtp;
mod tonic;
mod tungstenite;

/// TLS for a client that trusts this authority alone.
fn trusting(authority: &Authority) -> Tls {
    Tls::new(Trust::roots(authority.roots()))
}
