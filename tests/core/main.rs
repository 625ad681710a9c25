//! The race in virtual time: the machine with a clock of its own, the connector in tokio's paused
//! time. Machine is the name for a `Race` that a test drives.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod machine;
mod random;
mod scenarios;

mod dropping;
mod hosts_at_random;
mod laws;
mod orders;
mod replay;
mod requirements;
mod resolve;
mod texts;
mod timelines;
mod traits;
