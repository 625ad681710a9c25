//! The script of a world: the name servers, what their ports do, and the questions. It is data
//! only, so that a world can also be made at random. All times are in ms. A round trip takes 20 ms
//! where a script does not mention another time.

use std::time::Duration;

use super::network::Network;
use super::played::Played;
pub(super) use super::scripts::{
    answer, closed, closes, connected, dropped, ends, fails, mute, refused, silent, untrusted,
};

/// A round trip.
pub(super) const RTT: u64 = 20;

/// A world to ask in.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) servers: Vec<NameServer>,
    pub(super) rotate: bool,
    /// Repetitions are later by this time.
    pub(super) offset: Duration,
    /// The reason for which nothing can be asked over TLS.
    pub(super) why_no_tls: Option<&'static str>,
    pub(super) questions: Vec<Question>,
    pub(super) changes: Vec<(u64, Change)>,
    /// What becomes of this question, counted from 0, at every server over TLS, or over UDP and TCP
    /// where a server has no TLS.
    pub(super) hostile: Option<(usize, Fate)>,
}

/// A question that is asked at this time, and may take so long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) at: u64,
    pub(super) within: u64,
}

/// A change of the world. Servers are counted from 0.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// From now on the server does this. Its connections stay as they were.
    Becomes(usize, NameServer),
    /// The network forgets the server's connections: nothing comes from them any more.
    Forgets(usize),
    /// The server ends its connections.
    Ends(usize),
    /// Another lookup waits for the answer to this question. It may wait so long from now on.
    Joins(usize, u64),
    /// Nobody waits for the answer to this question any more.
    Drops(usize),
}

/// A name server.
#[derive(Debug, Clone)]
pub(super) struct NameServer {
    pub(super) way: Way,
    /// What becomes of each datagram of a question: at least one. The last one holds for all that
    /// follow.
    pub(super) udp: Vec<Fate>,
    /// What becomes of each connection: at least one. The last one holds for all that follow.
    pub(super) tcp: Vec<Script>,
    pub(super) tls: Vec<Script>,
    /// What becomes of the neutral question, if that is not what becomes of others.
    pub(super) neutral: Option<Fate>,
}

/// The way in which a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Plain { tcp_only: bool },
    Opportunistic { head_start: u64, tcp_only: bool },
    Strict,
    Never,
}

/// A message of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Answer,
    /// There is no such name.
    NoName,
    ServFail,
    Refused,
    /// A reply that makes no sense.
    Nonsense,
    Truncated,
    /// The server does not understand EDNS.
    NoEdns,
    /// A reply to another question.
    ToAnother,
    /// The answers cannot be read.
    Unreadable,
    /// The answers cannot be read as a whole, but one address can.
    Partial,
}

/// What becomes of a question. The time is that from its arrival to what comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Says(Said, u64),
    /// Nothing comes.
    Silence,
    /// The port is closed, or the connection ends.
    Ends(&'static str, u64),
    /// This number of datagrams with a wrong id come, and an answer a round trip later.
    Forged(usize, u64),
}

/// A connection.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) start: Start,
    /// What becomes of each question on it: at least one. The last one holds for all that follow.
    pub(super) fates: Vec<Fate>,
    /// The server ends the connection after so many answers.
    pub(super) closes_after: Option<usize>,
}

/// The start of a connection: TCP, and TLS on it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    /// TCP is connected after the first time, and TLS after the second one more.
    Connected(u64, u64),
    Refused(u64),
    /// The same as `Connected`, and the server ends the connection before anything is sent on it.
    Closes(u64, u64),
    /// Nothing comes.
    Dropped,
    /// TCP is connected, and TLS is silent.
    Mute(u64),
    /// TLS fails so long after TCP is connected, for this reason.
    Fails(u64, u64, &'static str),
    /// The same, because the server is not authenticated.
    Untrusted(u64, u64, &'static str),
}

/// A question at 0 ms to these servers.
pub(super) fn world<const N: usize>(servers: [NameServer; N]) -> World {
    World {
        servers: servers.into(),
        rotate: false,
        offset: Duration::ZERO,
        why_no_tls: None,
        questions: vec![Question { at: 0, within: 5_000 }],
        changes: Vec::new(),
        hostile: None,
    }
}

impl World {
    /// A question at each of these times.
    pub(super) fn asked_at<const N: usize>(mut self, times: [u64; N]) -> Self {
        let within = self.questions.first().map_or(5_000, |question| question.within);
        self.questions = times.map(|at| Question { at, within }).into();
        self
    }

    /// All questions may take so long.
    pub(super) fn within(mut self, within: u64) -> Self {
        self.questions.iter_mut().for_each(|question| question.within = within);
        self
    }

    pub(super) fn rotate(mut self) -> Self {
        self.rotate = true;
        self
    }

    pub(super) fn no_tls(mut self, why: &'static str) -> Self {
        self.why_no_tls = Some(why);
        self
    }

    pub(super) fn change(mut self, at: u64, change: Change) -> Self {
        self.changes.push((at, change));
        self
    }

    /// From then on the only server, or the first one, does this.
    pub(super) fn then(self, at: u64, server: NameServer) -> Self {
        self.change(at, Change::Becomes(0, server))
    }

    /// Plays all questions, and what goes on in the background after them.
    pub(super) fn play(&self) -> Played {
        Network::new(self.clone()).finish()
    }

    /// Plays it and compares the log with these lines.
    #[track_caller]
    pub(super) fn plays(&self, expected: &str) -> Played {
        let played = self.play();
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
}

/// A server that is asked over UDP, and over TCP where that does not suffice.
pub(super) fn plain() -> NameServer {
    good(Way::Plain { tcp_only: false })
}

/// A server that is asked over TCP only.
pub(super) fn over_tcp() -> NameServer {
    good(Way::Plain { tcp_only: true })
}

/// A server that is asked over TLS where that works. TLS has a head start of 50 ms.
pub(super) fn opportunistic() -> NameServer {
    good(Way::Opportunistic { head_start: 50, tcp_only: false })
}

/// A server that is asked over TLS, and never in plaintext.
pub(super) fn strict() -> NameServer {
    good(Way::Strict)
}

/// A server that is never asked.
pub(super) fn never() -> NameServer {
    good(Way::Never)
}

/// All ports answer.
fn good(way: Way) -> NameServer {
    let (tcp, tls) = (vec![connected()], vec![connected()]);
    NameServer { way, udp: vec![answer(RTT)], tcp, tls, neutral: None }
}

/// The name server.
impl NameServer {
    /// TLS has this head start.
    pub(super) fn head_start(mut self, ms: u64) -> Self {
        if let Way::Opportunistic { head_start, .. } = &mut self.way {
            *head_start = ms;
        }
        self
    }

    /// It is asked over TCP instead of UDP.
    pub(super) fn use_vc(mut self) -> Self {
        match &mut self.way {
            Way::Plain { tcp_only } | Way::Opportunistic { tcp_only, .. } => *tcp_only = true,
            Way::Strict | Way::Never => {}
        }
        self
    }

    /// This becomes of the neutral question, over every transport and whatever becomes of others.
    pub(super) fn neutral(mut self, fate: Fate) -> Self {
        self.neutral = Some(fate);
        self
    }

    pub(super) fn udp<const N: usize>(mut self, fates: [Fate; N]) -> Self {
        self.udp = fates.into();
        self
    }

    pub(super) fn tcp<const N: usize>(mut self, scripts: [Script; N]) -> Self {
        self.tcp = scripts.into();
        self
    }

    pub(super) fn tls<const N: usize>(mut self, scripts: [Script; N]) -> Self {
        self.tls = scripts.into();
        self
    }

    /// Every port says this.
    pub(super) fn says(self, said: Said) -> Self {
        let fate = Fate::Says(said, RTT);
        self.udp([fate]).tcp([connected().on([fate])]).tls([connected().on([fate])])
    }

    /// Nothing comes from it.
    pub(super) fn dead(self) -> Self {
        self.udp([Fate::Silence]).tcp([dropped()]).tls([dropped()])
    }

    /// All ports are closed.
    pub(super) fn closed(self) -> Self {
        self.udp([closed(RTT)]).tcp([refused()]).tls([refused()])
    }
}
