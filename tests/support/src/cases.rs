//! Cases drawn at random: how many, from which seed, and what is said of the one that fails.

#![allow(clippy::print_stdout, reason = "a test says from which seed it ran")]

use std::env;
use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

/// Checks a law on this number of cases, or on `PROPTEST_CASES`. The seed is always the same, or
/// that of `PROPTEST_RNG_SEED`; it is printed, and a case that fails is made as small as possible.
///
/// # Panics
///
/// A case breaks the law.
#[track_caller]
pub fn check<S: Strategy<Value: Debug>>(name: &str, few: u32, cases: &S, law: impl Fn(S::Value)) {
    let number = |name| env::var(name).ok()?.parse().ok();
    let seed = number("PROPTEST_RNG_SEED").unwrap_or(8_305);
    let count = number("PROPTEST_CASES").and_then(|n| u32::try_from(n).ok()).unwrap_or(few);
    println!("{name}: {count} cases, PROPTEST_RNG_SEED={seed}");
    let mut runner = TestRunner::new(Config {
        cases: count,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    });
    let checked = runner.run(cases, |case| {
        law(case);
        Ok(())
    });
    match checked {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => {
            let case = format!("{case:?}"); // it may panic as well
            panic!("{name}, PROPTEST_RNG_SEED={seed}: {why}\n{case}")
        }
        Err(TestError::Abort(why)) => panic!("{name}: {why}"),
    }
}
