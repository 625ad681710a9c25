//! Timelines of questions to the name servers, in virtual time. A scripted [`world`] goes in, and a
//! log in words comes out, which a test compares as a whole. One file has the rules of one subject.
//!
//! The [`network`] does what the driver does with sockets: it is [`sending`] on [`links`] between
//! this host and the servers, and [`events`] come from them. In a log `S1` is the first server,
//! `Q1` the first question if there are several, and `probe` a probe of a TLS port. A connection
//! has its number from the second one on.

mod asking;
mod events;
mod links;
mod network;
mod played;
mod scripts;
mod sending;
mod world;

mod connections;
mod dead_ports;
mod fail_over;
mod failures;
mod forged;
mod head_start;
mod hostile;
mod judging;
mod laws;
mod order;
mod paths;
mod patience;
mod silent_servers;
mod spares;
mod strict;
mod tcp;
mod tls_failures;
mod udp;
mod unreadable;
mod whose_reply_counts;
