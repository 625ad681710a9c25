//! `he` beside everything else that connects, on the same work in one run.
//!
//! `cargo run --release -p he-peers` measures all parts and prints their tables in Markdown. The name
//! of a part as an argument chooses that part alone. `--record` writes the tables into
//! `benches/MEASURED.md` as well, and the first table of `bytes` into the README.
//!
//! | part | what |
//! |---|---|
//! | `bytes` | time to the first byte over https, with a fault in the network |
//! | `ill` | time to connect, and attempts, with a fault in the network |
//! | `well` | time, CPU and allocations of a call without a fault |
//! | `scale` | memory, tasks and time of many calls at once, and how many finish per second |
//!
//! Every packet stays in network namespaces that this program makes (`he-testnet`, which says what
//! it takes).

mod bytes;
mod cells;
mod goals;
mod ill;
mod machine;
mod measured;
mod peers;
mod requests;
mod scale;
mod server;
mod table;
mod well;
mod worlds;

#[path = "../../support/name_server.rs"]
mod name_server;
#[path = "../../support/races.rs"]
mod races;
#[path = "../../support/mod.rs"]
mod support;

use std::process::ExitCode;

use measured::{MEASURED, Page, README, README_PART, first_table};

/// A part: its name, and what makes its tables.
type Part = (&'static str, fn() -> Result<String, String>);

const PARTS: &[Part] = &[
    ("bytes", bytes::tables),
    ("ill", ill::tables),
    ("well", well::tables),
    ("scale", scale::tables),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if he_testnet::is_out() {
        inside(&args.iter().map(String::as_str).collect::<Vec<_>>());
        return ExitCode::SUCCESS;
    }
    match outside(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("he-peers: {why}");
            ExitCode::FAILURE
        }
    }
}

/// What is measured in namespaces.
fn inside(args: &[&str]) {
    match args {
        ["bytes", world, peer] => bytes::cell(world, peer),
        ["flight", peer, count] => scale::flight(peer, count),
        ["ill", world, peer] => ill::cell(world, peer),
        ["rate", peer, silent] => scale::rate(peer, silent),
        ["serve"] => server::serve(),
        ["well", runtime] => well::inside(runtime),
        _ => panic!("{args:?} is nothing to measure"),
    }
}

fn outside(args: &[String]) -> Result<(), String> {
    let (options, names): (Vec<&str>, Vec<&str>) =
        args.iter().map(String::as_str).partition(|arg| arg.starts_with('-'));
    let unknown = names.iter().find(|name| !PARTS.iter().any(|(part, _)| part == *name));
    let wrong = options.iter().find(|option| **option != "--record").or(unknown);
    if let Some(wrong) = wrong {
        let parts: Vec<&str> = PARTS.iter().map(|(part, _)| *part).collect();
        return Err(format!("{wrong} is neither --record nor a part: {}", parts.join(", ")));
    }
    let (mut measured, mut readme) = (Page::read(MEASURED)?, Page::read(README)?);
    let chosen = |part: &&Part| names.is_empty() || names.contains(&part.0);
    // A missing place is an error now, not after minutes of measuring.
    readme.tables(README_PART)?;
    PARTS.iter().filter(chosen).try_for_each(|(part, _)| measured.tables(part).map(drop))?;
    for (part, tables) in PARTS.iter().filter(chosen) {
        let tables = tables()?;
        println!("## {part}\n\n{tables}");
        measured.replace(part, &tables)?;
        if *part == README_PART {
            readme.replace(part, first_table(&tables))?;
        }
    }
    if options.is_empty() {
        return Ok(());
    }
    measured.write()?;
    readme.write()
}
