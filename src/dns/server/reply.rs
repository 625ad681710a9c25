//! The reply of a server, and the way it came.

use std::net::SocketAddr;

use crate::dns::message::records::Records;
use crate::dns::question::Via;
use crate::race::answer::Origin;

/// A reply, and the way it came.
pub(in crate::dns) struct Reply {
    pub(in crate::dns) records: Records,
    /// The address and port that answered.
    pub(in crate::dns) server: SocketAddr,
    pub(in crate::dns) origin: Origin,
}

pub(super) fn origin(via: Via) -> Origin {
    match via {
        Via::Udp => Origin::Udp,
        Via::Tcp => Origin::Tcp,
        Via::Tls => Origin::Tls,
    }
}
