//! A connection to a name server that many questions share: none waits for the answer to another,
//! and answers come in any order (RFC 7766 section 6.2.1.1, RFC 7858 section 3.3).

use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::{Arc, MutexGuard, OnceLock};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, split};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::connect::drive::ERROR_WORDS;
use crate::dns::question::{Lost, Phase};
use crate::mutex::Mutex;
use crate::race::answer::{LookupError, LookupErrorKind};
use table::{Answerer, Table, Unanswered};

mod table;

/// A connection without a question is closed after this time (RFC 7766 section 6.2.3 leaves it to
/// the client; unbound has the same limit).
const IDLE: Duration = Duration::from_secs(30);
/// At most this many questions are open on a connection at once; more wait. The limit of
/// knot-resolver.
const MAX_OPEN: usize = 100;
/// A connection that is full and on which nothing has come for this time is stalled.
const STALLED_AFTER: Duration = Duration::from_millis(250);
/// The reason why a connection with a quota ends.
const USED_UP: &str = "its questions are answered";

/// Dropping the last handle ends the connection in any phase.
#[derive(Debug)]
pub(in crate::dns) struct Connection {
    task: AbortHandle,
    questions: mpsc::UnboundedSender<Pending>,
    slots: Semaphore,
    state: Arc<ConnectionState>,
}

/// The time at which a question was sent, once it was.
pub(in crate::dns) type SentAt = Arc<OnceLock<Instant>>;

/// A question in the queue.
#[derive(Debug)]
struct Pending {
    message: Arc<[u8]>,
    reply: Answerer,
    sent_at: SentAt,
}

/// The state that the connection's task shares with the questions.
#[derive(Debug)]
pub(super) struct ConnectionState {
    phase: watch::Sender<Phase>,
    table: Mutex<Table>,
    end: OnceLock<(LookupError, Instant)>,
    opened_at: Instant,
    /// The number of questions that it takes.
    quota: usize,
}

impl Connection {
    /// Spawns the connection's task in the current runtime. It takes `quota` questions. `establish`
    /// makes the stream, and reports that TCP is up by [`ConnectionState::tcp_is_up`].
    pub(super) fn open<S, E, F>(quota: usize, establish: E) -> Arc<Self>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
        E: FnOnce(Arc<ConnectionState>) -> F,
        F: Future<Output = Result<S, LookupError>> + Send + 'static,
    {
        let (questions, queue) = mpsc::unbounded_channel();
        let state = Arc::new(ConnectionState::new(quota));
        let task =
            tokio::spawn(live(establish(state.clone()), queue, state.clone())).abort_handle();
        Arc::new(Self { task, questions, slots: Semaphore::new(MAX_OPEN), state })
    }

    /// Asks as soon as there is a free slot and the connection is up. Nothing is sent before.
    /// `sent_at` is set when the question is sent.
    ///
    /// # Errors
    ///
    /// The connection has ended without an answer to this question.
    pub(in crate::dns) async fn ask(
        self: Arc<Self>,
        message: Arc<[u8]>,
        sent_at: SentAt,
    ) -> Result<Vec<u8>, Lost> {
        let _slot = self.slots.acquire().await;
        let (reply, answer) = oneshot::channel();
        let id = message.first_chunk::<2>().copied().unwrap_or_default();
        // Without the task there is no sender of the answer either.
        let _ = self.questions.send(Pending { message, reply, sent_at });
        let mut bytes = match answer.await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(Unanswered)) => return Err(self.state.ended(true)),
            Err(_) => return Err(self.state.ended(false)),
        };
        if let Some(theirs) = bytes.first_chunk_mut() {
            *theirs = id;
        }
        Ok(bytes)
    }

    pub(in crate::dns) fn phase(&self) -> Phase {
        self.state.phase()
    }

    /// True if it takes questions, now or once it is connected.
    pub(super) fn is_open(&self) -> bool {
        !self.questions.is_closed() && self.phase() != Phase::Ended
    }

    /// True if it is full of questions, and nothing has come for a while.
    pub(super) fn is_stalled(&self) -> bool {
        let table = self.state.table();
        let heard_at = table.heard_at.max(table.up_at);
        let is_quiet = heard_at.is_some_and(|at| at + STALLED_AFTER <= Instant::now());
        is_quiet && self.slots.available_permits() == 0
    }

    /// The time that it took to be made.
    pub(in crate::dns) fn took(&self) -> Option<Duration> {
        Some(self.state.table().up_at? - self.state.opened_at)
    }

    /// True if anything has come from it since `then`.
    pub(super) fn was_heard_since(&self, then: Instant) -> bool {
        self.state.table().was_heard_since(then)
    }

    /// The number of its answers so far.
    pub(super) fn answers(&self) -> usize {
        self.state.table().answers
    }

    /// The number of answers after which the server ended it, if that lost questions.
    pub(super) fn quota_of_the_server(&self) -> Option<usize> {
        let table = self.state.table();
        (table.lost > 0 && table.answers > 0).then_some(table.answers)
    }

    /// The reason and the time of its end, if it was never connected.
    pub(super) fn failure(&self) -> Option<&(LookupError, Instant)> {
        let failed = self.state.table().up_at.is_none();
        self.state.end.get().filter(|_| failed)
    }

    /// Waits until the phase is another one.
    pub(in crate::dns) async fn wait_for_phase_change(&self, phase: Phase) {
        let mut phases = self.state.phase.subscribe();
        if phases.wait_for(|now| *now != phase).await.is_err() {
            pending().await
        }
    }

    /// The time of the last answer.
    pub(in crate::dns) fn heard_at(&self) -> Option<Instant> {
        self.state.table().heard_at
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn live<S: AsyncRead + AsyncWrite>(
    establish: impl Future<Output = Result<S, LookupError>>,
    mut queue: mpsc::UnboundedReceiver<Pending>,
    state: Arc<ConnectionState>,
) {
    let end = End(state.clone());
    let error = match establish.await {
        Ok(stream) => {
            let up_at = Instant::now();
            state.table().up_at = Some(up_at);
            state.phase.send_replace(Phase::Up(up_at.into_std()));
            serve(stream, &mut queue, &state).await
        }
        Err(error) => error,
    };
    // Waiters read `end` once their channel closes, so set it first.
    let _ = state.end.set((error, Instant::now()));
    state.table().count_lost();
    queue.close();
    drop(end);
}

/// Ends the wait of all open questions, also when the task is dropped or panics.
struct End(Arc<ConnectionState>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.phase.send_replace(Phase::Ended);
        let open = std::mem::take(&mut self.0.table().open);
        open.into_values().for_each(|sent| {
            let _ = sent.reply.send(Err(Unanswered));
        });
    }
}

/// Serves until the connection ends, and returns why.
async fn serve<S: AsyncRead + AsyncWrite>(
    stream: S,
    queue: &mut mpsc::UnboundedReceiver<Pending>,
    state: &ConnectionState,
) -> LookupError {
    let (reader, writer) = split(stream);
    let ended = match select(pin!(listen(reader, state)), pin!(speak(writer, queue, state))).await {
        Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
    };
    let error = LookupError::from(LookupErrorKind::NoNameServer);
    match ended {
        Ok(why) => error.with_cause(why),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            error.with_cause("closed by the server")
        }
        Err(e) => error.with_worded_cause(ERROR_WORDS.of(&e).to_string(), Arc::new(e)),
    }
}

/// A length and its message are sent together: a server may take a length alone for the whole
/// message (RFC 7766 section 8, RFC 7858 section 3.3).
async fn speak(
    mut writer: impl AsyncWrite + Unpin,
    queue: &mut mpsc::UnboundedReceiver<Pending>,
    state: &ConnectionState,
) -> io::Result<&'static str> {
    let mut left = state.quota;
    while let Some(first) = queue.recv().await {
        let mut frames = Vec::new();
        let mut next = Some(first);
        // All waiting questions are sent together, because one more segment may cost a round trip.
        while let Some(Pending { message, reply, sent_at }) = next {
            // Its lookup may have been dropped meanwhile.
            if !reply.is_closed() {
                left -= 1;
                frames.extend(state.admit(&message, reply, left == 0)?);
                sent_at.get_or_init(Instant::now);
            }
            next = queue.try_recv().ok().filter(|_| left > 0);
        }
        writer.write_all(&frames).await?;
        writer.flush().await?;
        if left == 0 {
            // The others move to another connection; the answers to those that were sent are still
            // awaited.
            queue.close();
            while queue.try_recv().is_ok() {}
            return pending().await;
        }
    }
    Ok("no lookup waits")
}

async fn listen(
    reader: impl AsyncRead + Unpin,
    state: &ConnectionState,
) -> io::Result<&'static str> {
    let mut reader = BufReader::new(reader);
    loop {
        let mut next = pin!(read_message(&mut reader));
        let message = loop {
            match timeout(IDLE, &mut next).await {
                Ok(message) => break message?,
                Err(_) if state.table().is_idle() => return Ok("idle"),
                Err(_) => {}
            }
        };
        let mut table = state.table();
        if !table.hear(message, Instant::now()) {
            return Ok("an answer to no question");
        }
        if table.spent && table.is_idle() {
            return Ok(USED_UP);
        }
    }
}

async fn read_message(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut message = vec![0; reader.read_u16().await?.into()];
    reader.read_exact(&mut message).await?;
    Ok(message)
}

impl ConnectionState {
    fn new(quota: usize) -> Self {
        let opened_at = Instant::now();
        let (phase, _) = watch::channel(Phase::Connecting(opened_at.into_std()));
        Self { phase, table: Mutex::default(), end: OnceLock::new(), opened_at, quota }
    }

    fn admit(&self, message: &[u8], reply: Answerer, last: bool) -> io::Result<Vec<u8>> {
        let mut table = self.table();
        table.spent = last;
        table.admit(message, reply)
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(super) fn tcp_is_up(&self) {
        self.phase.send_replace(Phase::Handshaking(Instant::now().into_std()));
    }

    fn ended(&self, was_sent: bool) -> Lost {
        let gone = || {
            let error = LookupError::from(LookupErrorKind::NoNameServer);
            error.with_cause("the connection's task is gone")
        };
        let error = self.end.get().map_or_else(gone, |(error, _)| error.clone());
        let table = self.table();
        let (was_up, answers) = (table.up_at.is_some(), table.answers);
        let has_ended = self.end.get().is_some();
        Lost { error, was_up, has_ended, answers, was_sent }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }
}

#[cfg(test)]
mod tests;
