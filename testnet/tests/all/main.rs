//! The tests of `he` on the test internet, as one program. Each test starts the program again, for
//! itself alone and in namespaces of its own, so that nothing it sets for its process reaches
//! another test.

#![cfg(target_os = "linux")]

mod support;

mod answers;
mod binding;
mod changed_files;
mod dial;
mod dot_attacks;
mod dot_binding;
mod dot_connections;
mod dot_ends;
mod dot_handshakes;
mod dot_memory;
mod dot_opportunistic;
mod dot_pinned;
mod dot_plain;
mod dot_real;
mod dot_runtimes;
mod dot_several;
mod dot_slow_names;
mod dot_strict;
mod dot_strict_certificates;
mod dot_strict_faults;
mod dot_strict_lists;
mod dot_strict_providers;
mod dot_strict_trust;
mod dot_walls;
mod dropped;
mod failed_lookups;
mod gate;
mod getaddrinfo;
mod healthy;
mod home_networks;
mod https;
mod late_answers;
mod many;
mod name_servers;
mod names;
mod nsswitch;
mod outing;
mod photo_finish;
mod ports;
mod real_plain;
mod real_servers;
mod real_slow_names;
mod refused;
mod routes;
mod runtimes;
mod silent;
mod slow;
mod testnet;
mod testnet_tls;
mod testnet_tls_answers;
mod torture;
