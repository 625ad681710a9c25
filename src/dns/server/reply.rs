//! The reply of a server, and the way it came.

use std::net::SocketAddr;

use hickory_proto::op::Message;

use crate::dns::question::Via;
use crate::race::answer::Origin;

/// A reply, and the way it came.
pub(in crate::dns) struct Reply {
    pub(in crate::dns) message: Message,
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
