//! What the machine costs an address: whole races in virtual time, without a socket.
//!
//! `cargo bench --no-default-features --bench race`
//!
//! Every round measures all sizes one after the other, so that the ratios between sizes are those
//! of one moment.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::time::Instant;

use races::{End, Run, list, name};

#[path = "support/races.rs"]
mod races;
mod support;

const ROUNDS: usize = 101;
/// Addresses raced in a batch, whatever the size of a race.
const ADDRESSES: usize = 4_096;
const MOST_NS: f64 = 1_000.0;
const MOST_GROWTH: f64 = 1.5;

fn main() {
    let lists = [2, 8, 32, 256];
    let names = [2, 8, 32, 64];
    let (wins, fails) = (End::FirstWins, End::AllFail);
    measure("a list, the first address wins", &lists, |n| list(n, wins));
    measure("a list, every address fails", &lists, |n| list(n, fails));
    measure("a name, the first address wins", &names, |n| name(n, wins));
    measure("a name, every address fails", &names, |n| name(n, fails));
}

fn measure(what: &str, sizes: &[usize], of: impl Fn(usize) -> Run) {
    let races: Vec<(usize, Run)> = sizes.iter().map(|n| (*n, of(*n))).collect();
    let mut series = vec![Vec::with_capacity(ROUNDS); races.len()];
    for round in 0..=ROUNDS {
        for (series, (size, race)) in series.iter_mut().zip(&races) {
            let times = ADDRESSES / size;
            let began = Instant::now();
            (0..times).for_each(|_| race());
            let nanos = began.elapsed().as_secs_f64() * 1e9 / (times * size) as f64;
            if round > 0 {
                series.push(nanos); // the first round warms up
            }
        }
    }
    println!("\n{what}; {ROUNDS} rounds, median (min to max)");
    println!("{:>9}{:>28}{:>26}{:>18}", "addresses", "ns an address", "ratio to 8", "allocations");
    let base = series[1].clone();
    for ((size, race), series) in races.iter().zip(&series) {
        let (nanos, growth) = (support::Spread::of(series.clone()), support::ratios(series, &base));
        let count = support::allocations();
        race();
        let allocations = support::allocations() - count;
        let show = |s: &support::Spread, places: usize| {
            format!("{:.places$} ({:.places$} to {:.places$})", s.median, s.least, s.most)
        };
        print!("{size:>9}{:>28}{:>26}{allocations:>18}", show(&nanos, 0), show(&growth, 2));
        match races.last().is_some_and(|(most, _)| most == size) {
            true => {
                let met = growth.median <= MOST_GROWTH && nanos.median < MOST_NS;
                let target = format!("<= {MOST_GROWTH} and < {MOST_NS} ns");
                println!("  {target}: {}", support::verdict(met));
            }
            false => println!(),
        }
    }
}
