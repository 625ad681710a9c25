//! Addresses for reqwest's own client.

use he::Connector;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A resolver for reqwest's own client: it finds the addresses, and reqwest connects to them.
///
/// ```
/// # fn doc(connector: he::Connector) -> reqwest::Result<reqwest::Client> {
/// reqwest::Client::builder().dns_resolver(he_reqwest::Dns::new(connector)).build()
/// # }
/// ```
///
/// **This is no race.** reqwest cannot use a custom connector: up to version 0.13.5 the types of
/// its connections are private, and no connector, layer or option takes a stream that was made
/// elsewhere. `he_reqwest::Transport` (feature `middleware`) sends reqwest's requests over the
/// race.
///
/// Cheap to clone.
///
/// # What it does
///
/// It asks AAAA and A at the same time and returns as soon as [`Connector::connect`] would start
/// its first attempt. An A answer waits for AAAA at most
/// [`aaaa_timeout`](he::Config::aaaa_timeout), 50 ms. Without `Dns` an unanswered AAAA lookup costs
/// 15 s (reqwest with `hickory-dns`), or as long as the system's resolver takes.
///
/// It returns all addresses that are known by then, in the order of RFC 6724 and with the families
/// alternating. The other lookup continues for up to a second and fills the resolver's cache.
///
/// These settings of the connector apply: the resolver, the families, the resolve and total
/// time-outs, the source addresses, the gate, and the binding (to the lookups alone). The
/// connector's hook gets the report, whose outcome is [`Resolved`](he::Outcome::Resolved).
///
/// # What reqwest does
///
/// - **Connections.** hyper-util makes one list of addresses per family and tries the addresses of
///   a list one after the other. The second list starts 300 ms after the first. So a silent address
///   costs 300 ms if the other family works; otherwise it costs 30 s (`tcp_user_timeout`) or its
///   share of `connect_timeout`.
/// - **The port.** reqwest does not pass it on, so the gate ([`Connector::with_gate`]) is asked for
///   port 0.
/// - **IP addresses in URLs**, also after a redirect. reqwest does not look them up, so the gate is
///   not asked for them. Neither is it asked for the addresses of `resolve_to_addrs` or those that
///   a proxy connects to. `Transport` asks the gate for every address.
/// - **Socket options**, and the binding of connections: set `interface` and `local_address` of
///   reqwest's builder.
///
/// # Errors
///
/// A failed lookup is an [`he::Error`] with its report, among the causes of reqwest's error:
///
/// ```
/// # async fn doc(client: reqwest::Client) {
/// if let Err(error) = client.get("http://nowhere.invalid/").send().await {
///     if let Some(error) = he::Error::find_in(&error) {
///         eprintln!("{error}"); // cannot connect to nowhere.invalid: ...
///     }
/// }
/// # }
/// ```
///
/// # Cancel safety
///
/// Dropping the future of a lookup ends the lookup. What the resolver shares with other lookups
/// continues.
///
/// # Panics
///
/// Its futures panic outside of a tokio runtime with time enabled, which reqwest needs as well.
#[derive(Debug, Clone)]
#[must_use]
pub struct Dns(Connector);

impl Dns {
    /// Finds addresses with the resolver and the settings of this connector.
    pub fn new(connector: Connector) -> Self {
        Self(connector)
    }
}

impl Resolve for Dns {
    fn resolve(&self, name: Name) -> Resolving {
        let connector = self.0.clone();
        Box::pin(async move {
            let resolved = connector.resolve(name.as_str()).await?;
            Ok(Box::new(resolved.into_addrs().into_iter()) as Addrs)
        })
    }
}
