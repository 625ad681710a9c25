//! The recipe for lettre against aiosmtpd.

#[path = "../../examples/smtp.rs"]
mod recipe;

use std::net::SocketAddr;
use std::path::Path;

use he::{Connector, Established};
use he_test_support::net::NAME;
use he_test_support::net::Peer::{self, Accepts, Free, Refuses, Silent};
use he_test_support::tls::Authority;
use he_test_support::web;
use lettre::address::Envelope;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::TcpStream;

use crate::dual::Dual;
use crate::kernel;
use crate::server::{self, Dir, Server};
use crate::trusting;

/// A mail server with its two ports, as a name has them.
struct Mail {
    submissions: Dual,
    submission: Dual,
    authority: Authority,
    /// Whom the certificate is for.
    subject: &'static str,
}

impl Mail {
    fn new(peers: [Peer; 2]) -> Self {
        let [submissions, submission] = peers.map(Dual::stack);
        Self { submissions, submission, authority: Authority::new(), subject: NAME }
    }

    fn ports(&self) -> [u16; 2] {
        [self.submissions.port(), self.submission.port()]
    }

    async fn connect(&self, by: &Connector) -> Result<Established<AsyncSmtpConnection>, he::Error> {
        let tls = trusting(&self.authority);
        recipe::connect(by, &tls, NAME, self.ports()).await
    }
}

#[tokio::test]
async fn the_port_that_wins_decides_between_tls_at_once_and_starttls() {
    if !installed() {
        return;
    }
    for (peers, how, answer) in [
        ([Free, Silent], ["tls", ""], "from 127.0.0.1 by tls"),
        ([Silent, Free], ["", "starttls"], "from 127.0.0.1 by starttls"),
    ] {
        let mail = Mail::new(peers);
        let _server = start(&mail, how).await;
        let made = mail.connect(&mail.submission.connector).await.unwrap();
        assert_eq!(made.report.attempts()[0].addr(), mail.submissions.addrs()[0]);
        let free = peers.iter().position(|peer| *peer == Free).unwrap();
        assert_eq!(made.addr.port(), mail.ports()[free]);
        assert_eq!(hand_in(made.stream).await, answer);
    }
}

#[tokio::test]
async fn nothing_goes_unencrypted() {
    if !installed() {
        return;
    }
    let mail = Mail::new([Refuses, Free]);
    let _server = start(&mail, ["", "clear"]).await;
    let error = mail.connect(&mail.submission.straight()).await.map(|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("STARTTLS: 454 TLS not available"), "{text}");
}

#[tokio::test]
async fn what_is_said_unencrypted_is_never_taken_for_an_answer_in_tls() {
    if !installed() {
        return;
    }
    let mail = Mail::new([Refuses, Free]);
    let _server = start(&mail, ["", "starttls"]).await;
    let server = mail.submission.server();
    let on_the_way = Mail { submission: Dual::stack(Accepts), ..mail };
    let listener = on_the_way.submission.peers.listener(1);
    web::Guests::welcome(listener, move |guest| meddle(guest, server));
    let refused = on_the_way.connect(&on_the_way.submission.straight()).await;
    let error = refused.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("something in clear behind the answer to STARTTLS"), "{error}");
}

/// Passes everything on, and adds a line of its own to what the server answers to STARTTLS.
async fn meddle(guest: TcpStream, server: SocketAddr) {
    let (mut said, mut to_guest) = guest.into_split();
    let (mut answers, mut to_server) = TcpStream::connect(server).await.unwrap().into_split();
    tokio::spawn(async move { copy(&mut said, &mut to_server).await });
    let mut answer = Vec::new();
    while let Ok(1..) = answers.read_buf(&mut answer).await {
        if answer.starts_with(b"220 Ready to start TLS") {
            answer.extend(b"250 meddler.test\r\n");
        }
        if to_guest.write_all(&answer).await.is_err() {
            return;
        }
        answer.clear();
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_loses_on_either_port() {
    if !installed() {
        return;
    }
    let mut mail = Mail::new([Free, Free]);
    mail.subject = "other.test";
    let _server = start(&mail, ["tls", "starttls"]).await;
    let error = mail.connect(&mail.submission.straight()).await.map(|_| ()).unwrap_err();
    let why = "bad certificate: wrong name: the certificate is for other.test, not service.test";
    assert_eq!(error.to_string().matches(why).count(), 2, "{error}");
}

#[tokio::test]
async fn a_stranger_is_not_trusted_on_either_port() {
    if !installed() {
        return;
    }
    let mut mail = Mail::new([Free, Free]);
    let _server = start(&mail, ["tls", "starttls"]).await;
    mail.authority = Authority::named("a stranger");
    let error = mail.connect(&mail.submission.straight()).await.map(|_| ()).unwrap_err();
    assert_eq!(error.to_string().matches("bad certificate: unknown issuer").count(), 2, "{error}");
}

#[tokio::test]
async fn a_connect_that_is_dropped_leaves_nothing_here_or_at_the_server() {
    if !installed() {
        return;
    }
    for (first, how) in [(Free, "tls"), (Silent, "")] {
        let mail = Mail::new([first, Free]);
        let _server = start(&mail, [how, "starttls"]).await;
        let addrs = [mail.submissions.addrs(), mail.submission.addrs()].concat();
        let connect = || mail.connect(&mail.submission.connector);
        let drops = kernel::dropped_at_every_stage(&addrs, connect).await;
        assert!(drops >= 2, "dropped {drops} times");
        let first = mail.ports()[usize::from(first == Silent)];
        let straight = mail.submission.straight().with_gate(move |addr| addr.port() == first);
        let connect = || mail.connect(&straight);
        let drops = kernel::dropped_after_every_poll(&addrs, connect).await;
        assert!(drops > 2, "dropped {drops} times");
    }
}

/// What the server answers to a mail.
async fn hand_in(mut smtp: AsyncSmtpConnection) -> String {
    let [from, to] = ["a@service.test", "b@service.test"].map(|it| it.parse().unwrap());
    let envelope = Envelope::new(Some(from), vec![to]).unwrap();
    let answer = smtp.send(&envelope, b"Subject: greetings\r\n\r\nhello\r\n").await.unwrap();
    smtp.quit().await.unwrap();
    answer.message().collect()
}

const PYTHON: &str = "/usr/bin/python3";
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/mail.py");

fn installed() -> bool {
    let module = Path::new("/usr/lib/python3/dist-packages/aiosmtpd");
    server::installed(module, "python3-aiosmtpd")
}

/// A new server that speaks like this on these ports; where it is not said how, nobody does.
async fn start(mail: &Mail, how: [&str; 2]) -> Server {
    let dir = Dir::new("mail");
    dir.certificate(mail.authority.pems(&[mail.subject]));
    let program = dir.write("mail.py", &std::fs::read_to_string(PROGRAM).unwrap());
    let mut python = dir.command(Path::new(PYTHON));
    python.arg(program);
    let mut addrs = Vec::new();
    for (how, port) in how.into_iter().zip([&mail.submissions, &mail.submission]) {
        if !how.is_empty() {
            python.arg(format!("{how}:{}", port.server()));
            addrs.push(port.server());
        }
    }
    Server::start(dir, python, &addrs).await
}
