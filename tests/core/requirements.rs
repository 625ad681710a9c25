//! Every core requirement of `tests/data/requirements.txt` is cited at a test, or says why not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const REGISTER: &str = include_str!("../data/requirements.txt");
const CHOICES: &str = include_str!("../data/choices.txt");
const FINDINGS: &str = include_str!("../data/findings.txt");

#[test]
fn every_core_requirement_is_tested_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cited = BTreeSet::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut cited);
    }
    let rows = REGISTER.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut uncited = Vec::new();
    for row in rows {
        match row.split_once(": ") {
            // A test may cite it all the same: one that pins what is done instead.
            Some((_, reason)) => assert!(!reason.trim().is_empty(), "{row}: no reason"),
            None if !cited.contains(row) => uncited.push(row),
            None => {}
        }
    }
    assert!(uncited.is_empty(), "no test cites {uncited:?}");
}

#[test]
fn every_choice_and_finding_that_is_cited_is_in_its_list() {
    let lines = CHOICES.lines().chain(FINDINGS.lines());
    let listed: BTreeSet<&str> = lines.filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["src", "tests", "testnet/src", "testnet/tests"];
    for file in folders.iter().flat_map(|folder| sources(&root.join(folder))) {
        let text = fs::read_to_string(&file).expect("source is UTF-8");
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            let number = word.strip_prefix("F-").or_else(|| word.strip_prefix("N-"));
            if number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit())) {
                assert!(listed.contains(word), "{}: {word} is in no list", file.display());
            }
        }
    }
}

/// The source files in this folder and below.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of the package");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let inside = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    let mut files: Vec<PathBuf> = paths.flat_map(inside).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files
}

/// The identifiers in the comments that belong to test functions: beside the attribute, or on the
/// lines around it down to the function's name.
fn collect(folder: &Path, cited: &mut BTreeSet<String>) {
    for file in sources(folder) {
        let text = fs::read_to_string(&file).expect("source is UTF-8");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for at in (0..lines.len()).filter(|at| is_test_attribute(lines[*at])) {
            let above = lines[..at].iter().rev().take_while(|line| line.starts_with("//"));
            let below = lines[at..].iter().take_while(|line| !line.contains("fn "));
            let comments = above.chain(below).filter_map(|line| line.split_once("//"));
            for (_, comment) in comments {
                let words = comment.split(|c: char| c.is_whitespace() || ",;()`".contains(c));
                cited.extend(words.map(|word| word.trim_end_matches(['.', ':']).to_owned()));
            }
        }
    }
}

fn is_test_attribute(line: &str) -> bool {
    line.starts_with("#[test]") || line.starts_with("#[tokio::test")
}
