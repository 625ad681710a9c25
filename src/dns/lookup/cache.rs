//! The cache: answers, negative answers and failures, each for its own time. All runtimes share it.

use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use crate::mutex::Mutex;
use crate::race::answer::{Answer, LookupError, LookupErrorKind};
use crate::race::binding::Binding;
use crate::race::query::Record;

/// The most that all entries weigh together.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The weight of an entry without its texts and addresses: of itself, and of its slots in map and
/// list.
const ENTRY_BYTES: usize = 512;
/// A failure is remembered for this time (RFC 9520 section 3.2: at least 1 s, at most 5 min).
const FAILURE: Duration = Duration::from_secs(1);
/// SERVFAIL and REFUSED in a row are remembered for longer and longer, up to this.
const MAX_FAILURE: Duration = Duration::from_secs(30);
/// A failure counts as repeated if it comes within this time after the one before has run out.
const REPEATED_WITHIN: Duration = Duration::from_secs(300);
/// A negative answer lasts this long, unless more is known of the name (D14): a host that has just
/// come into being is found soon, and a burst of calls is still one question.
const MAX_NEGATIVE: Duration = Duration::from_secs(2);
/// A name of the search list that was skipped on the way to an address is not asked again for
/// this time at most.
const MAX_SKIPPED: Duration = Duration::from_secs(60);
/// Addresses that have failed are not asked for again within this time.
const FORGET_INTERVAL: Duration = Duration::from_secs(1);
/// Answers for two record types of a name that come within this time belong to one call.
const ONE_CALL: Duration = Duration::from_secs(1);
/// The record types that can show that a name exists.
const RECORDS: [Record; 2] = [Record::Aaaa, Record::A];

/// A question and the binding under which it is asked: an answer learned under one binding is never
/// used under another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// In lower case, absolute, without a dot at its end.
    pub(super) name: Arc<str>,
    pub(super) record: Record,
    pub(super) binding: Binding,
}

/// Skips a binding that binds nothing, because hashing it takes longer than hashing the name.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { name, record, binding } = self;
        name.hash(state);
        record.hash(state);
        if *binding != Binding::default() {
            binding.hash(state);
        }
    }
}

/// The outcome of a lookup, and how long it is valid. Failures have no TTL: the cache counts how
/// often they repeat.
pub(super) struct CacheEntry {
    pub(super) outcome: Result<Answer, LookupError>,
    pub(super) ttl: Duration,
}

/// Entries that exceed [`MAX_BYTES`] are dropped, the least recently used first, so that a new
/// failure stays (RFC 9520).
#[derive(Debug)]
pub(super) struct Cache(Mutex<Entries>);

#[derive(Debug)]
struct Entries {
    lru: LruCache<Key, Entry>,
    /// The weight of all entries.
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    outcome: Result<Answer, LookupError>,
    learned_at: Instant,
    valid_until: Instant,
    /// A negative answer counts until then, and until `valid_until` while the name has addresses of
    /// another type.
    negative_until: Instant,
    /// The number of failures in a row, this one included.
    repeats: u32,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self(Mutex::from(Entries { lru: LruCache::unbounded(), bytes: 0 }))
    }

    /// An entry that is still valid, marked as remembered, with the TTL that is left (R-1035-TTL).
    pub(super) fn get(&self, key: &Key, now: Instant) -> Option<Result<Answer, LookupError>> {
        let mut entries = self.0.lock();
        entries.valid(key, now).map(|entry| entry.remembered(now))
    }

    /// An entry that is still valid, or that was stored since the call began, even one with a TTL of
    /// zero.
    pub(super) fn recent(
        &self,
        key: &Key,
        since: Instant,
        now: Instant,
    ) -> Option<Result<Answer, LookupError>> {
        let mut entries = self.0.lock();
        if let Some(entry) = entries.lru.get(key).filter(|entry| since <= entry.learned_at) {
            return Some(entry.remembered(now));
        }
        entries.valid(key, now).map(|entry| entry.remembered(now))
    }

    /// These names were skipped on the way to an address with this TTL, so their negative answers
    /// last as long as it does, at most a minute.
    pub(super) fn keep_skipped(&self, keys: impl Iterator<Item = Key>, ttl: Duration) {
        let mut entries = self.0.lock();
        for key in keys {
            if let Some(entry) = entries.lru.get_mut(&key) {
                let until = (entry.learned_at + ttl.min(MAX_SKIPPED)).min(entry.valid_until);
                entry.negative_until = entry.negative_until.max(until);
            }
        }
    }

    /// Forgets those of these names that have addresses, in all record types, and the negative
    /// answers of the names before them, which were skipped on the way. Where the addresses are of
    /// the last second, all of that stays, so that calls in a loop do not ask each time.
    pub(super) fn forget(&self, candidates: impl Iterator<Item = Key>, now: Instant) {
        let mut entries = self.0.lock();
        let mut skipped = Vec::new();
        for candidate in candidates {
            let keys = RECORDS.map(|record| Key { record, ..candidate.clone() });
            if entries.have_old_addresses(&keys, now) {
                keys.iter().for_each(|key| entries.remove(key));
                skipped.drain(..).for_each(|key| entries.remove_negative(&key));
            } else {
                skipped.extend(keys);
            }
        }
    }

    /// Stores an outcome and returns it.
    pub(super) fn insert(
        &self,
        key: Key,
        entry: CacheEntry,
        now: Instant,
    ) -> Result<Answer, LookupError> {
        let CacheEntry { outcome, ttl } = entry;
        let mut entries = self.0.lock();
        let is_answered = entries.valid(&key, now).is_some_and(Entry::is_answer);
        let (holds, repeats) = match failure_kind(&outcome) {
            None => (ttl, 0),
            // A failure in one runtime does not replace an answer that another runtime has learned
            // meanwhile.
            Some(_) if is_answered => return outcome,
            Some(kind) => failure(entries.lru.get(&key), kind, now),
        };
        if outcome.is_ok() {
            entries.found_addresses(&key, now);
        }
        let valid_until = now + holds;
        let negative_until = valid_until.min(now + MAX_NEGATIVE);
        let outcome_kept = outcome.clone();
        let entry =
            Entry { outcome: outcome_kept, learned_at: now, valid_until, negative_until, repeats };
        entries.insert(key, entry);
        outcome
    }
}

impl Entries {
    /// An entry that is still valid.
    fn valid(&mut self, key: &Key, now: Instant) -> Option<&Entry> {
        let entry = self.lru.get(key).filter(|entry| now < entry.valid_until)?;
        let holds = !entry.is_negative() || now < entry.negative_until || self.exists(key);
        self.lru.peek(key).filter(|_| holds)
    }

    /// True if the name had addresses of another type when they were last asked for.
    fn exists(&self, key: &Key) -> bool {
        let has_addresses = |key: &Key| self.lru.peek(key).is_some_and(|it| it.outcome.is_ok());
        siblings(key).any(|sibling| has_addresses(&sibling))
    }

    /// The name has addresses of this type. If it had none before, negative answers for other types
    /// may be older than the host, and are dropped unless they belong to the same call.
    fn found_addresses(&mut self, key: &Key, now: Instant) {
        if self.lru.peek(key).is_some_and(|known| known.outcome.is_ok()) {
            return;
        }
        for sibling in siblings(key) {
            let known = self.lru.peek(&sibling);
            if known.is_some_and(|it| it.is_negative() && it.learned_at + ONE_CALL < now) {
                self.remove(&sibling);
            }
        }
    }

    /// True if a name has addresses of one of these types that are not of the last second.
    fn have_old_addresses(&self, keys: &[Key], now: Instant) -> bool {
        let known = keys.iter().filter_map(|key| self.lru.peek(key));
        let mut found = known.filter(|entry| entry.outcome.is_ok());
        found.any(|entry| entry.learned_at + FORGET_INTERVAL <= now)
    }

    fn insert(&mut self, key: Key, entry: Entry) {
        self.bytes += weight(&key, &entry);
        let known = self.lru.push(key, entry);
        self.removed(known);
        while self.bytes > MAX_BYTES {
            let oldest = self.lru.pop_lru();
            self.removed(oldest);
        }
    }

    fn remove(&mut self, key: &Key) {
        let gone = self.lru.pop_entry(key);
        self.removed(gone);
    }

    fn remove_negative(&mut self, key: &Key) {
        if self.lru.peek(key).is_some_and(Entry::is_negative) {
            self.remove(key);
        }
    }

    fn removed(&mut self, gone: Option<(Key, Entry)>) {
        self.bytes -= gone.map_or(0, |(key, entry)| weight(&key, &entry));
    }
}

/// The same question for the other record types.
fn siblings(key: &Key) -> impl Iterator<Item = Key> {
    let others = RECORDS.into_iter().filter(|other| *other != key.record);
    others.map(|record| Key { record, ..key.clone() })
}

/// How long to remember a failure, and how many failures in a row this makes (R-9520-3.2a,
/// R-9520-3.2b).
fn failure(before: Option<&Entry>, kind: LookupErrorKind, now: Instant) -> (Duration, u32) {
    if !matches!(kind, LookupErrorKind::ServerFailure | LookupErrorKind::Refused) {
        // Silence and an unreachable server can end at any moment, so the time is the shortest
        // allowed.
        return (FAILURE, 0);
    }
    let repeated = |entry: &&Entry| entry.repeats > 0 && now < entry.valid_until + REPEATED_WITHIN;
    let repeats = before.filter(repeated).map_or(0, |entry| entry.repeats);
    let holds = FAILURE.saturating_mul(1 << repeats.min(5)).min(MAX_FAILURE);
    (holds, repeats + 1)
}

impl Entry {
    fn is_negative(&self) -> bool {
        self.outcome.as_ref().is_err_and(|error| error.kind().is_negative())
    }

    fn is_answer(&self) -> bool {
        failure_kind(&self.outcome).is_none()
    }

    fn remembered(&self, now: Instant) -> Result<Answer, LookupError> {
        match &self.outcome {
            Ok(answer) => {
                let left = self.valid_until.saturating_duration_since(now);
                Ok(answer.clone().with_ttl(left).with_cached(true))
            }
            Err(error) => Err(error.clone().with_cached(true)),
        }
    }
}

/// The kind of a failure; `None` for an answer, and a negative answer is an answer (R-9520-2).
fn failure_kind(outcome: &Result<Answer, LookupError>) -> Option<LookupErrorKind> {
    let error = outcome.as_ref().err()?;
    (!error.kind().is_negative()).then_some(error.kind())
}

fn weight(key: &Key, entry: &Entry) -> usize {
    let texts = match &entry.outcome {
        Ok(answer) => {
            size_of_val::<[SocketAddr]>(answer.addrs()) + answer.name().map_or(0, str::len)
        }
        Err(error) => {
            let cause = error.cause().map_or(0, |cause| cause.to_string().len());
            cause + error.name().map_or(0, str::len)
        }
    };
    ENTRY_BYTES + key.name.len() + texts
}

#[cfg(test)]
mod tests;
