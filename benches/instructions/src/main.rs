//! How many instructions the machine takes for an address, counted by callgrind, beside what was
//! written down before: a measure that does not depend on how busy the machine is.
//!
//! `cargo run --profile instructions -p he-instructions` compares, and fails where a count has grown by more than
//! 5 %; with `-- --record` the counts are written down. A record is of one rustc, target
//! and libc. Where there is none for those in use, the counts are told and not judged.
//!
//! Takes valgrind (the Debian package of that name).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use races::{End, Run, list, name};

#[path = "../../support/races.rs"]
mod races;

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/record.txt");
/// In percent.
const MOST_GROWTH: f64 = 5.0;
/// Races of a run, beside one that pays for what happens once.
const TIMES: usize = 50;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "--races") {
        race(&args[at + 1], args[at + 2].parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let key = key();
    let counts: BTreeMap<String, u64> =
        WORKLOADS.iter().map(|(name, size, _)| ((*name).to_owned(), count(name, *size))).collect();
    if args.iter().any(|arg| arg == "--record") {
        record(&key, &counts);
        return ExitCode::SUCCESS;
    }
    compare(&key, &counts)
}

/// Name, number of addresses, races.
type Workload = (&'static str, usize, fn(usize) -> Run);

const WORKLOADS: &[Workload] = &[
    ("list of 8, the first wins", 8, |n| list(n, End::FirstWins)),
    ("list of 8, all fail", 8, |n| list(n, End::AllFail)),
    ("list of 64, the first wins", 64, |n| list(n, End::FirstWins)),
    ("list of 64, all fail", 64, |n| list(n, End::AllFail)),
    ("name of 2, the first wins", 2, |n| name(n, End::FirstWins)),
    ("name of 2, all fail", 2, |n| name(n, End::AllFail)),
    ("name of 64, the first wins", 64, |n| name(n, End::FirstWins)),
    ("name of 64, all fail", 64, |n| name(n, End::AllFail)),
];

/// What the inner process does.
fn race(name: &str, times: usize) {
    let (_, size, of) = WORKLOADS.iter().find(|(known, ..)| *known == name).unwrap();
    let run = of(*size);
    (0..times).for_each(|_| run());
}

/// Instructions for an address: what the races after the first one took.
fn count(name: &str, size: usize) -> u64 {
    let of = |times: usize| counted(&[name, &times.to_string()]);
    (of(1 + TIMES) - of(1)) / (TIMES * size) as u64
}

/// Instructions of one inner process.
fn counted(args: &[&str]) -> u64 {
    let out = std::env::temp_dir().join(format!("he-callgrind-{}", std::process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())])
        .arg(std::env::current_exe().unwrap())
        .arg("--races")
        .args(args)
        // The same memcpy on every processor.
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX,-ERMS,-FSRM")
        .output()
        .expect("valgrind is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = fs::read_to_string(&out).unwrap();
    fs::remove_file(&out).unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    total.unwrap_or_else(|| panic!("no totals: {said}")).trim().parse().unwrap()
}

/// What the counts depend on beside the code.
fn key() -> String {
    let first_line = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let rustc = first_line("rustc", &["--version"]);
    let libc = first_line("getconf", &["GNU_LIBC_VERSION"]);
    format!("{rustc}, {} {}, {libc}", std::env::consts::ARCH, std::env::consts::OS)
}

/// By key, then by name.
fn records() -> BTreeMap<String, BTreeMap<String, u64>> {
    let text = fs::read_to_string(Path::new(RECORD)).unwrap_or_default();
    let (mut records, mut key) = (BTreeMap::<_, BTreeMap<_, _>>::new(), String::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(new) => key = new.to_owned(),
            None => {
                let (name, count) = line.rsplit_once(": ").unwrap();
                let of_key = records.entry(key.clone()).or_default();
                of_key.insert(name.to_owned(), count.parse().unwrap());
            }
        }
    }
    records
}

fn record(key: &str, counts: &BTreeMap<String, u64>) {
    let mut records = records();
    records.insert(key.to_owned(), counts.clone());
    let mut text =
        "# Instructions for an address, by `cargo run --profile instructions -p he-instructions -- --record`.\n"
            .to_owned();
    for (key, counts) in records {
        text += &format!("\n[{key}]\n");
        counts.iter().for_each(|(name, count)| text += &format!("{name}: {count}\n"));
    }
    fs::write(RECORD, text).unwrap();
    println!("written down for {key}");
}

fn compare(key: &str, counts: &BTreeMap<String, u64>) -> ExitCode {
    let records = records();
    let recorded = records.get(key);
    println!("{key}\n\n{:30}{:>14}{:>14}{:>10}", "instructions an address", "now", "recorded", "");
    let mut grown = false;
    for (name, count) in counts {
        let Some(before) = recorded.and_then(|counts| counts.get(name)) else {
            println!("{name:30}{count:>14}{:>14}", "none");
            continue;
        };
        let growth = 100.0 * (*count as f64 / *before as f64 - 1.0);
        let verdict = if growth > MOST_GROWTH { "GROWN" } else { "" };
        grown |= growth > MOST_GROWTH;
        println!("{name:30}{count:>14}{before:>14}{growth:>+9.1} % {verdict}");
    }
    if recorded.is_none() {
        println!("\nnothing is recorded for this rustc, target and libc: not judged");
    }
    if grown { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
