//! Connections to name servers: TCP, TLS, and what is known of the ports.

pub(super) mod connection;
pub(super) mod join;
pub(super) mod line;
pub(super) mod opener;
pub(super) mod ports;
pub(super) mod reach;
pub(super) mod tls;
