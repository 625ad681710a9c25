//! The events that a subscriber receives. tracing keeps for the whole process which events are
//! wanted, so these tests are apart from those that cause the same events without a subscriber.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
#[cfg(feature = "dns")]
mod overrides;
