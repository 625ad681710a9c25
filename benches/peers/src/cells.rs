//! Cells of a table: each is one call in a fresh world, a few times over, many worlds at once, for
//! they mostly wait.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use he_testnet::{Moment, Net, outing};

/// A call that takes longer is cut off.
pub(crate) const PATIENCE: Duration = Duration::from_secs(22);
/// A world that takes longer has failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);
/// Worlds at once: two for each CPU that has to build them.
const AT_ONCE: usize = 8;
/// How often a cell is measured ...
pub(crate) const RUNS: usize = 3;
/// ... but once if it takes longer than this.
pub(crate) const LONG: Duration = Duration::from_secs(4);
/// What is measured while a control timer in the same process is later than this does not count ...
const LATE_MS: f64 = 5.0;
/// ... so many times a cell, and then it does.
const EXCUSES: usize = 5;

const MARK: &str = "he-peers:";

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// So many milliseconds after it began.
    Won(f64),
    Cut,
    /// So many milliseconds after it began, and why.
    Failed(f64, String),
}

impl End {
    fn is_slow(&self) -> bool {
        match self {
            Self::Won(ms) | Self::Failed(ms, _) => *ms > LONG.as_secs_f64() * 1e3,
            Self::Cut => true,
        }
    }
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) end: End,
    /// First SYNs that the wire has seen, those of DNS not counted.
    pub(crate) attempts: usize,
    late_ms: f64,
}

impl Run {
    /// In the inner process: says how the call ended, and leaves, for a `getaddrinfo` that still
    /// waits would hold the process.
    pub(crate) fn tell(&self) -> ! {
        let Self { end, attempts, late_ms } = self;
        let end = match end {
            End::Won(ms) => format!("won {ms}"),
            End::Cut => "cut".to_owned(),
            End::Failed(ms, why) => format!("failed {ms} {}", why.replace('\n', " ")),
        };
        println!("{MARK} {attempts} {late_ms} {end}");
        std::process::exit(0)
    }

    fn parse(stdout: &str) -> Option<Self> {
        let line = stdout.lines().find_map(|line| line.strip_prefix(MARK))?;
        let mut words = line.trim().splitn(3, ' ');
        let (attempts, late_ms) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let end = match words.next()?.split_once(' ') {
            Some(("won", ms)) => End::Won(ms.parse().ok()?),
            Some((_, failed)) => {
                let (ms, why) = failed.split_once(' ')?;
                End::Failed(ms.parse().ok()?, why.to_owned())
            }
            None => End::Cut,
        };
        Some(Self { end, attempts, late_ms })
    }
}

/// Makes a call in this world and says what came of it. `connected_at` is the moment that counts,
/// if it is not that of the return.
///
/// # Panics
///
/// If it returned before the wire had seen a handshake.
pub(crate) async fn measure<T, E: Into<Box<dyn Error + Send + Sync>>>(
    net: Net,
    call: impl Future<Output = Result<T, E>>,
    connected_at: impl FnOnce(Net) -> Option<Moment>,
) -> Run {
    let called = Moment::now();
    let ended = net.call(tokio::time::timeout(PATIENCE, call)).await;
    let returned = Moment::now();
    let log = net.log();
    let after = |at: Moment| (at - called).as_secs_f64() * 1e3;
    let end = match ended {
        Err(_) => End::Cut,
        Ok(Err(error)) => End::Failed(after(returned), root(&*error.into())),
        Ok(Ok(_)) => {
            let shaken = log.handshakes().first().is_some_and(|syn_ack| syn_ack.at <= returned);
            assert!(shaken, "returned before any handshake:\n{log}");
            End::Won(after(connected_at(net).unwrap_or(returned)))
        }
    };
    let late_ms = net.lateness(called, returned).as_secs_f64() * 1e3;
    Run { end, attempts: log.starts().len(), late_ms }
}

/// What the innermost cause of an error says.
fn root(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// All runs of a cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell(Vec<Run>);

impl Cell {
    /// The median of the times, if the calls were won.
    pub(crate) fn ms(&self) -> Option<f64> {
        let mut times = Vec::new();
        for run in &self.0 {
            match run.end {
                End::Won(ms) => times.push(ms),
                End::Cut | End::Failed(..) => return None,
            }
        }
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    }

    /// `270 ms, 2`: the time and the number of attempts.
    pub(crate) fn text(&self) -> String {
        let Some(last) = self.0.last() else { return String::new() };
        let end = match (self.ms(), &last.end) {
            (Some(ms), _) => time(ms),
            (None, End::Failed(ms, _)) => format!("fails at {}", time(*ms)),
            (None, End::Won(_) | End::Cut) => format!("> {} s", PATIENCE.as_secs()),
        };
        format!("{end}, {}", last.attempts)
    }

    /// Why a call failed.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.0.iter().find_map(|run| match &run.end {
            End::Failed(_, why) => Some(&**why),
            End::Won(_) | End::Cut => None,
        })
    }
}

fn time(ms: f64) -> String {
    if ms < 1_000.0 { format!("{ms:.0} ms") } else { format!("{:.2} s", ms / 1e3) }
}

/// Measures cells, each by the arguments of its inner process.
///
/// # Errors
///
/// What is missing, or what went wrong in a world.
pub(crate) fn measure_all(args: &[Vec<String>]) -> Result<Vec<Cell>, String> {
    let next = AtomicUsize::new(0);
    let cells = Mutex::new(vec![Ok(Cell::default()); args.len()]);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(args) = args.get(index) else { return };
                    let cell = measure_one(args);
                    cells.lock().unwrap_or_else(PoisonError::into_inner)[index] = cell;
                }
            });
        }
    });
    cells.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
}

fn measure_one(args: &[String]) -> Result<Cell, String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (mut runs, mut excuses) = (Vec::new(), EXCUSES);
    while runs.len() < RUNS {
        let stdout = outing(&args)?;
        let run = Run::parse(&stdout).ok_or_else(|| format!("{args:?} said: {stdout}"))?;
        let slow = run.end.is_slow();
        if run.late_ms > LATE_MS && !slow && excuses > 0 {
            excuses -= 1;
            continue;
        }
        runs.push(run);
        if slow {
            break;
        }
    }
    Ok(Cell(runs))
}
