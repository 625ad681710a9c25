//! The other sources of names that the system has, for a name that DNS does not have.

use std::sync::Arc;

use super::system::System;
use crate::dns::config::nsswitch::Services;
use crate::race::answer::{Answer, LookupError};
use crate::race::binding::Binding;
use crate::race::query::Query;

/// The services that nsswitch.conf lists besides the hosts file and DNS, at least one, and the
/// means to ask them.
#[derive(Debug, Clone)]
pub(in crate::dns) struct OtherSources {
    services: Arc<Services>,
    /// `None` where the services are only named.
    system: Option<System>,
}

impl OtherSources {
    pub(in crate::dns) fn new(services: Arc<Services>, system: Option<System>) -> Self {
        Self { services, system }
    }

    /// The text for the error of a query for which they are not asked.
    pub(super) fn hint(&self, query: &Query) -> Option<String> {
        (!self.are_asked(query)).then(|| self.services.to_string())
    }

    /// True if they are asked for this query. The operating system cannot bind its questions.
    pub(super) fn are_asked(&self, query: &Query) -> bool {
        self.system.is_some() && *query.binding() == Binding::default()
    }

    /// Asks the operating system once. If it does not have the name either, the error is that of
    /// DNS.
    pub(super) async fn find(
        &self,
        query: &Query,
        of_dns: LookupError,
    ) -> Result<Answer, LookupError> {
        match &self.system {
            Some(system) => system.find(query, of_dns).await,
            None => Err(of_dns),
        }
    }
}
