//! A name server that does what a test tells it, over UDP and TCP on loopback, and writes down
//! what it was asked. Knows nothing of the crate under test.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

/// What a question gets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    code: ResponseCode,
    answers: Vec<Record>,
    authorities: Vec<Record>,
    delay: Duration,
    silent: bool,
    garbage: bool,
    truncated: bool,
    hang_up: bool,
    no_edns: bool,
    many: u16,
    forged: Vec<Forgery>,
}

/// What an attacker gets wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Forgery {
    Id,
    Name,
    Type,
    NotAReply,
    Short,
}

impl Reply {
    /// Addresses of the name that was asked.
    pub(crate) fn addrs(ttl: u32, addrs: &[&str]) -> Self {
        addrs.iter().fold(Self::default(), |reply, addr| reply.addr_of(".", ttl, addr))
    }

    /// So many A records with a TTL of 60 s, from 10.0.0.0 upwards, packed as tightly as the wire
    /// allows.
    pub(crate) fn many(count: u16) -> Self {
        Self { many: count, ..Self::default() }
    }

    /// An error code and nothing else.
    pub(crate) fn code(code: ResponseCode) -> Self {
        Self { code, ..Self::default() }
    }

    /// NODATA without an SOA.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// NXDOMAIN without an SOA.
    pub(crate) fn nxdomain() -> Self {
        Self::code(ResponseCode::NXDomain)
    }

    /// Never answers; over TCP the connection stays open.
    pub(crate) fn silence() -> Self {
        Self { silent: true, ..Self::default() }
    }

    /// The right header and question, and then nonsense.
    pub(crate) fn garbage() -> Self {
        Self { garbage: true, ..Self::default() }
    }

    /// TC over UDP; everything over TCP.
    pub(crate) fn truncated(mut self) -> Self {
        self.truncated = true;
        self
    }

    /// Closes the TCP connection in place of an answer.
    pub(crate) fn hang_up(mut self) -> Self {
        self.hang_up = true;
        self
    }

    /// FORMERR to every question with EDNS.
    pub(crate) fn no_edns(mut self) -> Self {
        self.no_edns = true;
        self
    }

    /// Comes so much later, in tokio's time.
    pub(crate) fn after(mut self, millis: u64) -> Self {
        self.delay = Duration::from_millis(millis);
        self
    }

    /// Preceded by a forged reply with the address 192.0.2.66.
    pub(crate) fn forged(mut self, forgery: Forgery) -> Self {
        self.forged.push(forgery);
        self
    }

    /// An SOA of the root, which makes "none" last so many seconds.
    pub(crate) fn soa(mut self, ttl: u32, minimum: u32) -> Self {
        let soa = SOA::new(Name::root(), Name::root(), 1, 2, 3, 4, minimum);
        self.authorities.push(Record::from_rdata(Name::root(), ttl, RData::SOA(soa)));
        self
    }

    /// A CNAME; the owner `.` is the name that was asked.
    pub(crate) fn cname(mut self, owner: &str, ttl: u32, target: &str) -> Self {
        let data = RData::CNAME(CNAME(name(target)));
        self.answers.push(Record::from_rdata(name(owner), ttl, data));
        self
    }

    /// An address; the owner `.` is the name that was asked.
    pub(crate) fn addr_of(mut self, owner: &str, ttl: u32, addr: &str) -> Self {
        let data = match addr.parse().unwrap() {
            IpAddr::V4(ip) => RData::A(A(ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
        };
        self.answers.push(Record::from_rdata(name(owner), ttl, data));
        self
    }
}

fn name(text: &str) -> Name {
    let text = text.trim_end_matches('.');
    if text.is_empty() {
        Name::root()
    } else {
        Name::from_labels(text.split('.').map(str::as_bytes)).unwrap()
    }
}

/// A question that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) name: String,
    pub(crate) rtype: RecordType,
    pub(crate) tcp: bool,
    pub(crate) id: u16,
    pub(crate) from: SocketAddr,
    /// The payload size of EDNS, if there was EDNS.
    pub(crate) edns: Option<u16>,
}

#[derive(Default)]
struct Script {
    replies: HashMap<(Name, RecordType), Vec<Reply>>,
    seen: Vec<Seen>,
}

/// The server. Stops when it is dropped.
pub(crate) struct Dns {
    pub(crate) addr: SocketAddr,
    script: Arc<Mutex<Script>>,
    tasks: Vec<AbortHandle>,
}

impl Dns {
    /// Listens on 127.0.0.1 at a port of its own.
    pub(crate) async fn start() -> Self {
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
    pub(crate) async fn start_udp_only() -> Self {
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
    pub(crate) fn on(
        &self,
        name: &str,
        rtype: RecordType,
        replies: impl Into<Vec<Reply>>,
    ) -> &Self {
        let key = (self::name(name), rtype);
        let mut replies = replies.into();
        replies.reverse();
        self.script.lock().unwrap().replies.insert(key, replies);
        self
    }

    /// All questions so far, in the order in which they came.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }

    /// The questions so far as words: `A a.test`, `AAAA b.test tcp`.
    pub(crate) fn asked(&self) -> Vec<String> {
        let word = |seen: Seen| {
            format!("{} {}{}", seen.rtype, seen.name, if seen.tcp { " tcp" } else { "" })
        };
        self.seen().into_iter().map(word).collect()
    }

    /// Until all that was sent to it, and all that the tasks of this runtime can do about the
    /// answers without time passing, is done.
    pub(crate) async fn settle(&self) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        for _ in 0..4 {
            socket.send_to(b"settle", self.addr).await.unwrap();
            socket.recv(&mut [0; 8]).await.unwrap();
        }
    }

    /// Until so many questions have come. Hangs if they never do: a test that fails by its time-out.
    pub(crate) async fn wait_for(&self, count: usize) {
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
            sleep(reply.delay).await;
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
        sleep(reply.delay).await;
        if reply.hang_up {
            return Ok(());
        }
        for bytes in messages(&query, &reply, true) {
            stream.write_u16(bytes.len().try_into().unwrap()).await?;
            stream.write_all(&bytes).await?;
        }
    }
}

/// What goes back, message by message.
fn messages(query: &Message, reply: &Reply, tcp: bool) -> Vec<Vec<u8>> {
    if reply.silent {
        return Vec::new();
    }
    let mut all: Vec<_> = reply.forged.iter().map(|forgery| forged(query, *forgery)).collect();
    let mut message = response(query);
    if reply.many > 0 {
        // Nothing may come after the answers that are put there by hand.
        message.edns = None;
    }
    if reply.no_edns && query.edns.is_some() {
        message.metadata.response_code = ResponseCode::FormErr;
        message.edns = None;
    } else if reply.truncated && !tcp {
        message.metadata.truncation = true;
    } else {
        message.metadata.response_code = reply.code;
        message.answers.clone_from(&reply.answers);
        message.authorities.clone_from(&reply.authorities);
    }
    for record in message.answers.iter_mut().filter(|record| record.name.is_root()) {
        record.name = query.queries[0].name.clone();
    }
    let mut bytes = message.to_vec().unwrap();
    if reply.many > 0 && (tcp || !reply.truncated) {
        append_many(&mut bytes, reply.many);
    }
    if reply.garbage {
        // Five answers are announced, and this is what comes.
        bytes[7] = 5;
        bytes.extend([0xff; 40]);
    }
    all.push(bytes);
    all
}

/// hickory compresses only the first names of a message; here each owner is a pointer to the
/// question.
fn append_many(bytes: &mut Vec<u8>, count: u16) {
    bytes[6..8].copy_from_slice(&count.to_be_bytes());
    for i in 0..count {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0]);
        bytes.extend(i.to_be_bytes());
    }
}

fn response(query: &Message) -> Message {
    let mut message = query.clone();
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    message
}

fn forged(query: &Message, forgery: Forgery) -> Vec<u8> {
    let mut message = response(query);
    let owner = query.queries[0].name.clone();
    let data = RData::A(A(Ipv4Addr::new(192, 0, 2, 66)));
    message.answers.push(Record::from_rdata(owner, 60, data));
    match forgery {
        Forgery::Id => message.metadata.id ^= 1,
        Forgery::Name => message.queries[0].name = name("forged.test"),
        Forgery::Type => message.queries[0].query_type = RecordType::TXT,
        Forgery::NotAReply => message.metadata.message_type = MessageType::Query,
        Forgery::Short => return message.to_vec().unwrap()[..7].to_vec(),
    }
    message.to_vec().unwrap()
}

/// While it lives, tokio's paused clock stands still unless a test moves it: real sockets need no
/// time, and an idle runtime does not jump to its next timer.
pub(crate) struct HeldClock(
    #[allow(dead_code, reason = "dropping it is its use")] mpsc::Sender<()>,
);

impl HeldClock {
    /// In a test with `start_paused`.
    pub(crate) fn hold() -> Self {
        let (sender, receiver) = mpsc::channel::<()>();
        // tokio does not advance a paused clock by itself while a blocking task runs.
        tokio::task::spawn_blocking(move || receiver.recv());
        Self(sender)
    }
}

/// Lets time pass, and then everything happen at these servers that is due.
pub(crate) async fn pass(millis: u64, servers: &[&Dns]) {
    tokio::time::advance(Duration::from_millis(millis)).await;
    for server in servers {
        server.settle().await;
    }
}
