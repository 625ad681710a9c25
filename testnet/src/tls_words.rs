//! How a test sets a name server's port for DNS over TLS.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::certificate::Certificate;
use crate::log::Log;
use crate::name_server::NameServer;
use crate::path::{Forgotten, TlsPort};
use crate::remote;
use crate::tls::{self, Faults, Goodbye, Greeting, Setup, Wrong};

/// DNS over TLS at port 853, which by default answers a SYN with RST. The methods may be called at
/// any time. Faults also affect connections that are already open. A change of the certificate or
/// of the protocol holds from the next handshake on, and no earlier session can be resumed after
/// it.
impl NameServer {
    /// Opens port 853 with TLS 1.2 and 1.3, this certificate, and resumption. This method comes
    /// first. A second call is like a restart with another certificate: it resets the set-up and
    /// keeps the faults.
    pub fn tls(self, certificate: Certificate) -> Self {
        let setup = Setup { certificate: Some(certificate), ..Setup::default() };
        self.set_up(|old| *old = setup).tls_open()
    }

    /// Opens port 853. After [`tls`](Self::tls) this server listens there; otherwise a process
    /// listens that the test has started, on port 853 of every address of the home host.
    pub fn tls_open(self) -> Self {
        self.port(TlsPort::Open)
    }

    /// Port 853 drops every packet until [`tls_open`](Self::tls_open).
    pub fn tls_silent(self) -> Self {
        self.port(TlsPort::Silent)
    }

    /// Port 853 answers a SYN with RST until [`tls_open`](Self::tls_open).
    pub fn tls_closed(self) -> Self {
        self.port(TlsPort::Closed)
    }

    /// Accepts connections and sends nothing, so no handshake ends.
    pub fn tls_mute(self) -> Self {
        self.faults(|faults| faults.greeting = Greeting::Mute)
    }

    /// Accepts connections and sends bytes that are not TLS.
    pub fn tls_garbage(self) -> Self {
        self.faults(|faults| faults.greeting = Greeting::Garbage)
    }

    /// Accepts connections and closes them at once.
    pub fn tls_accepts_then_closes(self) -> Self {
        self.faults(|faults| faults.greeting = Greeting::Closes)
    }

    /// Sends its part of the handshake and FIN at once, so that the client sees the end as soon as
    /// its own part is done.
    pub fn tls_leaves_with_handshake(self) -> Self {
        self.faults(|faults| faults.greeting = Greeting::Leaves)
    }

    /// Answers a ClientHello `ms` milliseconds late.
    pub fn tls_handshake_after(self, ms: u64) -> Self {
        self.faults(|faults| faults.handshake_after = Duration::from_millis(ms))
    }

    /// Receives every question and answers none.
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

    /// Answers with another id than the question's.
    pub fn tls_wrong_id(self) -> Self {
        self.faults(|faults| faults.wrong = Some(Wrong::Id))
    }

    /// Answers as if the question were for another name.
    pub fn tls_wrong_question(self) -> Self {
        self.faults(|faults| faults.wrong = Some(Wrong::Question))
    }

    /// Holds answers back until there are `n`, or for 50 ms, and sends the last one first.
    pub fn tls_shuffles(self, n: usize) -> Self {
        self.faults(|faults| faults.shuffles = Some(n))
    }

    /// Ends the connection when its `n`-th question comes (counted from 1), which gets no answer.
    pub fn tls_closes_at_question(self, n: u32, goodbye: Goodbye) -> Self {
        self.faults(|faults| faults.closes_at = Some((n, goodbye)))
    }

    /// Ends the connection after `n` answers. Later questions on it get no answer.
    pub fn tls_closes_after(self, n: u32, goodbye: Goodbye) -> Self {
        self.faults(|faults| faults.closes_after = Some((n, goodbye)))
    }

    /// Ends a connection after `ms` milliseconds without a question or an answer. With 0 it at once
    /// ends all connections on which no answer is due.
    pub fn tls_closes_idle(self, ms: u64, goodbye: Goodbye) -> Self {
        self.faults(|faults| faults.closes_idle = Some((Duration::from_millis(ms), goodbye)))
    }

    /// After `n` answers the connection is silent without an end, as if a NAT had forgotten it: no
    /// data of the client arrives. New connections work.
    pub fn tls_forgets_after(self, n: u32) -> Self {
        self.faults(|faults| faults.forgets_after = Some(n))
    }

    /// Silences all connections that are open now, as if a NAT had forgotten them, without FIN or
    /// RST. New connections work.
    pub fn tls_forgets(self) -> Self {
        let peer = SocketAddr::from((self.ip(), tls::PORT));
        let starts = Log::of(self.world.log().clone()).starts_to(peer);
        for start in starts {
            self.world.paths().forget(peer, start.home.port(), Forgotten::Wholly);
        }
        self
    }

    /// Only the next `n` connections have the faults.
    pub fn tls_for_first(self, n: u32) -> Self {
        self.world.tls().faults(self.ip(), |speech| speech.ill_for = Some(n));
        self
    }

    /// Ends all faults of all connections. The certificate and the protocol stay.
    pub fn tls_recovers(self) -> Self {
        self.world.tls().faults(self.ip(), |speech| speech.ill_for = None);
        self.faults(|faults| *faults = Faults::default()).tls_open()
    }

    /// Speaks only TLS 1.2.
    pub fn tls12(self) -> Self {
        self.set_up(|setup| setup.version = Some(&TLS12))
    }

    /// Speaks only TLS 1.3.
    pub fn tls13(self) -> Self {
        self.set_up(|setup| setup.version = Some(&TLS13))
    }

    /// Presents the certificate without having its private key, and signs with another key.
    pub fn tls_without_key(self) -> Self {
        self.set_up(|setup| setup.without_key = true)
    }

    /// Allows no session to be resumed.
    pub fn tls_without_tickets(self) -> Self {
        self.set_up(|setup| setup.without_tickets = true)
    }

    /// Accepts data before the end of the handshake, if that resumes a session over TLS 1.3
    /// (0-RTT).
    pub fn tls_early_data(self) -> Self {
        self.set_up(|setup| setup.early_data = true)
    }

    fn port(self, port: TlsPort) -> Self {
        self.world.paths().set_tls_port(self.ip(), port);
        self
    }

    fn set_up(self, change: impl FnOnce(&mut Setup)) -> Self {
        self.world.tls().set_up(self.ip(), change);
        // Without a certificate the port is left to a process of the test.
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
