//! The errors of a request below those of others: reqwest-retry, anyhow, services, `io::Error`.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use he::{Config, Connector, ErrorKind};
use he_reqwest::{Error, Transport};
use he_test_support::net::Peer::{Accepts, Refuses};
use he_test_support::net::{NAME, Peers, Reports, Table};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::{
    DefaultRetryableStrategy, RetryDecision, RetryPolicy, RetryTransientMiddleware, Retryable,
    RetryableStrategy,
};
use tower::{Service, ServiceExt};

/// The strategy of the documentation of [`Transport`].
struct Transient;

impl RetryableStrategy for Transient {
    fn handle(&self, result: &reqwest_middleware::Result<reqwest::Response>) -> Option<Retryable> {
        let may_pass = |error: &reqwest_middleware::Error| {
            let late = Error::find_in(error).is_some_and(|e| e.is_timeout());
            late || he::Error::find_in(error).is_some_and(|e| e.is_transient())
        };
        match result {
            Err(error) if may_pass(error) => Some(Retryable::Transient),
            _ => DefaultRetryableStrategy.handle(result),
        }
    }
}

/// Three retries, at once.
struct Thrice;

impl RetryPolicy for Thrice {
    fn should_retry(&self, _: SystemTime, past: u32) -> RetryDecision {
        match past {
            0..3 => RetryDecision::Retry { execute_after: SystemTime::now() },
            3.. => RetryDecision::DoNotRetry,
        }
    }
}

fn retrying(transport: Transport) -> ClientWithMiddleware {
    let retries = RetryTransientMiddleware::new_with_policy_and_strategy(Thrice, Transient);
    ClientBuilder::new(reqwest::Client::new()).with(retries).with(transport).build()
}

fn transport(connector: Connector) -> Transport {
    Transport::new(he::rustls::HttpsConnector::new(connector))
}

/// A connect error of ours, below a client's.
async fn refused() -> reqwest_middleware::Error {
    let peers = Peers::new(&[("127.0.0.1", Refuses)]);
    let client = retrying(transport(Connector::new(Table::of(peers.ips()))));
    client.get(format!("http://{NAME}:{}/", peers.port)).send().await.unwrap_err()
}

/// Both errors are found, and the number of the system too.
fn are_found(error: &(dyn StdError + 'static)) {
    let ours = Error::find_in(error).unwrap();
    assert!(ours.is_connect() && !ours.is_timeout());
    let found = he::Error::find_in(error).unwrap();
    assert_eq!((found.kind(), found.raw_os_error()), (ErrorKind::Connect, Some(111)));
    let mut causes = std::iter::successors(Some(error), |error| (*error).source());
    let refused = |io: &io::Error| io.raw_os_error() == Some(111);
    assert!(causes.any(|cause| cause.downcast_ref().is_some_and(refused)));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_refused_connection_is_tried_again_and_found_behind_the_retries() {
    let peers = Peers::new(&[("127.0.0.1", Refuses)]);
    let (connector, reports) = Reports::of(Connector::new(Table::of(peers.ips())));
    let client = retrying(transport(connector));
    let error = client.get(format!("http://{NAME}:{}/", peers.port)).send().await.unwrap_err();
    assert_eq!(error.to_string(), "Request failed after 3 retries");
    assert_eq!(reports.count(), 4);
    are_found(&error);
}

#[tokio::test]
async fn a_request_without_a_response_in_time_is_sent_again() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]); // No server answers there.
    let transport = transport(Connector::new(Table::of(peers.ips())));
    let client = retrying(transport.timeout(Duration::from_millis(20)));
    let error = client.get(format!("http://{NAME}:{}/", peers.port)).send().await.unwrap_err();
    assert_eq!(error.to_string(), "Request failed after 3 retries");
    assert!(Error::find_in(&error).unwrap().is_timeout());
    assert!(he::Error::find_in(&error).is_none(), "there is a connection");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_asked_for_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let resolver = move |_: &he::Query| {
        count.fetch_add(1, Ordering::SeqCst);
        he::Resolving::ready(Err(he::LookupErrorKind::NoSuchName.into()))
    };
    let config = Config::new().with_family(he::Family::V4Only);
    let client = retrying(transport(Connector::new(resolver).with_config(config)));
    let error = client.get(format!("http://{NAME}/")).send().await.unwrap_err();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(he::Error::find_in(&error).unwrap().kind(), ErrorKind::NoSuchName);
    assert!(Error::find_in(&error).unwrap().is_connect());
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn errors_are_found_through_other_layers() {
    are_found(&refused().await);
    are_found(&io::Error::other(refused().await));
    are_found(&io::Error::other(io::Error::other(refused().await)));
    are_found(&*anyhow::Error::from(refused().await));
    let context = anyhow::Error::from(refused().await).context("no weather").context("no day");
    are_found(&*context);
    are_found(&reqwest_middleware::Error::Middleware(context));
    let boxed: Box<dyn StdError + Send + Sync> = refused().await.into();
    are_found(&*boxed);
}

/// A service that is never ready.
struct Fails(Option<reqwest_middleware::Error>);

impl Service<()> for Fails {
    type Response = ();
    type Error = reqwest_middleware::Error;
    type Future = std::future::Pending<Result<(), Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Err(self.0.take().unwrap()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        std::future::pending()
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn errors_are_found_through_layers_of_tower() {
    let service = tower::buffer::Buffer::new(Fails(Some(refused().await)), 1);
    let error = service.oneshot(()).await.unwrap_err();
    assert!(error.is::<tower::buffer::error::ServiceError>());
    are_found(&*error);
}
