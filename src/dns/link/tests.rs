//! A link in paused time: each connection is a pipe whose other end nobody reads.

use std::sync::Mutex;

use tokio::io::{DuplexStream, duplex};
use tokio::time::advance;

use super::*;
use crate::dns::link::connection::SentAt;

/// A link, and the other ends of its connections.
fn link() -> (Arc<Link>, Arc<Mutex<Vec<DuplexStream>>>) {
    let servers = Arc::new(Mutex::new(Vec::new()));
    let ends = servers.clone();
    let open = move |quota| {
        let (ours, theirs) = duplex(1 << 20);
        ends.lock().unwrap().push(theirs);
        Connection::open(quota, |_| std::future::ready(Ok(ours)))
    };
    (Arc::new(Link::new(([192, 0, 2, 53], 853).into(), open)), servers)
}

/// Asks as many questions as a connection takes.
fn fill(connection: &Arc<Connection>) {
    for id in 0..100_u16 {
        let message = Arc::from(id.to_be_bytes());
        tokio::spawn(connection.clone().ask(message, SentAt::default()));
    }
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)] // N-17
async fn a_connection_that_is_full_and_silent_is_left_for_another_one_three_times() {
    let (link, servers) = link();
    let mut last = link.connection();
    for opened in 1..=4 {
        assert_eq!(servers.lock().unwrap().len(), opened);
        fill(&last);
        settle().await;
        // It may still be fast.
        assert!(Arc::ptr_eq(&link.connection(), &last));
        advance(Duration::from_millis(250)).await;
        let next = link.connection();
        assert_eq!(Arc::ptr_eq(&next, &last), opened == 4, "{opened}");
        last = next;
        settle().await;
    }
}

#[tokio::test(start_paused = true)] // N-12
async fn silence_after_the_same_number_of_answers_twice_is_a_quota() {
    let (link, _) = link();
    let mut state = link.state.lock();
    state.note_silence(5);
    state.note_silence(2);
    assert_eq!(state.quota(), usize::MAX);
    state.note_silence(2);
    assert_eq!(state.quota(), 2);
}
