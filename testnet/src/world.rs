//! Everything a story shares with the threads that play its world. It lives as long as the
//! process, which tells one story.

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

/// See the module.
pub(crate) struct World {
    pub(crate) control: Control,
    /// Where the files that stand for those in /etc are.
    pub(crate) etc: PathBuf,
    /// The runtime of the remote hosts.
    pub(crate) remote: Handle,
    paths: Mutex<Paths>,
    log: Mutex<Vec<Packet>>,
    zone: Mutex<Zone>,
    tls: Mutex<Tls>,
    /// A name server's way with TLS has changed.
    pub(crate) tls_changed: Notify,
    listening: Mutex<HashSet<u16>>,
    call: Mutex<Call>,
}

/// The last connect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) called: Moment,
    pub(crate) returned: Option<Moment>,
    /// When the runtime had run its queue after that.
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
            // Where the name servers listen already.
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
