//! The name server's side of DNS over TLS.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::Name;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::{Acceptor, ClientHello};
use tokio_rustls::server::TlsStream;

use crate::answering::{self, pause};
use crate::clock::Moment;
use crate::path::Forgotten;
use crate::tls::{self, Faults, Goodbye, Greeting, Hello, Wrong};
use crate::world::World;
use crate::zone::{Asked, Over};

/// Bytes that are not TLS, here those of a web server.
const GARBAGE: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

/// The longest time for which an answer waits for others to be shuffled with.
const SHUFFLE: Duration = Duration::from_millis(50);

/// Serves one connection. The client has the address of the server, because the wire swaps
/// addresses.
pub(crate) async fn serve(world: &'static World, stream: TcpStream, client: SocketAddr) {
    let (number, ill) = world.tls().opened(client);
    let connection = Connection { world, client, number, ill };
    if let Err(error) = connection.greet(stream).await {
        world.tls().note(number, |it| {
            it.failure = it.secured.is_none().then(|| error.to_string());
        });
    }
    world.tls().note(number, |it| it.ended = Some(Moment::now()));
}

#[derive(Clone, Copy)]
struct Connection {
    world: &'static World,
    client: SocketAddr,
    number: usize,
    /// True if the server's faults affect it.
    ill: bool,
}

impl Connection {
    fn faults(&self) -> Faults {
        self.world.tls().faults_of(self.client.ip(), self.ill)
    }

    async fn greet(self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        match self.faults().greeting {
            Greeting::Handshake => {}
            // What is written waits for the end, and goes in the same segment.
            Greeting::Leaves => SockRef::from(&stream).set_tcp_cork(true)?,
            Greeting::Closes => return Ok(()),
            Greeting::Mute => return swallow(stream).await,
            Greeting::Garbage => {
                stream.write_all(GARBAGE).await?;
                return swallow(stream).await;
            }
        }
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = hello(&start.client_hello());
        self.world.tls().note(self.number, |it| it.hello = Some(hello));
        sleep(self.faults().handshake_after).await;
        let config = self.world.tls().config(self.client.ip()).expect("a server that speaks TLS");
        let mut accepting = pin!(start.into_stream(config));
        if self.faults().greeting == Greeting::Leaves {
            // The first poll writes, and then waits for the client's part.
            let _ = poll_fn(|context| Poll::Ready(accepting.as_mut().poll(context))).await;
            return Ok(());
        }
        let mut stream = accepting.await?;
        self.world.tls().note(self.number, |it| tls::secured(stream.get_mut().1, it));
        let resumed = tls::resumed(stream.get_ref().1);
        Conversation::new(self, resumed).hold(stream).await
    }
}

fn hello(hello: &ClientHello<'_>) -> Hello {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Hello {
        at: Moment::now(),
        name: hello.server_name().map(str::to_owned),
        alpn: hello.alpn().into_iter().flatten().map(text).collect(),
    }
}

async fn swallow(mut stream: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// The questions and answers of a connection after its handshake.
struct Conversation {
    connection: Connection,
    resumed: bool,
    asked: u32,
    answered: u32,
    /// The number of answers that are being made.
    under_way: usize,
    answers: UnboundedSender<Vec<u8>>,
    ready: UnboundedReceiver<Vec<u8>>,
    /// The answers that wait to be shuffled, and until when.
    held: (Vec<Vec<u8>>, Option<Instant>),
    /// When a question or an answer last passed.
    last: Instant,
}

/// The next step of the server.
enum Next {
    Waits,
    Sends(Vec<Vec<u8>>),
    Leaves(Goodbye),
    /// A NAT has forgotten the connection, so the server neither receives nor sends any more.
    IsForgotten,
}

impl Conversation {
    fn new(connection: Connection, resumed: bool) -> Self {
        let (answers, ready) = unbounded_channel();
        let (held, last) = ((Vec::new(), None), Instant::now());
        Self {
            connection,
            resumed,
            asked: 0,
            answered: 0,
            under_way: 0,
            answers,
            ready,
            held,
            last,
        }
    }

    async fn hold(mut self, mut stream: TlsStream<TcpStream>) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            let changed = self.connection.world.tls_changed.notified();
            let (idle, shuffle) = (self.idle(), self.held.1);
            let mut next = tokio::select! {
                read = stream.read_buf(&mut bytes) => match read? {
                    0 => return Ok(()),
                    _ => self.hear(&mut bytes),
                },
                Some(answer) = self.ready.recv() => self.say(answer),
                () = until(shuffle) => Next::Sends(self.shuffled()),
                goodbye = leave_at(idle) => Next::Leaves(goodbye),
                () = changed => Next::Waits,
            };
            if let Next::Sends(answers) = next {
                next = self.send(&mut stream, answers).await?;
            }
            match next {
                Next::Waits | Next::Sends(_) => {}
                Next::Leaves(goodbye) => return leave(stream, goodbye).await,
                Next::IsForgotten => return swallow(stream).await,
            }
        }
    }

    /// When the server closes the connection if it stays idle.
    fn idle(&self) -> Option<(Instant, Goodbye)> {
        let (wait, goodbye) = self.connection.faults().closes_idle?;
        (self.under_way == 0 && self.held.0.is_empty()).then(|| (self.last + wait, goodbye))
    }

    /// Takes all complete messages out of these bytes.
    fn hear(&mut self, bytes: &mut Vec<u8>) -> Next {
        let faults = self.connection.faults();
        self.last = Instant::now();
        while let Some(message) = next_message(bytes) {
            self.asked += 1;
            self.answer(&message, &faults);
            match faults.closes_at {
                Some((n, goodbye)) if self.asked >= n => return Next::Leaves(goodbye),
                Some(_) | None => {}
            }
        }
        Next::Waits
    }

    /// Makes the answer to a question, after the answer's delay.
    fn answer(&mut self, message: &[u8], faults: &Faults) {
        let Ok(question) = Message::from_vec(message) else { return };
        let Some(query) = question.queries.first() else { return };
        let Connection { world, client, number, .. } = self.connection;
        let at = Moment::now();
        let asked = Asked {
            at,
            server: client.ip(),
            port: client.port(),
            name: answering::plain(query.name()),
            record: query.query_type(),
            over: Over::Tls { connection: number, resumed: self.resumed },
            len: message.len(),
        };
        let op_code = question.metadata.op_code;
        let said = answering::answer(&mut world.zone(), asked, op_code, faults.code);
        let Some((said, after)) = said.filter(|_| !faults.never) else { return };
        let answer = framed(&question, said, faults.wrong);
        self.under_way += 1;
        let answers = self.answers.clone();
        if after.is_zero() {
            let _ = answers.send(answer);
            return;
        }
        tokio::spawn(async move {
            pause(at + after).await;
            world.control.note(at + after);
            let _ = answers.send(answer);
        });
    }

    fn say(&mut self, answer: Vec<u8>) -> Next {
        self.under_way -= 1;
        let Some(n) = self.connection.faults().shuffles else { return Next::Sends(vec![answer]) };
        self.held.0.push(answer);
        self.held.1.get_or_insert_with(|| Instant::now() + SHUFFLE);
        if self.held.0.len() < n { Next::Waits } else { Next::Sends(self.shuffled()) }
    }

    fn shuffled(&mut self) -> Vec<Vec<u8>> {
        let (mut answers, _) = std::mem::take(&mut self.held);
        answers.reverse();
        answers
    }

    async fn send(
        &mut self,
        stream: &mut TlsStream<TcpStream>,
        answers: Vec<Vec<u8>>,
    ) -> io::Result<Next> {
        let Connection { world, client, .. } = self.connection;
        for answer in answers {
            let faults = self.connection.faults();
            self.answered += 1;
            let forgets = faults.forgets_after.is_some_and(|n| self.answered >= n);
            if forgets {
                // This comes before the client receives the answer and sends more.
                let peer = (client.ip(), tls::PORT).into();
                world.paths().forget(peer, client.port(), Forgotten::WhatTheClientSays);
            }
            stream.write_all(&answer).await?;
            stream.flush().await?;
            self.last = Instant::now();
            if forgets {
                return Ok(Next::IsForgotten);
            }
            match faults.closes_after {
                Some((n, goodbye)) if self.answered >= n => return Ok(Next::Leaves(goodbye)),
                Some(_) | None => {}
            }
        }
        Ok(Next::Waits)
    }
}

/// The first complete message. Its length precedes it (RFC 7858 section 3.3).
fn next_message(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = 2 + usize::from(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]));
    (bytes.len() >= end).then(|| bytes.drain(..end).skip(2).collect())
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

async fn leave_at(idle: Option<(Instant, Goodbye)>) -> Goodbye {
    match idle {
        Some((at, goodbye)) => {
            sleep_until(at).await;
            goodbye
        }
        None => pending().await,
    }
}

async fn leave(mut stream: TlsStream<TcpStream>, goodbye: Goodbye) -> io::Result<()> {
    match goodbye {
        Goodbye::Notify => stream.shutdown().await,
        Goodbye::Fin => stream.into_inner().0.shutdown().await,
        Goodbye::Reset => stream.get_ref().0.set_zero_linger(),
    }
}

/// The answer in wire format, after its length.
fn framed(question: &Message, said: answering::Message, wrong: Option<Wrong>) -> Vec<u8> {
    let mut message = Message::response(question.metadata.id, question.metadata.op_code);
    message.metadata.recursion_desired = question.metadata.recursion_desired;
    message.metadata.recursion_available = true;
    message.metadata.response_code = said.code;
    message.queries.clone_from(&question.queries);
    message.answers = said.answers;
    message.authorities = said.soa;
    message.edns = question.edns.is_some().then(Edns::default);
    match wrong {
        None => {}
        Some(Wrong::Id) => message.metadata.id ^= 0x5555,
        Some(Wrong::Question) => {
            let other = Name::from_ascii("another.test.").expect("a name");
            let asked = |query: &Query| Query::query(other.clone(), query.query_type());
            message.queries = question.queries.iter().map(asked).collect();
            message.answers.iter_mut().for_each(|record| record.name = other.clone());
        }
    }
    let message = message.to_vec().expect("a message");
    let len = u16::try_from(message.len()).expect("a message that fits").to_be_bytes();
    [len.to_vec(), message].concat()
}
