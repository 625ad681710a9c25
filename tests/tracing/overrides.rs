//! What an override says when it cannot have an effect.

use std::net::IpAddr;
use std::sync::Mutex;

use he::dns::Resolver;
use he::{Query, Record, Resolve};
use he_test_support::notes::Notes;
use tracing::Level;

/// An event of one thread, while another is about to listen for it, may be heard by neither.
static TURN: Mutex<()> = Mutex::new(());

#[test] // R-6761-6.3a, R-6761-6.4, R-7686-2, R-3493-LIT
fn an_override_that_no_connect_can_ask_for_says_so() {
    let addr: IpAddr = [192, 0, 2, 1].into();
    let overridden = |name: &str| {
        let _turn = TURN.lock().unwrap();
        let with = || Resolver::plain_servers([]).with_override(name, [addr]);
        let notes = Notes::new(Level::TRACE);
        let _ = tracing::subscriber::with_default(notes.clone(), with);
        assert!(notes.levels().iter().all(|level| *level == Level::DEBUG));
        notes.lines().join("\n")
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
        let told = format!("override: without effect on connects name={name} why=");
        assert_eq!(overridden(name), told + why);
    }
    for name in [
        "db.test",
        #[cfg(feature = "idna")]
        "Bücher.Test.",
        "_x.test",
        "printer.local",
    ] {
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
