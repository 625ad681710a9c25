//! The ports of a call.

use std::fmt;

use smallvec::SmallVec;

/// The ports of a call, in the order in which they are tried: `443`, `[465, 587]`, `&[443]`, a
/// slice, a `Vec`.
///
/// A list that is empty or has port 0 is refused by the call that gets it, before any packet. A
/// port that stands in it twice is tried once.
///
/// ```
/// use he::Ports;
///
/// assert_eq!(Ports::from(443), Ports::from([443]));
/// assert_eq!(Ports::from(vec![465, 587]).as_slice(), [465, 587]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Ports(SmallVec<[u16; 4]>);

impl Ports {
    /// The ports in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        &self.0
    }

    /// Fails if the list is empty, or has port 0.
    pub(crate) fn check(&self) -> Result<(), InvalidPorts> {
        match self.as_slice() {
            [] => Err(InvalidPorts::Empty),
            ports if ports.contains(&0) => Err(InvalidPorts::Zero),
            _ => Ok(()),
        }
    }

    /// The first of each port, in their order.
    pub(crate) fn without_duplicates(self) -> Self {
        let ports = self.as_slice();
        if let [_] = ports {
            return self; // Most calls have one.
        }
        let is_first = |(at, port): &(usize, &u16)| !ports[..*at].contains(port);
        ports.iter().enumerate().filter(is_first).map(|(_, port)| *port).collect()
    }

    /// Port 0 alone: it stands for an unknown port.
    pub(crate) fn unknown() -> Self {
        0.into()
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self::from_iter([port])
    }
}

impl From<&[u16]> for Ports {
    fn from(ports: &[u16]) -> Self {
        Self(ports.into())
    }
}

impl<const N: usize> From<[u16; N]> for Ports {
    fn from(ports: [u16; N]) -> Self {
        Self::from_iter(ports)
    }
}

impl<const N: usize> From<&[u16; N]> for Ports {
    fn from(ports: &[u16; N]) -> Self {
        ports.as_slice().into()
    }
}

impl From<Vec<u16>> for Ports {
    fn from(ports: Vec<u16>) -> Self {
        Self(ports.into())
    }
}

impl From<&Vec<u16>> for Ports {
    fn from(ports: &Vec<u16>) -> Self {
        ports.as_slice().into()
    }
}

impl FromIterator<u16> for Ports {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        Self(ports.into_iter().collect())
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

    #[test] // E-9
    fn ports_are_tried_once_each_in_their_order() {
        let ports = Ports::from([443, 80, 443, 1, 80]).without_duplicates();
        assert_eq!(ports.as_slice(), [443, 80, 1]);
        assert_eq!(Ports::from(65535).without_duplicates().as_slice(), [65535]);
    }

    #[test] // S13e
    fn an_empty_list_and_a_port_0_are_refused() {
        assert_eq!(Ports::from(65535).check(), Ok(()));
        assert_eq!(Ports::default().check().unwrap_err().to_string(), "the list of ports is empty");
        for ports in [&[0][..], &[443, 0], &[0, 443]] {
            let error = Ports::from(ports).check().unwrap_err();
            assert_eq!(error.to_string(), "port 0 cannot be connected to");
        }
    }
}
