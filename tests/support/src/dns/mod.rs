//! A name server that does what a test tells it, over UDP and TCP on loopback, and writes down
//! what it was asked. Knows nothing of the crate under test.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

mod clock;
mod reply;

pub use clock::{HeldClock, pass};
pub use reply::{Forgery, Reply};
use reply::{messages, name};

/// A question that has arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    pub name: String,
    pub rtype: RecordType,
    pub tcp: bool,
    pub id: u16,
    pub from: SocketAddr,
    /// The payload size of EDNS, if there was EDNS.
    pub edns: Option<u16>,
}

#[derive(Default)]
struct Script {
    replies: HashMap<(Name, RecordType), Vec<Reply>>,
    seen: Vec<Seen>,
}

/// The server. Stops when it is dropped.
pub struct Dns {
    pub addr: SocketAddr,
    script: Arc<Mutex<Script>>,
    tasks: Vec<AbortHandle>,
}

impl Dns {
    /// Listens on 127.0.0.1 at a port of its own.
    pub async fn start() -> Self {
        loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let addr = udp.local_addr().unwrap();
            // The same number may be taken for TCP: then another one.
            if let Ok(tcp) = TcpListener::bind(addr).await {
                return Self::on_sockets(udp, Some(tcp));
            }
        }
    }

    /// Nobody listens on the TCP port.
    pub async fn start_udp_only() -> Self {
        Self::on_sockets(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(), None)
    }

    fn on_sockets(udp: UdpSocket, tcp: Option<TcpListener>) -> Self {
        let addr = udp.local_addr().unwrap();
        let script = Arc::<Mutex<Script>>::default();
        let mut tasks = vec![tokio::spawn(serve_udp(Arc::new(udp), script.clone())).abort_handle()];
        tasks.extend(tcp.map(|tcp| tokio::spawn(serve_tcp(tcp, script.clone())).abort_handle()));
        Self { addr, script, tasks }
    }

    /// Answers a question from now on: with the first reply, then with the second, and from then
    /// on with the last. What was never told is refused.
    pub fn on(&self, name: &str, rtype: RecordType, replies: impl Into<Vec<Reply>>) -> &Self {
        let key = (self::name(name), rtype);
        let mut replies = replies.into();
        replies.reverse();
        self.script.lock().unwrap().replies.insert(key, replies);
        self
    }

    /// All questions so far, in the order in which they came.
    pub fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }

    /// The questions so far as words: `A a.test`, `AAAA b.test tcp`.
    pub fn asked(&self) -> Vec<String> {
        let word = |seen: Seen| {
            format!("{} {}{}", seen.rtype, seen.name, if seen.tcp { " tcp" } else { "" })
        };
        self.seen().into_iter().map(word).collect()
    }

    /// Until all that was sent to it, and all that the tasks of this runtime can do about the
    /// answers without time passing, is done.
    pub async fn settle(&self) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        for _ in 0..4 {
            socket.send_to(b"settle", self.addr).await.unwrap();
            socket.recv(&mut [0; 8]).await.unwrap();
        }
    }

    /// Until so many questions have come. Hangs if they never do.
    pub async fn wait_for(&self, count: usize) {
        while self.seen().len() < count {
            self.settle().await;
        }
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// Writes a question down and looks up what it gets.
fn note(script: &Mutex<Script>, query: &Message, from: SocketAddr, tcp: bool) -> Reply {
    let question = &query.queries[0];
    let seen = Seen {
        at: Instant::now(),
        name: question.name.to_ascii().trim_end_matches('.').to_owned(),
        rtype: question.query_type,
        tcp,
        id: query.metadata.id,
        from,
        edns: query.edns.as_ref().map(|edns| edns.max_payload()),
    };
    let mut script = script.lock().unwrap();
    script.seen.push(seen);
    let key = (question.name.to_lowercase(), question.query_type);
    let replies = script.replies.get_mut(&key);
    let next = |replies: &mut Vec<Reply>| match replies.len() {
        0 | 1 => replies.last().cloned(),
        _ => replies.pop(),
    };
    replies.and_then(next).unwrap_or_else(|| Reply::code(ResponseCode::Refused))
}

async fn serve_udp(socket: Arc<UdpSocket>, script: Arc<Mutex<Script>>) {
    let mut buffer = [0; 2_048];
    loop {
        // An error is an earlier reply that found nobody.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        if &buffer[..length] == b"settle" {
            let _ = socket.send_to(b"settle", from).await;
            continue;
        }
        let query = Message::from_vec(&buffer[..length]).unwrap();
        let reply = note(&script, &query, from, false);
        let socket = socket.clone();
        tokio::spawn(async move {
            wait(reply.delay).await;
            for bytes in messages(&query, &reply, false) {
                let _ = socket.send_to(&bytes, from).await;
            }
        });
    }
}

async fn serve_tcp(listener: TcpListener, script: Arc<Mutex<Script>>) {
    loop {
        let (stream, from) = listener.accept().await.unwrap();
        let script = script.clone();
        // Ends when the client closes.
        tokio::spawn(async move { serve_stream(stream, from, script).await.ok() });
    }
}

async fn serve_stream(
    mut stream: TcpStream,
    from: SocketAddr,
    script: Arc<Mutex<Script>>,
) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut bytes = vec![0; length.into()];
        stream.read_exact(&mut bytes).await?;
        let query = Message::from_vec(&bytes).unwrap();
        let reply = note(&script, &query, from, true);
        wait(reply.delay).await;
        if reply.hang_up {
            return Ok(());
        }
        for bytes in messages(&query, &reply, true) {
            stream.write_u16(bytes.len().try_into().unwrap()).await?;
            stream.write_all(&bytes).await?;
        }
    }
}

/// tokio's shortest sleep is a millisecond.
async fn wait(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}
