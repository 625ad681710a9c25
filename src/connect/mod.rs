//! The connector: its resolver, configuration and socket options, and the calls that it makes.
//! `drive` has the loop.

pub(crate) mod attempt;
pub(crate) mod bind;
pub(crate) mod clock;
pub(crate) mod drive;
pub(crate) mod probe;
pub(crate) mod socket;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::task::coop::consume_budget;
use tracing::Instrument;

use crate::connect::attempt::{Attempt, Established};
use crate::connect::clock::now;
use crate::connect::drive::{Dialling, ERROR_WORDS, OnReport, Parts, drive};
use crate::connect::socket::SocketOptions;
use crate::race::answer::{LookupError, LookupErrorKind};
#[cfg(feature = "rustls")]
use crate::race::binding::Binding;
use crate::race::config::Config;
use crate::race::error::Error;
use crate::race::order::SourceAddrs;
#[cfg(any(feature = "hyper", feature = "rustls"))]
use crate::race::ports::Ports;
use crate::race::query::Query;
#[cfg(any(feature = "hyper", feature = "rustls"))]
use crate::race::report::ErrorKind;
use crate::race::report::{AttemptReport, Destination, Outcome, Report, Summary};
use crate::race::{Gate, Race, Surroundings};
use crate::resolve::{Resolve, Resolving};

/// Connects to hosts. Cheap to clone; one call can differ from the next:
///
/// ```
/// # async fn doc(connector: he::Connector) -> Result<(), he::Error> {
/// let patient = connector.config().with_total_timeout(std::time::Duration::from_secs(120));
/// let stream = connector.clone().with_config(patient).connect("robur.coop", &[443]).await?;
/// # Ok(())
/// # }
/// ```
///
/// With feature `dns` there is a default: the system's resolver, which reads its configuration at
/// the first lookup.
///
/// # Panics
///
/// Its futures panic outside of a tokio runtime with I/O and time enabled. A panic in the resolver
/// or in a dial unwinds through the call.
#[derive(Clone)]
#[must_use]
pub struct Connector {
    resolver: Arc<dyn Resolve>,
    config: Config,
    socket: SocketOptions,
    source_addrs: Option<SourceAddrs>,
    gate: Option<Gate>,
    on_report: Option<OnReport>,
}

impl Connector {
    /// A connector that finds addresses by this resolver.
    pub fn new(resolver: impl Resolve) -> Self {
        Self {
            resolver: Arc::new(resolver),
            config: Config::new(),
            socket: SocketOptions::default(),
            source_addrs: None,
            gate: None,
            on_report: None,
        }
    }

    /// A connector for IP literals, `localhost` and lists of addresses. Every lookup fails.
    pub fn without_resolver() -> Self {
        Self::new(|_: &Query| {
            let error = LookupError::from(LookupErrorKind::NoNameServer);
            Resolving::ready(Err(error.with_cause("this connector has no resolver")))
        })
    }

    /// Sets time-outs and families. Default: [`Config::new`].
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The configuration that this connector has, to change a part of it:
    /// `connector.clone().with_config(connector.config().with_connect_delay(delay))`.
    #[must_use]
    pub fn config(&self) -> Config {
        self.config
    }

    /// Sets the socket options. Default: [`SocketOptions::default`]. Interface, mark and local
    /// addresses hold for lookups and source addresses too.
    pub fn with_socket_options(mut self, options: SocketOptions) -> Self {
        self.socket = options;
        self
    }

    /// Sets a gate. The race asks it about every address and port first, even before it asks the
    /// system for a source address. It sees addresses from all sources: answers, late answers,
    /// literals, the hosts file, `localhost`, lists. `false` refuses the address, and the report
    /// says so. IPv4-mapped addresses are shown as IPv4. See [`is_public`](crate::is_public) for a
    /// ready-made gate.
    pub fn with_gate(mut self, gate: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// Sets a hook that gets the report of every call: won, failed, or dropped by the caller. It
    /// runs in the caller's task, for a dropped call in its `drop`. It should be short, and must
    /// not panic.
    pub fn on_report(mut self, hook: impl Fn(&Report) + Send + Sync + 'static) -> Self {
        self.on_report = Some(Arc::new(hook));
        self
    }

    /// Replaces the system's source addresses, which decide the order of destinations (RFC 6724).
    /// It is for tests that need the same order on every host.
    pub fn with_source_addrs(mut self, source_addrs: SourceAddrs) -> Self {
        self.source_addrs = Some(source_addrs);
        self
    }

    /// Says that the host is on another network now. The resolver drops its connections to name
    /// servers, its knowledge of them, and its caches. Running calls go on.
    pub fn network_changed(&self) {
        self.resolver.network_changed();
    }

    /// Connects to a host: a name, or an IP literal with or without brackets and zone. Several
    /// ports are raced. Never put a secure and an insecure port in one list unless you accept
    /// either, because an attacker who can drop packets chooses the insecure one.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). The call ends within [`Config::worst_case`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends all its attempts and lookups. Nothing of them is left once the
    /// runtime has run its queue. The shared parts of the resolver (its cache, a connection to a
    /// name server, a running `getaddrinfo`) go on.
    pub async fn connect(&self, host: &str, ports: &[u16]) -> Result<TcpStream, Error> {
        Ok(self.establish(host, ports).await?.stream)
    }

    /// [`connect`](Self::connect), with the report.
    pub(crate) async fn establish(
        &self,
        host: &str,
        ports: &[u16],
    ) -> Result<Established<TcpStream>, Error> {
        let race =
            yield_if_refused(self.with_surroundings(Race::new(host, ports, self.config, now())))
                .await?;
        self.run(race, Attempt::connect, Dialling::TcpOnly).await
    }

    /// Connects to one of these addresses, in the caller's order, without lookups and without
    /// sorting.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_addrs(&self, addrs: &[SocketAddr]) -> Result<TcpStream, Error> {
        let race =
            yield_if_refused(self.with_surroundings(Race::of_addrs(addrs, self.config, now())))
                .await?;
        Ok(self.run(race, Attempt::connect, Dialling::TcpOnly).await?.stream)
    }

    /// Connects by a dial of the caller's. An attempt wins when its whole dial has succeeded, so a
    /// path that accepts TCP and fails in the TLS handshake loses (R-V3-6.1b).
    /// `connect_with(host, ports, Attempt::connect)` gives a `TcpStream` and the report.
    ///
    /// ```
    /// # async fn greet(_: &mut tokio::net::TcpStream, _: &str) -> std::io::Result<()> { Ok(()) }
    /// # async fn doc(connector: he::Connector) -> Result<(), he::Error> {
    /// let dial = |attempt: he::Attempt| async move {
    ///     let name = attempt.host(); // the name that the certificate must have
    ///     let mut stream = attempt.connect().await?;
    ///     greet(&mut stream, &name).await?; // your own handshake
    ///     Ok(stream)
    /// };
    /// let established = connector.connect_with("robur.coop", &[443], dial).await?;
    /// println!("{}", established.report);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The report has the dial's errors as they are. Attempts run as tasks of their own; the first
    /// one may run in the caller's task.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). The call ends within [`Config::worst_case_with`].
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_with<T, D, F>(
        &self,
        host: &str,
        ports: &[u16],
        dial: D,
    ) -> Result<Established<T>, Error>
    where
        D: Fn(Attempt) -> F + Send,
        F: Future<Output = io::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let race =
            yield_if_refused(self.with_surroundings(Race::new(host, ports, self.config, now())))
                .await?;
        self.run(race, dial, Dialling::Beyond).await
    }

    /// [`connect_with`](Self::connect_with) for a list of addresses.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_addrs_with<T, D, F>(
        &self,
        addrs: &[SocketAddr],
        dial: D,
    ) -> Result<Established<T>, Error>
    where
        D: Fn(Attempt) -> F + Send,
        F: Future<Output = io::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let race =
            yield_if_refused(self.with_surroundings(Race::of_addrs(addrs, self.config, now())))
                .await?;
        self.run(race, dial, Dialling::Beyond).await
    }

    /// Finds the addresses of a host, without ports, in the order in which a call would try them.
    /// It returns at the moment at which a call would start its first attempt.
    ///
    /// Not part of the public API: only `he-reqwest` calls it. A later version makes it public
    /// under the name `resolve`.
    #[doc(hidden)]
    pub async fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, Error> {
        let race = Race::resolving(host, self.config, now());
        let mut race = yield_if_refused(self.with_surroundings(race)).await?;
        let span = tracing::debug_span!("resolve", host = %Destination(race.report()));
        let parts = self.parts();
        drive(parts, &mut race, Attempt::connect, Dialling::TcpOnly).instrument(span).await;
        match race.report().outcome() == Outcome::Resolved {
            true => Ok(race.addrs().collect()),
            false => Err(Error::of(race.into_report())),
        }
    }

    /// Gives the race its surroundings, or reports a call that did not start.
    fn with_surroundings(&self, race: Result<Race, Error>) -> Result<Box<Race>, Error> {
        let race = race.map_err(|error| self.report_refusal(error))?;
        let source_addrs = match &self.source_addrs {
            Some(given) => given.clone(),
            None => SourceAddrs::bound(self.socket.binding().clone()),
        };
        let (gate, error_words) = (self.gate.clone(), ERROR_WORDS);
        let surroundings = Surroundings { source_addrs, gate, error_words };
        Ok(Box::new(race.with_surroundings(surroundings)))
    }

    /// The binding of its sockets.
    #[cfg(feature = "rustls")]
    pub(crate) fn binding(&self) -> &Binding {
        self.socket.binding()
    }

    /// The error of a call that did not start.
    #[cfg(any(feature = "hyper", feature = "rustls"))]
    pub(crate) fn refuse(&self, host: &str, ports: &[u16], why: &dyn fmt::Display) -> Error {
        let report = Report::new(host.into(), Ports::as_given(ports), now());
        self.report_refusal(Error::before_start(ErrorKind::InvalidInput, why, report, now()))
    }

    /// Reports a call that did not start.
    fn report_refusal(&self, error: Error) -> Error {
        tracing::debug!("failed: {}", Summary(error.report()));
        self.on_report.iter().for_each(|hook| hook(error.report()));
        error
    }

    async fn run<T, D, F>(
        &self,
        mut race: Box<Race>,
        dial: D,
        dialling: Dialling,
    ) -> Result<Established<T>, Error>
    where
        D: Fn(Attempt) -> F + Send,
        F: Future<Output = io::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let span = tracing::debug_span!("connect", to = %Destination(race.report()));
        let stream = drive(self.parts(), &mut race, dial, dialling).instrument(span).await;
        let report = race.into_report();
        match (stream, report.winner().map(AttemptReport::addr)) {
            (Some(stream), Some(addr)) => Ok(Established { stream, addr, report }),
            _ => Err(Error::of(report)),
        }
    }

    fn parts(&self) -> Parts<'_> {
        let Self { resolver, socket, on_report, .. } = self;
        Parts { resolver: &**resolver, socket, on_report: on_report.as_ref() }
    }
}

/// Yields after a refused call, which waits for nothing: a task that tries again in a loop has to
/// let others run.
async fn yield_if_refused(race: Result<Box<Race>, Error>) -> Result<Box<Race>, Error> {
    if race.is_err() {
        consume_budget().await;
    }
    race
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("config", &self.config)
            .field("socket", &self.socket)
            .field("gate", &self.gate.is_some())
            .finish_non_exhaustive()
    }
}
