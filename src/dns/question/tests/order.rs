//! The order of the servers: the configured one, those that were silent last, or each in turn.

use super::world::{Change, World, plain, world};

/// The first server is dead until so many milliseconds.
fn dead_until(at: u64) -> World {
    world([plain().dead(), plain()]).then(at, plain())
}

// It is known to be silent a second after the answer of the second server. The minute starts then,
// and the last question returns to the configured order.
#[test] // R-8305-3.1b, N-1
fn a_silent_server_is_asked_last_for_a_minute() {
    dead_until(2_000).asked_at([0, 1_071, 61_069, 61_070]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        500ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over UDP for . NS
        1000ms Q1: ask S1 over UDP without EDNS
        1070ms Q1: over
        1071ms Q2: ask S2 over UDP
        1091ms Q2: answer of S2 over UDP
        10250ms S1 over TCP: no TCP connection within 10s
        10500ms S1 over TCP, connection 2: no TCP connection within 10s
        61069ms Q3: ask S2 over UDP
        61070ms Q4: ask S1 over UDP
        61089ms Q3: answer of S2 over UDP
        61090ms Q4: answer of S1 over UDP
        ",
    );
}

// The second server was alive when it was last asked, so it has a second.
#[test] // R-8305-3.1b, N-1
fn an_answer_of_the_first_server_restores_the_order() {
    let second_dies = Change::Becomes(1, plain().dead());
    dead_until(1_080).change(1_080, second_dies).asked_at([0, 1_100, 3_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        500ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over UDP for . NS
        1000ms Q1: ask S1 over UDP without EDNS
        1070ms Q1: over
        1100ms Q2: ask S2 over UDP
        1160ms Q2: ask S1 over UDP
        1350ms Q2: ask S2 over UDP
        1350ms Q2: ask S2 over TCP
        1600ms Q2: ask S2 over TCP, connection 2
        1600ms Q2: ask S2 over UDP for . NS
        2100ms Q2: answer of S1 over UDP
        2100ms Q2: ask S2 over UDP without EDNS
        3000ms Q3: ask S1 over UDP
        3020ms Q3: answer of S1 over UDP
        3100ms Q2: over
        ",
    );
}

// The servers that were silent keep their order.
#[test] // R-8305-3.1b, N-1
fn the_server_that_goes_first_may_be_silent_as_well() {
    let third_dies = Change::Becomes(2, plain().dead());
    world([plain().dead(), plain().dead(), plain()])
        .then(1_130, plain())
        .change(1_130, third_dies)
        .asked_at([0, 1_150])
        .plays(
            "
            0ms Q1: ask S1 over UDP
            50ms Q1: ask S2 over UDP
            100ms Q1: ask S3 over UDP
            120ms Q1: answer of S3 over UDP
            250ms Q1: ask S1 over UDP
            250ms Q1: ask S1 over TCP
            300ms Q1: ask S2 over UDP
            300ms Q1: ask S2 over TCP
            500ms Q1: ask S1 over TCP, connection 2
            500ms Q1: ask S1 over UDP for . NS
            550ms Q1: ask S2 over TCP, connection 2
            550ms Q1: ask S2 over UDP for . NS
            1000ms Q1: ask S1 over UDP without EDNS
            1050ms Q1: ask S2 over UDP without EDNS
            1120ms Q1: over
            1150ms Q2: ask S3 over UDP
            1210ms Q2: ask S1 over UDP
            1400ms Q2: ask S3 over UDP
            1400ms Q2: ask S3 over TCP
            1650ms Q2: ask S3 over TCP, connection 2
            1650ms Q2: ask S3 over UDP for . NS
            2150ms Q2: answer of S1 over UDP
            2150ms Q2: ask S3 over UDP without EDNS
            3150ms Q2: over
            ",
        );
}

// `options rotate` of resolv.conf.
#[test]
fn with_rotate_each_question_begins_with_the_next_server() {
    world([plain(), plain(), plain()]).rotate().asked_at([0, 100, 200, 300]).plays(
        "
        0ms Q1: ask S1 over UDP
        20ms Q1: answer of S1 over UDP
        100ms Q2: ask S2 over UDP
        120ms Q2: answer of S2 over UDP
        200ms Q3: ask S3 over UDP
        220ms Q3: answer of S3 over UDP
        300ms Q4: ask S1 over UDP
        320ms Q4: answer of S1 over UDP
        ",
    );
}

#[test]
fn with_rotate_a_silent_server_has_its_turn_as_well() {
    world([plain().dead(), plain()]).rotate().asked_at([0, 1_000, 2_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        500ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over UDP for . NS
        1000ms Q2: ask S2 over UDP
        1000ms Q1: ask S1 over UDP without EDNS
        1020ms Q2: answer of S2 over UDP
        1070ms Q1: over
        2000ms Q3: ask S1 over UDP
        2050ms Q3: ask S2 over UDP
        2070ms Q3: answer of S2 over UDP
        2250ms Q3: ask S1 over UDP
        2250ms Q3: ask S1 over TCP
        2250ms Q3: ask S1 over TCP, connection 2
        2500ms Q3: ask S1 over UDP for . NS
        3000ms Q3: ask S1 over UDP without EDNS
        3070ms Q3: over
        ",
    );
}
