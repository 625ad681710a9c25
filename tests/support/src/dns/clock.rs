//! Paused time together with real sockets.

use std::sync::mpsc;
use std::time::Duration;

use super::Dns;

/// While it lives, tokio's paused clock stands still unless a test moves it: real sockets need no
/// time, and an idle runtime does not jump to its next timer.
pub struct HeldClock(#[allow(dead_code, reason = "dropping it is its use")] mpsc::Sender<()>);

impl HeldClock {
    /// In a test with `start_paused`.
    pub fn hold() -> Self {
        let (sender, receiver) = mpsc::channel::<()>();
        // tokio does not advance a paused clock by itself while a blocking task runs.
        tokio::task::spawn_blocking(move || receiver.recv());
        Self(sender)
    }
}

/// Lets time pass, and then everything happen at these servers that is due.
pub async fn pass(millis: u64, servers: &[&Dns]) {
    tokio::time::advance(Duration::from_millis(millis)).await;
    for server in servers {
        server.settle().await;
    }
}
