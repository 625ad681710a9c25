//! What the inquiries of a world send.

use super::asking::Asking;
use super::events::Event;
use super::network::Network;
use super::played::{Sent, place};
use super::world::{Fate, NameServer, RTT, Said, Script, Start, Way, answer};
use crate::dns::question::{Form, OPPORTUNISTIC_TIMEOUT, Phase, Via};
use crate::race::answer::LookupErrorKind::{NoNameServer, Untrusted};
use crate::race::answer::{LookupError, LookupErrorKind};

/// The time-out of a connection, in seconds.
const TIMEOUT: u64 = 10;

impl Network {
    pub(super) fn send(&mut self, asking: usize, send: usize, form: Form) {
        self.played.sends.push(Sent { at: self.millis(), asking, form });
        let place = match form.via {
            Via::Udp => place(form.server, Via::Udp, 1),
            Via::Tcp | Via::Tls => {
                let (id, is_new) = self.connection(asking, form);
                self.asking[asking].on.insert(send, id);
                self.asking[asking].unsent.push(send);
                if is_new {
                    self.opens(id);
                }
                self.place(id)
            }
        };
        let edns = if form.edns { "" } else { " without EDNS" };
        let what = if form.neutral { " for . NS" } else { "" };
        self.log(Some(asking), &format!("ask {place}{what}{edns}"));
        if form.via == Via::Udp {
            self.send_datagram(asking, send, form);
        }
    }

    fn send_datagram(&mut self, asking: usize, send: usize, form: Form) {
        let sends = &self.asking[asking].inquiry.sends()[..send];
        let same = |it: &&Form| (it.server, it.via, it.neutral) == (form.server, Via::Udp, false);
        let nth = sends.iter().filter(same).count();
        let fates = &self.world.servers[form.server].udp;
        let fate = self.own_fate(asking, form).unwrap_or(fates[nth.min(fates.len() - 1)]);
        self.asking[asking].udp.insert(send);
        match fate {
            Fate::Says(_, ms) | Fate::Ends(_, ms) => {
                self.due_in(ms, Event::Datagram(asking, send, fate));
            }
            Fate::Forged(count, ms) => {
                for _ in 0..count {
                    let forged = Fate::Says(Said::ToAnother, ms);
                    self.due_in(ms, Event::Datagram(asking, send, forged));
                }
                self.due_in(ms + RTT, Event::Datagram(asking, send, answer(ms + RTT)));
            }
            Fate::Silence => {}
        }
    }

    /// The connection for this form. True if it is new.
    fn connection(&mut self, asking: usize, form: Form) -> (usize, bool) {
        let server = &self.world.servers[form.server];
        let script: &[Script] = if form.via == Via::Tls { &server.tls } else { &server.tcp };
        match form.beside.and_then(|send| self.asking[asking].on.get(&send)) {
            Some(silent) => self.links.beside(*silent, script, self.now),
            None => self.links.connection((form.server, form.via), script, self.now),
        }
    }

    fn opens(&mut self, id: usize) {
        let fails = |kind: LookupErrorKind, why: &'static str| {
            Event::Fails(id, LookupError::from(kind).with_cause(why))
        };
        let (tcp, then) = match self.links.all[id].start() {
            Start::Connected(tcp, tls) | Start::Closes(tcp, tls) => {
                (Some(tcp), Some((tcp + tls, Event::IsUp(id))))
            }
            Start::Refused(ms) => (None, Some((ms, fails(NoNameServer, "connection refused")))),
            Start::Dropped => (None, None),
            Start::Mute(tcp) => (Some(tcp), None),
            Start::Fails(tcp, tls, why) => (Some(tcp), Some((tcp + tls, fails(NoNameServer, why)))),
            Start::Untrusted(tcp, tls, why) => {
                (Some(tcp), Some((tcp + tls, fails(Untrusted, why))))
            }
        };
        let tcp = tcp.map(|ms| (ms, Event::TcpIsUp(id)));
        for (ms, event) in tcp.into_iter().chain(then) {
            self.due_in(ms, event);
        }
        self.due_in(1_000 * self.timeout(id), Event::TimesOut(id));
    }

    /// The time-out of this connection, in seconds.
    pub(super) fn timeout(&self, id: usize) -> u64 {
        match self.is_opportunistic(id) {
            true => OPPORTUNISTIC_TIMEOUT.as_secs(),
            false => TIMEOUT,
        }
    }

    /// True for TLS to a server that is asked in plaintext as well.
    pub(super) fn is_opportunistic(&self, id: usize) -> bool {
        let connection = &self.links.all[id];
        let way = self.world.servers[connection.server].way;
        connection.via == Via::Tls && matches!(way, Way::Opportunistic { .. })
    }

    /// An inquiry waits: what it has to send over connections leaves now, and what it does not
    /// await any more is dropped.
    pub(super) fn wait(&mut self, asking: usize) {
        let Asking { inquiry, on, unsent, udp, .. } = &mut self.asking[asking];
        udp.retain(|send| inquiry.awaits(*send));
        on.retain(|send, id| {
            let is_awaited = inquiry.awaits(*send);
            if !is_awaited {
                self.links.drop_send(*id, asking, *send);
            }
            is_awaited
        });
        let unsent: Vec<_> =
            unsent.drain(..).filter_map(|send| Some((send, *on.get(&send)?))).collect();
        for (send, id) in unsent {
            let connection = &mut self.links.all[id];
            if connection.phase == Phase::Ended {
                self.due_in(0, Event::Lost(asking, send, id));
                continue;
            }
            let is_up = connection.up_at.is_some();
            let own = self.own_fate(asking, self.asking[asking].inquiry.sends()[send]);
            self.links.all[id].takes(asking, send, own);
            if is_up {
                self.leave(id);
            }
        }
    }

    /// What becomes of this send, if that is not what becomes of others.
    fn own_fate(&self, asking: usize, form: Form) -> Option<Fate> {
        let NameServer { way, neutral, .. } = &self.world.servers[form.server];
        if form.neutral {
            return *neutral;
        }
        let is_here = form.via == Via::Tls || matches!(way, Way::Plain { .. });
        let (question, fate) = self.world.hostile?;
        (is_here && self.asking[asking].question == Some(question)).then_some(fate)
    }

    /// The questions on a connection that is up leave.
    pub(super) fn leave(&mut self, id: usize) {
        for (question, fate) in self.links.all[id].send(self.now) {
            match fate {
                Fate::Says(said, ms) => self.due_in(ms, Event::Message(id, question, said)),
                Fate::Ends(why, ms) => self.due_in(ms, Event::Ends(id, why)),
                Fate::Silence | Fate::Forged(..) => {}
            }
        }
    }
}
