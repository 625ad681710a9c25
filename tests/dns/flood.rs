//! A peer that sends without end must not hold up what is due by the clock.

use std::env::temp_dir;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use he::dns::Resolver;
use he::{Query, Record, Resolve};
use he_test_support::dns::HeldClock;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::yield_now;

/// More than tokio lets a task receive in one go (128), and less than a socket holds.
const BURST: usize = 200;
/// So many times everybody gets a turn, and the flood with them.
const TURNS: usize = 50;

/// A name server whose every word is a forged reply. It ends with the test.
struct Flooder {
    addr: SocketAddr,
    questions: Arc<AtomicUsize>,
}

impl Flooder {
    async fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (addr, questions) = (socket.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        tokio::spawn(flood(socket, questions.clone()));
        Self { addr, questions }
    }

    /// Lets everybody have their turns; how many questions have come by then.
    async fn questions_after_turns(&self) -> usize {
        for _ in 0..TURNS {
            yield_now().await;
        }
        self.questions.load(Relaxed)
    }
}

/// From the first question on, the client's socket is full whenever the client gets its turn.
async fn flood(socket: UdpSocket, questions: Arc<AtomicUsize>) {
    let mut question = [0; 512];
    let (length, client) = socket.recv_from(&mut question).await.unwrap();
    questions.fetch_add(1, Relaxed);
    let mut forged = question[..length].to_vec();
    forged[0] ^= 1; // another id
    forged[2] |= 0x80; // a reply
    loop {
        for _ in 0..BURST {
            // It fails when the socket is full, or gone.
            let _ = socket.try_send_to(&forged, client);
        }
        while socket.try_recv(&mut question).is_ok() {
            questions.fetch_add(1, Relaxed);
        }
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)] // R-5452-9, N-20 (RFC 5452 section 9.3)
async fn a_flood_of_forged_datagrams_moves_the_question_to_tcp() {
    let _held = HeldClock::hold();
    let flooder = Flooder::start().await;
    let resolver = Resolver::plain_servers([flooder.addr]).without_hosts();
    let lookup = tokio::spawn(resolver.lookup(&Query::new("www.test.", Record::A)));
    // The clock stands still: nothing is waited for.
    assert_eq!(flooder.questions_after_turns().await, 1);
    assert!(lookup.is_finished());
    let error = lookup.await.unwrap().unwrap_err();
    let reported = format!(
        "lookup failed ({}): too many replies with a wrong id, and over TCP: connection refused",
        flooder.addr
    );
    assert_eq!(error.to_string(), reported);
}

/// Reads a question over TCP and answers with messages of no length, half a million of them; then
/// hangs up. `began` hears of the first.
fn flood_stream(listener: &TcpListener, began: Option<oneshot::Sender<()>>) -> io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    stream.read_exact(&mut vec![0; u16::from_be_bytes(length).into()])?;
    stream.write_all(&[0; 1_000])?;
    began.map(|began| began.send(()));
    stream.write_all(&[0; 1_000_000])
}

#[tokio::test(start_paused = true)] // R-5452-9
async fn a_message_over_tcp_that_is_no_reply_fails_the_server() {
    let _held = HeldClock::hold();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let (began, has_begun) = oneshot::channel();
    // Another connection may do better, so there are two.
    let server = thread::spawn(move || {
        [Some(began), None].map(|began| flood_stream(&listener, began).is_ok())
    });
    let path = temp_dir().join(format!("he-flood-{}", addr.port()));
    fs::write(&path, format!("nameserver [127.0.0.1]:{}\noptions use-vc\n", addr.port())).unwrap();
    let resolver = Resolver::from_resolv_conf(&path).without_hosts();
    let lookup = tokio::spawn(resolver.lookup(&Query::new("www.test.", Record::A)));
    fs::remove_file(&path).unwrap();
    has_begun.await.unwrap();
    let error = lookup.await.unwrap().unwrap_err();
    let told = format!("name server unreachable ({addr}): an answer to no question");
    assert_eq!(error.to_string(), told);
    // It does not matter if only a part of it was taken.
    let _ = server.join().unwrap();
}
