//! A name server on loopback: every name has the address 127.0.0.1 and no other.

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A name server over UDP, on a thread that ends with the process.
pub struct NameServer {
    pub addr: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (addr, asked) = (socket.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = asked.clone();
        std::thread::spawn(move || {
            let mut packet = [0; 1_500];
            loop {
                let (length, client) = socket.recv_from(&mut packet).unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                socket.send_to(&answer(&packet[..length]), client).unwrap();
            }
        });
        Self { addr, asked }
    }

    /// The number of questions so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// The answer to a question in the wire format of DNS.
fn answer(question: &[u8]) -> Vec<u8> {
    let name = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let is_a = question[name..name + 2] == [0, 1];
    // A response without an error, with one question, and one answer or none.
    let header = [0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0];
    let mut message = [&question[..2], &header, &question[12..name + 4]].concat();
    if is_a {
        // The name by a pointer, type A, class IN, TTL 60 s, 4 bytes.
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    message
}

/// Answers the questions of a stream, each behind its length, until the stream ends.
pub fn answer_all(mut stream: impl Read + Write) -> std::io::Result<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut question = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut question)?;
        let answer = answer(&question);
        let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length, &answer[..]].concat())?;
    }
}
