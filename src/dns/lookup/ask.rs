//! One question to all name servers: staggered, with fail-over, along CNAMEs.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::cache::{CacheEntry, Key};
use super::chain::{Chain, ChainEnd};
use super::servers::Memory;
use super::single_flight::SharedDeadline;
use crate::dns::config::resolv_conf::Conf;
use crate::dns::link::links::Links;
use crate::dns::message::{Question, text_name, wire_name};
use crate::dns::name_server::NameServer;
use crate::dns::server::exchange::exchange;
use crate::dns::server::reply::Reply;
use crate::mutex::Mutex;
use crate::race::answer::{Answer, LookupError, LookupErrorKind};

/// The next server is asked after this time if none has failed.
const NEXT_SERVER: Duration = Duration::from_millis(250);

/// Asks until there is an answer, every server has failed, or the deadline is over.
pub(super) async fn ask(whom: Whom<'_>, key: &Key, deadline: &SharedDeadline) -> CacheEntry {
    let entry = match follow(whom, key, deadline).await {
        Ok(entry) => entry,
        Err(error) => CacheEntry { outcome: Err(error), ttl: Duration::ZERO },
    };
    // Record it even if the final answer came over TLS.
    let Some(why) = whom.plaintext_reason.get() else { return entry };
    let outcome = match entry.outcome {
        Ok(answer) => Ok(answer.with_plaintext_reason(why.clone())),
        Err(error) => Err(error.with_plaintext_reason(why.clone())),
    };
    CacheEntry { outcome, ..entry }
}

/// The servers, and everything that is remembered of them.
#[derive(Clone, Copy)]
pub(super) struct Whom<'a> {
    pub(super) conf: &'a Conf,
    pub(super) memory: &'a Memory,
    pub(super) links: &'a Links,
    /// The reason for which a question to an opportunistic server was sent in plaintext, once one
    /// was.
    pub(super) plaintext_reason: &'a OnceLock<Arc<str>>,
}

/// Follows CNAMEs. If a reply ends with one and has no records of its target, the target is the
/// next question.
async fn follow(
    whom: Whom<'_>,
    key: &Key,
    deadline: &SharedDeadline,
) -> Result<CacheEntry, LookupError> {
    let mut chain = Chain::new(wire_name(&key.name)?);
    loop {
        let question = Question::new(chain.name().clone(), key.record);
        let asked = ask_servers(whom, key, &question, deadline).await;
        let reply = asked.map_err(|error| named(error, &chain))?;
        let found = chain.follow(&reply.message, key.record);
        match found.map_err(|error| error.with_server(reply.server))? {
            ChainEnd::Elsewhere => {}
            ChainEnd::Addrs { addrs, left_out } => {
                let answer = Answer::from(addrs).with_left_out(left_out);
                let answer = answer.with_server(reply.server, reply.origin);
                return Ok(entry(answer, &chain));
            }
            ChainEnd::Negative(kind) => {
                let error = named(LookupError::from(kind).with_server(reply.server), &chain);
                return Ok(CacheEntry { outcome: Err(error), ttl: chain.ttl() });
            }
        }
    }
}

fn named(error: LookupError, chain: &Chain) -> LookupError {
    match chain.has_moved() {
        true => error.with_name(text_name(chain.name())),
        false => error,
    }
}

fn entry(answer: Answer, chain: &Chain) -> CacheEntry {
    let answer = answer.with_ttl(chain.ttl());
    let answer = match chain.has_moved() {
        true => answer.with_name(text_name(chain.name())),
        false => answer,
    };
    CacheEntry { outcome: Ok(answer), ttl: chain.ttl() }
}

/// The first good reply. Every question stays open until the deadline, so that a server that
/// answers after the next one was asked still counts.
async fn ask_servers(
    Whom { conf, memory, links, plaintext_reason }: Whom<'_>,
    key: &Key,
    question: &Question,
    deadline: &SharedDeadline,
) -> Result<Reply, LookupError> {
    let servers = memory.order(&conf.servers, conf.rotate, Instant::now());
    let story = Story::default();
    let one = async |server: NameServer| {
        story.began(&server);
        let way = links.way(&server, &key.binding, plaintext_reason);
        match exchange(&way, question).await {
            Ok(reply) => Some((server.clone(), reply)),
            Err(error) => story.failed(&server, error),
        }
    };
    match select(pin!(race_servers(&servers, one)), pin!(deadline.passed())).await {
        Either::Left((Some((server, reply)), _)) => {
            memory.answered(&server, &conf.servers, Instant::now());
            Ok(reply)
        }
        Either::Left((None, _)) | Either::Right(_) => Err(story
            .failure(|server| links.way(server, &key.binding, plaintext_reason).how_far_it_got())),
    }
}

/// Starts the exchanges in the servers' order: the next one 250 ms after the one before, or at
/// once when one fails. `None` when all have failed.
async fn race_servers<T, F>(servers: &[NameServer], exchange: impl Fn(NameServer) -> F) -> Option<T>
where
    F: Future<Output = Option<T>>,
{
    let mut running = FuturesUnordered::new();
    for server in servers {
        // Boxed, because it would be moved as a whole several times.
        running.push(Box::pin(exchange(server.clone())));
        let next_at = Instant::now() + NEXT_SERVER;
        match select(running.next(), pin!(sleep_until(next_at))).await {
            Either::Left((Some(Some(won)), _)) => return Some(won),
            Either::Left(_) | Either::Right(_) => {}
        }
    }
    while let Some(ended) = running.next().await {
        if ended.is_some() {
            return ended;
        }
    }
    None
}

/// The servers in the order in which they were asked, and the errors of those that failed.
#[derive(Default)]
struct Story(Mutex<Vec<(NameServer, Option<LookupError>)>>);

impl Story {
    fn began(&self, server: &NameServer) {
        self.0.lock().push((server.clone(), None));
    }

    fn failed<T>(&self, server: &NameServer, error: LookupError) -> Option<T> {
        self.0.lock().iter_mut().filter(|(asked, _)| asked == server).for_each(|(_, end)| {
            *end = Some(error.clone());
        });
        None
    }

    /// The error of the lookup: that of the lowest rank, and among equals the first server's.
    /// `standing` says for a silent server how far the connection got.
    fn failure(&self, standing: impl Fn(&NameServer) -> Option<LookupError>) -> LookupError {
        let asked = self.0.lock();
        let silent = asked.iter().filter(|(_, end)| end.is_none()).count();
        let errors = asked.iter().map(|(server, end)| match end {
            Some(error) => error.clone(),
            None => standing(server)
                .unwrap_or_else(|| LookupErrorKind::TimedOut.into())
                .with_server(server.addr())
                .with_other_servers(silent - 1),
        });
        let no_server =
            || LookupError::new(LookupErrorKind::NoNameServer).with_cause("none is configured");
        errors.min_by_key(|error| error.kind().rank()).unwrap_or_else(no_server)
    }
}
