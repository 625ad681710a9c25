//! Thousands of calls, 500 at once, through scenarios drawn from a seed, with a tenth of the
//! futures dropped at some moment. Nothing is left over, and every call keeps its promises.
//! `.ci/README.md` has the command for a million calls.

#![cfg(target_os = "linux")]

mod scenario;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs};

use he::{AttemptOutcome, Connector, Established};
use he_testnet::{Log, Moment, Net, Packet, internet_for};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use scenario::{Place, Rng, Scenario};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const AT_ONCE: usize = 500;
/// The time after which nothing that belongs to a call is under way.
const REST: Duration = Duration::from_secs(4);
/// The greatest lateness of a timer if the machine is not busy.
const PATIENCE: Duration = Duration::from_millis(20);
/// The runtime may see SYN-ACKs that are nearer to each other than this in one turn.
const NEAR: Duration = Duration::from_millis(5);
/// The limit for the growth of memory after the first fifth.
const MOST_GROWTH_KIB: u64 = 48 * 1024;

#[test]
fn thousands_of_connects_at_once_leave_nothing_behind() {
    let number = |name, default| env::var(name).map_or(default, |text| text.parse().unwrap());
    let connects = number("HE_SOAK_CONNECTS", 10_000);
    let seconds = Duration::from_secs(number("HE_SOAK_SECONDS", 40));
    let seed = number("HE_SOAK_SEED", 0x5eed);
    internet_for(seconds + Duration::from_secs(60), |net| async move {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
        let soak = Soak::new(net, connects, seconds, seed);
        soak.run().await;
    });
}

#[derive(Clone)]
struct Soak {
    net: Net,
    connector: Connector,
    connects: u64,
    seed: u64,
    time: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    begun: u64,
    totals: Totals,
    /// The packets of the calls that run, as far as the log has shown them.
    packets: HashMap<Place, Vec<Packet>>,
    /// The places that may be used again, and from when on.
    free: VecDeque<(Instant, Place)>,
    places: u32,
}

/// The numbers that the soak prints at its end.
#[derive(Debug, Default)]
struct Totals {
    connected: u64,
    failed: u64,
    /// The kinds of the failures.
    kinds: BTreeMap<String, u64>,
    dropped: u64,
    attempts: usize,
    /// Wins with a cancelled attempt to compare them with.
    compared: u64,
    /// Calls that took longer than their worst case while control timers were late.
    excused: u64,
}

/// Counts that must not grow.
#[derive(Debug, Clone, Copy)]
struct Counts {
    fds: usize,
    tasks: usize,
    rss_kib: u64,
}

impl Counts {
    fn now() -> Self {
        Self {
            fds: fs::read_dir("/proc/self/fd").unwrap().count(),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            rss_kib: memory("VmRSS:"),
        }
    }
}

/// A line of `/proc/self/status`, in KiB.
fn memory(what: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

impl Soak {
    fn new(net: Net, connects: u64, time: Duration, seed: u64) -> Self {
        Self { net, connector: net.connector(), connects, seed, time, state: Arc::default() }
    }

    async fn run(self) {
        let _ = self.net.host("10.0.0.1").port(8443);
        self.call(0).await; // makes everything that is made once
        sleep(REST).await;
        let (before, began) = (Counts::now(), Instant::now());
        let warm = self.run_until(self.connects / 5, began + self.time / 5).await;
        self.run_until(self.connects, began + self.time).await;
        let after = self.is_quiet_as(before).await;
        let state = self.lock();
        println!("soak: seed {}, {} connects: {:?}", self.seed, state.begun, state.totals);
        println!("soak: before {before:?}, after a fifth {warm:?}, at the end {after:?}");
        println!("soak: peak {} KiB, {} places", memory("VmHWM:"), state.places);
        assert!(state.totals.connected > 0 && state.totals.compared > 0);
        let growth = after.rss_kib.saturating_sub(warm.rss_kib);
        assert!(growth < MOST_GROWTH_KIB, "{growth} KiB more than after the first fifth");
    }

    /// Runs calls, [`AT_ONCE`] at once, until there were `count` in all, or the time is over.
    async fn run_until(&self, count: u64, until: Instant) -> Counts {
        let mut callers = JoinSet::new();
        for n in 0..AT_ONCE {
            let soak = self.clone();
            callers.spawn(async move {
                sleep(Duration::from_millis(u64::try_from(n).unwrap())).await; // not in step
                while let Some(number) = soak.next(count, until) {
                    soak.call(number).await;
                }
            });
        }
        while let Some(ended) = callers.join_next().await {
            ended.unwrap(); // the first call that breaks a promise ends the soak
        }
        Counts::now()
    }

    fn next(&self, count: u64, until: Instant) -> Option<u64> {
        let mut state = self.lock();
        let more = state.begun < count && Instant::now() < until;
        more.then(|| {
            state.begun += 1;
            state.begun
        })
    }

    async fn call(&self, number: u64) {
        let place = self.lock().take_place();
        let mut rng = Rng(self.seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let scenario = Scenario::draw(self.net, place, &mut rng);
        let connector = self.connector.clone().with_config(scenario.config);
        let name = place.name();
        let called = Moment::now();
        let call = connector.connect_with(&name, scenario.ports, he::Attempt::connect);
        let ended = match scenario.dropped_after {
            Some(after) => timeout(after, call).await.ok(),
            None => Some(call.await),
        };
        let returned = Moment::now();
        let shown = self.shown(place);
        sleep(PATIENCE).await; // a control timer that is late too records that
        let late = self.net.lateness(called, returned + PATIENCE);
        let mut state = self.lock();
        match ended {
            None => state.totals.dropped += 1,
            Some(ended) => {
                let worst = scenario.config.worst_case_with(scenario.candidates);
                let steps = scenario.candidates + 4;
                let over = (returned - called).saturating_sub(worst + PATIENCE);
                assert!(over <= late * steps, "call {number} was {over:?} over {worst:?}");
                state.totals.excused += u64::from(!over.is_zero());
                state.totals.note(&ended, shown, late, number);
            }
        }
        state.free.push_back((Instant::now() + REST, place));
    }

    /// The packets of a call so far.
    fn shown(&self, place: Place) -> Vec<Packet> {
        let mut state = self.lock();
        for packet in self.net.drain() {
            if let Some(place) = Place::of(packet.peer) {
                state.packets.entry(place).or_default().push(packet);
            }
        }
        state.packets.remove(&place).unwrap_or_default()
    }

    /// Waits until nothing is left of the calls: name servers keep a silent connection for 10 s.
    async fn is_quiet_as(&self, before: Counts) -> Counts {
        for _ in 0..150 {
            let now = Counts::now();
            if now.fds <= before.fds && now.tasks <= before.tasks {
                return now;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("before: {before:?}, and long after the end: {:?}", Counts::now());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_place(&mut self) -> Place {
        let rested = self.free.front().filter(|(from, _)| *from <= Instant::now()).copied();
        let place = match rested {
            Some((_, place)) => {
                self.free.pop_front();
                place
            }
            None => {
                self.places += 1;
                Place(self.places)
            }
        };
        self.packets.remove(&place);
        place
    }
}

impl Totals {
    fn note(
        &mut self,
        ended: &Result<Established<TcpStream>, he::Error>,
        shown: Vec<Packet>,
        late: Duration,
        number: u64,
    ) {
        match ended {
            Err(error) => {
                self.failed += 1;
                *self.kinds.entry(error.kind().to_string()).or_default() += 1;
                self.attempts += error.report().attempts().len();
            }
            Ok(established) => {
                self.connected += 1;
                self.attempts += established.report.attempts().len();
                self.compared += u64::from(is_first(established, &Log::of(shown), late, number));
            }
        }
    }
}

/// Asserts that the log has the winner's handshake, and no earlier one of an attempt that was still
/// running. True if there was an attempt to compare it with.
fn is_first(won: &Established<TcpStream>, log: &Log, late: Duration, number: u64) -> bool {
    let home = won.stream.local_addr().unwrap().port();
    let handshakes = log.handshakes();
    let mine = |p: &&Packet| p.peer == won.addr && p.home.port() == home;
    let Some(winner) = handshakes.iter().find(mine) else {
        let (peer, error) = (won.stream.peer_addr(), won.stream.take_error());
        let report = won.report.to_string();
        panic!("call {number}: no handshake in\n{log}{peer:?}, {error:?}\n{report}")
    };
    let lost: Vec<SocketAddr> = won
        .report
        .attempts()
        .iter()
        .filter(|attempt| matches!(attempt.outcome(), AttemptOutcome::Cancelled))
        .map(he::AttemptReport::addr)
        .collect();
    // A later attempt is a task of its own, so it and then the caller wait for their turns.
    let sooner = |p: &&Packet| lost.contains(&p.peer) && p.at + NEAR + late * 3 < winner.at;
    let first = handshakes.iter().find(sooner);
    assert!(first.is_none(), "call {number}: {} has won, not {first:?}:\n{log}", won.addr);
    !lost.is_empty()
}
