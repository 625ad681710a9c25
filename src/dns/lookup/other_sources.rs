//! The other sources of names that the system has (nsswitch.conf), for a name that DNS does not have.

use std::path::Path;

use crate::dns::config::nsswitch;
#[cfg(all(feature = "os", target_os = "linux"))]
use crate::dns::lookup::system::System;
use crate::race::answer::{Answer, LookupError};
use crate::race::query::Query;

/// The means to ask these sources; or, where nothing may, the text that names them.
#[derive(Debug, Clone)]
pub(in crate::dns) struct OtherSources {
    path: &'static Path,
    /// `None` where the other sources are not to be asked.
    #[cfg(all(feature = "os", target_os = "linux"))]
    os: Option<System>,
}

impl OtherSources {
    /// Of this system, if it has an nsswitch.conf. Without `asks` the sources are only named.
    pub(in crate::dns) fn of_the_system(asks: bool) -> Option<Self> {
        let path = Path::new(nsswitch::PATH?);
        let _ = asks; // Without feature `os` nothing can ask.
        Some(Self {
            path,
            #[cfg(all(feature = "os", target_os = "linux"))]
            os: asks.then(System::new),
        })
    }

    /// The text for an error of which nobody asks the other sources.
    pub(super) fn hint(&self, query: &Query) -> Option<String> {
        if self.may_ask(query) {
            return None;
        }
        nsswitch::elsewhere(self.path)
    }

    /// True if the other sources are asked for this query.
    pub(super) fn asks(&self, query: &Query) -> bool {
        self.may_ask(query) && nsswitch::elsewhere(self.path).is_some()
    }

    /// The operating system cannot bind its questions.
    #[cfg(all(feature = "os", target_os = "linux"))]
    fn may_ask(&self, query: &Query) -> bool {
        self.os.is_some() && *query.binding() == crate::race::binding::Binding::default()
    }

    #[cfg(not(all(feature = "os", target_os = "linux")))]
    #[allow(clippy::unused_self, reason = "the same function asks with feature os")]
    fn may_ask(&self, _: &Query) -> bool {
        false
    }

    /// Asks the operating system once. If it does not have the name either, the error is that of
    /// DNS.
    #[cfg(all(feature = "os", target_os = "linux"))]
    pub(super) async fn find(
        &self,
        query: &Query,
        of_dns: LookupError,
    ) -> Result<Answer, LookupError> {
        match &self.os {
            Some(system) => system.find(query, of_dns).await,
            None => Err(of_dns),
        }
    }

    #[cfg(not(all(feature = "os", target_os = "linux")))]
    #[allow(clippy::unused_async, clippy::unused_self, reason = "as above")]
    pub(super) async fn find(&self, _: &Query, of_dns: LookupError) -> Result<Answer, LookupError> {
        Err(of_dns)
    }
}
