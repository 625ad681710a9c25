//! Several tokio runtimes in one process. A lookup belongs to the runtime that began it.

use he_testnet::{Body, Host, Net, Packet, internet};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, spawn_blocking};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A name whose answer takes 200 ms.
fn slow_name(net: Net) -> Host {
    let v6 = net.host("2001:db8::1").rtt(20);
    net.dns("www.test").aaaa([v6]).after(200).a([net.host("198.51.100.1")]).after(200);
    v6
}

/// A runtime that has begun to connect and is no longer polled.
async fn left_in_the_middle(net: Net) -> Runtime {
    let begun = spawn_blocking(move || {
        let runtime = runtime();
        runtime.spawn(he::connect("www.test", 443));
        runtime.block_on(net.sees("both questions", |log| log.sent_to_port(53) >= 2));
        runtime
    });
    begun.await.unwrap()
}

/// The number of datagrams to the name server since the last call. A question is repeated after 100
/// ms of silence, for AAAA 25 ms later, each time from another port (N-8).
fn datagrams(net: Net) -> usize {
    let log = net.log();
    let is_question = |it: &&Packet| it.sent && it.peer.port() == 53 && it.body == Body::Udp;
    log.packets().iter().filter(is_question).count()
}

/// Asserts that this runtime asks by itself, and connects as if there were no other.
async fn connects_by_itself(net: Net, v6: Host) {
    let stream = net.call(he::connect("www.test", 443)).await.unwrap();
    net.assert_starts(&[(v6, 200)]);
    net.assert_returned(220);
    net.assert_over(v6, &[]).await;
    let datagrams = datagrams(net);
    assert!((2..=4).contains(&datagrams), "{datagrams}");
    drop(stream);
}

#[test]
fn a_runtime_that_is_gone_takes_no_lookup_of_another_with_it() {
    internet(|net| async move {
        let v6 = slow_name(net);
        let other = left_in_the_middle(net).await;
        other.shutdown_background();
        connects_by_itself(net, v6).await;
    });
}

#[test]
fn a_runtime_that_nobody_drives_holds_up_no_other() {
    internet(|net| async move {
        let v6 = slow_name(net);
        let other = left_in_the_middle(net).await;
        connects_by_itself(net, v6).await;
        other.shutdown_background();
    });
}

#[test]
fn a_runtime_that_goes_while_another_waits_for_the_same_name_does_no_harm() {
    internet(|net| async move {
        let v6 = slow_name(net);
        let other = left_in_the_middle(net).await;
        tokio::spawn(async move {
            net.pass(100).await;
            other.shutdown_background();
        });
        connects_by_itself(net, v6).await;
    });
}

#[test]
fn four_runtimes_connect_at_once_and_a_fifth_knows_what_they_learnt() {
    internet(|net| async move {
        let v6 = slow_name(net);
        let connect = || runtime().block_on(he::connect("www.test", 443)).map(drop);
        let mut calls = JoinSet::new();
        (0..4).for_each(|_| drop(calls.spawn_blocking(connect)));
        let ended = net.call(calls.join_all()).await;
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
        net.assert_starts(&[(v6, 200); 4]);
        net.assert_returned(220);
        let asked = datagrams(net);
        assert!((8..=16).contains(&asked), "each asks for itself: {asked}");
        // In an async block, so that the thread does not begin before the call.
        net.call(async { spawn_blocking(connect).await }).await.unwrap().unwrap();
        net.assert_starts(&[(v6, 0)]);
        net.assert_returned(20);
        assert_eq!(datagrams(net), 0, "all share the cache");
        net.let_go(v6).await;
        assert_eq!(net.sockets(), []);
    });
}

#[test]
fn a_runtime_of_many_threads_connects_as_well() {
    internet(|net| async move {
        let v6 = slow_name(net);
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let call = runtime.spawn(he::connect("www.test", 443));
        let stream = net.call(call).await.unwrap().unwrap();
        net.assert_starts(&[(v6, 200)]);
        net.assert_returned(220);
        net.assert_over(v6, &[]).await;
        drop(stream);
        net.let_go(v6).await;
        runtime.shutdown_background();
    });
}
