//! Another transport joins when a link is slow.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// A server that was reached before gets twice the time that took, up to this.
const MAX_HEAD_START: Duration = Duration::from_secs(1);

/// Between a question over a link and the lookup that waits to ask over another transport.
#[derive(Debug)]
pub(in crate::dns) struct Join {
    head_start: Duration,
    told: Notify,
    why: OnceLock<Slow>,
    in_vain: AtomicBool,
}

/// The reason to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dns) enum Slow {
    /// The connection was not up at the end of its head start.
    NotUp,
    /// The connection was up and silent.
    Silent,
}

impl Join {
    /// The link gets this head start, counted from the start of its TCP and again from the end of
    /// that.
    pub(in crate::dns) fn after(head_start: Duration) -> Self {
        let (told, why, in_vain) = (Notify::new(), OnceLock::new(), AtomicBool::new(false));
        Self { head_start, told, why, in_vain }
    }

    /// The head start, given how long the last connection took.
    pub(super) fn head_start(&self, took: Option<Duration>) -> Duration {
        let known = took.map_or(Duration::ZERO, |took| MAX_HEAD_START.min(2 * took));
        self.head_start.max(known)
    }

    /// Waits until the link is slow.
    pub(in crate::dns) async fn slow(&self) -> Slow {
        loop {
            match self.why.get() {
                Some(why) => return *why,
                None => self.told.notified().await,
            }
        }
    }

    pub(super) fn tell(&self, why: Slow) {
        if self.why.set(why).is_ok() {
            self.told.notify_one();
        }
    }

    /// The link has given up although its connection was up: it takes questions and answers none.
    pub(super) fn give_up(&self) {
        self.in_vain.store(true, Ordering::Relaxed);
    }

    /// See [`give_up`](Self::give_up).
    pub(in crate::dns) fn was_in_vain(&self) -> bool {
        self.in_vain.load(Ordering::Relaxed)
    }
}
