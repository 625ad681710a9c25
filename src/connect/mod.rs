//! The connector: its resolver, configuration and socket options. `calls` has what it does with
//! them, and `drive` the loop of a race.

pub(crate) mod attempt;
pub(crate) mod authority;
pub(crate) mod bind;
pub(crate) mod call;
pub(crate) mod calls;
pub(crate) mod clock;
pub(crate) mod drive;
mod hooks;
pub(crate) mod probe;
pub(crate) mod resolved;
pub(crate) mod socket;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::connect::hooks::Hooks;
use crate::connect::socket::SocketOptions;
use crate::race::Gate;
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::config::Config;
use crate::race::order::SourceAddrs;
use crate::race::query::Query;
use crate::race::report::Report;
use crate::resolve::{Resolve, Resolving};

/// Connects to hosts. Cheap to clone; one call can differ from the next:
///
/// ```
/// # async fn doc(connector: he::Connector) -> Result<(), he::Error> {
/// let patient = connector.config().with_total_timeout(std::time::Duration::from_secs(120));
/// let stream = connector.clone().with_config(patient).connect("robur.coop", 443).await?;
/// # Ok(())
/// # }
/// ```
///
/// With feature `dns` or `os` there is a default: the system's resolver, which reads its
/// configuration at the first lookup.
///
/// The futures of its calls own what they need. A program can store them, spawn them, select
/// between them and join them. A call begins when its future is polled for the first time.
///
/// # Panics
///
/// Its futures panic outside of a tokio runtime with I/O and time enabled. A panic in the resolver,
/// in a dial or in a hook unwinds through the call.
#[derive(Clone)]
#[must_use]
#[doc(alias = "HttpConnector")]
#[doc(alias = "happy eyeballs")]
pub struct Connector {
    /// Shared, so that a call costs one reference count.
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    resolver: Arc<dyn Resolve>,
    config: Config,
    socket: SocketOptions,
    source_addrs: Option<SourceAddrs>,
    gate: Option<Gate>,
    /// Shared by all clones of the connector, whatever their other settings.
    hooks: Arc<Hooks>,
    #[cfg(feature = "hyper")]
    enforce_http: bool,
}

impl Connector {
    /// A connector that finds addresses by this resolver.
    pub fn new(resolver: impl Resolve) -> Self {
        let settings = Settings {
            resolver: Arc::new(resolver),
            config: Config::new(),
            socket: SocketOptions::default(),
            source_addrs: None,
            gate: None,
            hooks: Arc::default(),
            #[cfg(feature = "hyper")]
            enforce_http: true,
        };
        Self { settings: settings.into() }
    }

    /// A connector for IP literals, `localhost` and lists of addresses. Every lookup fails.
    pub fn without_resolver() -> Self {
        Self::new(|_: &Query| {
            let error = LookupError::from(LookupErrorKind::NoNameServer);
            Resolving::ready(Err(error.with_cause("this connector has no resolver")))
        })
    }

    /// Sets time-outs and families. Default: [`Config::new`].
    pub fn with_config(self, config: Config) -> Self {
        self.with(|settings| settings.config = config)
    }

    /// The time-outs and families.
    #[must_use]
    pub fn config(&self) -> Config {
        self.settings.config
    }

    /// Sets the socket options. Default: [`SocketOptions::default`]. Interface, mark and local
    /// addresses hold for lookups and source addresses too.
    pub fn with_socket_options(self, options: SocketOptions) -> Self {
        self.with(|settings| settings.socket = options)
    }

    /// The socket options.
    #[must_use]
    pub fn socket_options(&self) -> &SocketOptions {
        &self.settings.socket
    }

    /// Sets a gate. The race asks it about every address and port first, even before it asks the
    /// system for a source address. It sees addresses from all sources: answers, late answers,
    /// literals, the hosts file, `localhost`, lists. `false` refuses the address, and the report
    /// says so. IPv4-mapped addresses are shown as IPv4. See [`is_public`](crate::is_public) for a
    /// ready-made gate.
    pub fn with_gate(self, gate: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.gate = Some(Arc::new(gate)))
    }

    /// Replaces the system's source addresses, which decide the order of destinations (RFC 6724).
    /// It is for tests that need the same order on every host.
    pub fn with_source_addrs(self, source_addrs: SourceAddrs) -> Self {
        self.with(|settings| settings.source_addrs = Some(source_addrs))
    }

    /// If true, the `Service<Uri>` of this connector refuses `https` and `wss`, because it makes
    /// TCP connections, and a client would send its request unencrypted. Default true. False is for
    /// a connector below a layer that does TLS: hyper-rustls, hyper-tls, tonic, kube.
    #[cfg(feature = "hyper")]
    pub fn enforce_http(self, enforce_http: bool) -> Self {
        self.with(|settings| settings.enforce_http = enforce_http)
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn enforces_http(&self) -> bool {
        self.settings.enforce_http
    }

    /// Adds a hook that gets the report of every call: won, failed, or dropped by the caller. Hooks
    /// are called in the order in which they were added. All clones of this connector share them,
    /// those that were made before as well, and a hook cannot be removed. So add it once, not for
    /// each call: [`connect_reported`](Self::connect_reported) returns the report of one call. A
    /// hook that holds the connector keeps it alive for ever.
    ///
    /// A hook runs in the caller's task, for a dropped call in its `drop`. It should be short, and
    /// must not panic: if it does, the other hooks are called, and then the panic continues in the
    /// caller's task.
    pub fn on_report(&self, hook: impl Fn(&Report) + Send + Sync + 'static) {
        self.settings.hooks.add(hook);
    }

    /// Says that the host is on another network now. The resolver drops its connections to name
    /// servers, its knowledge of them, and its caches. Running calls go on.
    pub fn network_changed(&self) {
        self.settings.resolver.network_changed();
    }

    /// The same connector with a changed setting. Its clones keep theirs.
    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("config", &self.settings.config)
            .field("socket_options", &self.settings.socket)
            .field("gate", &self.settings.gate.is_some())
            .field("hooks", &self.settings.hooks)
            .finish_non_exhaustive()
    }
}
