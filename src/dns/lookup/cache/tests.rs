use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn key(name: &str) -> Key {
    Key { name: name.into(), record: Record::A, binding: Binding::default() }
}

fn answer(seconds: u32) -> CacheEntry {
    let outcome = Ok(Answer::from(vec![SocketAddr::from(([192, 0, 2, 1], 0))]));
    CacheEntry { outcome, ttl: seconds * SECOND }
}

fn failed(kind: LookupErrorKind) -> CacheEntry {
    CacheEntry { outcome: Err(kind.into()), ttl: Duration::ZERO }
}

#[test] // R-1035-TTL
fn an_answer_without_a_ttl_is_known_only_to_its_transaction() {
    let (cache, now) = (Cache::new(), Instant::now());
    cache.insert(key("a"), answer(0), now).unwrap();
    assert!(cache.get(&key("a"), now).is_none());
    assert!(cache.recent(&key("a"), now, now + SECOND).is_some());
    assert!(cache.recent(&key("a"), now + SECOND, now + SECOND).is_none());
}

#[test] // R-9520-3.2a, R-9520-3.2b
fn only_failures_that_a_server_tells_in_a_row_last_longer() {
    let (cache, mut now) = (Cache::new(), Instant::now());
    let mut lasts = |entry: CacheEntry| {
        let _ = cache.insert(key("a"), entry, now);
        let start = now;
        while cache.get(&key("a"), now).is_some() {
            now += SECOND / 4;
        }
        (now - start).as_secs()
    };
    assert_eq!(lasts(failed(LookupErrorKind::ServerFailure)), 1);
    assert_eq!(lasts(failed(LookupErrorKind::Refused)), 2);
    assert_eq!(lasts(failed(LookupErrorKind::ServerFailure)), 4);
    assert_eq!(lasts(failed(LookupErrorKind::TimedOut)), 1);
    assert_eq!(lasts(failed(LookupErrorKind::TimedOut)), 1);
    assert_eq!(lasts(failed(LookupErrorKind::NoNameServer)), 1);
    assert_eq!(lasts(failed(LookupErrorKind::Other)), 1);
    assert_eq!(lasts(failed(LookupErrorKind::ServerFailure)), 1);
    assert_eq!(lasts(answer(3)), 3);
    assert_eq!(lasts(failed(LookupErrorKind::ServerFailure)), 1);
}

fn negative(seconds: u32) -> CacheEntry {
    let outcome = Err(LookupErrorKind::NoRecords.into());
    CacheEntry { outcome, ttl: seconds * SECOND }
}

/// For how many seconds the entry of `a` is known.
fn lasts(cache: &Cache, start: Instant) -> u64 {
    let known =
        |seconds: &u64| cache.get(&key("a"), start + Duration::from_secs(*seconds)).is_some();
    (0..10_000).take_while(known).count() as u64
}

#[test] // R-2308-5
fn a_negative_answer_lasts_as_the_soa_says_where_the_name_has_an_address() {
    let now = Instant::now();
    let other = Key { record: Record::Aaaa, ..key("a") };
    for (soa, address, seconds) in
        [(60, 0, 60), (1, 0, 1), (0, 0, 0), (60, 600, 60), (300, 20, 300), (1, 600, 1)]
    {
        let cache = Cache::new();
        let _ = cache.insert(key("a"), negative(soa), now);
        let _ = cache.insert(other.clone(), answer(address), now);
        assert_eq!(lasts(&cache, now), seconds, "SOA {soa} s, address {address} s");
    }
}

#[test] // R-2308-5
fn a_negative_answer_alone_lasts_2_s() {
    let (cache, now) = (Cache::new(), Instant::now());
    let _ = cache.insert(key("a"), negative(60), now);
    assert_eq!(lasts(&cache, now), 2);
}

// The answer for A is from before the host came into being.
#[test]
fn an_old_negative_answer_ends_when_the_name_gets_its_first_address() {
    let (cache, now) = (Cache::new(), Instant::now());
    let other = Key { record: Record::Aaaa, ..key("a") };
    let _ = cache.insert(key("a"), negative(300), now);
    cache.insert(other.clone(), answer(600), now + 3 * SECOND).unwrap();
    assert!(cache.get(&key("a"), now + 4 * SECOND).is_none());
    // Asked again, it counts, also after the address was asked for again.
    let _ = cache.insert(key("a"), negative(300), now + 4 * SECOND);
    cache.insert(other, answer(600), now + 100 * SECOND).unwrap();
    assert!(cache.get(&key("a"), now + 200 * SECOND).is_some());
}

#[test] // R-9520-3.2a
fn a_failure_is_remembered_after_a_negative_answer_has_lapsed() {
    let (cache, now) = (Cache::new(), Instant::now());
    let _ = cache.insert(key("a"), negative(300), now);
    let later = now + 3 * SECOND;
    let _ = cache.insert(key("a"), failed(LookupErrorKind::ServerFailure), later);
    let kept = cache.get(&key("a"), later + SECOND / 2).unwrap().unwrap_err();
    assert_eq!(kept.kind(), LookupErrorKind::ServerFailure);
}

#[test] // R-2308-5
fn a_skipped_candidate_lasts_as_long_as_the_address_at_most_a_minute() {
    let now = Instant::now();
    for (soa, address, seconds) in [(300, 20, 20), (300, 600, 60), (30, 600, 30), (300, 1, 2)] {
        let cache = Cache::new();
        let _ = cache.insert(key("a"), negative(soa), now);
        cache.keep_skipped([key("a"), key("unknown")].into_iter(), address * SECOND);
        assert_eq!(lasts(&cache, now), seconds, "SOA {soa} s, address {address} s");
    }
}

#[test] // D14, N-9
fn what_was_skipped_on_the_way_to_forgotten_addresses_is_forgotten_if_it_is_negative() {
    let (cache, now) = (Cache::new(), Instant::now());
    let (none, failure) = (|| negative(300), || failed(LookupErrorKind::ServerFailure));
    for (name, entry) in [("a", none()), ("b", failure()), ("host", answer(600)), ("c", none())] {
        let _ = cache.insert(key(name), entry, now);
    }
    let names = || ["a", "b", "host", "c"].into_iter().map(key);
    cache.keep_skipped(names().take(2), 600 * SECOND);
    let known = |millis| {
        let at = now + Duration::from_millis(millis);
        let known = names().filter(|key| cache.get(key, at).is_some());
        known.map(|key| key.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    // The addresses are too new.
    cache.forget(names(), now + SECOND / 2);
    assert_eq!(known(500), "a b host c");
    cache.forget(names(), now + SECOND);
    assert_eq!(known(999), "b c");
}

#[test] // R-9520-3.2b
fn a_failure_long_after_another_is_no_repetition() {
    let (cache, now) = (Cache::new(), Instant::now());
    let _ = cache.insert(key("a"), failed(LookupErrorKind::ServerFailure), now);
    let later = now + SECOND + REPEATED_WITHIN;
    let _ = cache.insert(key("a"), failed(LookupErrorKind::ServerFailure), later);
    assert!(cache.get(&key("a"), later + SECOND).is_none());
}

#[test]
fn what_is_kept_is_bounded_and_the_newest_stays() {
    let (cache, now) = (Cache::new(), Instant::now());
    let count = 4 * MAX_BYTES / ENTRY_BYTES;
    for i in 0..count {
        cache.insert(key(&i.to_string()), answer(60), now).unwrap();
    }
    let entries = cache.0.lock();
    assert!(entries.bytes <= MAX_BYTES && entries.lru.len() > 7_000, "{} bytes", entries.bytes);
    let sum: usize = entries.lru.iter().map(|(key, entry)| weight(key, entry)).sum();
    assert_eq!(entries.bytes, sum);
    drop(entries);
    assert!(cache.get(&key("0"), now).is_none());
    assert!(cache.get(&key(&(count - 1).to_string()), now).is_some());
}

#[test]
fn what_was_learnt_under_one_binding_is_unknown_under_another() {
    let (cache, now) = (Cache::new(), Instant::now());
    cache.insert(key("a"), answer(60), now).unwrap();
    let binding = Binding { mark: Some(1), ..Binding::default() };
    assert!(cache.get(&Key { binding, ..key("a") }, now).is_none());
}
