//! One question to the name servers, along CNAMEs.

use std::sync::Arc;
use std::time::Duration;

use super::cache::{CacheEntry, Key};
use super::chain::{Chain, ChainEnd};
use super::single_flight::SharedDeadline;
use crate::dns::link::links::Links;
use crate::dns::message::{Question, text_name, wire_name};
use crate::dns::server::driver::Driver;
use crate::race::answer::{Answer, LookupError};

/// Asks until there is an answer, every server has failed, or the deadline is over.
pub(super) async fn ask(links: &Arc<Links>, key: &Key, deadline: &SharedDeadline) -> CacheEntry {
    let mut plaintext_reason = None;
    let entry = match follow(links, key, deadline, &mut plaintext_reason).await {
        Ok(entry) => entry,
        Err(error) => CacheEntry { outcome: Err(error), ttl: Duration::ZERO },
    };
    // Record it even if the final answer came over TLS.
    let Some(why) = plaintext_reason else { return entry };
    let outcome = match entry.outcome {
        Ok(answer) => Ok(answer.with_plaintext_reason(why)),
        Err(error) => Err(error.with_plaintext_reason(why)),
    };
    CacheEntry { outcome, ..entry }
}

/// Follows CNAMEs. If a reply ends with one and has no records of its target, the target is the
/// next question.
async fn follow(
    links: &Arc<Links>,
    key: &Key,
    deadline: &SharedDeadline,
    plaintext_reason: &mut Option<Arc<str>>,
) -> Result<CacheEntry, LookupError> {
    let mut chain = Chain::new(wire_name(&key.name)?);
    loop {
        let question = Question::new(chain.name().clone(), key.record);
        let driver = Driver::new(links.clone(), question, key.binding.clone(), deadline.at());
        let (asked, why) = driver.answer(|| deadline.at()).await;
        *plaintext_reason = plaintext_reason.take().or(why);
        let reply = asked.map_err(|error| named(error, &chain))?;
        let found = chain.follow(&reply.records);
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
