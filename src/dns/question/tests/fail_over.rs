//! The order of the servers, and the next one in place of one that is silent or fails.

use super::world::{NameServer, Said, World, answer, plain, world};

/// The first server does this, and the second one is good.
fn beside_a_good_one(first: NameServer) -> World {
    world([first, plain()])
}

// The next server is asked 250 ms after the one before.
#[test] // R-8305-3.1b, R-DOT-HE
fn a_silent_server_costs_250_ms() {
    beside_a_good_one(plain().dead()).plays(
        "
        0ms ask S1 over UDP
        250ms ask S1 over UDP
        250ms ask S1 over TCP
        250ms ask S2 over UDP
        270ms answer of S2 over UDP
        ",
    );
}

// A failure of a server is no reason to wait.
#[test] // R-8305-3.1b
fn the_next_server_is_asked_at_once_when_one_fails() {
    for (said, text) in [(Said::ServFail, "SERVFAIL"), (Said::Refused, "REFUSED")] {
        beside_a_good_one(plain().says(said)).plays(&format!(
            "
            0ms ask S1 over UDP
            20ms S1 over UDP: {text}
            20ms ask S2 over UDP
            40ms answer of S2 over UDP
            "
        ));
    }
}

// The world of this test is played in two parts.
#[test]
fn the_next_question_goes_first_to_the_server_that_answered() {
    let mut network = super::network::Network::new(World {
        questions: Vec::new(),
        ..beside_a_good_one(plain().udp([answer(400)]))
    });
    assert_eq!(network.ask(0, 5_000).len(), 5);
    assert_eq!(
        network.ask(1_000, 5_000),
        ["1000ms Q2: ask S2 over UDP", "1020ms Q2: answer of S2 over UDP",]
    );
}
