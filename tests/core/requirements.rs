//! Every core requirement of `tests/data/requirements.txt` is cited at a test, or says why not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const REGISTER: &str = include_str!("../data/requirements.txt");

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

/// The identifiers in the comments that belong to test functions: beside the attribute, or on the
/// lines around it down to the function's name.
fn collect(folder: &Path, cited: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the package") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, cited);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source is UTF-8");
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
}

fn is_test_attribute(line: &str) -> bool {
    line.starts_with("#[test]") || line.starts_with("#[tokio::test")
}
