//! The start of a race: its destination is checked, and a bad one is refused before any packet.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::Race;
use super::attempts::Pace;
use super::candidates::Candidates;
use super::config::Config;
use super::endpoint::EndpointOrigin;
use super::error::Error;
use super::host::{Host, HostKind, LOCALHOST};
use super::lookups::Lookups;
use super::order::Addrs;
use super::ports::Ports;
use super::report::{ErrorKind, Report};
use super::socket_addrs::SocketAddrs;
use super::surroundings::Surroundings;

impl Race {
    /// A race to a host: a name, or an IP literal with or without brackets and zone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for an invalid host, port list or configuration,
    /// [`ErrorKind::NoSuchName`] for names that are never looked up (`.invalid`, `.onion`).
    pub fn new(
        host: impl AsRef<str>,
        ports: impl Into<Ports>,
        config: Config,
        now: Instant,
    ) -> Result<Self, Error> {
        Self::to_host(host.as_ref().into(), Some(ports.into()), config, now)
    }

    /// A race that only finds the addresses of a host. It ends with [`Step::Resolved`] where a race
    /// of [`new`](Self::new) would start its first attempt, and [`addrs`](Self::addrs) has the
    /// addresses. The port is unknown: it is 0 in the addresses, and the gate is asked with port 0.
    ///
    /// [`Step::Resolved`]: super::Step::Resolved
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn resolving(host: impl AsRef<str>, config: Config, now: Instant) -> Result<Self, Error> {
        Self::to_host(host.as_ref().into(), None, config, now).map(Self::only_resolving)
    }

    /// The same with ports: every address has each of them, in the order of the race, and the gate
    /// is asked with the port.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn resolving_for(
        host: impl AsRef<str>,
        ports: impl Into<Ports>,
        config: Config,
        now: Instant,
    ) -> Result<Self, Error> {
        let race = Self::to_host(host.as_ref().into(), Some(ports.into()), config, now);
        race.map(Self::only_resolving)
    }

    /// A race over a list of addresses, in the caller's order. It tries all of them, without
    /// lookups and without sorting. It tries a duplicate address once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for an empty list, a port 0, or an invalid configuration.
    pub fn of_addrs(
        addrs: impl Into<SocketAddrs>,
        config: Config,
        now: Instant,
    ) -> Result<Self, Error> {
        Self::to_addrs(addrs.into(), config, now)
    }

    /// Sets the surroundings of the race: source addresses, a gate, error texts. Call it before the
    /// first poll.
    #[must_use]
    pub fn with_surroundings(mut self, surroundings: Surroundings) -> Self {
        self.surroundings = surroundings;
        self
    }

    /// A race to this host; without ports, they are unknown.
    pub(crate) fn to_host(
        host: Arc<str>,
        ports: Option<Ports>,
        config: Config,
        now: Instant,
    ) -> Result<Self, Error> {
        let typed = host.clone();
        let refuse = |why: &dyn fmt::Display, kind| {
            let report = Report::new(typed.clone(), ports.clone().unwrap_or_default(), now);
            Error::before_start(kind, why, report, now)
        };
        let invalid = |why: &dyn fmt::Display| refuse(why, ErrorKind::InvalidInput);
        let host = Host::parse(host).map_err(|why| invalid(&why))?;
        ports.as_ref().map_or(Ok(()), Ports::check).map_err(|why| invalid(&why))?;
        config.check().map_err(|why| invalid(&why))?;
        let given = match host.kind() {
            HostKind::NoSuchName(why) => return Err(refuse(why, ErrorKind::NoSuchName)),
            HostKind::Name(_) => None,
            HostKind::Literal(addr) => Some(Addrs::from_slice(&[*addr])),
            HostKind::Localhost => Some(LOCALHOST.into()),
        };
        let given = given.map(|addrs| (addrs, EndpointOrigin::Host));
        let ports = ports.map(Ports::without_duplicates);
        let report = Report::new(typed, ports.clone().unwrap_or_default(), now);
        let candidates =
            Candidates::new(given, ports.unwrap_or_else(Ports::unknown), config.family);
        Ok(Self::of(Some(host), candidates, report, config))
    }

    /// A race over this list.
    pub(crate) fn to_addrs(
        addrs: SocketAddrs,
        config: Config,
        now: Instant,
    ) -> Result<Self, Error> {
        let listed = addrs.as_slice();
        let report = Report::of_list(listed.len(), now);
        let refuse = |why: &dyn fmt::Display| {
            Error::before_start(ErrorKind::InvalidInput, why, report.clone(), now)
        };
        config.check().map_err(|why| refuse(&why))?;
        if listed.is_empty() {
            return Err(refuse(&"the list of addresses is empty"));
        }
        if let Some(addr) = listed.iter().find(|addr| addr.port() == 0) {
            return Err(refuse(&format_args!("{addr}: port 0 cannot be connected to")));
        }
        let given = Some((addrs.0, EndpointOrigin::List));
        let candidates = Candidates::new(given, Ports::default(), config.family);
        Ok(Self::of(None, candidates, report, config))
    }

    /// The race ends where it would start its first attempt.
    pub(crate) fn only_resolving(self) -> Self {
        Self { only_resolves: true, ..self }
    }

    fn of(host: Option<Host>, candidates: Candidates, report: Report, config: Config) -> Self {
        Self {
            host,
            surroundings: Surroundings::default(),
            only_resolves: false,
            lookups: Lookups::new(config.family),
            candidates,
            config,
            pace: Pace::default(),
            winner: None,
            report,
        }
    }
}
