//! Which failures are worth another try.

use std::io;
use std::net::{IpAddr, SocketAddr};

use he::{
    Answer, Attempt, Connector, Error, ErrorKind, LookupError, LookupErrorKind, Query, Resolving,
    SocketOptions,
};

async fn failed_dial(kind: io::ErrorKind) -> Error {
    let addrs = [SocketAddr::from(([127, 0, 0, 1], 443))];
    let dial = move |_: Attempt| async move { Err::<(), _>(io::Error::from(kind)) };
    Connector::without_resolver().connect_addrs_with(addrs, dial).await.unwrap_err()
}

async fn failed_lookup(kind: LookupErrorKind) -> Error {
    let resolver = move |_: &Query| Resolving::ready(Err(kind.into()));
    Connector::new(resolver).connect("www.test", 443).await.unwrap_err()
}

#[tokio::test]
async fn what_the_path_did_may_pass() {
    use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, Other};
    for kind in [AddrNotAvailable, ConnectionRefused, HostUnreachable, Other] {
        assert!(failed_dial(kind).await.is_transient(), "{kind}");
    }
    use LookupErrorKind::{Refused, ServerFailure, TimedOut};
    for kind in [Refused, ServerFailure, TimedOut, LookupErrorKind::Other] {
        assert!(failed_lookup(kind).await.is_transient(), "{kind}");
    }
}

#[tokio::test]
async fn what_the_caller_gave_and_what_does_not_exist_stays() {
    use io::ErrorKind::{InvalidData, InvalidInput, PermissionDenied, Unsupported};
    for kind in [InvalidData, InvalidInput, PermissionDenied, Unsupported] {
        assert!(!failed_dial(kind).await.is_transient(), "{kind}");
    }
    for kind in [LookupErrorKind::NoSuchName, LookupErrorKind::NoRecords] {
        assert!(!failed_lookup(kind).await.is_transient(), "{kind}");
    }
    let nobody_to_ask = Connector::without_resolver().connect("www.test", 443).await;
    assert!(!nobody_to_ask.unwrap_err().is_transient());
    let option = SocketOptions::default().with_send_buffer(0);
    let refused =
        Connector::without_resolver().with_socket_options(option).connect("127.0.0.1", 443).await;
    assert!(!refused.unwrap_err().is_transient());
}

#[tokio::test]
async fn a_refused_address_does_not_hide_a_failed_lookup() {
    let resolver = |query: &Query| match query.record() {
        he::Record::A => Resolving::ready(Ok(Answer::from(vec![IpAddr::from([127, 0, 0, 1])]))),
        he::Record::Aaaa | _ => Resolving::ready(Err(LookupErrorKind::ServerFailure.into())),
    };
    let connector = Connector::new(resolver).with_gate(|_| false);
    let error = connector.connect("www.test", 443).await.unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Lookup, true));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn descriptors_and_memory_that_are_used_up_come_back_and_a_permission_does_not() {
    let failed = async |cause: fn() -> io::Error| {
        let resolver = move |_: &Query| {
            let error = LookupError::new(LookupErrorKind::NoNameServer).with_cause(cause());
            Resolving::ready(Err(error))
        };
        Connector::new(resolver).connect("www.test", [443]).await.unwrap_err()
    };
    let numbers: [fn() -> io::Error; 4] = [
        || io::Error::from_raw_os_error(24),                    // EMFILE
        || io::Error::from_raw_os_error(23),                    // ENFILE
        || io::Error::from_raw_os_error(12),                    // ENOMEM
        || io::Error::other(io::Error::from_raw_os_error(105)), // ENOBUFS, further down
    ];
    for cause in numbers {
        let error = failed(cause).await;
        assert!(error.is_transient(), "{error}");
    }
    let denied = failed(|| io::Error::from_raw_os_error(13)).await; // EACCES
    assert!(!denied.is_transient(), "{denied}");
}
