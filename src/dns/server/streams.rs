//! The sends of one question over connections.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};

use crate::dns::link::Link;
use crate::dns::link::connection::{Connection, SentAt};
use crate::dns::message::Packet;
use crate::dns::question::{Lost, Phase, Seen};

/// The sends over connections, by their numbers.
#[derive(Default)]
pub(super) struct Streams(Vec<Sent>);

/// A question on a connection.
pub(super) struct Sent {
    send: usize,
    link: Arc<Link>,
    connection: Arc<Connection>,
    packet: Packet,
    sent_at: SentAt,
    /// The silent connection beside which this one is asked.
    silent: Option<Arc<Connection>>,
    answer: BoxFuture<'static, Result<Vec<u8>, Lost>>,
    /// It ends when the connection is in another phase.
    change: Option<BoxFuture<'static, ()>>,
}

/// An event of a send.
pub(super) enum StreamEvent {
    /// The send is over: an answer to this packet has come, or the connection has ended.
    Ended(usize, Packet, Result<StreamReply, Lost>),
    /// The connection is in another phase.
    Changed,
}

/// A message that has come over a connection.
pub(super) struct StreamReply {
    pub(super) bytes: Vec<u8>,
    /// The time in which the connection was made.
    pub(super) took: Option<Duration>,
}

impl Streams {
    /// Asks on the connection in use.
    pub(super) fn ask(&mut self, send: usize, link: Arc<Link>, packet: Packet) {
        let connection = link.connection();
        self.ask_on(send, link, connection, None, packet);
    }

    /// Asks on another connection than that of a send that is silent.
    pub(super) fn ask_beside(&mut self, send: usize, silent: usize, packet: Packet) {
        let Some(Sent { link, connection, .. }) = self.get(silent) else { return };
        let (link, silent) = (link.clone(), connection.clone());
        let connection = link.beside(&silent);
        self.ask_on(send, link, connection, Some(silent), packet);
    }

    fn ask_on(
        &mut self,
        send: usize,
        link: Arc<Link>,
        connection: Arc<Connection>,
        silent: Option<Arc<Connection>>,
        packet: Packet,
    ) {
        let sent_at = SentAt::default();
        let answer = connection.clone().ask(packet.bytes.clone(), sent_at.clone()).boxed();
        let change = Some(next_change(connection.clone()));
        self.0.push(Sent { send, link, connection, packet, sent_at, silent, answer, change });
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
                return Poll::Ready(self.0.swap_remove(nth).ended(end));
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
    fn ended(self, end: Result<Vec<u8>, Lost>) -> StreamEvent {
        let took = self.connection.took();
        if let (Ok(_), Some(silent)) = (&end, &self.silent) {
            self.link.note_replaced(silent);
        }
        let end = end.map(|bytes| StreamReply { bytes, took });
        StreamEvent::Ended(self.send, self.packet, end)
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            phase: self.connection.phase(),
            sent_at: self.sent_at.get().map(|at| at.into_std()),
            heard_at: self.connection.heard_at().map(tokio::time::Instant::into_std),
            has_other: self.link.has_other(&self.connection),
        }
    }
}

fn next_change(connection: Arc<Connection>) -> BoxFuture<'static, ()> {
    let phase = connection.phase();
    async move { connection.wait_for_phase_change(phase).await }.boxed()
}
