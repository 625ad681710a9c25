//! The recipe for lettre against aiosmtpd.

#![cfg(target_os = "linux")] // sockets that drop every packet

#[path = "support/dual.rs"]
mod dual;
#[path = "support/kernel.rs"]
mod kernel;
#[path = "../../tests/support/net.rs"]
mod net;
#[path = "../examples/smtp.rs"]
mod recipe;
#[path = "support/server.rs"]
mod server;
#[path = "../../tests/support/tls.rs"]
mod tls;
#[path = "../../tests/support/web.rs"]
mod web;

use std::path::Path;

use dual::{Dual, NAME};
use he::rustls::{Tls, Trust};
use he::{Connector, Established};
use lettre::address::Envelope;
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use net::Peer::{self, Free, Refuses, Silent};
use server::{Dir, Server};
use tls::Authority;

/// A mail server with its two ports, as a name has them.
struct Mail {
    submissions: Dual,
    submission: Dual,
    authority: Authority,
}

impl Mail {
    fn new(peers: [Peer; 2]) -> Self {
        let [submissions, submission] = peers.map(Dual::stack);
        Self { submissions, submission, authority: Authority::new() }
    }

    fn ports(&self) -> [u16; 2] {
        [self.submissions.port(), self.submission.port()]
    }

    fn trusting(&self) -> (Tls, TlsParameters) {
        let roots = TlsParameters::builder(NAME.to_owned())
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_der(self.authority.der()).unwrap());
        (Tls::new(Trust::roots(self.authority.roots())), roots.build_rustls().unwrap())
    }

    async fn connect(&self, by: &Connector) -> Result<Established<AsyncSmtpConnection>, he::Error> {
        let (tls, starttls) = self.trusting();
        recipe::connect(by, (&tls, &starttls), NAME, self.ports()).await
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
async fn nothing_goes_in_clear() {
    if !installed() {
        return;
    }
    let mail = Mail::new([Refuses, Free]);
    let _server = start(&mail, ["", "clear"]).await;
    let error = mail.connect(&mail.submission.straight()).await.map(|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("STARTTLS is not supported on this server"), "{text}");
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
    let text = error.to_string();
    assert!(text.contains("bad certificate: "), "{text}"); // in the crate's words
    assert!(text.contains("invalid peer certificate: "), "{text}"); // in lettre's
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
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/mail.py");

fn installed() -> bool {
    let module = Path::new("/usr/lib/python3/dist-packages/aiosmtpd");
    server::installed(module, "python3-aiosmtpd")
}

/// A new server that speaks like this on these ports; where it is not said how, nobody does.
async fn start(mail: &Mail, how: [&str; 2]) -> Server {
    let dir = Dir::new("mail");
    dir.certificate(mail.authority.pems(&[NAME]));
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
