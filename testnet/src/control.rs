//! Control timers. They tell a busy machine from a late crate: if a control timer was late, a late
//! event proves nothing. The threads that play the remote hosts record their own lateness here too.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Moment;

const TICK: Duration = Duration::from_millis(4);
/// The usual lateness of a timer. Only more than this is recorded.
const USUAL: Duration = Duration::from_millis(2);

/// The list is cut to its newer half at this length, which a test of a minute does not reach.
const MOST: usize = 40_000;

/// When control timers were late, and by how much.
#[derive(Debug, Default)]
pub(crate) struct Control {
    late: Mutex<Vec<(Moment, Duration)>>,
}

impl Control {
    /// Starts a timer in a thread of its own, which shows whether the machine was too busy.
    pub(crate) fn start(&'static self) {
        std::thread::spawn(move || {
            loop {
                let due = Moment::now() + TICK;
                std::thread::sleep(TICK);
                self.note(due);
            }
        });
    }

    /// Runs a timer in the test's own runtime, which shares its thread with the tested code.
    pub(crate) async fn tick(&'static self) {
        loop {
            let due = Moment::now() + TICK;
            tokio::time::sleep(TICK).await;
            self.note(due);
        }
    }

    /// The worst lateness between two moments.
    pub(crate) fn worst(&self, from: Moment, to: Moment) -> Duration {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let within = late.iter().filter(|(due, late)| *due <= to && *due + *late >= from);
        within.map(|(_, late)| *late).max().unwrap_or_default()
    }

    /// Records that an event which was due then happens now.
    pub(crate) fn note(&self, due: Moment) {
        let late = Moment::now() - due;
        if late > USUAL {
            let mut list = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            if list.len() >= MOST {
                list.drain(..MOST / 2);
            }
            list.push((due, late));
        }
    }
}
