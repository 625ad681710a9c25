//! The causes of an error: which `io::Error` a program finds, and what a printer of all causes shows.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use he::{
    Attempt, AttemptOutcome, Config, Connector, Error, ErrorKind, LookupError, LookupErrorKind,
    Resolving, SocketOptions,
};
use he_test_support::net::Peer::Refuses;
use he_test_support::net::Peers;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An error and its causes, as a printer of all causes takes them.
fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |error| (*error).source()).map(|e| e.to_string()).collect()
}

#[tokio::test]
async fn the_source_is_the_io_error_that_tells_most() {
    let peers = Peers::new(&[("127.0.0.1", Refuses)]);
    let list = [([127, 0, 0, 1], 1).into(), peers.addr(0)];
    let dial = move |attempt: Attempt| async move {
        match attempt.addr().port() {
            1 => std::future::pending().await,
            _ => attempt.connect().await,
        }
    };
    let config = Config::new().with_connect_timeout(ms(50)).with_connect_delay(ms(10));
    let connector = Connector::without_resolver().with_config(config);
    let error = connector.connect_addrs_with(list, dial).await.unwrap_err();
    assert!(matches!(error.report().attempts()[0].outcome(), AttemptOutcome::TimedOut));
    assert_eq!(error.io_error().unwrap().kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionRefused);

    let refused = SocketOptions::default().with_send_buffer(0);
    let connector = Connector::without_resolver().with_socket_options(refused);
    let error = connector.connect_addrs([peers.addr(0)]).await.unwrap_err();
    assert_eq!(error.io_error().unwrap().kind(), io::ErrorKind::InvalidInput);

    let error = connector.connect("", [443]).await.unwrap_err();
    assert!(error.io_error().is_none() && error.source().is_none());
}

#[tokio::test]
async fn the_source_of_a_failed_lookup_is_the_io_error_below_it_or_the_last_cause() {
    let of = |error: LookupError| {
        Connector::new(move |_: &he::Query| Resolving::ready(Err(error.clone())))
    };
    let unreachable = LookupError::from(LookupErrorKind::NoNameServer);
    let refused = io::Error::other(io::Error::from_raw_os_error(111));
    let error =
        of(unreachable.clone().with_cause(refused)).connect("a.test", [1]).await.unwrap_err();
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::Lookup, Some(111)));
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::Other, "not of the host");

    let error = of(unreachable.with_cause("none")).connect("a.test", [1]).await.unwrap_err();
    assert!(error.io_error().is_none());
    assert_eq!(chain(&error)[1..], ["none"]);

    let error = of(LookupErrorKind::NoSuchName.into()).connect("a.test", [1]).await.unwrap_err();
    assert!(error.source().unwrap().is::<LookupError>());
    assert_eq!(chain(&error)[1..], ["no such name"]);

    let silent = LookupError::from(LookupErrorKind::TimedOut);
    assert_eq!(chain(&silent), ["no answer", "timed out"]);
    let error = of(silent.with_cause("getaddrinfo has not returned"))
        .connect("a.test", [1])
        .await
        .unwrap_err();
    assert_eq!(error.io_error().unwrap().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn anyhow_shows_one_line_with_the_last_cause_twice() {
    let peers = Peers::new(&[("127.0.0.1", Refuses)]);
    let connector = Connector::without_resolver();
    let error = connector.connect_addrs([peers.addr(0)]).await.unwrap_err();
    let shows_twice = |error: anyhow::Error| {
        let line = error.to_string();
        assert!(line.contains("connection refused after"), "{line}");
        assert_eq!(format!("{error:#}"), format!("{line}: Connection refused (os error 111)"));
        let refused = |cause: &io::Error| cause.raw_os_error() == Some(111);
        assert!(error.chain().filter_map(|cause| cause.downcast_ref()).any(refused));
        assert!(Error::find_in(&*error).is_some());
    };
    shows_twice(error.clone().into());
    shows_twice(io::Error::from(error.clone()).into());
    let below = anyhow::Error::from(error).context("no mail");
    assert!(Error::find_in(&*below).is_some());
    assert!(below.root_cause().is::<io::Error>());
}

#[tokio::test]
async fn an_error_is_found_among_the_causes_of_another() {
    let error = Connector::without_resolver().connect("", [1]).await.unwrap_err();
    assert!(Error::find_in(&error).is_some());
    let once = io::Error::from(error);
    assert!(Error::find_in(&once).is_some());
    let twice = io::Error::other(once);
    let found = Error::find_in(&twice).unwrap();
    assert_eq!(found.to_string(), twice.to_string());
    assert!(Error::find_in(&io::Error::other("another")).is_none());
    assert!(Error::find_in(&io::Error::from(io::ErrorKind::NotFound)).is_none());
}
