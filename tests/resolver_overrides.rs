//! What an override says when it cannot have an effect.
#![cfg(feature = "dns")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use he::dns::Resolver;
use he::{Query, Record, Resolve};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};

/// Writes down the crate's events, one line each.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("he::")
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// An event of one thread, while another is about to listen for it, may be heard by neither.
static TURN: Mutex<()> = Mutex::new(());

#[test] // R-6761-6.3a, R-6761-6.4, R-7686-2, R-3493-LIT
fn an_override_that_no_connect_can_ask_for_says_so() {
    let notes = Notes::default();
    let addr: IpAddr = [192, 0, 2, 1].into();
    let overridden = |name: &str| {
        let _turn = TURN.lock().unwrap();
        let with = || Resolver::plain_servers([]).with_override(name, [addr]);
        let _ = tracing::subscriber::with_default(notes.clone(), with);
        std::mem::take(&mut *notes.0.lock().unwrap()).join("\n")
    };
    for (name, why) in [
        ("bad name", "invalid host \"bad name\": ' ' has no place in a name"),
        ("db.test:80", "invalid host \"db.test:80\": the port is a separate argument"),
        ("", "invalid host \"\": it is empty"),
        ("A.Localhost", "localhost is always loopback (RFC 6761)"),
        ("a.invalid.", "names under .invalid never exist (RFC 6761)"),
        ("a.onion", "names under .onion exist in Tor only (RFC 7686)"),
        ("192.0.2.7", "an IP literal needs no lookup"),
    ] {
        let told = format!("DEBUG message=override: without effect on connects name={name} why=");
        assert_eq!(overridden(name), told + why);
    }
    for name in ["db.test", "Bücher.Test.", "_x.test", "printer.local"] {
        assert_eq!(overridden(name), "");
    }
}

#[tokio::test]
async fn a_lookup_that_is_made_by_hand_gets_the_override_of_any_text() {
    let resolver = Resolver::plain_servers([]).without_hosts();
    for name in ["Bad Name", "DB.test:80", "LocalHost", "BÜCHER.test"] {
        let resolver = {
            let _turn = TURN.lock().unwrap();
            resolver.clone().with_override(name, [[192, 0, 2, 1].into()])
        };
        let answer = resolver.lookup(&Query::new(name, Record::A)).await.unwrap();
        assert_eq!(answer.addrs(), ["192.0.2.1:0".parse().unwrap()], "{name}");
    }
}
