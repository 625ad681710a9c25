//! Equal questions at the same time are one question.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt, Shared, WeakShared};
use tokio::runtime::{self, Handle};
use tokio::time::Instant;

use super::cache::Key;
use crate::dns::question::LAST_SEND;
use crate::mutex::Mutex;
use crate::race::answer::{Answer, LookupError};

/// The questions in flight. Each belongs to the runtime whose timers and sockets it uses, because
/// that runtime may end or may not be polled.
#[derive(Clone, Default)]
pub(super) struct SingleFlight(Arc<Mutex<FlightTable>>);

#[derive(Default)]
struct FlightTable {
    flights: HashMap<FlightKey, Flight>,
    started: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct FlightKey {
    runtime: runtime::Id,
    question: Key,
}

/// A question in flight. It is held weakly: when the last lookup that waits for it is dropped, it
/// is given up.
struct Flight {
    number: u64,
    asking: WeakShared<BoxFuture<'static, Result<Answer, LookupError>>>,
    deadline: SharedDeadline,
    /// Until then the question is sent again. Later lookups start a flight of their own.
    open_until: Instant,
}

impl SingleFlight {
    /// Joins the flight of this question, or starts one. A flight lasts until the latest deadline
    /// of the lookups that have joined it. It can be joined only while it still sends; without that
    /// limit, three lost packets would block a name for as long as it is asked for. A lookup of the
    /// other record type (`is_sibling`) joins any flight, because it belongs to the same call. Has
    /// to be called within a runtime.
    pub(super) fn join<F>(
        &self,
        question: Key,
        deadline: Instant,
        is_sibling: bool,
        ask: impl FnOnce(SharedDeadline) -> F,
    ) -> Shared<BoxFuture<'static, Result<Answer, LookupError>>>
    where
        F: Future<Output = Result<Answer, LookupError>> + Send + 'static,
    {
        let key = FlightKey { runtime: Handle::current().id(), question };
        let mut table = self.0.lock();
        let known = table.flights.get(&key);
        let now = Instant::now();
        let open = known.filter(|it| is_sibling || now < it.open_until);
        if let Some((asking, until)) =
            open.and_then(|it| Some((it.asking.upgrade()?, &it.deadline)))
        {
            until.extend(deadline);
            return asking;
        }
        table.started += 1;
        let number = table.started;
        let deadline = SharedDeadline::new(deadline);
        let remove = RemoveFlight { flights: self.clone(), key: key.clone(), number };
        let asking = ask(deadline.clone());
        let asking = async move {
            let _remove = remove;
            asking.await
        };
        let asking = asking.boxed().shared();
        if let Some(weak) = asking.downgrade() {
            let open_until = now + LAST_SEND;
            table.flights.insert(key, Flight { number, asking: weak, deadline, open_until });
        }
        asking
    }
}

impl fmt::Debug for SingleFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SingleFlight({})", self.0.lock().flights.len())
    }
}

/// Removes a flight from the table when it is dropped: the flight has ended or was given up.
struct RemoveFlight {
    flights: SingleFlight,
    key: FlightKey,
    number: u64,
}

impl Drop for RemoveFlight {
    fn drop(&mut self) {
        let mut table = self.flights.0.lock();
        if table.flights.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            table.flights.remove(&self.key);
        }
    }
}

/// The deadline of a flight. Lookups that join it may extend it.
#[derive(Clone)]
pub(super) struct SharedDeadline(Arc<Mutex<Instant>>);

impl SharedDeadline {
    pub(super) fn new(at: Instant) -> Self {
        Self(Arc::new(Mutex::from(at)))
    }

    fn extend(&self, to: Instant) {
        let mut at = self.0.lock();
        *at = to.max(*at);
    }

    pub(super) fn at(&self) -> std::time::Instant {
        self.0.lock().into_std()
    }

    pub(super) fn is_over(&self) -> bool {
        *self.0.lock() <= Instant::now()
    }
}
