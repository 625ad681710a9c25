//! Close races: lost SYNs, and SYN-ACKs that come at almost the same time.

use std::time::Duration;

use he_testnet::{End, internet, words};

const V6_CANCELLED: &str = "[2001:db8::1]:443: cancelled";
const V6_WON: &str = "[2001:db8::1]:443: won";
const V4_CANCELLED: &str = "198.51.100.1:443: cancelled";
const V4_WON: &str = "198.51.100.1:443: won";

#[test] // S12, C-RTO
fn a_lost_syn_of_the_only_address_costs_the_kernels_second() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(20).lose_first_syns(1);
        net.dns("www.test").aaaa([v6]).a(Vec::<std::net::IpAddr>::new());
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0)]);
        net.assert_returned_after_repetition(20);
        net.assert_over(v6, &[]).await;
        assert_eq!(words(&established.report), ["AAAA: 1", "A: no records", V6_WON]);
    });
}

#[test] // S12, R-8305-5b
fn a_lost_syn_of_a_dual_stack_name_costs_a_connect_delay() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(20).lose_first_syns(1);
        let v4 = net.host("198.51.100.1").rtt(20);
        net.dns("www.test").aaaa([v6]).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        net.assert_gap(v6, v4, 250);
        net.assert_returned(270);
        // The time of a retransmission passes, and there is none.
        net.pass(1000).await;
        net.assert_over(v4, &[v6]).await;
        assert_eq!(net.log().sent_to(v6), 1);
        assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", V6_CANCELLED, V4_WON]);
    });
}

#[test] // S12, C-RTO
fn a_retransmission_may_win() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(20).lose_first_syns(1);
        let v4 = net.host("198.51.100.1").silent();
        net.dns("www.test").aaaa([v6]).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        net.assert_returned_after_repetition(20);
        net.assert_over(v6, &[v4]).await;
        assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", V6_WON, V4_CANCELLED]);
    });
}

#[test] // S10, R-8305-5i, R-HE-LEAK
fn a_loser_that_connects_just_after_the_winner_gets_an_rst_and_no_more() {
    internet(|net| async move {
        let (v6, v4) = (net.host("2001:db8::1").rtt(285), net.host("198.51.100.1").rtt(20));
        net.dns("www.test").aaaa([v6]).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        if net.was_late_by(5) {
            return; // v6 may have won
        }
        net.assert_returned(270);
        net.let_go(v6).await;
        net.sees("RST on the late SYN-ACK", |log| log.end(v6) == End::Reset).await;
        net.pass(300).await;
        assert_eq!(net.log().sent_to(v6), 2, "SYN and RST");
        assert_eq!(net.after_the_win(v4).len(), 1, "the RST: {:?}", net.after_the_win(v4));
        assert_eq!(net.log().connections(), [established.addr]);
        assert_eq!(net.sockets().len(), 1);
        assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", V6_CANCELLED, V4_WON]);
    });
}

#[test] // S11, E-5, F-20, R-8305-5i, R-HE-LEAK
fn of_two_that_are_found_connected_at_once_the_one_started_first_wins() {
    internet(|net| async move {
        let (v6, v4) = (net.host("2001:db8::1").rtt(500), net.host("198.51.100.1").rtt(150));
        net.dns("www.test").aaaa([v6]).a([v4]);
        // Both SYN-ACKs come while the runtime is busy, at 400 and 500 ms.
        let connected = move || net.sockets().iter().filter(|socket| !socket.connecting).count();
        let stays_busy = tokio::spawn(async move {
            net.sees("SYN to v4", |log| log.sent_to(v4) == 1).await;
            let in_time = connected() == 0;
            while connected() < 2 {
                std::thread::sleep(Duration::from_millis(1));
            }
            in_time
        });
        let established = net.connect("www.test", &[443]).await.unwrap();
        if !stays_busy.await.unwrap() {
            return eprintln!("the runtime was busy too late, so this proves nothing");
        }
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        net.let_go(v4).await;
        net.sees("FIN to v4", |log| log.end(v4) == End::Closed).await;
        let connections = net.log().connections();
        assert!(connections.len() == 2 && v4.is(connections[0]) && v6.is(connections[1]));
        assert_eq!(net.sockets().len(), 1);
        assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", V6_WON, V4_CANCELLED]);
    });
}
