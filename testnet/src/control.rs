//! Control timers: what is late while they were late as well is nobody's fault. The threads that
//! play the world note their own lateness here too.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Moment;

const TICK: Duration = Duration::from_millis(4);
/// Less than this is how timers are.
const USUAL: Duration = Duration::from_millis(2);

/// More than the stories of a minute note; the oldest half of them is forgotten then.
const MOST: usize = 40_000;

/// When control timers were late, and by how much.
#[derive(Debug, Default)]
pub(crate) struct Control {
    late: Mutex<Vec<(Moment, Duration)>>,
}

impl Control {
    /// A timer in a thread of its own: was the machine too busy?
    pub(crate) fn start(&'static self) {
        std::thread::spawn(move || {
            loop {
                let due = Moment::now() + TICK;
                std::thread::sleep(TICK);
                self.note(due);
            }
        });
    }

    /// A timer in the story's own runtime, which shares its thread with what is tested.
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

    /// Something that was due then happens now.
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
