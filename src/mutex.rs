//! A mutex that stays usable after a panic: no code here panics halfway through a change.

use std::sync::{self, LockResult, MutexGuard, PoisonError};

/// [`std::sync::Mutex`] without poison.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        recover(self.0.lock())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self(value.into())
    }
}

/// The guard that a wait on a `Condvar` gives back.
pub(crate) fn recover<T>(result: LockResult<T>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}
