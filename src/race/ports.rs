//! The ports of a call.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

/// Ports to try, in the caller's order. Most calls have one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ports(SmallVec<[u16; 4]>);

impl Ports {
    /// Removes duplicates.
    ///
    /// # Errors
    ///
    /// The list is empty, or has port 0.
    pub(crate) fn checked(ports: &[u16]) -> Result<Self, InvalidPorts> {
        let is_first = |(at, port): &(usize, &u16)| !ports[..*at].contains(port);
        match ports {
            [] => Err(InvalidPorts::Empty),
            _ if ports.contains(&0) => Err(InvalidPorts::Zero),
            [_] => Ok(Self(ports.into())),
            _ => Ok(Self(ports.iter().enumerate().filter(is_first).map(|(_, it)| *it).collect())),
        }
    }

    /// The ports as the caller gave them, for the report of a call that is refused.
    pub(crate) fn as_given(ports: &[u16]) -> Self {
        Self(ports.into())
    }

    /// Port 0 alone: it stands for an unknown port.
    pub(crate) fn unknown() -> Self {
        Self::as_given(&[0])
    }
}

impl Deref for Ports {
    type Target = [u16];

    fn deref(&self) -> &[u16] {
        &self.0
    }
}

/// The reason why a list of ports is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidPorts {
    Empty,
    Zero,
}

impl fmt::Display for InvalidPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the list of ports is empty",
            Self::Zero => "port 0 cannot be connected to",
        })
    }
}

impl std::error::Error for InvalidPorts {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // E-9, S13e
    fn ports_are_tried_once_each_in_their_order() {
        assert_eq!(*Ports::checked(&[443, 80, 443, 1, 80]).unwrap(), [443, 80, 1]);
        assert_eq!(*Ports::checked(&[65535]).unwrap(), [65535]);
        assert_eq!(Ports::checked(&[]).unwrap_err().to_string(), "the list of ports is empty");
        for ports in [&[0][..], &[443, 0], &[0, 443]] {
            assert_eq!(
                Ports::checked(ports).unwrap_err().to_string(),
                "port 0 cannot be connected to"
            );
        }
    }
}
