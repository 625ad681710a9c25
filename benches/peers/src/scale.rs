//! *scale*: many calls at once, to silent addresses or to some silent ones among good ones.

mod flight;
mod rate;

use std::time::Instant;

use he_testnet::outing;

use crate::goals::Goals;
use crate::machine;
use crate::peers::Peer;
use crate::races::{End, Run, list};
use crate::support;
use crate::table::Table;

pub(crate) use flight::inside as flight;
pub(crate) use rate::inside as rate;

const PEERS: [Peer; 6] = [
    Peer::Tokio,
    Peer::He,
    Peer::Hyper,
    Peer::HappyEyeballs,
    Peer::Happyeyeballs,
    Peer::TokioHappyEyeballs,
];
const IN_FLIGHT: [usize; 4] = [1, 100, 1_000, 10_000];
/// Of connects a second.
const RUNS: usize = 3;
/// Bytes that a connect in flight may take.
const MOST_BYTES: f64 = 4_096.0;
/// How much more they may be at 10 000 than at 100.
const FLAT: f64 = 1.1;
/// How much more an address may cost in a list of 256 than in one of 8.
const MOST_GROWTH: f64 = 1.5;

/// The tables of this part.
///
/// # Errors
///
/// What is missing, or what went wrong.
pub(crate) fn tables() -> Result<String, String> {
    let mut goals = Goals::default();
    let in_flight = in_flight(&mut goals)?;
    let rates = rates(&mut goals)?;
    let growth = growth();
    let goal = "time per address in a race of 256: ≤ 1.5 × that in a race of 8";
    goals.add(goal, format!("{growth:.2} ×"), growth <= MOST_GROWTH);
    Ok(format!("{in_flight}\n{rates}\n{}", goals.table()))
}

/// What the inner process has measured: the numbers after the mark, if there are any.
fn numbers(args: &[&str]) -> Result<Option<Vec<f64>>, String> {
    let stdout = outing(args)?;
    let line = stdout.lines().find_map(|line| line.strip_prefix(MARK));
    let line = line.ok_or_else(|| format!("{args:?} said: {stdout}"))?;
    let numbers: Vec<f64> = line.split_whitespace().filter_map(|it| it.parse().ok()).collect();
    Ok((!numbers.is_empty()).then_some(numbers))
}

const MARK: &str = "he-peers:";

fn in_flight(goals: &mut Goals) -> Result<Table, String> {
    let head = IN_FLIGHT.map(|count| format!("{count} in flight"));
    let mut table = Table::new(std::iter::once("heap, RSS and tasks per call".into()).chain(head));
    for peer in PEERS {
        let mut row = vec![peer.label().to_owned()];
        let mut bytes = Vec::new();
        for count in IN_FLIGHT {
            let measured = numbers(&["flight", &peer.key(), &count.to_string()])?;
            let told = match measured.as_deref() {
                Some([heap, rss, tasks]) => {
                    bytes.push(*heap);
                    format!("{heap:.0} B, {rss:.0} B, {tasks:.1}")
                }
                Some(_) | None => "more file descriptors than the hard limit".to_owned(),
            };
            row.push(told);
        }
        table.row(row);
        if peer == Peer::He {
            memory_goals(goals, &bytes);
        }
    }
    table.note(format!(
        "Each call connects to one silent address on loopback, in a task of its own, on a \
         current-thread runtime. Heap: bytes in use, with the task and the runtime's part of the \
         socket. Tasks: those beside the task of the call. {}. {}.",
        machine::line(),
        machine::versions(),
    ));
    table.note(
        "Timers per call, as read in the source: he has one; `happy-eyeballs` has one, in a task; \
         hyper-util has one if there are addresses of both families or a time-out; `happyeyeballs` \
         and `tokio-happy-eyeballs` have one if there are addresses of both families; tokio \
         `TcpStream` has none.",
    );
    Ok(table)
}

fn memory_goals(goals: &mut Goals, bytes: &[f64]) {
    let most = bytes.iter().skip(1).fold(0.0, |most: f64, bytes| most.max(*bytes));
    let goal = "heap per call in flight, without the kernel's socket: ≤ 4 KiB";
    goals.add(goal, format!("at most {most:.0} B"), most <= MOST_BYTES);
    if let [_, hundred, .., last] = bytes {
        let told = format!("{:.2} ×", last / hundred);
        let goal = format!("heap per call with 10 000 in flight: ≤ {FLAT} × that with 100");
        goals.add(goal, told, *last <= FLAT * hundred);
    }
}

fn rates(goals: &mut Goals) -> Result<Table, String> {
    let mut table = Table::new([
        "calls at saturation",
        "per second, all addresses good",
        "per second, 1 % with a silent address first",
        "longest call of these",
    ]);
    // tokio's would wait for the kernel's time-out.
    let silent = PEERS.map(|peer| (peer, "1")).into_iter().filter(|it| it.0 != Peer::Tokio);
    let ways: Vec<(Peer, &str)> = PEERS.map(|peer| (peer, "0")).into_iter().chain(silent).collect();
    let mut rates = vec![(Vec::new(), 0.0); ways.len()];
    for _ in 0..RUNS {
        for ((peer, silent), (rates, longest)) in ways.iter().zip(&mut rates) {
            let measured = numbers(&["rate", &peer.key(), silent])?.unwrap_or_default();
            let [rate, ms] = measured[..] else { return Err(format!("{peer:?}: {measured:?}")) };
            rates.push(rate);
            *longest = ms.max(*longest);
        }
    }
    for peer in PEERS {
        let of = |silent| ways.iter().position(|way| *way == (peer, silent));
        let told = |rates: &[f64]| format!("{:.0}", support::Spread::of(rates.to_vec()).median);
        let mut row = vec![peer.label().to_owned()];
        row.extend(of("0").map(|way| told(&rates[way].0)));
        row.extend(of("1").map(|way| told(&rates[way].0)));
        row.extend(of("1").map(|way| format!("{:.0} ms", rates[way].1)));
        row.resize(4, String::new());
        table.row(row);
        if let (Peer::He, Some(way)) = (peer, of("1")) {
            let (longest, worst) = (rates[way].1, he::Config::new().worst_case(2).as_millis());
            let told = format!("{longest:.0} ms; the worst case is {worst} ms");
            goals.add(
                "at saturation, no call takes longer than its worst case",
                told,
                longest <= worst as f64,
            );
            let others = ways.iter().zip(&rates).filter(|(it, _)| it.0 != peer && it.1 == "1");
            let most = others.fold(0.0, |most: f64, (_, (_, longest))| most.max(*longest));
            let goal = "at saturation, no call takes longer than the longest call of a peer";
            goals.add(goal, format!("{longest:.0} ms, peer {most:.0} ms"), longest <= most);
        }
    }
    table.note(format!(
        "{} calls by {} tasks, on a multi-thread runtime of two workers. The server runs on the same \
         machine. The rates are medians of {RUNS} runs, in which all take turns; the longest call is \
         that of all runs. The silent address is IPv6, the good one IPv4; all wait 250 ms between \
         them. tokio `TcpStream` is left out of the last two columns, because it would wait for the \
         kernel's time-out.",
        rate::TOTAL,
        rate::AT_ONCE,
    ));
    Ok(table)
}

/// What an address costs in a race over 256, beside one over 8: no sockets, the first one wins.
fn growth() -> f64 {
    const ADDRESSES: usize = 4_096;
    let sizes = [8, 256];
    let races = sizes.map(|size| (size, list(size, End::FirstWins)));
    let mut series = [Vec::new(), Vec::new()];
    for round in 0..=101 {
        for (series, (size, race)) in series.iter_mut().zip(&races) {
            let nanos = nanos(race, ADDRESSES / size) / *size as f64;
            if round > 0 {
                series.push(nanos); // the first round warms up
            }
        }
    }
    support::ratios(&series[1], &series[0]).median
}

fn nanos(race: &Run, times: usize) -> f64 {
    let began = Instant::now();
    (0..times).for_each(|_| race());
    began.elapsed().as_secs_f64() * 1e9 / times as f64
}
