//! A connection in paused time, with a pipe for a network.

use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use super::table::MAX_STRANGERS;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A connection that is up, and the server's end of it.
fn up() -> (Arc<Connection>, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    (Connection::open(usize::MAX, |_| ready(Ok(ours))), theirs)
}

/// A question with this id and text.
fn question(id: u16, text: &str) -> Arc<[u8]> {
    [&id.to_be_bytes(), text.as_bytes()].concat().into()
}

fn ask(connection: &Arc<Connection>, message: Arc<[u8]>) -> JoinHandle<Result<Vec<u8>, Lost>> {
    tokio::spawn(connection.clone().ask(message, SentAt::default()))
}

/// The next question that the server gets: its id and its text.
async fn next(server: &mut DuplexStream) -> (u16, String) {
    let message = read_message(server).await.unwrap();
    let (id, text) = message.split_first_chunk().unwrap();
    (u16::from_be_bytes(*id), String::from_utf8(text.to_vec()).unwrap())
}

async fn answer(server: &mut DuplexStream, id: u16, text: &str) {
    let message = question(id, text);
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    server.write_all(&[&length, &message[..]].concat()).await.unwrap();
}

/// Lets every task run until it waits for something.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)] // R-7858-3.3b, R-7858-3.3c
async fn questions_do_not_wait_for_answers_which_come_in_any_order() {
    let (connection, mut server) = up();
    let asked = [1, 2, 3].map(|id| ask(&connection, question(id, &format!("q{id}"))));
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(next(&mut server).await);
    }
    for (id, text) in ids.iter().rev() {
        answer(&mut server, *id, &text.replace('q', "a")).await;
    }
    for (index, asked) in asked.into_iter().enumerate() {
        let id = u16::try_from(index + 1).unwrap();
        assert_eq!(asked.await.unwrap().unwrap(), *question(id, &format!("a{id}")));
    }
}

/// Counts the writes and their lengths.
#[derive(Default)]
struct Writes(Arc<Mutex<Vec<usize>>>);

impl AsyncWrite for Writes {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().push(bytes.len());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)] // R-7858-3.3a
async fn a_question_and_its_length_leave_in_one_write_and_all_that_wait_with_them() {
    let writes = Writes::default();
    let lengths = writes.0.clone();
    let (reader, _quiet) = tokio::io::duplex(1);
    let stream = tokio::io::join(reader, writes);
    let connection = Connection::open(usize::MAX, |_| ready(Ok(stream)));
    let asked = [5, 70].map(|length| ask(&connection, question(1, &"q".repeat(length))));
    settle().await;
    assert_eq!(*lengths.lock(), [2 + 2 + 5 + 2 + 2 + 70]);
    let later = ask(&connection, question(1, "q"));
    settle().await;
    assert_eq!(lengths.lock()[1..], [2 + 2 + 1]);
    asked.iter().chain([&later]).for_each(JoinHandle::abort);
}

#[tokio::test(start_paused = true)] // R-7858-3.3c
async fn two_open_questions_never_have_the_same_id_on_the_wire() {
    let (connection, mut server) = up();
    let asked = ["x", "y"].map(|text| ask(&connection, question(7, text)));
    let (first, second) = (next(&mut server).await, next(&mut server).await);
    assert_ne!(first.0, second.0);
    answer(&mut server, second.0, "to y").await;
    answer(&mut server, first.0, "to x").await;
    for (asked, text) in asked.into_iter().zip(["to x", "to y"]) {
        // The caller knows it by the id that it has chosen.
        assert_eq!(asked.await.unwrap().unwrap(), *question(7, text));
    }
}

#[tokio::test(start_paused = true)] // R-8310-6.6b, R-7858-3.1b
async fn nothing_leaves_before_the_connection_is_up() {
    let (ours, mut server) = tokio::io::duplex(1 << 20);
    let (up, is_up) = oneshot::channel();
    let connection =
        Connection::open(usize::MAX, |_| async move { Ok(is_up.await.map(|()| ours).unwrap()) });
    let asked = ask(&connection, question(1, "q"));
    settle().await;
    assert!(matches!(connection.phase(), Phase::Connecting(_)));
    assert!(next(&mut server).now_or_never().is_none());
    up.send(()).unwrap();
    assert_eq!(next(&mut server).await, (1, "q".to_owned()));
    answer(&mut server, 1, "a").await;
    assert_eq!(asked.await.unwrap().unwrap(), *question(1, "a"));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_questions_are_answered_a_hundred_at_a_time() {
    let (connection, mut server) = up();
    let asked: Vec<_> = (0..1_000).map(|id| ask(&connection, question(id, "q"))).collect();
    let mut open = Vec::new();
    for _ in 0..10 {
        for _ in 0..MAX_OPEN {
            open.push(next(&mut server).await.0);
        }
        settle().await;
        assert!(read_message(&mut server).now_or_never().is_none(), "more than {MAX_OPEN}");
        for id in open.drain(..) {
            answer(&mut server, id, "a").await;
        }
    }
    for (id, asked) in (0..).zip(asked) {
        assert_eq!(asked.await.unwrap().unwrap(), *question(id, "a"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_whose_asker_is_gone_is_not_sent_and_holds_no_slot() {
    let (connection, mut server) = up();
    let gone: Vec<_> = (0..200).map(|id| ask(&connection, question(id, "gone"))).collect();
    gone.iter().for_each(JoinHandle::abort);
    let asked = ask(&connection, question(500, "q"));
    assert_eq!(next(&mut server).await, (500, "q".to_owned()));
    asked.abort();
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_question_ends_after_30_s() {
    let (connection, mut server) = up();
    let asked = ask(&connection, question(1, "slow"));
    let (id, _) = next(&mut server).await;
    // It stays as long as a question waits.
    tokio::time::sleep(2 * IDLE).await;
    answer(&mut server, id, "a").await;
    assert!(asked.await.unwrap().is_ok());
    tokio::time::sleep(IDLE - SECOND).await;
    assert!(matches!(connection.phase(), Phase::Up(_)));
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(connection.phase(), Phase::Ended);
}

#[tokio::test(start_paused = true)] // R-7858-3.4b
async fn the_end_of_a_connection_says_whether_another_may_do_better() {
    let (connection, mut server) = up();
    let asked = [1, 2].map(|id| ask(&connection, question(id, "q")));
    let (id, _) = next(&mut server).await;
    answer(&mut server, id, "a").await;
    settle().await;
    drop(server);
    let [first, second] = asked;
    assert!(first.await.unwrap().is_ok());
    let ended = second.await.unwrap().unwrap_err();
    assert!(ended.was_up && ended.was_sent);
    assert_eq!(ended.answers, 1);
    assert_eq!(ended.error.to_string(), "no name server: closed by the server");
    let late = connection.ask(question(3, "late"), SentAt::default()).await.unwrap_err();
    assert!(late.was_up && !late.was_sent);

    let (ours, theirs) = tokio::io::duplex(64);
    drop(theirs);
    let useless = Connection::open(usize::MAX, |_| ready(Ok(ours)))
        .ask(question(1, "q"), SentAt::default())
        .await
        .unwrap_err();
    assert_eq!(useless.answers, 0);
    let refused = LookupError::from(LookupErrorKind::NoNameServer).with_cause("refused");
    let never = Connection::open(usize::MAX, |_| ready(Err::<DuplexStream, _>(refused)));
    let ended = never.ask(question(1, "q"), SentAt::default()).await.unwrap_err();
    assert_eq!((ended.was_up, ended.error.to_string()), (false, "no name server: refused".into()));
}

#[tokio::test(start_paused = true)]
async fn it_knows_when_the_last_answer_came() {
    let (connection, mut server) = up();
    let started = Instant::now();
    let _asked = [1, 2].map(|id| ask(&connection, question(id, "q")));
    let (first, _) = next(&mut server).await;
    assert_eq!(connection.heard_at(), None);
    tokio::time::sleep(Duration::from_millis(100)).await;
    answer(&mut server, first, "a").await;
    settle().await;
    assert_eq!(connection.heard_at(), Some(started + Duration::from_millis(100)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_what_was_not_asked_is_left() {
    let (connection, mut server) = up();
    let asked = ask(&connection, question(1, "q"));
    next(&mut server).await;
    answer(&mut server, 2, "noise").await;
    let ended = asked.await.unwrap().unwrap_err();
    assert_eq!(ended.error.to_string(), "no name server: an answer to no question");
    assert_eq!((ended.answers, ended.was_sent), (0, true));
}

#[tokio::test(start_paused = true)]
async fn one_that_has_answered_may_repeat_itself() {
    let (connection, mut server) = up();
    let asked = ask(&connection, question(1, "q"));
    next(&mut server).await;
    for _ in 0..MAX_STRANGERS {
        answer(&mut server, 1, "a").await;
    }
    assert!(asked.await.unwrap().is_ok());
    settle().await;
    assert!(matches!(connection.phase(), Phase::Up(_)));
    answer(&mut server, 1, "a").await;
    settle().await;
    assert_eq!(connection.phase(), Phase::Ended);
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_kept_and_what_has_left_is_waited_for() {
    let (ours, mut server) = tokio::io::duplex(1 << 16);
    let connection = Connection::open(2, |_| ready(Ok(ours)));
    let asked = [1, 2, 3].map(|id| ask(&connection, question(id, "q")));
    settle().await;
    assert!(!connection.is_open());
    let [first, second, third] = asked;
    let ended = third.await.unwrap().unwrap_err();
    assert!(ended.was_up && !ended.was_sent);
    for _ in 0..2 {
        let (id, _) = next(&mut server).await;
        answer(&mut server, id, "a").await;
    }
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
    settle().await;
    assert_eq!(connection.phase(), Phase::Ended);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_question_learns_that_the_task_is_gone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (ours, _server) = tokio::io::duplex(1 << 16);
    let connection = {
        let _within = runtime.enter();
        Connection::open(9, |_| ready(Ok(ours)))
    };
    let asked = ask(&connection, question(1, "q"));
    runtime.shutdown_background();
    let ended = asked.await.unwrap().unwrap_err();
    assert_eq!(ended.error.to_string(), "no name server: the connection's task is gone");
    assert_eq!((connection.phase(), connection.is_open()), (Phase::Ended, false));
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_question_is_not_made() {
    let (held, dropped) = oneshot::channel::<()>();
    let connection = Connection::open(usize::MAX, async move |_| {
        let _held = held;
        pending::<Result<DuplexStream, LookupError>>().await
    });
    let asked = ask(&connection, question(1, "q"));
    settle().await;
    drop(connection);
    // A question is a handle too.
    let mut dropped = dropped.fuse();
    settle().await;
    assert!((&mut dropped).now_or_never().is_none());
    asked.abort();
    settle().await;
    assert!(dropped.now_or_never().is_some_and(|end| end.is_err()));
}
