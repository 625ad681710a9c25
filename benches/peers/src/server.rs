//! What is connected to on loopback, in a process of its own, as servers are: so its CPU time and
//! its memory are not those of the client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::name_server;

/// How many destinations there are, so that none of them runs out of ports.
pub(crate) const DESTINATIONS: u8 = 8;

/// A port of 127.0.0.1 on which `::1` does not listen. The namespace is ours, so it is free.
pub(crate) const V4_ONLY: u16 = 4_000;

/// The process. It ends with this value.
pub(crate) struct Server {
    child: Child,
    /// 127.0.0.1 and on, each with a port of its own, on which `::1` listens as well.
    pub(crate) destinations: Vec<SocketAddr>,
}

impl Server {
    /// Starts it, in the network namespace of this process.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub(crate) fn start() -> Self {
        let binary = std::env::current_exe().expect("the path of this binary");
        let mut command = Command::new(binary);
        // It waits for the end of its standard input, and so does not outlive this process.
        command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this binary runs again");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert_eq!(line, LISTENING);
        Self { child, destinations: (1..=DESTINATIONS).map(destination).collect() }
    }
}

/// What the inner process says when it listens.
const LISTENING: &str = "listening\n";

fn destination(last: u8) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(127, 0, 0, last).into(), V4_ONLY + u16::from(last))
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The inner process: serves until its standard input ends.
///
/// # Panics
///
/// If an address is taken.
pub(crate) fn serve() {
    name_server::serve("127.0.0.1:53");
    accept((Ipv4Addr::LOCALHOST, V4_ONLY).into());
    for at in (1..=DESTINATIONS).map(destination) {
        accept(at);
        accept((Ipv6Addr::LOCALHOST, at.port()).into());
    }
    print!("{LISTENING}");
    std::io::stdout().flush().expect("a pipe");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Accepts in a thread of its own, and closes.
fn accept(at: SocketAddr) {
    let listener = TcpListener::bind(at).expect("a free address");
    thread::spawn(move || while listener.accept().is_ok() {});
}
