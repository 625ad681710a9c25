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
    /// When each timer fires next.
    due: Mutex<Vec<Moment>>,
}

impl Control {
    /// Starts a timer in a thread of its own, which shows whether the machine was too busy.
    pub(crate) fn start(&'static self) {
        let timer = self.new_timer();
        std::thread::spawn(move || {
            loop {
                let due = self.set(timer);
                std::thread::sleep(TICK);
                self.note(due);
            }
        });
    }

    /// Runs a timer in the test's own runtime, which shares its thread with the tested code.
    pub(crate) async fn tick(&'static self) {
        let timer = self.new_timer();
        loop {
            let due = self.set(timer);
            tokio::time::sleep(TICK).await;
            self.note(due);
        }
    }

    fn new_timer(&self) -> usize {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        due.push(Moment::now());
        due.len() - 1
    }

    /// Sets a timer, and returns when it is due.
    fn set(&self, timer: usize) -> Moment {
        let due = Moment::now() + TICK;
        self.due.lock().unwrap_or_else(PoisonError::into_inner)[timer] = due;
        due
    }

    /// The worst lateness between two moments. A timer that is overdue counts: the thread that it
    /// shares with a test has not come to it.
    pub(crate) fn worst(&self, from: Moment, to: Moment) -> Duration {
        let now = Moment::now();
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let overdue = due.into_iter().map(|due| (due, now - due));
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let all = late.iter().copied().chain(overdue.filter(|(_, late)| *late > USUAL));
        let within = all.filter(|(due, late)| *due <= to && *due + *late >= from);
        within.map(|(_, late)| late).max().unwrap_or_default()
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
