//! TLS is compiled in and there is no crypto provider: opportunistic name servers are asked in
//! plaintext, the report says why, and the process is warned once. Strict servers and https fail and
//! name the cure.

use std::sync::atomic::{AtomicUsize, Ordering};

use he::dns::{NameServer, Resolver};
use he::{Connector, Query, Record, Resolve};
use tokio::net::TcpListener;
use tracing::{Event, Id, Level, Metadata, Subscriber, span};

#[path = "../../common/name_server.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod name_server;

const CURE: &str = "no crypto provider: turn on feature `aws-lc-rs` or `ring` of he-connect, or \
                    install one with rustls::crypto::CryptoProvider::install_default";

static WARNINGS: AtomicUsize = AtomicUsize::new(0);

/// Counts warnings.
struct Counter;

impl Subscriber for Counter {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        if *event.metadata().level() <= Level::WARN {
            WARNINGS.fetch_add(1, Ordering::SeqCst);
        }
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    tracing::subscriber::set_global_default(Counter).unwrap();
    let (dns, tls) = (name_server::NameServer::start(), listener().await);
    let tls_port = tls.local_addr().unwrap().port();

    // Two resolvers, several lookups, one warning.
    let server = NameServer::opportunistic(dns.addr).with_tls_port(tls_port).unwrap();
    for name in ["a.test", "b.test"] {
        let resolver = Resolver::name_servers([server.clone()]).unwrap();
        let answer = resolver.lookup(&Query::new(name, Record::A)).await.unwrap();
        assert_eq!(answer.plaintext_reason(), Some(CURE));
        let error = resolver.lookup(&Query::new(name, Record::Aaaa)).await.unwrap_err();
        assert_eq!(error.plaintext_reason(), Some(CURE));
    }
    assert_eq!((dns.asked(), WARNINGS.load(Ordering::SeqCst)), (4, 1));

    // A connect works, and its report has the reason.
    let web = listener().await;
    let connector = Connector::new(Resolver::name_servers([server]).unwrap());
    let port = web.local_addr().unwrap().port();
    let made =
        connector.connect_with("c.test", &[port], |attempt| attempt.connect()).await.unwrap();
    assert!(made.report.lookups().iter().any(|lookup| format!("{lookup:?}").contains(CURE)));

    // A strict and a pinned server get no packet at all.
    let pin = "key-fp:SHA256:INSZEZpDoWKiavosV2/xVT8O83vk/RRwS+LTiL+IpHs=";
    for server in [format!("tls:127.0.0.1:{tls_port}"), format!("tls:127.0.0.1:{tls_port}!{pin}")] {
        let asked = dns.asked();
        let resolver = Resolver::name_servers([server.parse().unwrap()]).unwrap();
        let error = resolver.lookup(&Query::new("d.test", Record::A)).await.unwrap_err();
        let expected = format!("name server not authenticated (127.0.0.1:{tls_port}): {CURE}");
        assert_eq!((error.to_string(), dns.asked()), (expected, asked));
    }
    let https =
        he::rustls::Tls::default().connect(&connector, "e.test", &[port]).await.unwrap_err();
    assert_eq!(https.to_string(), format!("cannot connect to e.test: {CURE}"));
    let accepted = tokio::time::timeout(std::time::Duration::from_millis(50), tls.accept()).await;
    assert!(accepted.is_err(), "a connection came to the TLS port");
    assert_eq!(WARNINGS.load(Ordering::SeqCst), 1);
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}
