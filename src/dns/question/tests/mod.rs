//! Timelines of questions to the name servers, in virtual time. A scripted [`world`] goes in, and a
//! log in words comes out. The [`network`] does what the driver does with sockets, on [`lines`]
//! between this host and the servers.

#![allow(dead_code, reason = "worlds at random use the rest")]

mod asking;
mod events;
mod lines;
mod network;
mod played;
mod sending;
mod world;

mod dead_ports;
mod fail_over;
mod head_start;
mod judging;
mod tcp;
mod tls_failures;
mod udp;
