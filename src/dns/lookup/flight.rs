//! One question in flight serves everybody who asks it.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt, Shared, WeakShared};
use tokio::runtime::{self, Handle};
use tokio::time::{Instant, sleep_until};

use super::cache::Key;
use crate::dns::server::udp::LAST_SEND;
use crate::mutex::Mutex;
use crate::race::answer::{Answer, LookupError};

/// The questions that are in flight now. Each belongs to the runtime whose timers and sockets it
/// uses: a question of a runtime that is gone, or that nobody drives, concerns no other runtime.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    flights: HashMap<Place, Flight>,
    started: u64,
}

type Place = (runtime::Id, Key);

/// Held weakly: when nobody waits any more, the question is given up.
struct Flight {
    number: u64,
    asking: WeakShared<BoxFuture<'static, Result<Answer, LookupError>>>,
    deadline: Deadline,
    /// Until then the question is sent again; who comes later needs a flight of their own.
    open_until: Instant,
}

impl Flights {
    /// Joins the flight of this question, or starts one. A flight goes on to the latest deadline
    /// of those who joined it, and can be joined as long as it still sends: or a name that is
    /// asked for again and again would wait for ever for three lost packets. Has to be called
    /// within a runtime.
    pub(super) fn join<F>(
        &self,
        key: Key,
        deadline: Instant,
        ask: impl FnOnce(Deadline) -> F,
    ) -> Shared<BoxFuture<'static, Result<Answer, LookupError>>>
    where
        F: Future<Output = Result<Answer, LookupError>> + Send + 'static,
    {
        let place = (Handle::current().id(), key);
        let mut state = self.0.lock();
        let known = state.flights.get(&place);
        let now = Instant::now();
        let open = known.filter(|it| now < it.open_until);
        if let Some((asking, until)) =
            open.and_then(|it| Some((it.asking.upgrade()?, &it.deadline)))
        {
            until.extend(deadline);
            return asking;
        }
        state.started += 1;
        let number = state.started;
        let deadline = Deadline::new(deadline);
        let landing = Landing { flights: self.clone(), place: place.clone(), number };
        let asking = ask(deadline.clone());
        let asking = async move {
            let _landing = landing;
            asking.await
        };
        let asking = asking.boxed().shared();
        if let Some(weak) = asking.downgrade() {
            let open_until = now + LAST_SEND;
            state.flights.insert(place, Flight { number, asking: weak, deadline, open_until });
        }
        asking
    }
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flights({})", self.0.lock().flights.len())
    }
}

/// Takes a flight off the list when it has ended or was given up.
struct Landing {
    flights: Flights,
    place: Place,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut state = self.flights.0.lock();
        if state.flights.get(&self.place).is_some_and(|flight| flight.number == self.number) {
            state.flights.remove(&self.place);
        }
    }
}

/// When a flight gives up. Those who join it later may move it out.
#[derive(Clone)]
pub(super) struct Deadline(Arc<Mutex<Instant>>);

impl Deadline {
    pub(super) fn new(at: Instant) -> Self {
        Self(Arc::new(Mutex::from(at)))
    }

    fn extend(&self, to: Instant) {
        let mut at = self.0.lock();
        *at = to.max(*at);
    }

    fn at(&self) -> Instant {
        *self.0.lock()
    }

    pub(super) fn is_over(&self) -> bool {
        self.at() <= Instant::now()
    }

    /// Waits for it.
    pub(super) async fn passed(&self) {
        while Instant::now() < self.at() {
            sleep_until(self.at()).await;
        }
    }
}
