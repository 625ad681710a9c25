//! The pool and the resolver with a scripted call: no packet is sent.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::*;
use crate::connect::socket::SocketOptions;
use crate::race::answer::Origin;
use crate::race::query::Record;

/// How long a test waits for an event; only a failing test waits that long.
const LONG: Duration = Duration::from_secs(60);

/// Calls that return when they are released, and report that they begin.
struct Held {
    began: Mutex<Receiver<String>>,
    gate: Arc<Gate>,
    calls: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Gate {
    open: Mutex<HashSet<String>>,
    opened: Condvar,
}

impl Held {
    fn resolver(limits: Limits) -> (Self, Resolver) {
        let (begins, began) = mpsc::channel();
        let (gate, calls) = (Arc::<Gate>::default(), Arc::<AtomicUsize>::default());
        let (its_gate, its_calls) = (gate.clone(), calls.clone());
        let call = move |name: &str, _: Record| {
            let nth = its_calls.fetch_add(1, Ordering::SeqCst) + 1;
            let numbered = format!("{name} {nth}");
            begins.send(name.to_owned()).unwrap();
            let open = its_gate.open.lock().unwrap();
            let shut = |it: &mut HashSet<_>| !it.contains(name) && !it.contains(&numbered);
            let waited = its_gate.opened.wait_timeout_while(open, LONG, shut);
            assert!(!waited.unwrap().1.timed_out());
            assert!(!name.starts_with("panic"), "as the test says");
            Ok(answer())
        };
        let began = Mutex::new(began);
        (Self { began, gate, calls }, Resolver(Arc::new(Owner(Pool::new(limits, call)))))
    }

    /// By name, or by name and number: `a 1`.
    fn lets_go(&self, name: &str) {
        self.gate.open.lock().unwrap().insert(name.to_owned());
        self.gate.opened.notify_all();
    }

    /// Waits for the next call to begin.
    fn begins(&self) -> String {
        self.began.lock().unwrap().recv_timeout(LONG).unwrap()
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

fn limits(threads: usize, waiting: usize) -> Limits {
    Limits { threads, waiting, joined_for: LONG, ..Limits::default() }
}

fn answer() -> Answer {
    Answer::from(vec![IpAddr::from([192, 0, 2, 1])]).with_origin(Origin::System)
}

fn query(name: &str) -> Query {
    Query::new(name, Record::A)
}

/// Begins a lookup, which is polled until it waits.
async fn begin(resolver: &Resolver, name: &str) -> JoinHandle<Result<Answer, LookupError>> {
    let lookup = tokio::spawn(resolver.lookup(&query(name)));
    tokio::task::yield_now().await;
    lookup
}

async fn give_up(lookup: JoinHandle<Result<Answer, LookupError>>) {
    lookup.abort();
    assert!(lookup.await.unwrap_err().is_cancelled());
}

fn text(outcome: Result<Answer, LookupError>) -> String {
    outcome.unwrap_err().to_string()
}

#[tokio::test]
async fn no_more_calls_than_threads_run_at_once_and_the_first_come_first() {
    let (held, resolver) = Held::resolver(limits(2, 9));
    let [a, b] = [begin(&resolver, "a").await, begin(&resolver, "b").await];
    assert_eq!(HashSet::from([held.begins(), held.begins()]), ["a", "b"].map(String::from).into());
    let [c, d] = [begin(&resolver, "c").await, begin(&resolver, "d").await];
    held.lets_go("b");
    b.await.unwrap().unwrap();
    assert_eq!(held.begins(), "c");
    assert_eq!(held.calls(), 3);
    ["a", "c", "d"].iter().for_each(|name| held.lets_go(name));
    for lookup in [a, c, d] {
        assert_eq!(lookup.await.unwrap().unwrap().origin(), Origin::System);
    }
}

#[tokio::test]
async fn one_idle_thread_takes_one_call_and_new_ones_the_others() {
    let (held, resolver) = Held::resolver(limits(9, 9));
    held.lets_go("a");
    resolver.lookup(&query("a")).await.unwrap();
    assert_eq!(held.begins(), "a");
    let began = std::time::Instant::now();
    while resolver.0.0.idle_and_calls() != (1, 0) {
        assert!(began.elapsed() < LONG);
        std::thread::yield_now();
    }
    // All at once: the idle thread does not run yet when the others come.
    let names = ["b", "c", "d", "e", "f"];
    let lookups = names.map(|name| tokio::spawn(resolver.lookup(&query(name))));
    tokio::task::yield_now().await;
    assert_eq!(HashSet::from(names.map(|_| held.begins())), names.map(String::from).into());
    names.iter().for_each(|name| held.lets_go(name));
    for lookup in lookups {
        lookup.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_lookup_that_was_dropped_before_its_call_began_is_not_made() {
    let (held, resolver) = Held::resolver(limits(1, 9));
    let a = begin(&resolver, "a").await;
    assert_eq!(held.begins(), "a");
    let [b, c] = [begin(&resolver, "b").await, begin(&resolver, "c").await];
    give_up(b).await;
    ["a", "b", "c"].iter().for_each(|name| held.lets_go(name));
    assert_eq!(held.begins(), "c");
    for lookup in [a, c] {
        lookup.await.unwrap().unwrap();
    }
    assert_eq!(held.calls(), 2);
}

#[tokio::test]
async fn a_full_queue_is_an_error_at_once_and_the_dropped_make_room() {
    let (held, resolver) = Held::resolver(limits(1, 2));
    let _a = begin(&resolver, "a").await;
    assert_eq!(held.begins(), "a");
    let [b, _c] = [begin(&resolver, "b").await, begin(&resolver, "c").await];
    let expected = "lookup failed: 2 lookups wait for a thread for getaddrinfo already";
    assert_eq!(text(resolver.lookup(&query("d")).await), expected);
    // Joining takes no slot in the queue.
    let also_b = begin(&resolver, "b").await;
    assert!(!also_b.is_finished());
    for lookup in [b, also_b] {
        give_up(lookup).await;
    }
    let d = begin(&resolver, "d").await;
    ["a", "c", "d"].iter().for_each(|name| held.lets_go(name));
    d.await.unwrap().unwrap();
    assert_eq!((held.begins(), held.begins()), ("c".to_owned(), "d".to_owned()));
}

#[test]
fn a_call_serves_all_who_ask_the_same_from_any_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let (held, resolver) = Held::resolver(limits(9, 9));
    let given_up = first.block_on(begin(&resolver, "a"));
    assert_eq!(held.begins(), "a");
    let joined = second.block_on(async {
        let lookups = [begin(&resolver, "a").await, begin(&resolver, "a").await];
        let clone = resolver.clone();
        let other_type = tokio::spawn(clone.lookup(&Query::new("a", Record::Aaaa)));
        tokio::task::yield_now().await;
        assert_eq!(held.begins(), "a");
        held.lets_go("a");
        other_type.await.unwrap().unwrap();
        lookups
    });
    drop((given_up, first));
    for lookup in joined {
        second.block_on(lookup).unwrap().unwrap();
    }
    assert_eq!(held.calls(), 2);
    // Nothing is cached.
    second.block_on(resolver.lookup(&query("a"))).unwrap();
    assert_eq!(held.calls(), 3);
}

#[tokio::test]
async fn no_lookup_joins_a_call_that_began_long_ago_or_in_another_network() {
    for (joined_for, moved) in [(Duration::ZERO, false), (LONG, true)] {
        let (held, resolver) = Held::resolver(Limits { joined_for, ..limits(9, 9) });
        let old = begin(&resolver, "a").await;
        assert_eq!(held.begins(), "a");
        if moved {
            resolver.network_changed();
        }
        let new = begin(&resolver, "a").await;
        assert_eq!(held.begins(), "a");
        held.lets_go("a 1");
        old.await.unwrap().unwrap();
        // The end of the old call does not end the new one.
        assert_eq!(resolver.0.0.idle_and_calls().1, 1);
        held.lets_go("a");
        new.await.unwrap().unwrap();
        assert_eq!(held.calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lookup_ends_before_its_deadline_and_says_what_it_has_waited_for() {
    let (held, resolver) = Held::resolver(limits(1, 9));
    let until = |name, ms| query(name).with_deadline(now() + Duration::from_millis(ms));
    let over = resolver.lookup(&until("a", 0)).await;
    assert_eq!(text(over), "no answer");
    let calling = tokio::spawn(resolver.lookup(&until("a", 50)));
    tokio::task::yield_now().await;
    assert_eq!(held.begins(), "a");
    let began = now();
    let waiting = resolver.lookup(&until("b", 50)).await;
    assert_eq!(text(waiting), "no answer: all 1 threads for getaddrinfo are busy");
    assert_eq!(text(calling.await.unwrap()), "no answer: getaddrinfo has not returned");
    // Before the race stops listening, by a tenth and by tokio's millisecond.
    assert!((45..50).contains(&(now() - began).as_millis()));
    held.lets_go("a");
    held.lets_go("c");
    resolver.lookup(&query("c")).await.unwrap();
    assert_eq!(held.calls(), 2);
}

#[tokio::test]
async fn without_a_thread_a_lookup_fails_at_once() {
    let (held, resolver) = Held::resolver(Limits { stack: 1 << 60, ..limits(9, 9) });
    for _ in 0..2 {
        let reported = text(resolver.lookup(&query("a")).await);
        assert!(reported.starts_with("lookup failed: no thread for getaddrinfo: "), "{reported}");
        assert_eq!(resolver.0.0.idle_and_calls(), (0, 0));
    }
    assert_eq!(held.calls(), 0);
}

#[tokio::test]
async fn a_panic_is_the_error_of_one_lookup() {
    let (held, resolver) = Held::resolver(limits(1, 9));
    ["panic", "a"].iter().for_each(|name| held.lets_go(name));
    let reported = text(resolver.lookup(&query("panic")).await);
    assert_eq!(reported, "lookup failed: getaddrinfo: it panicked");
    resolver.lookup(&query("a")).await.unwrap();
}

/// Reports the end of the thread that made it.
struct Ends(Sender<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// A resolver whose threads report their end.
fn ending(limits: Limits) -> (Resolver, Receiver<()>) {
    thread_local!(static ENDS: std::cell::RefCell<Option<Ends>> = const { std::cell::RefCell::new(None) });
    let (ends, ended) = mpsc::channel();
    let call = move |_: &str, _: Record| {
        ENDS.with_borrow_mut(|it| _ = it.get_or_insert_with(|| Ends(ends.clone())));
        Ok(answer())
    };
    (Resolver(Arc::new(Owner(Pool::new(limits, call)))), ended)
}

#[tokio::test]
async fn a_thread_ends_when_it_is_idle_and_comes_back_when_there_is_work() {
    let idle_timeout = Duration::from_millis(1);
    let (resolver, ended) = ending(Limits { idle_timeout, ..limits(9, 9) });
    for _ in 0..3 {
        resolver.lookup(&query("a")).await.unwrap();
        ended.recv_timeout(LONG).unwrap();
    }
}

#[tokio::test]
async fn idle_threads_end_with_the_last_clone() {
    let (resolver, ended) = ending(Limits { idle_timeout: 2 * LONG, ..limits(9, 9) });
    let clone = resolver.clone();
    resolver.lookup(&query("a")).await.unwrap();
    drop(resolver);
    clone.lookup(&query("a")).await.unwrap();
    // A lookup that has begun needs no resolver any more.
    let lookup = clone.lookup(&query("b"));
    drop(clone);
    lookup.await.unwrap();
    ended.recv_timeout(LONG).unwrap();
}

#[tokio::test]
async fn a_bound_query_or_a_bad_name_is_not_asked() {
    let (held, resolver) = Held::resolver(limits(9, 9));
    for options in [
        SocketOptions::default().with_interface("wg0"),
        SocketOptions::default().with_mark(7),
        SocketOptions::default().with_local_address([192, 0, 2, 1].into()),
    ] {
        let bound = query("a.test").with_binding(options.binding().clone());
        let reported = text(resolver.lookup(&bound).await);
        assert_eq!(reported, format!("lookup failed: {UNBOUND}"));
    }
    for name in ["db.test:80", "a b", "", ".", "a..b", "a\0b"] {
        let reported = text(resolver.lookup(&query(name)).await);
        assert!(reported.starts_with("lookup failed: invalid host "), "{reported}");
    }
    assert_eq!(held.calls(), 0);
}

#[tokio::test] // R-3493-LIT
async fn an_address_is_its_own_answer() {
    let (held, resolver) = Held::resolver(limits(9, 9));
    let ips = async |name, record| {
        let outcome = resolver.lookup(&Query::new(name, record)).await;
        outcome.map(|answer| answer.addrs().to_vec()).map_err(|error| error.kind())
    };
    assert_eq!(ips("192.0.2.1", Record::A).await, Ok(vec!["192.0.2.1:0".parse().unwrap()]));
    assert_eq!(ips("192.0.2.1", Record::Aaaa).await, Err(LookupErrorKind::NoRecords));
    assert_eq!(ips("fe80::1%1", Record::Aaaa).await, Ok(vec!["[fe80::1%1]:0".parse().unwrap()]));
    assert_eq!(held.calls(), 0);
}
