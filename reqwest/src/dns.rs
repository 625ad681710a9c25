//! Addresses for reqwest's own client: [`Dns`] is a [`reqwest::dns::Resolve`] of a [`Connector`].
//!
//! ```
//! # fn doc(connector: he::Connector) -> reqwest::Result<reqwest::Client> {
//! reqwest::Client::builder().dns_resolver(he_reqwest::Dns::new(connector)).build()
//! # }
//! ```
//!
//! **This is names alone, and no race.** reqwest seals the types of its connections: up to 0.13.5 no
//! connector, layer or option of it takes a stream that somebody else has made. For the race under
//! reqwest's requests and responses take `Transport` (feature `middleware`).
//!
//! # What it does
//!
//! It hands out addresses when [`Connector::connect`] would dial the first of them: AAAA and A are
//! asked at once, and an A waits for AAAA no longer than
//! [`aaaa_timeout`](he::Config::aaaa_timeout), 50 ms; without this an AAAA that is never answered
//! costs 15 s (reqwest with `hickory-dns`), or whatever the system's resolver takes. They are in the
//! order of RFC 6724, families alternating. A lookup that is still out then runs on for up to a second,
//! for the resolver's cache. The connector's resolver, families, resolve and total time-outs, sources,
//! binding (for lookups alone) and gate hold, and its hook is told the report, whose outcome is
//! [`Resolved`](he::Outcome::Resolved).
//!
//! # What stays reqwest's
//!
//! - **The connects.** hyper-util puts the addresses into two lists, one a family, and tries each list
//!   one address after the other; the list of the second family starts 300 ms after that of the first.
//!   An address that is silent costs those 300 ms if the other family works, and else 30 s
//!   (`tcp_user_timeout`) or its share of `connect_timeout`.
//! - **The port.** reqwest does not tell it: the gate ([`Connector::allow`]) is asked for port 0.
//! - **IP addresses in URLs**, of redirects as well, are not looked up, so the gate is never asked for
//!   them; nor is it for what a proxy or `resolve_to_addrs` decides. Where the gate is a wall and not
//!   only a preference, take `Transport`, which asks it for every address.
//! - **Socket options**, the binding included: `interface` and `local_address` of reqwest's builder.
//!
//! # Errors
//!
//! An [`he::Error`] with its report, which is found below reqwest's own:
//!
//! ```
//! # async fn doc(client: reqwest::Client) {
//! if let Err(error) = client.get("http://nowhere.invalid/").send().await {
//!     if let Some(error) = he::Error::among_causes(&error) {
//!         eprintln!("{error}"); // cannot connect to nowhere.invalid: ...
//!     }
//! }
//! # }
//! ```

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use he::Connector;

/// For `dns_resolver` of [`reqwest::ClientBuilder`]. Cheap to clone. See the [module](self).
///
/// # Cancel safety
///
/// Dropping a lookup gives it up; what the resolver shares goes on.
///
/// # Panics
///
/// Its futures panic outside of a tokio runtime with time enabled, which reqwest needs as well.
#[derive(Debug, Clone)]
#[must_use]
pub struct Dns(Connector);

impl Dns {
    /// Addresses as this connector finds them.
    pub fn new(connector: Connector) -> Self {
        Self(connector)
    }
}

impl Resolve for Dns {
    fn resolve(&self, name: Name) -> Resolving {
        let connector = self.0.clone();
        Box::pin(async move {
            let addrs = connector.addresses(name.as_str()).await?;
            Ok(Box::new(addrs.into_iter()) as Addrs)
        })
    }
}
