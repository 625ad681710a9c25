//! The order of the servers: the configured one, the one that has answered first, or each in turn.

use super::world::{Change, World, plain, world};

/// The first server is dead until so many milliseconds.
fn dead_until(at: u64) -> World {
    world([plain().dead(), plain()]).then(at, plain())
}

// The minute starts with the first answer of the second server, so the last question returns to the
// configured order.
#[test] // R-8305-3.1b
fn the_server_that_answered_goes_first_for_a_minute() {
    dead_until(1_000).asked_at([0, 1_000, 60_269, 60_270]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        500ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over UDP for . NS
        1000ms Q2: ask S1 over UDP
        1000ms Q1: ask S1 over UDP without EDNS
        1020ms Q2: answer of S1 over UDP
        1020ms Q1: late answer of S1 over UDP
        1020ms Q1: over
        10250ms S1 over TCP: no TCP connection within 10s
        10500ms S1 over TCP, connection 2: no TCP connection within 10s
        60269ms Q3: ask S1 over UDP without EDNS
        60270ms Q4: ask S1 over UDP without EDNS
        60289ms Q3: answer of S1 over UDP
        60290ms Q4: answer of S1 over UDP
        ",
    );
}

#[test] // R-8305-3.1b
fn an_answer_of_the_first_server_restores_the_order() {
    let second_dies = Change::Becomes(1, plain().dead());
    dead_until(1_000).change(1_000, second_dies).asked_at([0, 1_000, 2_000]).plays(
        "
        0ms Q1: ask S1 over UDP
        50ms Q1: ask S2 over UDP
        70ms Q1: answer of S2 over UDP
        250ms Q1: ask S1 over UDP
        250ms Q1: ask S1 over TCP
        500ms Q1: ask S1 over TCP, connection 2
        500ms Q1: ask S1 over UDP for . NS
        1000ms Q2: ask S1 over UDP
        1000ms Q1: ask S1 over UDP without EDNS
        1020ms Q2: answer of S1 over UDP
        1020ms Q1: late answer of S1 over UDP
        1020ms Q1: over
        2000ms Q3: ask S1 over UDP without EDNS
        2020ms Q3: answer of S1 over UDP
        ",
    );
}

// The servers after the preferred one keep their order.
#[test] // R-8305-3.1b
fn the_preferred_server_may_fail_as_well() {
    let third_dies = Change::Becomes(2, plain().dead());
    world([plain().dead(), plain().dead(), plain()])
        .then(1_000, plain())
        .change(1_000, third_dies)
        .asked_at([0, 1_000])
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
            1000ms Q2: ask S1 over UDP
            1000ms Q1: ask S1 over UDP without EDNS
            1020ms Q2: answer of S1 over UDP
            1020ms Q1: late answer of S1 over UDP
            1050ms Q1: ask S2 over UDP without EDNS
            1120ms Q1: over
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
fn with_rotate_no_server_is_preferred() {
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
