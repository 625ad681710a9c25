//! Drives an [`Inquiry`] with sockets, connections and tokio's clock.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hickory_proto::rr::RecordType;
use smallvec::SmallVec;
use tokio::task::yield_now;
use tokio::time::timeout_at;

use super::reply::{Reply, origin};
use super::streams::{Sent, StreamEvent, StreamReply, Streams};
use super::udp::Udp;
use crate::connect::clock::now;
use crate::dns::link::links::Links;
use crate::dns::message::{Edns, Packet, Question, ReplyKind, text_name};
use crate::dns::question::{
    self, Connections, Form, Inquiry, Options, Phase, Route, Seen, Step, Unencrypted, Via,
};
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::binding::Binding;
use crate::race::text::{Escaped, Time};

/// See [`Options::offset`]. Repetitions for AAAA are later, those for A are not.
const OFFSET: Duration = Duration::from_millis(25);

/// A question on its way to the name servers.
pub(in crate::dns) struct Driver {
    links: Arc<Links>,
    question: Question,
    binding: Binding,
    inquiry: Inquiry,
    datagrams: Vec<Udp>,
    streams: Streams,
    neutral: Question,
    /// The replies that may count, by the numbers of their sends.
    replies: Vec<(usize, Reply)>,
    plaintext_reason: Option<Arc<str>>,
    began: Instant,
}

/// An event of a question.
enum Event {
    /// The socket with this index has a datagram, or has failed.
    Datagram(usize, Result<(), LookupError>),
    Stream(StreamEvent),
}

/// The driver's connections, as the inquiry sees them.
struct View<'a> {
    links: &'a Links,
    binding: &'a Binding,
    streams: &'a Streams,
}

impl Connections for View<'_> {
    fn route(&self, server: usize) -> Route {
        self.links.route(server, self.binding)
    }

    fn why_no_tls(&self) -> Option<Arc<str>> {
        self.links.clients.why_none()
    }

    fn seen(&self, send: usize) -> Seen {
        let ended = Seen { phase: Phase::Ended, sent_at: None, heard_at: None, has_other: false };
        self.streams.get(send).map_or(ended, Sent::seen)
    }

    fn is_tls_up(&self, route: &Route, server: usize) -> bool {
        self.links.link(server, route, Via::Tls).is_up()
    }

    fn was_tls_heard_since(&self, route: &Route, server: usize, then: Instant) -> bool {
        self.links.link(server, route, Via::Tls).was_heard_since(then.into())
    }
}

impl Driver {
    /// Sends nothing yet.
    pub(in crate::dns) fn new(
        links: Arc<Links>,
        question: Question,
        binding: Binding,
        deadline: Instant,
    ) -> Self {
        let (servers, began) = (links.upstreams.clone(), now());
        let offset = if question.rtype() == RecordType::AAAA { OFFSET } else { Duration::ZERO };
        let options = Options { rotate: links.rotate, offset };
        let view = View { links: &links, binding: &binding, streams: &Streams::default() };
        let mut health = links.health.lock();
        let inquiry = Inquiry::new(servers, options, deadline, &mut health, &view, began);
        drop(health);
        Self::of(links, question, binding, inquiry, began)
    }

    fn of(
        links: Arc<Links>,
        question: Question,
        binding: Binding,
        inquiry: Inquiry,
        began: Instant,
    ) -> Self {
        Self {
            links,
            question,
            binding,
            inquiry,
            datagrams: Vec::new(),
            streams: Streams::default(),
            neutral: Question::neutral(),
            replies: Vec::new(),
            plaintext_reason: None,
            began,
        }
    }

    /// Asks until there is an answer, every server has failed, or the deadline is over. Lookups
    /// that join may extend it. Also returns the reason for which the question was sent in plaintext
    /// to a server that may have TLS, if it was.
    pub(in crate::dns) async fn answer(
        mut self,
        deadline: impl Fn() -> Instant,
    ) -> (Result<Reply, LookupError>, Option<Arc<str>>) {
        let result = match self.run(deadline).await {
            Some(Ok(send)) => self.take_reply(send),
            Some(Err(error)) => Err(error),
            // A question that is not a probe has an outcome before it is over.
            None => Err(LookupErrorKind::TimedOut.into()),
        };
        let why = self.plaintext_reason.take();
        self.go_on_in_background();
        (result, why)
    }

    /// Keeps a reply that may count. A socket may hear several: an answer replaces what could not be
    /// read, and that replaces nothing that has an address.
    fn keep(&mut self, send: usize, reply: Reply) {
        let known = self.replies.iter_mut().find(|(of, _)| *of == send);
        match known {
            Some((_, known)) if known.records.has_address() && !reply.records.is_readable() => {}
            Some((_, known)) => *known = reply,
            None => self.replies.push((send, reply)),
        }
    }

    fn take_reply(&mut self, send: usize) -> Result<Reply, LookupError> {
        let nth = self.replies.iter().position(|(of, _)| *of == send);
        let reply = nth.map(|nth| self.replies.swap_remove(nth).1);
        reply.ok_or_else(|| LookupErrorKind::TimedOut.into())
    }

    /// The rest of the inquiry shows if an earlier server is silent, and if a TLS port works.
    fn go_on_in_background(mut self) {
        if self.inquiry.is_over() {
            return;
        }
        tokio::spawn(async move {
            let _ = self.run(now).await;
        });
    }

    fn probe(&self, server: usize) {
        let (links, servers) = (self.links.clone(), self.links.upstreams.clone());
        let (question, binding, began) = (self.question.clone(), self.binding.clone(), now());
        let view = View { links: &links, binding: &binding, streams: &Streams::default() };
        let inquiry = Inquiry::probe(servers, server, &view, began);
        Self::of(links, question, binding, inquiry, began).go_on_in_background();
    }

    /// Does what the inquiry asks for, until it has an outcome; `None` if it is over.
    async fn run(&mut self, deadline: impl Fn() -> Instant) -> Option<Result<usize, LookupError>> {
        loop {
            self.inquiry.extend(deadline());
            match self.poll() {
                Step::Send(send, form) => {
                    if let Err(error) = self.send(send, form) {
                        self.inquiry.cannot_send(send, error, now());
                    }
                }
                Step::Unencrypted(of) => self.note_unencrypted(of),
                Step::Probe(server) => self.probe(server),
                Step::Wait(until) => self.wait(until).await,
                Step::Done(outcome) => return Some(outcome),
                Step::Over => return None,
            }
        }
    }

    fn poll(&mut self) -> Step {
        let Self { links, binding, streams, .. } = self;
        let view = View { links, binding, streams };
        self.inquiry.poll(&mut links.health.lock(), &view, now())
    }

    fn note_unencrypted(&mut self, Unencrypted { server, why, is_warning }: Unencrypted) {
        let server = self.links.upstreams[server].addr;
        match is_warning {
            true => tracing::warn!(%server, %why, "had TLS before, and is asked unencrypted"),
            false => tracing::debug!(%server, %why, "asked unencrypted"),
        }
        self.plaintext_reason.get_or_insert(why);
    }

    fn send(&mut self, send: usize, form: Form) -> Result<(), LookupError> {
        self.trace_send(send, form);
        match form.via {
            Via::Udp => self.send_datagram(send, form),
            Via::Tcp | Via::Tls => self.send_on_stream(send, form),
        }
    }

    fn send_datagram(&mut self, send: usize, form: Form) -> Result<(), LookupError> {
        let (packet, server) = (self.packet(form)?, self.links.upstreams[form.server].addr);
        self.datagrams.push(Udp::send(send, packet, server, &self.binding)?);
        Ok(())
    }

    fn send_on_stream(&mut self, send: usize, form: Form) -> Result<(), LookupError> {
        let packet = self.packet(form)?;
        if let Some(silent) = form.beside {
            self.streams.ask_beside(send, silent, packet);
            return Ok(());
        }
        let route = self.inquiry.route(form.server).cloned();
        let route = route.unwrap_or_else(|| self.links.route(form.server, &self.binding));
        let link = self.links.link(form.server, &route, form.via);
        self.streams.ask(send, link, packet);
        Ok(())
    }

    /// The question, or the neutral one, in this form.
    fn packet(&self, form: Form) -> Result<Packet, LookupError> {
        self.question_of(form).encode(match (form.edns, form.via) {
            (false, _) => Edns::Without,
            (true, Via::Tls) => Edns::Private,
            (true, Via::Tcp | Via::Udp) => Edns::Plain,
        })
    }

    fn question_of(&self, form: Form) -> &Question {
        if form.neutral { &self.neutral } else { &self.question }
    }

    /// Waits for an event until this moment, and reports it.
    async fn wait(&mut self, until: Instant) {
        let Self { inquiry, datagrams, streams, .. } = self;
        datagrams.retain(|udp| inquiry.awaits(udp.send));
        streams.retain(|send| inquiry.awaits(send));
        let mut datagrams: SmallVec<[_; 2]> =
            datagrams.iter_mut().map(|udp| Box::pin(udp.receive())).collect();
        let event = poll_fn(|cx| {
            // Datagrams come last, because a flood of them never ends.
            if let Poll::Ready(event) = streams.poll_event(cx) {
                return Poll::Ready(Event::Stream(event));
            }
            for (nth, receive) in datagrams.iter_mut().enumerate() {
                if let Poll::Ready(received) = receive.as_mut().poll(cx) {
                    return Poll::Ready(Event::Datagram(nth, received));
                }
            }
            Poll::Pending
        });
        let event = timeout_at(until.into(), event).await;
        drop(datagrams);
        match event {
            Ok(Event::Datagram(nth, Ok(()))) => self.received(nth).await,
            Ok(Event::Datagram(nth, Err(error))) => {
                self.inquiry.socket_failed(self.datagrams[nth].send, error, now());
            }
            Ok(Event::Stream(StreamEvent::Ended(send, packet, Ok(reply)))) => {
                self.heard(send, &packet, &reply);
            }
            Ok(Event::Stream(StreamEvent::Ended(send, _, Err(lost)))) => {
                self.inquiry.lost(send, lost, now());
            }
            Ok(Event::Stream(StreamEvent::Changed)) | Err(_) => {}
        }
    }

    /// A datagram has come. After each that is not the reply other tasks get a turn: a flood must
    /// not hold up other tasks or the timers of this one.
    async fn received(&mut self, nth: usize) {
        let Udp { send, packet, buffer, .. } = &self.datagrams[nth];
        let form = self.inquiry.sends()[*send];
        let (send, kind) = (*send, self.question_of(form).read(packet, buffer));
        let is_stranger = matches!(kind, ReplyKind::Nothing);
        self.replied(send, form, kind, None);
        if is_stranger {
            yield_now().await;
        }
    }

    fn heard(&mut self, send: usize, packet: &Packet, reply: &StreamReply) {
        let form = self.inquiry.sends()[send];
        let kind = self.question_of(form).read(packet, &reply.bytes);
        self.replied(send, form, kind, reply.took);
    }

    fn replied(&mut self, send: usize, form: Form, kind: ReplyKind, took: Option<Duration>) {
        let server = self.links.upstreams[form.server].addr_of(form.via);
        let (record, time) = (self.question_of(form).rtype(), Time(now() - self.began));
        let reply = match kind {
            ReplyKind::Nothing => question::Reply::ToAnother,
            ReplyKind::Truncated => question::Reply::Truncated,
            ReplyKind::WithoutEdns => question::Reply::WithoutEdns,
            ReplyKind::Failed(error) => {
                tracing::debug!(%server, %record, error = %Escaped(&error), %time, "failed");
                question::Reply::Failed(error)
            }
            ReplyKind::Unreadable(error, records) => {
                let (answers, has_address) = (records.answers(), records.has_address());
                tracing::debug!(%server, %record, error = %Escaped(&error), answers, %time, "failed");
                self.keep(send, Reply { records, server, origin: origin(form.via) });
                question::Reply::Unreadable { error, has_address }
            }
            ReplyKind::Reply(records) => {
                let (code, answers, over) = (records.code(), records.answers(), origin(form.via));
                tracing::debug!(%server, %record, %code, answers, %over, %time, "answered");
                let is_negative = records.is_negative();
                self.keep(send, Reply { records, server, origin: over });
                question::Reply::Answered { is_negative }
            }
        };
        self.inquiry.replied(send, reply, took, &mut self.links.health.lock(), now());
    }

    fn trace_send(&self, send: usize, form: Form) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            let server = self.links.upstreams[form.server].addr_of(form.via);
            let question = self.question_of(form);
            let (name, record) = (text_name(question.name()), question.rtype());
            let earlier = self.inquiry.sends()[..send].iter();
            let same = |it: &&Form| {
                (it.server, it.via, it.neutral) == (form.server, form.via, form.neutral)
            };
            let (over, nth) = (origin(form.via), earlier.filter(same).count() + 1);
            tracing::debug!(%server, name = %Escaped(name), %record, %over, nth, "asked");
        }
    }
}
