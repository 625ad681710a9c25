//! The state that a test shares with the threads that play the remote hosts. It lives as long as
//! the process, which runs one test.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::capture::Packet;
use crate::clock::Moment;
use crate::control::Control;
use crate::path::Paths;
use crate::tls::Tls;
use crate::zone::Zone;

/// The state of the test internet.
pub(crate) struct World {
    pub(crate) control: Control,
    /// The directory of the files that are mounted over those in /etc.
    pub(crate) etc: PathBuf,
    /// The runtime of the remote hosts.
    pub(crate) remote: Handle,
    paths: Mutex<Paths>,
    log: Mutex<Vec<Packet>>,
    zone: Mutex<Zone>,
    tls: Mutex<Tls>,
    /// Notified when the TLS of a name server changes.
    pub(crate) tls_changed: Notify,
    listening: Mutex<HashSet<u16>>,
    call: Mutex<Call>,
}

/// The times of the last call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) called: Moment,
    pub(crate) returned: Option<Moment>,
    /// When the runtime had run its queue after the call.
    pub(crate) settled: Option<Moment>,
}

impl Call {
    pub(crate) fn now() -> Self {
        Self { called: Moment::now(), returned: None, settled: None }
    }
}

impl World {
    pub(crate) fn new(etc: PathBuf, remote: Handle) -> Self {
        Self {
            control: Control::default(),
            etc,
            remote,
            paths: Mutex::default(),
            log: Mutex::default(),
            zone: Mutex::default(),
            tls: Mutex::default(),
            tls_changed: Notify::new(),
            // The name servers listen on port 53 from the start.
            listening: Mutex::new(HashSet::from([53])),
            call: Mutex::new(Call::now()),
        }
    }

    pub(crate) fn paths(&self) -> MutexGuard<'_, Paths> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Vec<Packet>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tls(&self) -> MutexGuard<'_, Tls> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn call(&self) -> Call {
        *self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, call: Call) {
        *self.call.lock().unwrap_or_else(PoisonError::into_inner) = call;
    }

    /// The ports on which all remote hosts listen.
    pub(crate) fn listening(&self) -> MutexGuard<'_, HashSet<u16>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
