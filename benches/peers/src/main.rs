//! `he` beside everything else that connects, on the same work in one run.
//!
//! `cargo run --release -p he-peers` prints all parts as tables in Markdown; with the name of a
//! part, that one alone; with `--readme` they are written into the README as well.
//!
//! | part | what |
//! |---|---|
//! | `bytes` | time to the first byte over https, where something is wrong |
//! | `ill` | time to connect, and attempts, where something is wrong |
//! | `well` | time, CPU and allocations of a connect where nothing is wrong |
//! | `scale` | memory, tasks and time of many connects at once, and how many a second there are |
//!
//! Every packet stays in network namespaces that this program makes (`he-testnet`, which says what
//! it takes).

mod bytes;
mod cells;
mod goals;
mod ill;
mod machine;
mod peers;
mod readme;
mod requests;
mod scale;
mod server;
mod table;
mod well;
mod worlds;

#[path = "../../support/name_server.rs"]
mod name_server;
#[path = "../../../tests/support/net.rs"]
mod net;
#[path = "../../support/races.rs"]
mod races;
#[path = "../../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::ExitCode;

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
    let wrong = options.iter().find(|option| **option != "--readme").or(unknown);
    if let Some(wrong) = wrong {
        let parts: Vec<&str> = PARTS.iter().map(|(part, _)| *part).collect();
        return Err(format!("{wrong} is neither --readme nor a part: {}", parts.join(", ")));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let failed = |why: std::io::Error| format!("README.md: {why}");
    let mut readme = std::fs::read_to_string(&path).map_err(failed)?;
    let chosen = |part: &&Part| names.is_empty() || names.contains(&part.0);
    // Before minutes of measuring.
    PARTS.iter().filter(chosen).try_for_each(|(part, _)| readme::has_part(&readme, part))?;
    for (part, tables) in PARTS.iter().filter(chosen) {
        let tables = tables()?;
        println!("## {part}\n\n{tables}");
        readme = readme::with_part(&readme, part, &tables)?;
    }
    if options.is_empty() { Ok(()) } else { std::fs::write(&path, readme).map_err(failed) }
}
