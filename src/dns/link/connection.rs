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
use tokio::time::{Instant, sleep, timeout};

use crate::mutex::Mutex;
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::tls::words;
use table::{Answerer, Lost, Table};

mod table;

/// A connection without a question is closed after so long (RFC 7766 section 6.2.3 leaves it to us;
/// unbound's own limit is the same).
const IDLE: Duration = Duration::from_secs(30);
/// Questions that are open on a connection at once; more wait. The limit of knot-resolver.
const MAX_OPEN: usize = 100;
/// Why a connection with a quota ends.
const USED_UP: &str = "its questions are answered";

/// Dropping the last handle ends it, however far it is.
#[derive(Debug)]
pub(super) struct Connection {
    task: AbortHandle,
    questions: mpsc::UnboundedSender<Pending>,
    slots: Semaphore,
    state: Arc<ConnectionState>,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dns) enum Phase {
    /// Since then TCP is being connected.
    Connecting(Instant),
    /// Since then TCP is up and TLS under way.
    Handshaking(Instant),
    /// It takes questions.
    Up,
    /// It takes no more.
    Ended,
}

/// A question, as it goes through the queue.
#[derive(Debug)]
struct Pending {
    message: Arc<[u8]>,
    reply: Answerer,
}

/// What the connection's task and those who ask know together.
#[derive(Debug)]
pub(super) struct ConnectionState {
    phase: watch::Sender<Phase>,
    table: Mutex<Table>,
    end: OnceLock<(LookupError, Instant)>,
    opened_at: Instant,
    /// So many questions, and no more.
    quota: usize,
}

/// Why a question got no answer from a connection.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) error: LookupError,
    /// It took questions before it ended.
    pub(super) was_up: bool,
    /// It has answered so many others.
    pub(super) answers: usize,
    /// The question has left.
    pub(super) was_sent: bool,
}

impl Connection {
    /// Spawns the connection's task in the current runtime. It takes `quota` questions; `establish`
    /// makes the stream, and tells when TCP is up by [`Life::tcp_is_up`].
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

    /// Asks, once there is a free slot and the connection is up. Nothing is sent before.
    ///
    /// # Errors
    ///
    /// The connection has ended without an answer to this.
    pub(super) async fn ask(self: Arc<Self>, message: Arc<[u8]>) -> Result<Vec<u8>, Unanswered> {
        let _slot = self.slots.acquire().await;
        let (reply, answer) = oneshot::channel();
        let id = message.first_chunk::<2>().copied().unwrap_or_default();
        // If the task is gone, so is the sender of the answer.
        let _ = self.questions.send(Pending { message, reply });
        let mut bytes = match answer.await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(Lost)) => return Err(self.state.ended(true)),
            Err(_) => return Err(self.state.ended(false)),
        };
        if let Some(theirs) = bytes.first_chunk_mut() {
            *theirs = id;
        }
        Ok(bytes)
    }

    pub(super) fn phase(&self) -> Phase {
        self.state.phase()
    }

    /// Whether it takes questions, now or when it is up.
    pub(super) fn is_open(&self) -> bool {
        !self.questions.is_closed() && self.phase() != Phase::Ended
    }

    /// How long it took until it was up.
    pub(super) fn took(&self) -> Option<Duration> {
        Some(self.state.table().up_at? - self.state.opened_at)
    }

    /// Whether anything was heard after that.
    pub(super) fn was_heard_since(&self, then: Instant) -> bool {
        self.state.table().was_heard_since(then)
    }

    /// After how many answers the server has ended it, if that has cost questions.
    pub(super) fn quota_of_the_server(&self) -> Option<usize> {
        let table = self.state.table();
        (table.lost > 0 && table.answers > 0).then_some(table.answers)
    }

    /// Why it ended without having been up, and when.
    pub(super) fn failure(&self) -> Option<&(LookupError, Instant)> {
        let failed = self.state.table().up_at.is_none();
        self.state.end.get().filter(|_| failed)
    }

    /// Waits until it is another one.
    pub(super) async fn leaves(&self, phase: Phase) {
        let mut phases = self.state.phase.subscribe();
        if phases.wait_for(|now| *now != phase).await.is_err() {
            pending().await
        }
    }

    /// Waits until a question that has left is without an answer for so long, and nothing else has
    /// been heard either.
    pub(super) async fn is_silent_for(&self, patience: Duration) {
        while let Some(left) = self.state.left_until_silent(patience) {
            sleep(left).await;
        }
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
            state.table().up_at = Some(Instant::now());
            state.phase.send_replace(Phase::Up);
            serve(stream, &mut queue, &state).await
        }
        Err(error) => error,
    };
    // Who waits for an answer looks for the reason when there will be none.
    let _ = state.end.set((error, Instant::now()));
    state.table().count_lost();
    queue.close();
    drop(end);
}

/// Tells all who wait that there will be no answer; also when the task is dropped, or panics.
struct End(Arc<ConnectionState>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.phase.send_replace(Phase::Ended);
        let open = std::mem::take(&mut self.0.table().open);
        open.into_values().for_each(|sent| {
            let _ = sent.reply.send(Err(Lost));
        });
    }
}

/// Until the connection ends, and why.
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
        Err(e) => error.with_cause(words::cause(&e).to_string()),
    }
}

/// A length and its message leave together: a server may take a length alone for all there is
/// (RFC 7766 section 8, RFC 7858 section 3.3).
async fn speak(
    mut writer: impl AsyncWrite + Unpin,
    queue: &mut mpsc::UnboundedReceiver<Pending>,
    state: &ConnectionState,
) -> io::Result<&'static str> {
    let mut left = state.quota;
    while let Some(first) = queue.recv().await {
        let mut frames = Vec::new();
        let mut next = Some(first);
        // All that wait leave together: one segment more may cost a round trip.
        while let Some(Pending { message, reply }) = next {
            // Who waited for it may have gone meanwhile.
            if !reply.is_closed() {
                left -= 1;
                frames.extend(state.admit(&message, reply, left == 0)?);
            }
            next = queue.try_recv().ok().filter(|_| left > 0);
        }
        writer.write_all(&frames).await?;
        writer.flush().await?;
        if left == 0 {
            // The others go elsewhere; what has left is waited for.
            queue.close();
            while queue.try_recv().is_ok() {}
            return pending().await;
        }
    }
    Ok("nobody asks any more")
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
        let (phase, _) = watch::channel(Phase::Connecting(opened_at));
        Self { phase, table: Mutex::default(), end: OnceLock::new(), opened_at, quota }
    }

    fn admit(&self, message: &[u8], reply: Answerer, last: bool) -> io::Result<Vec<u8>> {
        let mut table = self.table();
        table.spent = last;
        table.admit(message, reply, Instant::now())
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(super) fn tcp_is_up(&self) {
        self.phase.send_replace(Phase::Handshaking(Instant::now()));
    }

    fn ended(&self, was_sent: bool) -> Unanswered {
        let gone = || {
            let error = LookupError::from(LookupErrorKind::NoNameServer);
            error.with_cause("the connection's task is gone")
        };
        let error = self.end.get().map_or_else(gone, |(error, _)| error.clone());
        let table = self.table();
        let (was_up, answers) = (table.up_at.is_some(), table.answers);
        Unanswered { error, was_up, answers, was_sent }
    }

    fn left_until_silent(&self, patience: Duration) -> Option<Duration> {
        self.table().left_until_silent(patience, Instant::now())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }
}

#[cfg(test)]
mod tests;
