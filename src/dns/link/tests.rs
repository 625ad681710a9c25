//! A link in paused time: each connection is a pipe with a scripted server at its other end.

use std::sync::atomic::AtomicU32;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::*;
use crate::race::answer::LookupErrorKind;

const MS: Duration = Duration::from_millis(1);

/// The behaviour of a server on one connection.
#[derive(Debug, Clone, Copy)]
enum Server {
    /// Answers after this time.
    Answers(Duration),
    /// Answers this many questions, then closes.
    Closes(usize),
    /// Answers this many questions and then no more.
    FallsSilent(usize),
    /// The connection comes up after this time, then it answers.
    Late(Duration),
    /// The connection takes the first time to come up, and each answer the second.
    Far(Duration, Duration),
    /// Closes at the question with this id.
    Dislikes(u16),
    /// There is no connection.
    Refused,
}

/// A link whose connections reach these servers in turn, the last of them again and again, and the
/// count of connections.
fn link(servers: &[Server]) -> (Arc<Link>, Arc<AtomicU32>) {
    let (servers, opened) = (servers.to_vec(), Arc::new(AtomicU32::new(0)));
    let count = opened.clone();
    let open = move |quota| {
        let nth = count.fetch_add(1, Ordering::Relaxed) as usize;
        let server = servers[nth.min(servers.len() - 1)];
        let (ours, theirs) = duplex(1 << 16);
        tokio::spawn(serve(theirs, server));
        Connection::open(quota, async move |_| match server {
            Server::Refused => {
                Err(LookupError::from(LookupErrorKind::NoNameServer).with_cause("refused"))
            }
            Server::Late(after) | Server::Far(after, _) => {
                sleep(after).await;
                Ok(ours)
            }
            Server::Answers(_)
            | Server::Closes(_)
            | Server::FallsSilent(_)
            | Server::Dislikes(_) => Ok(ours),
        })
    };
    (Arc::new(Link::new(([192, 0, 2, 53], 853).into(), open)), opened)
}

/// Sends back what it receives.
async fn serve(stream: DuplexStream, server: Server) -> std::io::Result<()> {
    let (most, after) = match server {
        Server::Answers(after) | Server::Far(_, after) => (usize::MAX, after),
        Server::Closes(most) | Server::FallsSilent(most) => (most, Duration::ZERO),
        Server::Late(_) | Server::Dislikes(_) | Server::Refused => (usize::MAX, Duration::ZERO),
    };
    let (mut reader, writer) = tokio::io::split(stream);
    let (answers, mut outbox) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let sending = tokio::spawn(async move {
        let mut writer = writer;
        while let Some((at, message)) = outbox.recv().await {
            sleep_until(at).await;
            let length = u16::try_from(message.len()).unwrap().to_be_bytes();
            writer.write_all(&[&length, &message[..]].concat()).await?;
        }
        std::io::Result::Ok(())
    });
    for nth in 0.. {
        let mut message = vec![0; reader.read_u16().await?.into()];
        reader.read_exact(&mut message).await?;
        if matches!(server, Server::Dislikes(id) if message == id.to_be_bytes()) {
            break;
        }
        if nth < most {
            let _ = answers.send((Instant::now() + after, message));
        } else if let Server::Closes(_) = server {
            break;
        }
        if nth + 1 == most && matches!(server, Server::Closes(_)) {
            break;
        }
    }
    drop(answers);
    let _ = sending.await;
    Ok(())
}

fn ask(link: &Arc<Link>, id: u16) -> JoinHandle<Result<Vec<u8>, LookupError>> {
    let (link, message) = (link.clone(), Arc::from(id.to_be_bytes()));
    tokio::spawn(async move { link.ask(&message, None).await })
}

/// The time that a question takes.
async fn time(link: &Arc<Link>) -> Duration {
    let started = Instant::now();
    assert_eq!(ask(link, 7).await.unwrap().unwrap(), 7_u16.to_be_bytes());
    started.elapsed()
}

#[tokio::test(start_paused = true)] // R-7858-3.4a
async fn cold_questions_share_one_connection() {
    let (link, opened) = link(&[Server::Late(30 * MS)]);
    let asked: Vec<_> = (0..50).map(|id| ask(&link, id)).collect();
    for (id, asked) in (0_u16..).zip(asked) {
        assert_eq!(asked.await.unwrap().unwrap(), id.to_be_bytes());
    }
    assert_eq!(opened.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)] // R-7858-3.4b
async fn a_server_that_closes_after_each_answer_loses_no_question() {
    let (link, opened) = link(&[Server::Closes(1)]);
    let asked: Vec<_> = (0..50).map(|id| ask(&link, id)).collect();
    for (id, asked) in (0_u16..).zip(asked) {
        assert_eq!(asked.await.unwrap().unwrap(), id.to_be_bytes());
    }
    assert_eq!(opened.load(Ordering::Relaxed), 50);
}

#[tokio::test(start_paused = true)] // R-7858-3.4b
async fn one_that_closes_without_an_answer_is_tried_twice() {
    let (first, opened) = link(&[Server::Closes(0), Server::Answers(Duration::ZERO)]);
    assert_eq!(time(&first).await, Duration::ZERO);
    assert_eq!(opened.load(Ordering::Relaxed), 2);
    let (both, opened) = link(&[Server::Closes(0)]);
    let error = ask(&both, 7).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "no name server: closed by the server");
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_refuses_is_tried_once_a_question() {
    let (link, opened) = link(&[Server::Refused]);
    for nth in 1..3 {
        let error = ask(&link, 7).await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "no name server: refused");
        // A question at once gets the same, without another connection.
        ask(&link, 8).await.unwrap().unwrap_err();
        assert_eq!(opened.load(Ordering::Relaxed), nth);
        sleep(REFUSED_FOR).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_that_cannot_be_replaced_makes_another_transport_join() {
    let (link, _) = link(&[Server::FallsSilent(1), Server::Refused]);
    assert_eq!(slow(&link).await, None);
    link.prove(true);
    assert_eq!(slow(&link).await, Some((250, Slow::NotUp)));
    assert!(!link.is_good());
    // The next question does not wait longer for a link in doubt.
    assert_eq!(slow(&link).await, Some((250, Slow::Silent)));
    let reported = link.failure().map(|error| error.to_string());
    assert_eq!(reported.as_deref(), Some("no name server: refused"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_name_does_not_leak_while_a_second_connection_comes_up() {
    let (link, opened) = link(&[Server::Far(160 * MS, 400 * MS)]);
    assert_eq!(time(&link).await, 560 * MS);
    link.prove(true);
    // After 250 ms, or 500, there is a second connection, which takes longer than the head start.
    assert_eq!(slow(&link).await, None);
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)] // R-9520-3.1
async fn a_question_at_which_connections_end_leaves_three_times() {
    let (link, opened) = link(&[Server::Dislikes(7)]);
    assert!(ask(&link, 1).await.unwrap().is_ok());
    let (liked, disliked) = (ask(&link, 1), ask(&link, 7));
    let error = disliked.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "no name server: closed by the server");
    assert!(liked.await.unwrap().is_ok());
    assert!(opened.load(Ordering::Relaxed) <= 3, "{opened:?}");
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_questions_are_answered_by_a_server_that_takes_one_a_connection() {
    let (link, opened) = link(&[Server::Closes(1)]);
    let asked: Vec<_> = (0..400).map(|id| ask(&link, id)).collect();
    for (id, asked) in (0_u16..).zip(asked) {
        assert_eq!(asked.await.unwrap().unwrap(), id.to_be_bytes());
    }
    assert!(opened.load(Ordering::Relaxed) <= 400);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_mute_gets_fewer_and_fewer_connections() {
    let (link, opened) = link(&[Server::FallsSilent(0)]);
    for _ in 0..20 {
        let asked = ask(&link, 7);
        sleep(500 * MS).await;
        asked.abort();
    }
    // In 10 s: the first, and others 250 ms, 500 ms, 1, 2 and 4 s later.
    assert!(opened.load(Ordering::Relaxed) <= 6, "{opened:?}");
}

#[tokio::test(start_paused = true)] // R-7858-3.4b
async fn silence_after_serving_costs_250_ms_and_a_connection() {
    let (link, opened) = link(&[Server::FallsSilent(2), Server::Late(40 * MS)]);
    assert_eq!(time(&link).await, Duration::ZERO);
    assert_eq!(time(&link).await, Duration::ZERO);
    assert_eq!(time(&link).await, 290 * MS);
    assert_eq!(time(&link).await, Duration::ZERO);
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_costs_fewer_and_fewer_connections() {
    let (link, opened) = link(&[Server::Answers(900 * MS)]);
    let mut connections = Vec::new();
    for _ in 0..5 {
        assert_eq!(time(&link).await, 900 * MS);
        connections.push(opened.load(Ordering::Relaxed));
    }
    // After 250 ms, then 500 ms; one second of patience is enough.
    assert_eq!(connections, [2, 3, 3, 3, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_second_connection_is_the_last() {
    let (link, opened) = link(&[Server::FallsSilent(0)]);
    let asked = ask(&link, 7);
    sleep(Duration::from_secs(5)).await;
    assert!(!asked.is_finished());
    assert_eq!(opened.load(Ordering::Relaxed), 2);
    asked.abort();
}

/// After how many milliseconds another transport is to join a question, and why.
async fn slow(link: &Arc<Link>) -> Option<(u128, Slow)> {
    let join = Join::after(50 * MS);
    let (message, started) = (Arc::from(7_u16.to_be_bytes()), Instant::now());
    let reported = async {
        let why = join.slow().await;
        (started.elapsed().as_millis(), why)
    };
    match select(pin!(link.ask(&message, Some(&join))), pin!(reported)).await {
        Either::Left(_) => None,
        Either::Right((at, _)) => Some(at),
    }
}

#[tokio::test(start_paused = true)]
async fn the_head_start_counts_from_the_connections_start() {
    let (link, _) = link(&[Server::Late(2_000 * MS)]);
    assert_eq!(slow(&link).await, Some((50, Slow::NotUp)));
    // The same connection is still being opened.
    assert_eq!(slow(&link).await, Some((0, Slow::NotUp)));
    sleep(2_000 * MS).await;
    assert_eq!(slow(&link).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_up_and_mute_is_slow_after_250_ms() {
    let (link, _) = link(&[Server::FallsSilent(0)]);
    assert_eq!(slow(&link).await, Some((250, Slow::Silent)));
    assert!(!link.is_good());
}

#[tokio::test(start_paused = true)]
async fn one_that_has_answered_before_may_be_slower() {
    let (link, _) = link(&[Server::FallsSilent(1), Server::FallsSilent(0)]);
    assert_eq!(slow(&link).await, None);
    link.prove(true);
    assert!(link.is_good());
    assert_eq!(slow(&link).await, Some((1_000, Slow::Silent)));
    // The next question is no older than that.
    assert_eq!(slow(&link).await, Some((1_000, Slow::Silent)));
}

#[tokio::test(start_paused = true)]
async fn tcp_that_comes_up_in_time_gets_the_head_start_again() {
    let open = |quota| {
        Connection::open(quota, async move |state: Arc<super::connection::ConnectionState>| {
            sleep(40 * MS).await;
            state.tcp_is_up();
            pending::<Result<DuplexStream, LookupError>>().await
        })
    };
    let link = Arc::new(Link::new(([192, 0, 2, 53], 853).into(), open));
    assert_eq!(slow(&link).await, Some((90, Slow::NotUp)));
}

/// True if a question that fails finds that the link takes questions and answers none.
async fn is_in_vain(servers: &[Server]) -> bool {
    let ((link, _), join) = (link(servers), Join::after(50 * MS));
    let message = Arc::from(7_u16.to_be_bytes());
    link.ask(&message, Some(&join)).await.unwrap_err();
    join.was_in_vain()
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_up_and_ends_at_each_question_answers_none() {
    assert!(is_in_vain(&[Server::Closes(0)]).await);
    // Another test has the reason why there is no connection.
    assert!(!is_in_vain(&[Server::Refused]).await);
    assert!(!is_in_vain(&[Server::Closes(0), Server::Refused]).await);
}
