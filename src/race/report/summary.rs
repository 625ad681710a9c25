//! A report on one line: the destination of the call, and the causes of its failure.

use std::fmt;
use std::net::Ipv6Addr;

use super::{ErrorKind, Outcome, Report};
use crate::race::text::{Escaped, Time};

/// The destination of a call: `robur.coop:443`, `[2001:db8::1]:443,80`, `2 addresses`.
pub(crate) struct Destination<'a>(pub(crate) &'a Report);

/// The number of ports that are shown. Further ports are counted.
const PORTS: usize = 8;

impl fmt::Display for Destination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { host, ports, listed, .. } = self.0;
        let ports = ports.as_slice();
        match listed {
            Some(1) => f.write_str("1 address")?,
            Some(n) => write!(f, "{n} addresses")?,
            None if host.split('%').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok()) => {
                write!(f, "[{}]", Escaped(host))?;
            }
            None => write!(f, "{}", Escaped(host))?,
        }
        for (index, port) in ports.iter().take(PORTS).enumerate() {
            write!(f, "{}{port}", if index == 0 { ':' } else { ',' })?;
        }
        match ports.len().saturating_sub(PORTS) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The causes of a failed call, on one line: DNS first, then the attempts, then the untried
/// addresses.
pub(crate) struct Summary<'a>(pub(crate) &'a Report);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        match (report.outcome, report.detail()) {
            (_, Some(detail)) => f.write_str(detail)?,
            (Outcome::Failed(ErrorKind::TimedOut), _) => {
                write!(f, "timed out after {}", Time(report.elapsed()))?;
            }
            (Outcome::Failed(kind), _) => write!(f, "{kind}")?,
            (
                Outcome::Running | Outcome::Connected(_) | Outcome::Resolved | Outcome::Dropped,
                _,
            ) => {}
        }
        report.lookups.iter().try_for_each(|lookup| write!(f, "; {lookup}"))?;
        report.attempts.iter().try_for_each(|attempt| write!(f, "; {attempt}"))?;
        report.skipped.iter().try_for_each(|skipped| write!(f, "; {skipped}"))?;
        report.counts().try_for_each(|count| write!(f, "; {count}"))
    }
}

impl Report {
    /// The addresses that are only counted, in words.
    pub(crate) fn counts(&self) -> impl Iterator<Item = String> {
        let counts = [
            (self.skipped_more, "more skipped"),
            (self.left_out, "more addresses left out"),
            // After a win, the untried addresses do not matter.
            (self.winner().map_or(self.not_tried, |_| 0), "more not tried"),
        ];
        counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"))
    }
}
