//! The sends of one question over connections.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, FutureExt};

use crate::dns::link::Link;
use crate::dns::link::connection::Connection;
use crate::dns::message::Packet;
use crate::dns::question::{Lost, Phase, Seen};

/// The sends over connections, by their numbers.
#[derive(Default)]
pub(super) struct Streams(Vec<Sent>);

/// A question on a connection.
pub(super) struct Sent {
    pub(super) send: usize,
    pub(super) link: Arc<Link>,
    pub(super) connection: Arc<Connection>,
    pub(super) packet: Packet,
    answer: BoxFuture<'static, Result<Vec<u8>, Lost>>,
    /// It ends when the connection is in another phase.
    change: Option<BoxFuture<'static, ()>>,
}

/// An event of a send.
pub(super) enum StreamEvent {
    /// An answer has come, or the connection has ended. The send is over.
    Ended(Sent, Result<Vec<u8>, Lost>),
    /// The connection is in another phase.
    Changed,
}

impl Streams {
    /// Asks on this connection.
    pub(super) fn ask(
        &mut self,
        send: usize,
        link: Arc<Link>,
        connection: Arc<Connection>,
        packet: Packet,
    ) {
        let answer = connection.clone().ask(packet.bytes.clone()).boxed();
        let change = Some(next_change(connection.clone()));
        self.0.push(Sent { send, link, connection, packet, answer, change });
    }

    pub(super) fn get(&self, send: usize) -> Option<&Sent> {
        self.0.iter().find(|sent| sent.send == send)
    }

    /// Drops the sends whose ends nobody awaits.
    pub(super) fn retain(&mut self, is_awaited: impl Fn(usize) -> bool) {
        self.0.retain(|sent| is_awaited(sent.send));
    }

    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<StreamEvent> {
        for nth in 0..self.0.len() {
            let sent = &mut self.0[nth];
            if let Poll::Ready(end) = sent.answer.poll_unpin(cx) {
                return Poll::Ready(StreamEvent::Ended(self.0.swap_remove(nth), end));
            }
            if sent.change.as_mut().is_some_and(|change| change.poll_unpin(cx).is_ready()) {
                let has_ended = sent.connection.phase() == Phase::Ended;
                sent.change = (!has_ended).then(|| next_change(sent.connection.clone()));
                return Poll::Ready(StreamEvent::Changed);
            }
        }
        Poll::Pending
    }
}

impl Sent {
    pub(super) fn seen(&self) -> Seen {
        Seen {
            phase: self.connection.phase(),
            quiet_since: self.connection.quiet_since().map(tokio::time::Instant::into_std),
            has_other: self.link.has_other(&self.connection),
        }
    }
}

fn next_change(connection: Arc<Connection>) -> BoxFuture<'static, ()> {
    let phase = connection.phase();
    async move { connection.wait_for_phase_change(phase).await }.boxed()
}
