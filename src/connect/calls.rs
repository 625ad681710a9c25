//! The calls of a connector: each checks its destination, and drives a race to it.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::task::coop::consume_budget;
use tracing::Instrument;

use crate::connect::Connector;
use crate::connect::attempt::{Attempt, Established};
use crate::connect::authority;
use crate::connect::call::Call;
use crate::connect::clock::now;
use crate::connect::drive::{Dialling, ERROR_WORDS, Parts, drive};
use crate::connect::resolved::Resolved;
use crate::race::error::Error;
use crate::race::order::SourceAddrs;
use crate::race::ports::Ports;
use crate::race::report::{AttemptReport, Destination, ErrorKind, Outcome, Report, Summary};
use crate::race::socket_addrs::SocketAddrs;
use crate::race::{Race, Surroundings};

impl Connector {
    /// Connects to a host: a name, or an IP literal with or without brackets and zone. A text that
    /// `inet_aton` takes for an address (`127.1`, `2130706433`) is refused, even if an override or
    /// the hosts file has it, and so are several labels that are all numbers (`1.2.3.4.5`). Other
    /// digits are a name (`482910384756`, `redis.1`).
    ///
    /// ```
    /// # async fn doc(connector: he::Connector, port: u16) -> Result<(), he::Error> {
    /// let stream = connector.connect("robur.coop", 443).await?;
    /// let either = connector.connect("mail.example", [465, port]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Several ports are raced. Never put a secure and an insecure port in one list unless you
    /// accept either, because an attacker who can drop packets chooses the insecure one.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`]. The call ends within [`Config::worst_case`](crate::Config::worst_case).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends all its attempts and lookups. Nothing of them is left once the
    /// runtime has run its queue. The shared parts of the resolver (its cache, a connection to a
    /// name server, a running `getaddrinfo`) go on.
    pub fn connect(
        &self,
        host: impl AsRef<str>,
        ports: impl Into<Ports>,
    ) -> Call<'static, TcpStream> {
        let call = NewCall::to_host(self, host, ports);
        Call::new(async move { Ok(call.establish().await?.stream) })
    }

    /// [`connect`](Self::connect), with the address that won and the report.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_reported(
        &self,
        host: impl AsRef<str>,
        ports: impl Into<Ports>,
    ) -> Call<'static, Established<TcpStream>> {
        Call::new(NewCall::to_host(self, host, ports).establish())
    }

    /// Connects to `host:port`, as configuration files have it: `db.example:5432`,
    /// `[2001:db8::1]:443`. Where the text has no port, it is the default port. An IPv6 address
    /// with a port needs its brackets: `::1:443` is an address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect); a port that is no number from 1 to 65535 is
    /// [`ErrorKind::InvalidInput`].
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_authority(
        &self,
        authority: impl AsRef<str>,
        default_port: u16,
    ) -> Call<'static, TcpStream> {
        let authority = authority.as_ref();
        let call = match authority::split(authority, default_port) {
            Ok((host, port)) => NewCall::to_host(self, host, port),
            Err(why) => {
                // The part before it may be a password.
                let host = authority.rsplit('@').next().unwrap_or_default();
                NewCall::refused(self, host, Ports::default(), why.to_string())
            }
        };
        Call::new(async move { Ok(call.establish().await?.stream) })
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
    pub fn connect_addrs(&self, addrs: impl Into<SocketAddrs>) -> Call<'static, TcpStream> {
        let call = NewCall::to_addrs(self, addrs);
        Call::new(async move { Ok(call.establish().await?.stream) })
    }

    /// Connects by a dial of the caller's. An attempt wins when its whole dial has succeeded, so a
    /// path that accepts TCP and fails in the TLS handshake loses (R-V3-6.1b).
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
    /// let established = connector.connect_with("robur.coop", 443, dial).await?;
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
    /// See [`ErrorKind`]. The call ends within
    /// [`Config::worst_case_with`](crate::Config::worst_case_with).
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_with<'d, T, D, F>(
        &self,
        host: impl AsRef<str>,
        ports: impl Into<Ports>,
        dial: D,
    ) -> Call<'d, Established<T>>
    where
        D: Fn(Attempt) -> F + Send + 'd,
        F: Future<Output = io::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        Call::new(NewCall::to_host(self, host, ports).run(dial, Dialling::Beyond))
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
    pub fn connect_addrs_with<'d, T, D, F>(
        &self,
        addrs: impl Into<SocketAddrs>,
        dial: D,
    ) -> Call<'d, Established<T>>
    where
        D: Fn(Attempt) -> F + Send + 'd,
        F: Future<Output = io::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        Call::new(NewCall::to_addrs(self, addrs).run(dial, Dialling::Beyond))
    }

    /// Finds the addresses of a host, for a client that takes addresses and connects by itself.
    ///
    /// It returns at the moment at which [`connect`](Self::connect) would start its first attempt,
    /// with all addresses that are known by then, in the order in which it would try them. So an
    /// AAAA that does not come costs [`aaaa_timeout`](crate::Config::aaaa_timeout) and no more. The
    /// port is unknown: it is 0 in the addresses, and the gate is asked with port 0. The report has
    /// [`Outcome::Resolved`].
    ///
    /// ```
    /// # async fn doc(connector: he::Connector) -> Result<(), he::Error> {
    /// for addr in connector.resolve("robur.coop").await?.ips() {
    ///     println!("{addr}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`]; there is an error where no address is left.
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Self::connect). After the end, an unanswered lookup goes on for at most 1 s
    /// to fill the resolver's cache.
    #[doc(alias = "lookup_host")]
    pub fn resolve(&self, host: impl AsRef<str>) -> Call<'static, Resolved> {
        let target = Target::Host(host.as_ref().into(), None);
        Call::new(NewCall { connector: self.clone(), target }.resolve())
    }

    /// [`resolve`](Self::resolve) with ports: every address has each of them, in the order in which
    /// a call would try them, and the gate is asked with the port.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    ///
    /// # Cancel safety
    ///
    /// As [`resolve`](Self::resolve).
    pub fn resolve_for(
        &self,
        host: impl AsRef<str>,
        ports: impl Into<Ports>,
    ) -> Call<'static, Resolved> {
        Call::new(NewCall::to_host(self, host, ports).resolve())
    }
}

/// A call that has not begun.
pub(crate) struct NewCall {
    connector: Connector,
    target: Target,
}

/// The destination of a call.
enum Target {
    /// A host; without ports, they are unknown.
    Host(Arc<str>, Option<Ports>),
    Addrs(SocketAddrs),
    /// Input that names no destination, and the reason.
    Invalid(Arc<str>, Ports, String),
}

impl NewCall {
    pub(crate) fn to_host(
        connector: &Connector,
        host: impl AsRef<str>,
        ports: impl Into<Ports>,
    ) -> Self {
        let target = Target::Host(host.as_ref().into(), Some(ports.into()));
        Self { connector: connector.clone(), target }
    }

    fn to_addrs(connector: &Connector, addrs: impl Into<SocketAddrs>) -> Self {
        Self { connector: connector.clone(), target: Target::Addrs(addrs.into()) }
    }

    /// A call that fails with [`ErrorKind::InvalidInput`] for this reason.
    pub(crate) fn refused(connector: &Connector, host: &str, ports: Ports, why: String) -> Self {
        Self { connector: connector.clone(), target: Target::Invalid(host.into(), ports, why) }
    }

    pub(crate) async fn establish(self) -> Result<Established<TcpStream>, Error> {
        self.run(Attempt::connect, Dialling::TcpOnly).await
    }

    pub(crate) async fn run<T, D, F>(
        self,
        dial: D,
        dialling: Dialling,
    ) -> Result<Established<T>, Error>
    where
        D: Fn(Attempt) -> F + Send,
        F: Future<Output = io::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let Self { connector, target } = self;
        let mut race = connector.race(target).await?;
        let span = tracing::debug_span!("connect", to = %Destination(race.report()));
        let stream = drive(connector.parts(), &mut race, dial, dialling).instrument(span).await;
        let report = race.into_report();
        match (stream, report.winner().map(AttemptReport::addr)) {
            (Some(stream), Some(addr)) => Ok(Established { stream, addr, report }),
            _ => Err(Error::of(report)),
        }
    }

    async fn resolve(self) -> Result<Resolved, Error> {
        let Self { connector, target } = self;
        let mut race = connector.race(target).await?.only_resolving();
        let span = tracing::debug_span!("resolve", host = %Destination(race.report()));
        let driven = drive(connector.parts(), &mut race, Attempt::connect, Dialling::TcpOnly);
        driven.instrument(span).await;
        match race.report().outcome() == Outcome::Resolved {
            true => Ok(Resolved { addrs: race.addrs().collect(), report: race.into_report() }),
            false => Err(Error::of(race.into_report())),
        }
    }
}

impl Connector {
    /// A race to this destination. A refused call has nothing to wait for. It yields, so that a
    /// task that tries again in a loop lets others run.
    async fn race(&self, target: Target) -> Result<Race, Error> {
        let config = self.settings.config;
        let race = match target {
            Target::Host(host, ports) => Race::to_host(host, ports, config, now()),
            Target::Addrs(addrs) => Race::to_addrs(addrs, config, now()),
            Target::Invalid(host, ports, why) => {
                let report = Report::new(host, ports, now());
                Err(Error::before_start(ErrorKind::InvalidInput, &why, report, now()))
            }
        };
        match race {
            Ok(race) => Ok(race.with_surroundings(self.surroundings())),
            Err(error) => {
                tracing::debug!("failed: {}", Summary(error.report()));
                self.settings.hooks.call(error.report());
                consume_budget().await;
                Err(error)
            }
        }
    }

    fn surroundings(&self) -> Surroundings {
        let source_addrs = match &self.settings.source_addrs {
            Some(given) => given.clone(),
            None => SourceAddrs::bound(self.settings.socket.binding().clone()),
        };
        let gate = self.settings.gate.clone();
        Surroundings { source_addrs, gate, error_words: ERROR_WORDS }
    }

    fn parts(&self) -> Parts<'_> {
        let settings = &*self.settings;
        let (resolver, socket) = (&*settings.resolver, &settings.socket);
        Parts { resolver, socket, hooks: &settings.hooks }
    }
}
