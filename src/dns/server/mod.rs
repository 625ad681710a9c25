//! Drives one question: the [`inquiry`](crate::dns::question::Inquiry) decides, and the `driver`
//! sends over `udp` sockets and over links. A `reply` is what comes back.

pub(super) mod driver;
pub(super) mod reply;
mod streams;
mod udp;
