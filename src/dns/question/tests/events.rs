//! The events of a world.

use std::time::Duration;

use super::asking::Asking;
use super::links::OnConnection;
use super::network::Network;
use super::played::{place, reply, words};
use super::world::{Change, Fate, Said, Start};
use crate::dns::question::{Connections, Form, Phase, Via};
use crate::race::answer::{LookupError, LookupErrorKind};

/// A connection without a question ends after this time, in ms.
const IDLE: u64 = 30_000;

/// An event. The id of a connection is its index in `Links::all`.
#[derive(Debug)]
pub(super) enum Event {
    /// The change with this index.
    Change(usize),
    /// The question with this index.
    Ask(usize),
    TcpIsUp(usize),
    IsUp(usize),
    /// The connection does not come up.
    Fails(usize, LookupError),
    TimesOut(usize),
    Ends(usize, &'static str),
    /// Nothing has come for a while after so many messages.
    Idles(usize, usize),
    Message(usize, OnConnection, Said),
    /// This send of an inquiry finds its connection ended.
    Lost(usize, usize, usize),
    /// Something comes of this datagram of an inquiry.
    Datagram(usize, usize, Fate),
}

fn unreachable(why: impl Into<String>) -> LookupError {
    LookupError::from(LookupErrorKind::NoNameServer).with_cause(why.into())
}

impl Network {
    pub(super) fn happens(&mut self, event: Event) {
        match event {
            Event::Change(nth) => self.changes(nth),
            Event::Ask(nth) => self.asks(nth),
            Event::TimesOut(id) => self.times_out(id),
            Event::Idles(id, messages) => self.idles(id, messages),
            Event::Lost(asking, send, id) => self.is_lost(asking, send, id),
            Event::Datagram(asking, send, fate) => self.datagram(asking, send, fate),
            Event::TcpIsUp(id)
            | Event::IsUp(id)
            | Event::Fails(id, _)
            | Event::Ends(id, _)
            | Event::Message(id, ..)
                if !self.links.all[id].is_alive() => {}
            Event::TcpIsUp(id) => self.enters(id, Phase::Handshaking(self.now)),
            Event::IsUp(id) => self.is_up(id),
            Event::Fails(id, error) => {
                self.note_failure(id, &error.reason(), false);
                self.connection_ends(id, error);
            }
            Event::Ends(id, why) => self.connection_ends(id, unreachable(why)),
            Event::Message(id, question, said) => self.message(id, question, said),
        }
    }

    fn changes(&mut self, nth: usize) {
        let (server, is_end) = match self.world.changes[nth].1.clone() {
            Change::Becomes(server, script) => {
                self.world.servers[server] = script;
                return;
            }
            Change::Joins(question, within) => return self.extend(question, within),
            Change::Drops(question) => return self.drops(question),
            Change::Forgets(server) => (server, false),
            Change::Ends(server) => (server, true),
        };
        for id in 0..self.links.all.len() {
            let connection = &mut self.links.all[id];
            if connection.server == server && connection.is_alive() {
                connection.is_forgotten = !is_end;
                is_end.then(|| self.connection_ends(id, unreachable("closed by the server")));
            }
        }
    }

    /// The inquiry is dropped with all its sends, and learns nothing more.
    fn drops(&mut self, question: usize) {
        let nth = self.asking.iter().position(|asking| asking.question == Some(question));
        let nth = nth.filter(|nth| !self.asking[*nth].is_over);
        if let Some(nth) = nth {
            self.asking[nth].ended_at.get_or_insert(self.now);
            self.log(Some(nth), "dropped");
            self.is_over(nth);
        }
    }

    /// The driver passes in a later deadline before it polls the next time.
    fn extend(&mut self, question: usize, within: u64) {
        let deadline = self.now + Duration::from_millis(within);
        let asking = self.asking.iter_mut().filter(|asking| asking.question == Some(question));
        asking.for_each(|asking| asking.inquiry.extend(deadline));
    }

    /// The connection is in another phase, which its questions notice.
    fn enters(&mut self, id: usize, phase: Phase) {
        self.links.all[id].phase = phase;
        let on_it = self.asking.iter_mut().filter(|asking| asking.is_on(id));
        on_it.for_each(|asking| asking.is_awake = true);
    }

    fn is_up(&mut self, id: usize) {
        self.links.all[id].up_at = Some(self.now);
        self.enters(id, Phase::Up(self.now));
        if matches!(self.links.all[id].script.start, Start::Closes(..)) {
            return self.connection_ends(id, unreachable("closed by the server"));
        }
        self.leave(id);
        self.due_in(IDLE, Event::Idles(id, 0));
    }

    fn connection_ends(&mut self, id: usize, error: LookupError) {
        let place = self.place(id);
        self.log(None, &format!("{place}: {}", error.reason()));
        self.enters(id, Phase::Ended);
        for (question, lost) in self.links.all[id].ends(error, self.now) {
            let asking = &mut self.asking[question.asking];
            asking.on.remove(&question.send);
            asking.inquiry.lost(question.send, lost, self.now);
        }
    }

    fn times_out(&mut self, id: usize) {
        let connection = &self.links.all[id];
        if connection.is_open() && connection.up_at.is_none() {
            let why = connection.why_not_up(self.timeout(id));
            self.note_failure(id, &why, true);
            self.connection_ends(id, unreachable(why));
        }
    }

    /// Notes a failed handshake of a server that is asked in plaintext as well.
    fn note_failure(&mut self, id: usize, why: &str, is_silence: bool) {
        if !self.is_opportunistic(id) {
            return;
        }
        let connection = &self.links.all[id];
        let route = self.view().route(connection.server);
        match is_silence {
            true => self.health.note_tls_silent(&route, why, connection.opened_at, self.now),
            false => self.health.note_tls_dead(&route, why, self.now),
        };
    }

    fn idles(&mut self, id: usize, messages: usize) {
        let connection = &self.links.all[id];
        match connection.is_open() && connection.answers == messages {
            true if connection.is_idle() => self.connection_ends(id, unreachable("idle")),
            true => self.due_in(IDLE, Event::Idles(id, messages)),
            false => {}
        }
    }

    fn message(&mut self, id: usize, question: OnConnection, said: Said) {
        let connection = &mut self.links.all[id];
        let is_awaited = connection.hears(question, self.now);
        let (answers, took) = (connection.answers, connection.took());
        let is_last = connection.script.closes_after.is_some_and(|most| most <= answers);
        self.due_in(IDLE, Event::Idles(id, answers));
        if is_last {
            self.due_in(0, Event::Ends(id, "closed by the server"));
        }
        if is_awaited {
            let (place, send) = (self.place(id), question.send);
            let form = self.asking[question.asking].inquiry.sends()[send];
            self.note_reply(question.asking, form, &place, said);
            self.played.replies.push((question.asking, send, said));
            let asking = &mut self.asking[question.asking];
            asking.on.remove(&send);
            asking.answered_on.insert(send, id);
            asking.is_awake = true;
            asking.inquiry.replied(send, reply(said), took, &mut self.health, self.now);
        }
    }

    fn is_lost(&mut self, asking: usize, send: usize, id: usize) {
        let connection = &self.links.all[id];
        let Some((error, _)) = &connection.end else { return };
        let (place, lost) = (self.place(id), connection.lost(error, false));
        self.log(Some(asking), &format!("{place}: {}", error.clone().reason()));
        let asking = &mut self.asking[asking];
        asking.on.remove(&send);
        asking.is_awake = true;
        asking.inquiry.lost(send, lost, self.now);
    }

    fn datagram(&mut self, asking: usize, send: usize, fate: Fate) {
        // The socket may be closed by now.
        if !self.asking[asking].udp.contains(&send) {
            return;
        }
        let form = self.asking[asking].inquiry.sends()[send];
        let place = place(form.server, Via::Udp, 1);
        self.asking[asking].is_awake = true;
        match fate {
            // It was turned into single messages.
            Fate::Silence | Fate::Forged(..) => {}
            Fate::Ends(why, _) => {
                self.log(Some(asking), &format!("{place}: {why}"));
                self.asking[asking].inquiry.socket_failed(send, unreachable(why), self.now);
            }
            Fate::Says(said, _) => {
                self.note_reply(asking, form, &place, said);
                self.played.replies.push((asking, send, said));
                let inquiry = &mut self.asking[asking].inquiry;
                inquiry.replied(send, reply(said), None, &mut self.health, self.now);
            }
        }
    }

    /// The line of a message. An answer has one of its own, unless its question is over.
    fn note_reply(&mut self, asking: usize, form: Form, place: &str, said: Said) {
        let text = match (said, &self.asking[asking]) {
            (Said::Answer, Asking { question: Some(_), .. }) if form.neutral => {
                format!("answer of {place} for . NS")
            }
            (Said::Answer, Asking { question: None, .. }) => format!("answer of {place}"),
            (Said::Answer, Asking { ended_at: Some(_), .. }) => format!("late answer of {place}"),
            (Said::Answer, _) => return,
            (said, _) => format!("{place}: {}", words(said)),
        };
        self.log(Some(asking), &text);
    }
}
