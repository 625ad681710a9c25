//! The questions that were sent on a connection, and the answers that have come.

use std::collections::HashMap;
use std::io;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::MAX_OPEN;

/// At most this many questions are kept whose lookups were dropped, and whose answers may still
/// come.
const MAX_ABANDONED: usize = 10 * MAX_OPEN;
/// This many messages in a row that answer no open question, such as repeated or very late ones,
/// end the connection.
pub(super) const MAX_STRANGERS: usize = 16;

/// Dropped without a message where the question was not sent.
pub(super) type Answerer = oneshot::Sender<Result<Vec<u8>, Unanswered>>;

/// The connection has ended with the question open on it.
#[derive(Debug)]
pub(super) struct Unanswered;

/// The questions that were sent.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) open: HashMap<u16, Sent>,
    pub(super) up_at: Option<Instant>,
    pub(super) heard_at: Option<Instant>,
    pub(super) answers: usize,
    /// The number of questions that were open when it ended.
    pub(super) lost: usize,
    strangers: usize,
    /// The quota is used up.
    pub(super) spent: bool,
}

#[derive(Debug)]
pub(super) struct Sent {
    pub(super) reply: Answerer,
}

impl Table {
    /// The message with an id that no other open question has, and with its length in front.
    pub(super) fn admit(&mut self, message: &[u8], reply: Answerer) -> io::Result<Vec<u8>> {
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        let Some((id, rest)) = message.split_first_chunk() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        // A late answer must not reach another question, so an id stays taken for a long time.
        if self.open.len() >= MAX_ABANDONED {
            self.open.retain(|_, sent| !sent.reply.is_closed());
        }
        let mut id = u16::from_be_bytes(*id);
        while self.open.contains_key(&id) {
            id = id.wrapping_add(1);
        }
        self.open.insert(id, Sent { reply });
        Ok([&length.to_be_bytes(), &id.to_be_bytes(), rest].concat())
    }

    /// Gives a message to the question that it answers (R-7858-3.3c). Returns false if the
    /// connection is of no more use: no message so far has answered a question, or none of the last
    /// [`MAX_STRANGERS`].
    pub(super) fn hear(&mut self, message: Vec<u8>, now: Instant) -> bool {
        let id = message.first_chunk().map(|id| u16::from_be_bytes(*id));
        let Some(sent) = id.and_then(|id| self.open.remove(&id)) else {
            self.strangers += 1;
            return self.answers > 0 && self.strangers < MAX_STRANGERS;
        };
        self.heard_at = Some(now);
        self.answers += 1;
        self.strangers = 0;
        // Its lookup may have been dropped.
        let _ = sent.reply.send(Ok(message));
        true
    }

    pub(super) fn count_lost(&mut self) {
        self.lost = self.open.len();
    }

    pub(super) fn was_heard_since(&self, then: Instant) -> bool {
        self.heard_at.is_some_and(|at| at > then)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.open.values().all(|sent| sent.reply.is_closed())
    }
}
