//! The TLS connection that all questions share.

use he_testnet::{Over, internet};
use tokio::task::JoinSet;

use crate::support::dot::{
    RTT, TLS, aaaa, came, certificate, connect, connections, lookup, lookup_all, names,
    opportunistic, patient, server,
};

#[test] // R-7858-3.4a, R-7858-3.3b: AAAA and A of three names
fn three_cold_connects_share_one_connection() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        let v6 = net.host("2001:db8::1").rtt(20);
        let names = ["one.test", "two.test", "three.test"];
        for name in names {
            net.dns(name).aaaa([v6]);
        }
        let connector = patient();
        let calls: JoinSet<_> = names
            .map(|name| (name, connector.clone()))
            .into_iter()
            .map(|(name, it)| async move {
                it.connect_with(name, 443, he::Attempt::connect).await.unwrap()
            })
            .collect();
        let all = net.call(calls.join_all()).await;
        net.assert_starts(&[(v6, 3 * RTT); 3]);
        net.assert_returned(3 * RTT + 20);
        assert!(all.iter().all(|one| came(aaaa(&one.report)) == TLS));
        assert_eq!((net.asked().len(), connections(net)), (6, vec![0]));
        assert_eq!(net.tls_connections(server).len(), 1);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-7858-3.3b, R-7858-3.3a: both arrive before the first answer is half way back
fn aaaa_and_a_leave_in_one_flight() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        server.host().rtt(40);
        connect(net, &patient(), "www.test", 3 * 40).await;
        let [one, other] = &net.asked()[..] else { panic!("{:?}", net.asked()) };
        let apart = (other.at - one.at).as_millis();
        assert!(apart < 20 || net.was_late_by(5), "{apart} ms");
    });
}

#[test] // R-8310-11.1a
fn the_length_of_each_question_is_a_multiple_of_128() {
    internet(|net| async move {
        let resolver = opportunistic(server(net).tls(certificate()));
        let stems = (1..60).step_by(7).map(|n| "a".repeat(n));
        let names: Vec<_> = stems.flat_map(|stem| names(net, &stem, 1, 0)).collect();
        let all = lookup_all(net, &resolver, &names).await;
        assert!(all.iter().all(|came| *came == TLS));
        let lengths: Vec<_> = net.asked().iter().map(|asked| asked.len).collect();
        assert_eq!(lengths.len(), names.len());
        assert!(lengths.iter().all(|len| len % 128 == 0), "{lengths:?}");
    });
}

#[test] // R-7858-3.3c
fn shuffled_answers_find_their_questions() {
    internet(|net| async move {
        let resolver = opportunistic(server(net).tls(certificate()).tls_shuffles(7));
        let mut calls = JoinSet::new();
        for n in 1..=28_u16 {
            let (host, name) = (net.host(&format!("2001:db8::{n}")), format!("name{n}.test"));
            net.dns(&name).aaaa([host]);
            let resolver = resolver.clone();
            calls.spawn(async move { (host.ip(), lookup(&resolver, &name).await.unwrap()) });
        }
        for (ip, answer) in net.call(calls.join_all()).await {
            assert_eq!(answer.addrs()[0].ip(), ip);
            assert_eq!(came(&answer), TLS);
        }
        assert_eq!(connections(net), [0]);
    });
}

#[test] // R-7858-3.4a: questions wait if a server takes no more at once
fn a_thousand_names_at_once_are_answered_over_one_connection() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        let resolver = opportunistic(server);
        lookup_all(net, &resolver, &names(net, "first", 1, 0)).await;
        let all = lookup_all(net, &resolver, &names(net, "name", 1_000, 0)).await;
        assert_eq!(all.iter().filter(|came| **came == TLS).count(), 1_000);
        assert_eq!((net.asked().len(), connections(net)), (1_001, vec![0]));
        assert_eq!(net.tls_connections(server).len(), 1);
    });
}

#[test] // R-7858-3.4a
fn a_slow_answer_holds_up_no_other() {
    internet(|net| async move {
        let resolver = opportunistic(server(net).tls(certificate()));
        let (slow, fast) = (names(net, "slow", 1, 200), names(net, "fast", 1, 0));
        lookup_all(net, &resolver, &names(net, "first", 1, 0)).await;
        let slow = tokio::spawn({
            let resolver = resolver.clone();
            async move { lookup(&resolver, &slow[0]).await }
        });
        let answer = net.call(lookup(&resolver, &fast[0])).await.unwrap();
        net.assert_returned(RTT);
        assert!(!slow.is_finished() || net.was_late_by(50));
        assert_eq!(came(&answer), TLS);
        assert_eq!(came(&slow.await.unwrap().unwrap()), TLS);
        assert_eq!(connections(net), [0]);
    });
}

#[test]
fn what_nobody_waits_for_any_more_ends_no_connection() {
    internet(|net| async move {
        let resolver = opportunistic(server(net).tls(certificate()));
        let (slow, fast) = (names(net, "slow", 20, 150), names(net, "fast", 20, 0));
        lookup_all(net, &resolver, &names(net, "first", 1, 0)).await;
        let mut dropped = JoinSet::new();
        for name in slow {
            let resolver = resolver.clone();
            dropped.spawn(async move { lookup(&resolver, &name).await });
        }
        net.sees("the slow questions", |_| net.asked().len() == 21).await;
        dropped.shutdown().await;
        // Meanwhile the late answers come, for which no lookup waits.
        net.pass(200).await;
        let all = lookup_all(net, &resolver, &fast).await;
        net.assert_returned(RTT);
        assert!(all.iter().all(|came| *came == TLS));
        let over = Over::Tls { connection: 0, resumed: false };
        assert!(net.asked().iter().all(|asked| asked.over == over));
    });
}
