//! The common traits of every public type, and what equality means where it is not derived.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::io;
use std::sync::Arc;

use he::{
    Answer, Attempt, AttemptOutcome, AttemptReport, Binding, Config, Connector, Error, ErrorKind,
    Established, Family, IpVersion, KeepAlive, LookupError, LookupErrorKind, LookupOutcome,
    LookupReport, OptionError, Origin, Outcome, Ports, Query, Reason, Record, Report, Resolved,
    Resolving, Skipped, SocketAddrs, SocketOptions, SourceAddrs, Unusable,
};

/// A value of the caller, or a row of a report.
fn shown<T: Debug + Send + Sync + Unpin + 'static>() {}
fn cloned<T: Clone + Debug + Send + Sync + Unpin + 'static>() {}
fn compared<T: Clone + Debug + Eq + Send + Sync + Unpin + 'static>() {}
fn hashed<T: Clone + Debug + Eq + Hash + Send + Sync + Unpin + 'static>() {}
fn copied<T: Copy + Debug + Eq + Hash + Send + Sync + Unpin + 'static>() {}
fn printed<T: Debug + Display + Send + Sync + Unpin + 'static>() {}
fn defaulted<T: Clone + Debug + Default + Send + Sync + Unpin + 'static>() {}
fn error<T: std::error::Error + Send + Sync + Unpin + 'static>() {}

#[test]
fn every_type_of_the_root_has_the_traits_that_make_sense() {
    copied::<Config>();
    copied::<ErrorKind>();
    copied::<Family>();
    copied::<IpVersion>();
    copied::<KeepAlive>();
    copied::<LookupErrorKind>();
    copied::<Origin>();
    copied::<Outcome>();
    copied::<Reason>();
    copied::<Record>();
    copied::<Skipped>();
    copied::<Unusable>();
    hashed::<Answer>();
    hashed::<Binding>();
    hashed::<Ports>();
    hashed::<SocketAddrs>();
    compared::<AttemptOutcome>();
    compared::<LookupOutcome>();
    compared::<Query>();
    compared::<SocketOptions>();
    cloned::<AttemptReport>();
    cloned::<Connector>();
    cloned::<Error>();
    cloned::<LookupError>();
    cloned::<LookupReport>();
    cloned::<Report>();
    cloned::<Resolved>();
    cloned::<SourceAddrs>();
    shown::<Attempt>();
    shown::<Established<tokio::net::TcpStream>>();
    defaulted::<Answer>();
    defaulted::<Binding>();
    defaulted::<Config>();
    defaulted::<Family>();
    defaulted::<Origin>();
    defaulted::<SocketOptions>();
    defaulted::<SourceAddrs>();
    printed::<AttemptReport>();
    printed::<ErrorKind>();
    printed::<IpVersion>();
    printed::<LookupErrorKind>();
    printed::<LookupReport>();
    printed::<Origin>();
    printed::<Reason>();
    printed::<Record>();
    printed::<Report>();
    printed::<Skipped>();
    printed::<Unusable>();
    error::<Error>();
    error::<LookupError>();
    error::<OptionError>();
}

#[test]
fn futures_and_the_race_can_move_to_other_threads() {
    fn moved<T: Debug + Send + Unpin + 'static>() {}
    moved::<Resolving>();
    moved::<he::Call<'static, tokio::net::TcpStream>>();
    shown::<he::race::Race>();
    cloned::<he::race::Host>();
    defaulted::<he::race::Surroundings>();
    fn step<T: Copy + Debug + Eq + Send + Sync + Unpin + 'static>() {}
    step::<he::race::Step>();
}

#[test]
#[cfg(feature = "dns-over-tls")]
fn every_type_of_dns_has_the_traits_that_make_sense() {
    hashed::<he::dns::NameServer>();
    copied::<he::dns::Pin>();
    compared::<he::dns::NameServerError>();
    defaulted::<he::dns::Resolver>();
    defaulted::<he::dns::Trust>();
    defaulted::<Connector>();
    printed::<he::dns::NameServer>();
    printed::<he::dns::Pin>();
    error::<he::dns::NameServerError>();
}

#[test]
#[cfg(feature = "os")]
fn the_resolver_of_the_system_has_the_traits_that_make_sense() {
    defaulted::<he::os::Resolver>();
}

#[test]
#[cfg(all(feature = "rustls", feature = "hyper"))]
fn every_type_for_https_has_the_traits_that_make_sense() {
    defaulted::<he::rustls::Tls>();
    defaulted::<he::rustls::Trust>();
    cloned::<he::rustls::HttpsConnector>();
    shown::<he::rustls::MaybeTls>();
}

#[test]
fn failures_of_one_kind_are_equal_and_hooks_that_are_clones() {
    let failed = |error: io::Error| AttemptOutcome::Failed(Arc::new(error));
    let refused = failed(io::Error::new(io::ErrorKind::ConnectionRefused, "by a test"));
    assert_eq!(refused, failed(io::ErrorKind::ConnectionRefused.into()));
    assert_ne!(refused, failed(io::ErrorKind::ConnectionReset.into()));
    assert_ne!(refused, AttemptOutcome::TimedOut);
    assert_eq!(AttemptOutcome::Won, AttemptOutcome::Won);

    let failed = |error: LookupError| LookupOutcome::Failed(error);
    let refused = failed(LookupError::new(LookupErrorKind::Refused).with_cause("by policy"));
    assert_eq!(refused, failed(LookupErrorKind::Refused.into()));
    assert_ne!(refused, failed(LookupErrorKind::Other.into()));
    let answered = |origin| LookupOutcome::Answered(Answer::default().with_origin(origin));
    assert_eq!(answered(Origin::Hosts), answered(Origin::Hosts));
    assert_ne!(answered(Origin::Hosts), answered(Origin::System));
    assert_ne!(LookupOutcome::Running, LookupOutcome::Abandoned);

    let hook = |_: &tokio::net::TcpSocket, _| Ok(());
    let options = SocketOptions::default().before_connect(hook);
    assert_eq!(options, options.clone());
    assert_ne!(options, SocketOptions::default().before_connect(hook));
    assert_ne!(options, SocketOptions::default());
    assert_eq!(SocketOptions::default(), SocketOptions::default().with_nodelay(true));
}
