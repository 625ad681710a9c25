//! Plays a world: does for the inquiries what the driver does with sockets, and keeps the log. It
//! watches that no inquiry waits for a moment that has passed, and that none runs without end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::asking::{Asking, View, upstream};
use super::events::Event;
use super::links::Links;
use super::played::{End, Played, place, short};
use super::world::{Question, World, answer, plain, world};
use crate::dns::question::{Form, Health, Inquiry, Options, Step, Unencrypted, Upstream};
use crate::race::answer::LookupError;

/// An inquiry makes at most so many steps without a wait.
const MAX_STEPS: usize = 10_000;

/// A world that is being played. The memory of the servers lives as long as the world.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) world: World,
    upstreams: Arc<[Upstream]>,
    began: Instant,
    pub(super) now: Instant,
    pub(super) health: Health,
    pub(super) links: Links,
    /// The next events, by their times and numbers.
    events: BTreeMap<(Instant, usize), Event>,
    event_count: usize,
    pub(super) asking: Vec<Asking>,
    pub(super) played: Played,
    shown: usize,
    /// The log has the numbers of the questions, because there is not only one.
    has_numbers: bool,
}

impl Network {
    pub(super) fn new(world: World) -> Self {
        let (began, servers) = (Instant::now(), world.servers.iter().zip(1..));
        let mut network = Self {
            upstreams: servers.map(|(server, nth)| upstream(server.way, nth)).collect(),
            began,
            now: began,
            health: Health::default(),
            links: Links::default(),
            events: BTreeMap::new(),
            event_count: 0,
            asking: Vec::new(),
            played: Played::default(),
            shown: 0,
            has_numbers: world.questions.len() != 1,
            world,
        };
        for nth in 0..network.world.changes.len() {
            network.due_in(network.world.changes[nth].0, Event::Change(nth));
        }
        for nth in 0..network.world.questions.len() {
            network.due_in(network.world.questions[nth].at, Event::Ask(nth));
        }
        network
    }

    /// Asks one more question at this time, or now if that has passed. Plays it until it has an
    /// outcome, and returns the lines of the log since the last call.
    pub(super) fn ask(&mut self, at: u64, within: u64) -> Vec<String> {
        let nth = self.world.questions.len();
        self.world.questions.push(Question { at, within });
        self.due_in(at.saturating_sub(self.millis()), Event::Ask(nth));
        let is_over = |it: &Asking| it.question == Some(nth) && it.ended_at.is_some();
        while !self.asking.iter().any(is_over) {
            self.go_on();
        }
        let lines = self.played.log[self.shown..].to_vec();
        self.shown = self.played.log.len();
        lines
    }

    /// Plays until every question is over, with its background.
    pub(super) fn finish(mut self) -> Played {
        let is_question = |event: &Event| matches!(event, Event::Ask(_));
        while self.asking.iter().any(|it| !it.is_over) || self.events.values().any(is_question) {
            self.go_on();
        }
        self.played
    }

    /// Goes on to what is due next.
    fn go_on(&mut self) {
        let waits = self.asking.iter().filter(|it| !it.is_over).filter_map(|it| it.until);
        let event_at = self.events.first_key_value().map(|((at, _), _)| *at);
        self.now = waits.chain(event_at).min().expect("an inquiry waits for something");
        // An event counts before the end of a wait.
        match self.events.first_entry().filter(|event| event.key().0 <= self.now) {
            Some(event) => {
                let event = event.remove();
                self.happens(event);
            }
            None => {
                let due = |it: &&mut Asking| it.until.is_some_and(|until| until <= self.now);
                self.asking.iter_mut().filter(due).for_each(|it| it.is_awake = true);
            }
        }
        let is_due = |it: &Asking| it.is_awake && !it.is_over;
        while let Some(nth) = self.asking.iter().position(is_due) {
            self.poll(nth);
        }
    }

    fn poll(&mut self, nth: usize) {
        self.asking[nth].is_awake = false;
        for _ in 0..MAX_STEPS {
            match self.step(nth) {
                Step::Send(send, form) => self.send(nth, send, form),
                Step::Unencrypted(of) => self.note_unencrypted(nth, &of),
                Step::Probe(server) => self.probe(nth, server),
                Step::Wait(until) => {
                    assert!(self.now < until, "a wait until a moment that has passed");
                    self.asking[nth].until = Some(until);
                    return self.wait(nth);
                }
                Step::Done(Ok(send)) => self.answered(nth, send),
                Step::Done(Err(error)) => self.failed(nth, error),
                Step::Over => return self.is_over(nth),
            }
            if self.asking[nth].ended_at.is_some() && self.asking[nth].inquiry.is_over() {
                return self.is_over(nth);
            }
        }
        panic!("an inquiry without end");
    }

    fn step(&mut self, nth: usize) -> Step {
        let Self { asking, links, world, health, upstreams, now, .. } = self;
        let Asking { inquiry, on, .. } = &mut asking[nth];
        let why_no_tls = world.why_no_tls;
        inquiry.poll(health, &View { links, on: Some((nth, on)), upstreams, why_no_tls }, *now)
    }

    /// What an inquiry sees that has sent nothing.
    pub(super) fn view(&self) -> View<'_> {
        let (links, upstreams) = (&self.links, &self.upstreams[..]);
        View { links, on: None, upstreams, why_no_tls: self.world.why_no_tls }
    }

    pub(super) fn asks(&mut self, nth: usize) {
        let Self { upstreams, world, health, links, now, .. } = self;
        let deadline = *now + Duration::from_millis(world.questions[nth].within);
        let options = Options { rotate: world.rotate, offset: world.offset };
        let view = View { links, on: None, upstreams, why_no_tls: world.why_no_tls };
        let servers = upstreams.clone();
        let inquiry = Inquiry::new(servers, options, deadline, health, &view, *now);
        self.asking.push(Asking::new(inquiry, Some(nth)));
        self.played.askings.push(Some(nth));
    }

    fn probe(&mut self, asking: usize, server: usize) {
        self.log(Some(asking), &format!("probe S{} over TLS", server + 1));
        let inquiry = Inquiry::probe(self.upstreams.clone(), server, &self.view(), self.now);
        self.asking.push(Asking::new(inquiry, None));
        self.played.askings.push(None);
    }

    fn note_unencrypted(&mut self, asking: usize, of: &Unencrypted) {
        let warning = if of.is_warning { ", with a warning" } else { "" };
        self.log(Some(asking), &format!("S{} unencrypted{warning}: {}", of.server + 1, of.why));
    }

    fn answered(&mut self, asking: usize, send: usize) {
        let form = self.asking[asking].inquiry.sends()[send];
        let id = self.asking[asking].answered_on.get(&send).copied();
        let place = id.map_or(place(form.server, form.via, 1), |id| self.place(id));
        self.log(Some(asking), &format!("answer of {place}"));
        self.ends(asking, Ok((send, form)));
    }

    fn failed(&mut self, asking: usize, error: LookupError) {
        self.log(Some(asking), &format!("failed: {error}"));
        self.ends(asking, Err(error));
    }

    fn ends(&mut self, asking: usize, outcome: Result<(usize, Form), LookupError>) {
        assert!(!self.asking[asking].is_in_background(), "two outcomes");
        self.asking[asking].ended_at = Some(self.now);
        self.played.ends.push(End { at: self.millis(), asking, outcome });
    }

    /// The inquiry is dropped with all its sends.
    pub(super) fn is_over(&mut self, nth: usize) {
        assert!(self.asking[nth].is_in_background(), "over without an outcome");
        if self.asking[nth].ended_at != Some(self.now) {
            self.log(Some(nth), "over");
        }
        self.asking[nth].is_over = true;
        self.asking[nth].udp.clear();
        for (send, id) in std::mem::take(&mut self.asking[nth].on) {
            self.links.drop_send(id, nth, send);
        }
    }
}

/// The time and the log.
impl Network {
    pub(super) fn millis(&self) -> u64 {
        u64::try_from((self.now - self.began).as_millis()).unwrap()
    }

    pub(super) fn due_in(&mut self, millis: u64, event: Event) {
        let at = self.now + Duration::from_millis(millis);
        self.events.insert((at, self.event_count), event);
        self.event_count += 1;
    }

    /// A line of the log, of this inquiry or of none.
    pub(super) fn log(&mut self, asking: Option<usize>, what: &str) {
        let of = match asking.map(|asking| self.asking[asking].question) {
            Some(Some(nth)) if self.has_numbers => format!("Q{}: ", nth + 1),
            Some(None) => "probe: ".into(),
            Some(Some(_)) | None => String::new(),
        };
        let what = short(what, self.upstreams.len());
        self.played.log.push(format!("{}ms {of}{what}", self.millis()));
    }

    /// The words for a connection.
    pub(super) fn place(&self, id: usize) -> String {
        let connection = &self.links.all[id];
        place(connection.server, connection.via, connection.nth)
    }
}

// The second question comes after the first one is over with its background.
#[test]
fn a_world_may_be_played_question_by_question() {
    let slow = || world([plain().udp([answer(60)]), plain()]);
    let played = slow().asked_at([0, 1_000]).play();
    let mut network = Network::new(World { questions: Vec::new(), ..slow() });
    let lines = [network.ask(0, 5_000), network.ask(1_000, 5_000)];
    assert!(played.log.starts_with(&lines.concat()), "{lines:#?}");
    let sends = played.sends.iter().map(|sent| (sent.at, sent.asking, sent.form.server));
    assert_eq!(Vec::from_iter(sends), [(0, 0, 0), (50, 0, 1), (1_000, 1, 0)]);
    let ends = played.ends.iter().map(|end| (end.at, end.asking, end.outcome.is_ok()));
    assert_eq!(Vec::from_iter(ends), [(60, 0, true), (1_060, 1, true)]);
}
