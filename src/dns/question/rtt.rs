//! The round trip of a question to a server, from which the patience with the server follows.

use std::time::Duration;

/// The patience is at least this long, because answers that come from a cache are quick and others
/// are not.
const MIN_PATIENCE: Duration = Duration::from_millis(50);
/// It is at most this long.
pub(super) const MAX_PATIENCE: Duration = Duration::from_millis(250);

/// The smoothed round trip and its mean deviation (RFC 6298 section 2), from replies other than
/// SERVFAIL and REFUSED. Each datagram has an id of its own, so a repetition brings no doubt; on
/// connections only a question that was sent once counts (Karn).
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Rtt(Option<(Duration, Duration)>);

impl Rtt {
    pub(super) fn note(&mut self, sample: Duration) {
        self.0 = Some(match self.0 {
            None => (sample, sample / 2),
            Some((srtt, rttvar)) => {
                ((srtt * 7 + sample) / 8, (rttvar * 3 + srtt.abs_diff(sample)) / 4)
            }
        });
    }

    /// The time after which a reply is late: SRTT and four times RTTVAR. `None` before the first
    /// reply.
    pub(super) fn patience(self) -> Option<Duration> {
        let (srtt, rttvar) = self.0?;
        Some((srtt + 4 * rttvar).clamp(MIN_PATIENCE, MAX_PATIENCE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(samples: &[u64]) -> Option<u128> {
        let mut rtt = Rtt::default();
        samples.iter().for_each(|ms| rtt.note(Duration::from_millis(*ms)));
        rtt.patience().map(|patience| patience.as_millis())
    }

    #[test]
    fn patience_is_srtt_and_four_times_rttvar_in_50_to_250_ms() {
        assert_eq!(patience(&[]), None);
        assert_eq!(patience(&[1]), Some(50));
        assert_eq!(patience(&[30]), Some(90));
        assert_eq!(patience(&[30, 30, 30]), Some(63));
        assert_eq!(patience(&[100]), Some(250));
        // SRTT is 31.25 ms and RTTVAR 13.75 ms.
        assert_eq!(patience(&[30, 40]), Some(86));
    }
}
