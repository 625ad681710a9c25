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
use crate::dns::link::links::{Links, no_answer};
use crate::dns::link::said::Said;
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
        let said = story.began(&server);
        let way = links.way(&server, &key.binding, plaintext_reason, &said);
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
        Either::Left((None, _)) | Either::Right(_) => Err(story.failure(|server, said| {
            links.way(server, &key.binding, plaintext_reason, said).how_far_it_got()
        })),
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

/// The servers in the order in which they were asked.
#[derive(Default)]
struct Story(Mutex<Vec<Asked>>);

/// A server that was asked, and its end if it has failed.
struct Asked {
    server: NameServer,
    said: Arc<Said>,
    end: Option<LookupError>,
}

impl Story {
    fn began(&self, server: &NameServer) -> Arc<Said> {
        let said = Arc::<Said>::default();
        self.0.lock().push(Asked { server: server.clone(), said: said.clone(), end: None });
        said
    }

    fn failed<T>(&self, server: &NameServer, error: LookupError) -> Option<T> {
        self.0.lock().iter_mut().filter(|asked| asked.server == *server).for_each(|asked| {
            asked.end = Some(error.clone());
        });
        None
    }

    /// The error of the lookup: that of the lowest rank, and among equals the first server's.
    /// `standing` says for a silent server how far the question got.
    fn failure(
        &self,
        standing: impl Fn(&NameServer, &Arc<Said>) -> Option<LookupError>,
    ) -> LookupError {
        let asked = self.0.lock();
        let silence = |asked: &Asked| {
            let error = standing(&asked.server, &asked.said);
            let error = error.unwrap_or_else(|| LookupErrorKind::TimedOut.into());
            error.with_server(asked.server.addr())
        };
        let error = |asked: &Asked| asked.end.clone().unwrap_or_else(|| silence(asked));
        let errors: Vec<LookupError> = asked.iter().map(error).collect();
        let all = || asked.iter().zip(&errors);
        let silent: Vec<_> =
            all().filter(|(asked, _)| asked.end.is_none()).map(|(_, error)| error).collect();
        match all().min_by_key(|(_, error)| error.kind().rank()) {
            Some((Asked { end: None, .. }, first)) => of_silent_servers(first, &silent),
            Some((_, error)) => error.clone(),
            None => {
                LookupError::new(LookupErrorKind::NoNameServer).with_cause("none is configured")
            }
        }
    }
}

/// The error of several servers without an answer, one of which is `first`. Where their replies
/// differ, it has them all.
fn of_silent_servers(first: &LookupError, silent: &[&LookupError]) -> LookupError {
    let cause = |error: &LookupError| error.cause().map(ToString::to_string);
    let is_same = silent.iter().all(|error| cause(error) == cause(first));
    let error = match (first.kind(), first.server()) {
        (LookupErrorKind::TimedOut, Some(server)) if !is_same => {
            let causes = silent
                .iter()
                .filter_map(|error| Some(format!("{}: {}", error.server()?, cause(error)?)));
            no_answer(causes.collect::<Vec<_>>().join(", ")).with_server(server)
        }
        _ => first.clone(),
    };
    error.with_other_servers(silent.len() - 1)
}
