//! The machine told anything in any order: events at wrong times, of unknown attempts, twice, while
//! time stands still or jumps.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test may look away from other steps")]

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use he::race::{Race, Step, Surroundings};
use he::{Answer, AttemptOutcome, Config, LookupErrorKind, LookupOutcome, Outcome, Record};
use he_test_support::addr::addrs;
use he_test_support::cases::check;
use he_test_support::routes::Routes;
use he_test_support::{A, Aaaa};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

#[derive(Debug, Clone)]
enum Event {
    /// So many ms pass, often none.
    Time(u64),
    /// Until the machine wants to be asked again.
    Wait,
    Poll,
    /// So many addresses; `None`: it fails.
    Resolved(Record, Option<u8>),
    TcpUp(usize),
    Failed(usize, bool),
    Won(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let ms = prop_oneof![Just(0), 0..20_u64, 0..3_000_u64, 0..100_000_u64];
    let record = prop_oneof![Just(Aaaa), Just(A)];
    let count = prop_oneof![4 => (0..6_u8).prop_map(Some), 1 => Just(None)];
    let id = || 0..6_usize;
    prop_oneof![
        3 => ms.prop_map(Event::Time),
        3 => Just(Event::Wait),
        8 => Just(Event::Poll),
        3 => (record, count).prop_map(|(record, count)| Event::Resolved(record, count)),
        1 => id().prop_map(Event::TcpUp),
        3 => (id(), any::<bool>()).prop_map(|(id, sent)| Event::Failed(id, sent)),
        1 => (0..40_usize).prop_map(Event::Won),
    ]
}

/// The number of the lookup of this record type, if it has been asked.
fn number(record: Record) -> usize {
    usize::from(record == A)
}

struct Told {
    race: Race,
    now: Instant,
    wait: Option<Instant>,
    over: Option<Step>,
    dialled: HashSet<std::net::SocketAddr>,
    began: Instant,
}

impl Told {
    fn new() -> Self {
        let now = Instant::now();
        let race = Race::new("example.com", [443, 80], Config::new(), now).unwrap();
        let race = race.with_surroundings(
            Surroundings::default().with_source_addrs(Routes::default().source_addrs(|| 0)),
        );
        Self { race, now, wait: None, over: None, dialled: HashSet::new(), began: now }
    }

    fn tell(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Time(ms) => self.now += Duration::from_millis(ms),
            Event::Wait => self.now = self.wait.map_or(now, |until| until.max(now)),
            Event::Poll => drop(self.poll()),
            Event::Resolved(record, Some(count)) => {
                let prefix = if record == A { "192.0.2." } else { "2001:db8::" };
                let list: Vec<String> = (1..=count).map(|n| format!("{prefix}{n}")).collect();
                let list: Vec<&str> = list.iter().map(String::as_str).collect();
                self.race.resolved(number(record), Ok(Answer::from(addrs(&list))), now);
            }
            Event::Resolved(record, None) => {
                self.race.resolved(number(record), Err(LookupErrorKind::ServerFailure.into()), now);
            }
            Event::TcpUp(id) => self.race.tcp_up(id, now),
            Event::Failed(id, sent) => {
                self.race.failed(id, io::ErrorKind::ConnectionRefused.into(), sent, now);
            }
            Event::Won(id) => self.race.won(id, now),
        }
    }

    fn poll(&mut self) -> Step {
        let step = self.race.poll(self.now);
        if let Some(end) = self.over {
            assert_eq!(step, end, "the end stays the end");
        }
        self.wait = None;
        match step {
            Step::Connect(id, addr) => {
                assert_eq!(id + 1, self.race.report().attempts().len());
                assert!(self.dialled.insert(addr), "{addr} is dialled twice");
            }
            Step::Wait(until) => {
                assert!(until > self.now, "a wait lies in the future");
                self.wait = Some(until);
            }
            Step::Won(_) | Step::Resolved | Step::Fail(_) | Step::Over => self.over = Some(step),
            Step::Resolve(..) | Step::Cancel(_) => {}
        }
        step
    }

    /// Nothing more happens but time: every wait leads on, and the race ends by its total.
    fn runs_out(mut self) {
        let (began, last) = (self.began, self.now);
        for _ in 0..1_000 {
            match self.poll() {
                Step::Wait(until) => self.now = until,
                Step::Won(_) | Step::Resolved | Step::Fail(_) | Step::Over => {
                    return self.is_closed(last.max(began));
                }
                Step::Resolve(..) | Step::Connect(..) | Step::Cancel(_) => {}
            }
        }
        panic!("no end");
    }

    fn is_closed(&self, last: Instant) {
        let report = self.race.report();
        let total = self.began + Config::new().total_timeout;
        assert!(self.now <= last.max(total), "it ends by its total");
        assert!(!matches!(report.outcome(), Outcome::Running));
        let running = |outcome: &AttemptOutcome| matches!(outcome, AttemptOutcome::Running);
        assert!(!report.attempts().iter().any(|a| running(a.outcome())));
        let asked = |outcome: &LookupOutcome| matches!(outcome, LookupOutcome::Running);
        assert!(!report.lookups().iter().any(|l| asked(l.outcome())));
    }
}

#[test]
fn the_machine_takes_any_order_of_events_and_comes_to_an_end() {
    check("any order", 2_000, &vec(event(), 0..60), |events| {
        let mut told = Told::new();
        events.into_iter().for_each(|event| told.tell(event));
        told.runs_out();
    });
}
