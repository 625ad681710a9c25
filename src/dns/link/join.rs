//! Another way that joins when a line is slow.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// A server that was reached before gets twice the time it took then, up to this.
const MAX_HEAD_START: Duration = Duration::from_secs(1);

/// Between one who asks over a line and one who waits to ask another way.
#[derive(Debug)]
pub(in crate::dns) struct Join {
    head_start: Duration,
    told: Notify,
    why: OnceLock<Slow>,
    in_vain: AtomicBool,
}

/// Why another way is to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dns) enum Slow {
    /// The connection was not up when its head start was over.
    NotUp,
    /// It was up, and nothing came from it.
    Silent,
}

impl Join {
    /// The line gets so much first, from the start of its TCP, and again from the end of that.
    pub(in crate::dns) fn after(head_start: Duration) -> Self {
        let (told, why, in_vain) = (Notify::new(), OnceLock::new(), AtomicBool::new(false));
        Self { head_start, told, why, in_vain }
    }

    /// What it gets, where the last connection took so long.
    pub(super) fn head_start(&self, took: Option<Duration>) -> Duration {
        let known = took.map_or(Duration::ZERO, |took| MAX_HEAD_START.min(2 * took));
        self.head_start.max(known)
    }

    /// Waits until the line is slow.
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

    /// The line has given up although it was up: it takes questions and answers none.
    pub(super) fn give_up(&self) {
        self.in_vain.store(true, Ordering::Relaxed);
    }

    /// See [`give_up`](Self::give_up).
    pub(in crate::dns) fn was_in_vain(&self) -> bool {
        self.in_vain.load(Ordering::Relaxed)
    }
}
