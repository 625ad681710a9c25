//! Plays a world on the machine, in virtual time, and watches the laws at every step.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use he::race::{Race, Step, Surroundings};
use he::{AttemptOutcome, ErrorKind, LookupOutcome, Record};
use he_test_support::world::End;
use he_test_support::{Played, World};

/// More steps than any story here needs.
const MOST_STEPS: usize = 5_000;

/// Plays a world on the machine.
pub(crate) trait Play {
    /// Plays it and compares the log with these lines.
    fn plays(self, expected: &str) -> Played;

    fn run(&self) -> Played;
}

impl Play for World {
    #[track_caller]
    fn plays(self, expected: &str) -> Played {
        let played = self.run();
        let expected = expected.lines().map(str::trim).filter(|line| !line.is_empty());
        let expected: Vec<&str> = expected.collect();
        assert!(
            played.log == expected,
            "expected:\n  {}\nplayed:\n  {}\n",
            expected.join("\n  "),
            played.log.join("\n  "),
        );
        played
    }

    fn run(&self) -> Played {
        let began = Instant::now();
        let clock = Arc::new(AtomicU64::new(0));
        let race = match &self.list {
            Some(list) => Race::of_addrs(list, self.config, began),
            None => Race::new(&self.host, &self.ports, self.config, began),
        };
        let race = match race {
            Ok(race) => race.with_surroundings(surroundings(self, clock.clone())),
            Err(error) => return refused(&error),
        };
        Run {
            world: self,
            race,
            began,
            clock,
            due: Vec::new(),
            log: Vec::new(),
            starts: Vec::new(),
            ties: 0,
        }
        .finish()
    }
}

fn surroundings(world: &World, clock: Arc<AtomicU64>) -> Surroundings {
    let source_addrs = world.routes.clone().source_addrs(move || clock.load(Ordering::Relaxed));
    let surroundings = Surroundings::default().with_source_addrs(source_addrs);
    match world.gate.clone() {
        Some(gate) => surroundings.with_gate(move |addr| gate(addr)),
        None => surroundings,
    }
}

/// A call that was refused before it began.
fn refused(error: &he::Error) -> Played {
    Played {
        log: vec![format!("0ms failed: {}", error.kind())],
        attempts: Vec::new(),
        elapsed: 0,
        report: error.report().clone(),
        error: Some(error.to_string()),
        ties: 0,
    }
}

/// Something that will happen.
enum Event {
    Answered(usize, Record),
    TcpUp(usize),
    Ended(usize, End),
}

struct Run<'a> {
    world: &'a World,
    race: Race,
    began: Instant,
    clock: Arc<AtomicU64>,
    /// What happens when, the earliest first; of the same time, the first planned first.
    due: Vec<(u64, Event)>,
    log: Vec<String>,
    starts: Vec<(u64, SocketAddr)>,
    ties: usize,
}

impl Run<'_> {
    fn finish(mut self) -> Played {
        let mut must_start = false;
        for _ in 0..MOST_STEPS {
            let step = self.race.poll(self.at(self.now()));
            if std::mem::take(&mut must_start) {
                // The total may run out before the start is due.
                let goes_on = matches!(step, Step::Connect(..) | Step::Fail(ErrorKind::TimedOut));
                assert!(
                    goes_on,
                    "waited with nothing in flight, then: {step:?}\n{}",
                    self.log.join("\n")
                );
            }
            match step {
                Step::Resolve(id, record) => self.ask(id, record),
                Step::Connect(id, addr) => self.connect(id, addr),
                Step::Cancel(id) => self.cancel(id),
                Step::Wait(until) => must_start = self.wait(until),
                Step::Won(id) => {
                    let line = self.line_of("connected", id);
                    return self.over(step, line);
                }
                Step::Fail(kind) => return self.over(step, format!("failed: {kind}")),
                Step::Resolved | Step::Over => panic!("this race connects to its end: {step:?}"),
            }
        }
        panic!("no end after {MOST_STEPS} steps:\n{}", self.log.join("\n"));
    }

    fn ask(&mut self, id: usize, record: Record) {
        self.tell(format!("ask {record}"));
        let report = &self.race.report().lookups()[id];
        assert_eq!((report.record(), Some(report.name())), (record, self.race.name()));
        if let Some((at, _)) = self.world.answer(record) {
            self.plan(at.max(self.now()), Event::Answered(id, record));
        }
    }

    fn connect(&mut self, id: usize, addr: SocketAddr) {
        self.tell(format!("connect {addr}"));
        let twice = self.starts.iter().any(|(_, other)| *other == addr);
        assert!(!twice, "{addr} is dialled twice");
        assert_eq!(id, self.starts.len(), "attempts are numbered in the order of their starts");
        let now = self.now();
        self.starts.push((now, addr));
        let path = self.world.path_to(addr);
        if let Some(ms) = path.tcp_up {
            self.plan(now + ms, Event::TcpUp(id));
        }
        if let Some((ms, end)) = path.end {
            self.plan(now + ms, Event::Ended(id, end));
        }
    }

    fn cancel(&mut self, id: usize) {
        self.tell(self.line_of("timed out", id));
        self.due.retain(|(_, event)| match event {
            Event::Answered(..) => true,
            Event::TcpUp(other) | Event::Ended(other, _) => *other != id,
        });
    }

    /// Goes on to the next thing that happens. True if nothing but a start can come next.
    fn wait(&mut self, until: Instant) -> bool {
        let now = self.now();
        assert!(until > self.at(now), "a wait lies in the future");
        let until = self.ms(until);
        if self.world.tells_waits {
            self.tell(format!("wait until {until}ms"));
        }
        let next = self.due.first().map_or(until, |(at, _)| until.min(*at));
        self.clock.store(next.max(now), Ordering::Relaxed);
        let in_flight = self.in_flight();
        let due = self.due.iter().filter(|(at, _)| *at <= self.now()).count();
        self.ties += usize::from(due + usize::from(until <= self.now()) > 1);
        while self.due.first().is_some_and(|(at, _)| *at <= self.now()) {
            let (_, event) = self.due.remove(0);
            self.tell_race(event);
        }
        // An answer that comes after its time-out changes nothing.
        !in_flight && until <= self.now()
    }

    fn in_flight(&self) -> bool {
        let report = self.race.report();
        report.lookups().iter().any(|l| matches!(l.outcome(), LookupOutcome::Running))
            || report.attempts().iter().any(|a| matches!(a.outcome(), AttemptOutcome::Running))
    }

    fn tell_race(&mut self, event: Event) {
        let now = self.at(self.now());
        match event {
            Event::Answered(id, record) => {
                if let Some((_, lookup)) = self.world.answer(record) {
                    self.race.resolved(id, lookup, now);
                }
            }
            Event::TcpUp(id) => self.race.tcp_up(id, now),
            Event::Ended(id, end) => match end.error() {
                None => self.race.won(id, now),
                Some(error) => self.race.failed(id, error, end != End::FailedLocally, now),
            },
        }
    }

    /// The end stays the end, whatever comes later.
    fn over(mut self, last: Step, line: String) -> Played {
        self.tell(line);
        let elapsed = self.now();
        let told = format!("{:?}", self.race.report());
        for (at, event) in std::mem::take(&mut self.due) {
            self.clock.store(at, Ordering::Relaxed);
            self.tell_race(event);
            assert_eq!(self.race.poll(self.at(at)), last);
        }
        let much_later = elapsed + 1_000_000_000;
        assert_eq!(self.race.poll(self.at(much_later)), last);
        assert_eq!(format!("{:?}", self.race.report()), told, "the books are closed");
        assert_eq!(self.race.report().elapsed(), Duration::from_millis(elapsed));
        let report = self.race.into_report();
        let (log, attempts, ties) = (self.log, self.starts, self.ties);
        Played { log, attempts, elapsed, report, error: None, ties }
    }

    fn plan(&mut self, at: u64, event: Event) {
        let place = self.due.partition_point(|(other, _)| *other <= at);
        self.due.insert(place, (at, event));
    }

    fn line_of(&self, what: &str, id: usize) -> String {
        format!("{what} {}", self.starts[id].1)
    }

    fn tell(&mut self, line: String) {
        self.log.push(format!("{}ms {line}", self.now()));
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    fn at(&self, ms: u64) -> Instant {
        self.began + Duration::from_millis(ms)
    }

    fn ms(&self, at: Instant) -> u64 {
        let since = at - self.began;
        assert_eq!(since.subsec_nanos() % 1_000_000, 0, "a time between two ms: {since:?}");
        u64::try_from(since.as_millis()).unwrap()
    }
}
