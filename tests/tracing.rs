//! What a subscriber sees of a connect: spans, events in the words of the timelines, all at debug.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::{self, Write as _};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use he::{Answer, Attempt, Connector, LookupErrorKind, Query, Record, Resolving, SourceAddrs};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes down spans and events, one line each.
#[derive(Clone, Default)]
struct Notes {
    lines: Arc<Mutex<Vec<String>>>,
    levels: Arc<Mutex<Vec<Level>>>,
    spans: Arc<AtomicU64>,
}

impl Notes {
    fn note(&self, metadata: &Metadata<'_>, line: String) {
        if metadata.target().starts_with("he") {
            self.lines.lock().unwrap().push(line);
            self.levels.lock().unwrap().push(*metadata.level());
        }
    }
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(String::new());
        span.record(&mut fields);
        self.note(span.metadata(), format!("span {}{}", span.metadata().name(), fields.0));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.note(event.metadata(), fields.0.trim().to_owned());
    }

    fn record(&self, _: &Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn connector() -> Connector {
    let resolver = |query: &Query| {
        if query.record() == Record::Aaaa {
            return Resolving::ready(Err(LookupErrorKind::NoRecords.into()));
        }
        let addrs = ["192.0.2.1", "192.0.2.2"].map(|addr| addr.parse::<IpAddr>().unwrap());
        Resolving::ready(Ok(Answer::from(addrs.to_vec())))
    };
    Connector::new(resolver).with_source_addrs(SourceAddrs::new(|addrs| vec![None; addrs.len()]))
}

async fn dial(attempt: Attempt) -> io::Result<SocketAddr> {
    tokio::time::sleep(Duration::from_millis(20)).await;
    match attempt.addr().to_string().as_str() {
        "192.0.2.2:443" => Ok(attempt.addr()),
        _ => Err(io::Error::other("bad\nluck")),
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_is_told_in_the_words_of_the_timelines() {
    let notes = Notes::default();
    let _guard = tracing::subscriber::set_default(notes.clone());
    connector().connect_with("robur.coop", &[443], dial).await.unwrap();
    let told = notes.lines.lock().unwrap().join("\n");
    assert_eq!(
        told,
        "\
span connect to=robur.coop:443
ask AAAA
span lookup record=AAAA
ask A
span lookup record=A
AAAA: no records
A: 192.0.2.1, 192.0.2.2
connect 192.0.2.1:443
span attempt addr=192.0.2.1:443
attempt 1 failed: bad\\u{a}luck
connect 192.0.2.2:443
span attempt addr=192.0.2.2:443
connected 192.0.2.2:443 after 40ms"
    );
    assert!(notes.levels.lock().unwrap().iter().all(|level| *level == Level::DEBUG));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connect_is_told() {
    let notes = Notes::default();
    let _guard = tracing::subscriber::set_default(notes.clone());
    let connector = connector();
    let connecting = connector.connect_with("robur.coop", &[443], dial);
    let waited = tokio::time::timeout(Duration::from_millis(5), connecting).await;
    assert!(waited.is_err());
    assert_eq!(notes.lines.lock().unwrap().last().unwrap(), "dropped after 5ms");
}

#[tokio::test]
async fn a_hostile_host_stays_on_its_line() {
    let notes = Notes::default();
    let _guard = tracing::subscriber::set_default(notes.clone());
    let error = connector().connect("evil\n\u{202e}", &[443]).await.unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1);
    assert!(notes.lines.lock().unwrap().iter().all(|line| line.lines().count() == 1));
}
