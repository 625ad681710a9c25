//! Strict and pinned name servers with a good certificate that cannot be reached or do not answer.
//! No packet goes to port 53, and the error says how far the question got.

use he::dns::{self, Trust};
use he::{Connector, LookupOutcome};
use he_testnet::{Authority, Goodbye, NameServer, internet};

use crate::support::strict::{Lab, NAME, Policy, RTT, asked, at, fail, resolver, within};

/// The time-out of lookups that meet silence. It is short enough that no second connection is made,
/// which happens 250 ms after a question.
const PATIENCE: u64 = 250;
/// A lookup ends 5 ms before the race stops waiting for it.
const GIVES_UP: u64 = PATIENCE - 5;

/// A fault of a server, and what follows from it.
struct Fault {
    ill: fn(NameServer) -> NameServer,
    /// Two texts, if the error depends on whether the server closes before the ClientHello arrives.
    error: &'static str,
    after: u64,
    /// The number of connections.
    connections: usize,
    /// The number of questions that arrive.
    questions: usize,
}

const fn fault(
    ill: fn(NameServer) -> NameServer,
    error: &'static str,
    after: u64,
    connections: usize,
    questions: usize,
) -> Fault {
    Fault { ill, error, after, connections, questions }
}

const FAULTS: [Fault; 13] = [
    fault(NameServer::tls_silent, "no answer (192.0.2.1:853): no TCP connection", GIVES_UP, 1, 0),
    fault(
        NameServer::tls_closed,
        "name server unreachable (192.0.2.1:853): connection refused",
        RTT,
        1,
        0,
    ),
    fault(
        NameServer::tls_mute,
        "no answer (192.0.2.1:853): TCP is up, TLS is silent",
        GIVES_UP,
        1,
        0,
    ),
    fault(
        |server| server.tls_handshake_after(1_000),
        "no answer (192.0.2.1:853): TCP is up, TLS is silent",
        GIVES_UP,
        1,
        0,
    ),
    fault(
        NameServer::tls_garbage,
        "name server unreachable (192.0.2.1:853): \
         no TLS: received corrupt message of type InvalidContentType",
        RTT,
        1,
        0,
    ),
    fault(
        NameServer::tls_accepts_then_closes,
        "name server unreachable (192.0.2.1:853): closed during the TLS handshake|\
         name server unreachable (192.0.2.1:853): connection reset",
        RTT,
        1,
        0,
    ),
    fault(NameServer::tls_never, "no answer (192.0.2.1:853): TLS is up and silent", GIVES_UP, 1, 2),
    fault(NameServer::tls_servfail, "server failure (192.0.2.1:853)", 3 * RTT, 1, 2),
    fault(NameServer::tls_refuses, "refused (192.0.2.1:853)", 3 * RTT, 1, 2),
    fault(
        NameServer::tls_wrong_question,
        "lookup failed (192.0.2.1:853): an answer to another question",
        3 * RTT,
        1,
        2,
    ),
    // After the faults from here on, the questions are sent once more over a new connection.
    fault(
        NameServer::tls_wrong_id,
        "name server unreachable (192.0.2.1:853): an answer to no question",
        6 * RTT,
        2,
        4,
    ),
    fault(
        |server| server.tls_closes_at_question(1, Goodbye::Notify),
        "name server unreachable (192.0.2.1:853): closed by the server",
        6 * RTT,
        2,
        2,
    ),
    fault(
        |server| server.tls_closes_at_question(1, Goodbye::Reset),
        "name server unreachable (192.0.2.1:853): connection reset",
        6 * RTT,
        2,
        2,
    ),
];

/// Each fault meets a new resolver.
fn each_fault(policy: Policy) {
    internet(move |net| async move {
        let (lab, certificate) = Lab::good(net);
        let server = [policy.of(lab.server, &certificate)];
        for (nth, fault) in FAULTS.iter().enumerate() {
            (fault.ill)(lab.server.tls_recovers());
            let before = asked(net, lab.server).len();
            let patience = if fault.after == GIVES_UP { PATIENCE } else { 3_000 };
            let connector = lab.connector(&server).with_config(within(patience));
            let error = fail(net, &connector, &format!("www{nth}.test")).await;
            let mut expected = fault.error.split('|');
            assert!(expected.any(|text| error.to_string() == text), "{error}");
            net.assert_returned(fault.after);
            let connections = net.log().starts_to(at(lab.server)).len();
            assert_eq!(connections, fault.connections, "{error}");
            assert_eq!(asked(net, lab.server).len() - before, fault.questions, "{error}");
        }
    });
}

#[test] // R-8310-5.1b, R-8310-6.6b, R-7858-3.1c
fn strict_by_name_each_fault_is_an_error_that_names_it() {
    each_fault(Policy::Name);
}

#[test] // R-8310-5.1b, R-8310-6.6b, R-7858-3.1c
fn strict_by_address_each_fault_is_an_error_that_names_it() {
    each_fault(Policy::Address);
}

#[test] // R-8310-5.1b, R-8310-6.6b, R-7858-3.1c
fn pinned_each_fault_is_an_error_that_names_it() {
    each_fault(Policy::Pinned);
}

#[test] // R-8310-5.1b, R-8310-6.6b, R-7858-3.1c
fn pinned_with_a_name_each_fault_is_an_error_that_names_it() {
    each_fault(Policy::PinnedAndNamed);
}

/// The error of the first of the two lookups.
async fn reason(connector: &Connector) -> String {
    let error = connector.connect("www.test", 443).await.unwrap_err();
    match error.report().lookups()[0].outcome() {
        LookupOutcome::Failed(error) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test] // R-8310-5.1b: 5 s, less the 5 ms by which the resolver ends before the race
fn silence_of_any_kind_ends_with_the_lookups_own_time() {
    internet(|net| async move {
        let root = Authority::new();
        let silent = |n: u8, ill: fn(NameServer) -> NameServer| {
            let server = net.name_server(&format!("192.0.2.{n}"));
            let server = ill(server.tls(root.issue(&[NAME])));
            server.host().rtt(RTT);
            let strict = dns::NameServer::tls(at(server)).with_hostname(NAME).unwrap();
            Connector::new(resolver(&[strict], Trust::roots(root.roots())))
        };
        let path = silent(1, NameServer::tls_silent);
        let handshake = silent(2, NameServer::tls_mute);
        let questions = silent(3, NameServer::tls_never);
        let all = async { tokio::join!(reason(&path), reason(&handshake), reason(&questions)) };
        let (path, handshake, questions) = net.call(all).await;
        net.assert_returned(5_000 - 5);
        assert_eq!(path, "no answer (192.0.2.1:853): no TCP connection");
        assert_eq!(handshake, "no answer (192.0.2.2:853): TCP is up, TLS is silent");
        assert_eq!(questions, "no answer (192.0.2.3:853): TLS is up and silent");
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}
