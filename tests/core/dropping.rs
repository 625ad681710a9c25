//! What a connect leaves behind: dropped at any point, panicking, or won with lookups still out.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv6Addr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use he::{Answer, Attempt, Connector, ErrorKind, Outcome, Query, Resolving, SocketOptions};
use he_test_support::dialled::{Alive, Token, Watch, paused, settle, tasks};
use he_test_support::{A, Aaaa, World, addr, script};
use tokio::time::{sleep, timeout};

use crate::scenarios;

/// Polls it so many times and drops it then; its result if it ended before.
async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut polled = 0;
    poll_fn(|cx| {
        polled += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled == polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// True if the call ended by itself before so many polls.
async fn drops_cleanly(world: &World, polls: usize) -> bool {
    let watch = Watch::begins_now();
    let connector = world.connector(&watch);
    let ended = dropped_after(polls, world.connect(&connector, &watch)).await;
    settle().await;
    assert_eq!(watch.dials.count(), 0, "dials that are left");
    let outcomes: Vec<Outcome> = watch.reports().iter().map(|report| report.outcome()).collect();
    let Some(ended) = ended else {
        assert_eq!(outcomes, [Outcome::Dropped]);
        assert_eq!((watch.lookups.count(), watch.connections.count(), tasks()), (0, 0, 0));
        return false;
    };
    let expected = match &ended {
        Ok(established) => established.report.outcome(),
        Err(error) => Outcome::Failed(error.kind()),
    };
    assert_eq!(outcomes, [expected]);
    assert_eq!(watch.connections.count(), usize::from(ended.is_ok()));
    sleep(Duration::from_millis(1_001)).await;
    assert_eq!((watch.lookups.count(), tasks()), (0, 0));
    true
}

// Whenever it is dropped: no task, no dial, no lookup, no connection is left, and one report.
#[test] // R-HE-LEAK, R-8305-5k, R-8305-5i, S16
fn whenever_the_call_is_dropped_nothing_stays_behind() {
    let scenarios = scenarios::all();
    let played = scenarios.iter().filter(|s| s.is_race() || s.kind() == "cancel");
    let mut polls = 0;
    for scenario in played {
        let world = scenario.world();
        polls += (1..).find(|k| paused(drops_cleanly(&world, *k))).unwrap();
    }
    assert!(polls > 300, "{polls} polls are too few to be all of them");
}

// An attempt that is given up is closed then, while the others go on.
#[tokio::test(start_paused = true)] // R-HE-LEAK
async fn an_attempt_that_times_out_is_closed_at_once() {
    let watch = Watch::begins_now();
    let list = ["192.0.2.1#443", "192.0.2.2#443", "192.0.2.3#443"];
    let world = script().addrs(&list).accepts("192.0.2.3", 90);
    let world = world.config(|c| c.with_connect_timeout(Duration::from_millis(100)));
    let connector = world.connector(&watch);
    let count = async {
        let mut alive = Vec::new();
        for _ in 0..4 {
            sleep(Duration::from_millis(75)).await;
            alive.push((watch.now(), watch.dials.count(), tasks()));
        }
        alive
    };
    // The first runs in the caller's task.
    let (ended, alive) = tokio::join!(world.connect(&connector, &watch), count);
    assert_eq!(ended.map(|won| won.addr).ok(), Some(addr(list[2])));
    assert_eq!(alive, [(75, 1, 0), (150, 1, 1), (225, 1, 1), (300, 0, 0)]);
}

// A future that was never polled has done nothing and tells nothing.
#[tokio::test(start_paused = true)] // R-HE-LEAK
async fn a_call_that_was_never_polled_does_nothing() {
    let watch = Watch::begins_now();
    let world = script();
    let connector = world.connector(&watch);
    drop(world.connect(&connector, &watch));
    assert_eq!((watch.log().len(), watch.reports().len(), watch.lookups.count()), (0, 0, 0));
}

/// An IPv6 address at once, which accepts after 5 ms, and an A that comes at this time.
fn late_a(at: u64) -> World {
    script().dns(Aaaa, 0, &["2001:db8::1"]).dns(A, at, &["192.0.2.1"]).accepts("2001:db8::1", 5)
}

// After a win lookups have a second to fill the cache.
#[tokio::test(start_paused = true)] // R-8305-5l, R-8305-5k, C-DRAIN, F-21
async fn lookups_that_are_out_at_the_win_may_finish_for_a_second() {
    for (answer_at, left_at, gone_at) in
        [(300, 299, 300), (1_005, 1_004, 1_005), (9_000, 1_004, 1_005)]
    {
        let watch = Watch::begins_now();
        let world = late_a(answer_at);
        let connector = world.connector(&watch);
        let established = world.connect(&connector, &watch).await.unwrap();
        assert_eq!((established.addr, watch.now()), (addr("2001:db8::1#443"), 5));
        settle().await;
        assert_eq!((watch.lookups.count(), tasks()), (1, 1));
        sleep(Duration::from_millis(left_at - 5)).await;
        assert_eq!(watch.lookups.count(), 1, "at {} ms", watch.now());
        sleep(Duration::from_millis(gone_at - left_at)).await;
        settle().await;
        assert_eq!((watch.lookups.count(), tasks()), (0, 0), "at {} ms", watch.now());
    }
}

// The lookup that drains really ends with its answer, not by being dropped.
#[tokio::test(start_paused = true)] // R-8305-5l
async fn a_lookup_that_drains_reaches_its_answer() {
    let answered = Arc::new(AtomicUsize::new(0));
    let told = answered.clone();
    let connector = Connector::new(move |query: &Query| {
        let told = told.clone();
        let (ms, ip) = match query.record() {
            Aaaa => (0, IpAddr::V6(Ipv6Addr::LOCALHOST)),
            A | _ => (900, IpAddr::from([127, 0, 0, 1])),
        };
        Resolving::new(async move {
            sleep(Duration::from_millis(ms)).await;
            told.fetch_add(1, Ordering::Relaxed);
            Ok(Answer::from(vec![ip]))
        })
    });
    connector.connect_with("example.com", 443, |_| async { Ok(()) }).await.unwrap();
    assert_eq!(answered.load(Ordering::Relaxed), 1);
    sleep(Duration::from_millis(1_000)).await;
    assert_eq!(answered.load(Ordering::Relaxed), 2);
}

// After a failure or a time-out nothing drains.
// The resolver may be of the kind that never ends.
#[tokio::test(start_paused = true)] // R-HE-LEAK
async fn a_lookup_is_dropped_when_its_time_is_over() {
    let watch = Watch::begins_now();
    let world = script().dns(A, 0, &["192.0.2.1"]).silent("192.0.2.1");
    let connector = world.connector(&watch);
    let connecting = world.connect(&connector, &watch);
    let mut connecting = pin!(connecting);
    for (at, left) in [(4_999, 1), (5_001, 0)] {
        let wait = Duration::from_millis(at - watch.now());
        assert!(timeout(wait, connecting.as_mut()).await.is_err());
        assert_eq!(watch.lookups.count(), left, "at {at} ms");
    }
}

#[tokio::test(start_paused = true)] // R-8305-5k, R-HE-LEAK
async fn a_failed_call_leaves_no_lookup() {
    let watch = Watch::begins_now();
    let world = script().config(|c| c.with_total_timeout(Duration::from_millis(700)));
    let connector = world.connector(&watch);
    let error = world.connect(&connector, &watch).await.err().unwrap();
    assert_eq!((error.kind(), watch.now()), (ErrorKind::TimedOut, 700));
    assert_eq!((watch.lookups.count(), tasks()), (0, 0));
    assert_eq!(watch.reports()[0].outcome(), Outcome::Failed(ErrorKind::TimedOut));
}

// The hook hears of calls that are refused at the door, too.
#[tokio::test(start_paused = true)]
async fn the_hook_hears_of_every_end() {
    let watch = Watch::begins_now();
    for (world, expected) in [
        (late_a(0), Outcome::Connected(0)),
        (script().host(""), Outcome::Failed(ErrorKind::InvalidInput)),
        (script().host("x.invalid"), Outcome::Failed(ErrorKind::NoSuchName)),
        (script().addrs(&[]), Outcome::Failed(ErrorKind::InvalidInput)),
    ] {
        let ended = world.connect(&world.connector(&watch), &watch).await;
        assert_eq!(ended.is_ok(), expected == Outcome::Connected(0));
        assert_eq!(watch.reports().last().unwrap().outcome(), expected);
    }
    assert_eq!(watch.reports().len(), 4);
}

/// Makes a call when it is dropped, as a guard that tells a server of its end may.
struct CallsOnDrop<'a>(&'a Connector);

impl Drop for CallsOnDrop<'_> {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _ = runtime.block_on(self.0.connect("nowhere.invalid", 443));
        let _ = runtime.block_on(self.0.connect_addrs(addr("127.0.0.1#1")));
    }
}

// A call that ends while its thread unwinds is reported like any other.
#[test]
fn a_call_in_a_drop_is_reported_although_its_thread_unwinds() {
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let connector = Connector::without_resolver();
    connector.on_report(move |report| {
        assert!(matches!(report.outcome(), Outcome::Failed(_)));
        count.fetch_add(1, Ordering::Relaxed);
    });
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = CallsOnDrop(&connector);
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(told.load(Ordering::Relaxed), 2);
}

// What came up belongs to the caller: a caller that fails afterwards closes it by dropping it.
#[tokio::test(start_paused = true)] // R-HE-LEAK
async fn a_caller_that_fails_after_the_connect_closes_its_connection() {
    let watch = Watch::begins_now();
    let world = script().addrs(&["192.0.2.1#443"]).accepts("192.0.2.1", 1);
    let connector = world.connector(&watch);
    let caller = async {
        let _stream = world.connect(&connector, &watch).await.map_err(|_| "no connection")?.stream;
        assert_eq!(watch.connections.count(), 1);
        Err::<(), _>("the caller's own failure")
    };
    assert_eq!(caller.await, Err("the caller's own failure"));
    assert_eq!((watch.connections.count(), watch.dials.count(), tasks()), (0, 0, 0));
}

/// Panics when it is dropped, as if closing a socket could fail.
struct FailsToClose(#[allow(dead_code, reason = "held")] Token);

impl Drop for FailsToClose {
    fn drop(&mut self) {
        panic!("closing has failed");
    }
}

// A loser whose closing fails keeps no other open, and does not spoil the win.
#[tokio::test(start_paused = true)] // R-8305-5i, R-HE-LEAK
async fn a_loser_that_panics_when_it_is_closed_harms_nobody() {
    let alive = Alive::default();
    let dials = alive.clone();
    let dial = move |attempt: Attempt| {
        let (token, again) = (dials.token(), dials.clone());
        async move {
            let port = attempt.addr().port();
            let _fails = (port == 2).then(|| FailsToClose(again.token()));
            let _closes = token;
            if port < 4 {
                pending::<()>().await;
            }
            Ok(port)
        }
    };
    let list = [1, 2, 3, 4].map(|port| addr(&format!("192.0.2.1#{port}")));
    let established = Connector::without_resolver().connect_addrs_with(list, dial).await.unwrap();
    assert_eq!(established.stream, 4);
    settle().await;
    assert_eq!((alive.count(), tasks()), (0, 0));
}

// The call can be spawned: its future is Send.
#[tokio::test(start_paused = true)]
async fn the_call_is_send() {
    let call = async {
        let connector = Connector::without_resolver();
        connector.connect_with("127.0.0.1", 443, |_| async { Ok(7) }).await.unwrap().stream
    };
    assert_eq!(tokio::spawn(call).await.unwrap(), 7);
    let plain = async { Connector::without_resolver().connect("x.invalid", 443).await.is_err() };
    assert!(tokio::spawn(plain).await.unwrap());
    let list = async { Connector::without_resolver().connect_addrs([]).await.is_err() };
    assert!(tokio::spawn(list).await.unwrap());
}

/// What panics.
#[derive(Clone, Copy, PartialEq)]
enum Panics {
    Lookup,
    LookupFuture,
    Dial(u16),
    DialFuture(u16),
    DialFutureAtOnce(u16),
}

async fn call_that(panics: Panics, alive: Alive) -> io::Result<u16> {
    let lookups = alive.clone();
    let connector = Connector::new(move |_: &Query| {
        assert!(panics != Panics::Lookup, "as planned");
        let token = lookups.token();
        Resolving::new(async move {
            let _token = token;
            sleep(Duration::from_millis(1)).await;
            assert!(panics != Panics::LookupFuture, "as planned");
            Ok(Answer::from(vec![IpAddr::from([192, 0, 2, 1])]))
        })
    });
    let dial = move |attempt: Attempt| {
        let port = attempt.addr().port();
        assert!(panics != Panics::Dial(port), "as planned");
        let token = alive.token();
        async move {
            let _token = token;
            assert!(panics != Panics::DialFutureAtOnce(port), "as planned");
            sleep(Duration::from_millis(400)).await;
            assert!(panics != Panics::DialFuture(port), "as planned");
            pending::<()>().await;
            Ok(port)
        }
    };
    Ok(connector.connect_with("example.com", [1, 2, 3], dial).await?.stream)
}

// A panic of the caller's code surfaces where the connect is awaited; nothing hangs or stays.
#[tokio::test(start_paused = true)] // R-HE-LEAK
async fn a_panic_surfaces_and_leaves_nothing_behind() {
    use Panics::{Dial, DialFuture, DialFutureAtOnce, Lookup, LookupFuture};
    for panics in [
        Lookup,
        LookupFuture,
        Dial(1), // the first attempt may run in the caller's task,
        Dial(2), // the others run in their own
        DialFuture(1),
        DialFuture(2),
        DialFutureAtOnce(1),
        DialFutureAtOnce(3),
    ] {
        let alive = Alive::default();
        let call = tokio::spawn(call_that(panics, alive.clone()));
        let error = timeout(Duration::from_secs(60), call).await.expect("hangs").unwrap_err();
        assert_eq!(error.into_panic().downcast_ref(), Some(&"as planned"));
        settle().await;
        assert_eq!((alive.count(), tasks()), (0, 0));
    }
}

// A local address of one family makes attempts of the other fail before a packet leaves.
#[tokio::test]
async fn a_local_address_of_the_other_family_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = SocketOptions::default().with_local_address(IpAddr::V6(Ipv6Addr::LOCALHOST));
    let connector = Connector::without_resolver().with_socket_options(options);
    let error = connector.connect_addrs(listener.local_addr().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let attempt = &error.report().attempts()[0];
    assert_eq!(attempt.error().unwrap().kind(), io::ErrorKind::AddrNotAvailable);
    assert!(attempt.is_local());
}

// A dial that always has something to do uses up its task's budget at every poll.
#[tokio::test] // R-HE-LEAK
async fn a_dial_that_never_rests_does_not_hide_the_time_out() {
    let config = he::Config::new().with_total_timeout(Duration::from_millis(50));
    let connector = Connector::without_resolver().with_config(config);
    let restless = |_: Attempt| async {
        loop {
            tokio::task::consume_budget().await;
        }
        #[allow(unreachable_code, reason = "gives the loop its type")]
        Ok(())
    };
    let error = connector.connect_with("192.0.2.1", 443, restless).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}
