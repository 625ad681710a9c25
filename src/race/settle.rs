//! A race that ends where its first attempt would start: for who connects by himself.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Instant;

use super::Race;
use crate::race::config::Config;
use crate::race::error::Error;
use crate::race::host::Ports;
use crate::race::report::Outcome;

impl Race {
    /// A race to a host whose port is not known: its addresses have port 0, and so has what the gate
    /// is asked for.
    pub(crate) fn to_any_port(host: &str, config: Config, now: Instant) -> Result<Self, Error> {
        let any = |_: &[u16]| Ok::<_, Infallible>(Ports::from_slice(&[0]));
        let mut race = Self::to(host, &[], any, config, now)?;
        race.report.ports = Ports::new();
        Ok(race)
    }

    /// Instead of the attempt that [`Step::Connect`](super::Step::Connect) has asked for: that
    /// address and all others that are known by now, in the order in which they would be tried.
    pub(crate) fn settle(&mut self, now: Instant) -> Vec<SocketAddr> {
        let mut addrs: Vec<_> = self.report.attempts.drain(..).map(|it| it.addr).collect();
        addrs.extend(std::iter::from_fn(|| self.candidates.pop()));
        self.running = 0;
        self.report.close(Outcome::Resolved, now);
        addrs
    }
}
