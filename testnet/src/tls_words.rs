//! What a story says of a name server's port for DNS over TLS.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::certificate::Certificate;
use crate::log::Log;
use crate::name_server::NameServer;
use crate::path::{Door, Forgotten};
use crate::remote;
use crate::tls::{self, Faults, Goodbye, Greeting, Setup, Wrong};

/// DNS over TLS, at port 853: without a word a SYN is answered with RST there. The words may be
/// said at any time. What is said of a connection holds for those that are open as well. What is
/// said of the certificate and the protocol holds from the next handshake on, and ends all sessions
/// that could have been resumed.
impl NameServer {
    /// Port 853 is open, and speaks TLS with this certificate: 1.2 and 1.3, with resumption. This
    /// is the first word; after another one it is a new set-up, as after a restart with another
    /// certificate, and what goes wrong still does.
    pub fn tls(self, certificate: Certificate) -> Self {
        let setup = Setup { certificate: Some(certificate), ..Setup::default() };
        self.set_up(|old| *old = setup).tls_open()
    }

    /// Somebody listens at its port 853: this server after [`tls`](Self::tls), else a process that
    /// the story has started, on port 853 of every address of the home host.
    pub fn tls_open(self) -> Self {
        self.door(Door::Open)
    }

    /// Port 853 swallows every packet, until [`tls_open`](Self::tls_open).
    pub fn tls_silent(self) -> Self {
        self.door(Door::Silent)
    }

    /// A SYN to port 853 is answered with RST, until [`tls_open`](Self::tls_open).
    pub fn tls_closed(self) -> Self {
        self.door(Door::Closed)
    }

    /// Accepts connections and never says a word: there is no handshake.
    pub fn tls_mute(self) -> Self {
        self.faults(|faults| faults.greeting = Greeting::Mute)
    }

    /// Accepts connections and sends what is no TLS.
    pub fn tls_garbage(self) -> Self {
        self.faults(|faults| faults.greeting = Greeting::Garbage)
    }

    /// Accepts connections and closes them at once.
    pub fn tls_accepts_then_closes(self) -> Self {
        self.faults(|faults| faults.greeting = Greeting::Closes)
    }

    /// The answer to a ClientHello comes so many milliseconds late.
    pub fn tls_handshake_after(self, ms: u64) -> Self {
        self.faults(|faults| faults.handshake_after = Duration::from_millis(ms))
    }

    /// Gets every question and answers none.
    pub fn tls_never(self) -> Self {
        self.faults(|faults| faults.never = true)
    }

    /// Answers every question with SERVFAIL.
    pub fn tls_servfail(self) -> Self {
        self.faults(|faults| faults.code = Some(ResponseCode::ServFail))
    }

    /// Answers every question with REFUSED.
    pub fn tls_refuses(self) -> Self {
        self.faults(|faults| faults.code = Some(ResponseCode::Refused))
    }

    /// Answers have another id than their questions.
    pub fn tls_wrong_id(self) -> Self {
        self.faults(|faults| faults.wrong = Some(Wrong::Id))
    }

    /// Answers are to the question for another name.
    pub fn tls_wrong_question(self) -> Self {
        self.faults(|faults| faults.wrong = Some(Wrong::Question))
    }

    /// Holds answers back until there are so many, or for 50 ms, and sends the last one first.
    pub fn tls_shuffles(self, n: usize) -> Self {
        self.faults(|faults| faults.shuffles = Some(n))
    }

    /// Ends the connection as its `n`-th question comes (from 1), which gets no answer.
    pub fn tls_closes_at_question(self, n: u32, goodbye: Goodbye) -> Self {
        self.faults(|faults| faults.closes_at = Some((n, goodbye)))
    }

    /// Ends the connection after so many answers; what it was asked beyond them gets none.
    pub fn tls_closes_after(self, n: u32, goodbye: Goodbye) -> Self {
        self.faults(|faults| faults.closes_after = Some((n, goodbye)))
    }

    /// Ends the connection when nothing was asked or answered for so many milliseconds; with 0 it
    /// ends all that wait for nothing now.
    pub fn tls_closes_idle(self, ms: u64, goodbye: Goodbye) -> Self {
        self.faults(|faults| faults.closes_idle = Some((Duration::from_millis(ms), goodbye)))
    }

    /// After so many answers the connection is silent without an end, as by a NAT that has
    /// forgotten it: nothing that the client says arrives. New connections work.
    pub fn tls_forgets_after(self, n: u32) -> Self {
        self.faults(|faults| faults.forgets_after = Some(n))
    }

    /// The connections that are there now are forgotten, as by a NAT; no FIN, no RST. New ones work.
    pub fn tls_forgets(self) -> Self {
        let peer = SocketAddr::from((self.ip(), tls::PORT));
        let starts = Log::of(self.world.log().clone()).starts_to(peer);
        for start in starts {
            self.world.paths().forget(peer, start.home.port(), Forgotten::Wholly);
        }
        self
    }

    /// What goes wrong goes wrong on the next `n` connections only.
    pub fn tls_for_first(self, n: u32) -> Self {
        self.world.tls().faults(self.ip(), |speech| speech.ill_for = Some(n));
        self
    }

    /// Nothing goes wrong any more, on no connection. The certificate and the protocol stay.
    pub fn tls_recovers(self) -> Self {
        self.world.tls().faults(self.ip(), |speech| speech.ill_for = None);
        self.faults(|faults| *faults = Faults::default()).tls_open()
    }

    /// TLS 1.2 only.
    pub fn tls12(self) -> Self {
        self.set_up(|setup| setup.version = Some(&TLS12))
    }

    /// TLS 1.3 only.
    pub fn tls13(self) -> Self {
        self.set_up(|setup| setup.version = Some(&TLS13))
    }

    /// Presents the certificate without having its private key: it signs with another.
    pub fn tls_without_key(self) -> Self {
        self.set_up(|setup| setup.without_key = true)
    }

    /// No session can be resumed.
    pub fn tls_without_tickets(self) -> Self {
        self.set_up(|setup| setup.without_tickets = true)
    }

    /// Takes data before the handshake is over, over TLS 1.3 when a session is resumed (0-RTT).
    pub fn tls_early_data(self) -> Self {
        self.set_up(|setup| setup.early_data = true)
    }

    fn door(self, door: Door) -> Self {
        self.world.paths().set_door(self.ip(), door);
        self
    }

    fn set_up(self, change: impl FnOnce(&mut Setup)) -> Self {
        self.world.tls().set_up(self.ip(), change);
        // A listener of this process, unless the story has one of its own.
        if self.world.tls().speaks(self.ip()) {
            remote::listen(self.world, tls::PORT);
        }
        self
    }

    fn faults(self, change: impl FnOnce(&mut Faults)) -> Self {
        self.world.tls().faults(self.ip(), |speech| change(&mut speech.faults));
        self.world.tls_changed.notify_waiters();
        self
    }
}
