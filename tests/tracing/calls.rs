//! The view of a subscriber on a call: spans, events in the words of the timelines, all at debug.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use he::{Answer, Attempt, Connector, LookupErrorKind, Query, Record, Resolving, SourceAddrs};
use he_test_support::notes::Notes;
use tracing::Level;

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
    let notes = Notes::new(Level::DEBUG);
    let _guard = tracing::subscriber::set_default(notes.clone());
    connector().connect_with("robur.coop", 443, dial).await.unwrap();
    let told = notes.lines().join("\n");
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
    assert!(notes.levels().iter().all(|level| *level == Level::DEBUG));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connect_is_told() {
    let notes = Notes::new(Level::DEBUG);
    let _guard = tracing::subscriber::set_default(notes.clone());
    let connector = connector();
    let connecting = connector.connect_with("robur.coop", 443, dial);
    let waited = tokio::time::timeout(Duration::from_millis(5), connecting).await;
    assert!(waited.is_err());
    assert_eq!(notes.lines().last().unwrap(), "dropped after 5ms");
}

#[tokio::test]
async fn a_hostile_host_stays_on_its_line() {
    let notes = Notes::new(Level::DEBUG);
    let _guard = tracing::subscriber::set_default(notes.clone());
    let error = connector().connect("evil\n\u{202e}", 443).await.unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1);
    assert!(notes.lines().iter().all(|line| line.lines().count() == 1));
}
