//! IPv6 that works, and is slow.

use he_testnet::{End, internet, words};

#[test] // S10 (b), R-8305-5b, R-8305-5c, R-8305-5i
fn v6_slower_than_the_delay_loses_and_its_syn_ack_is_met_by_rst() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(300);
        let v4 = net.host("198.51.100.1").rtt(20);
        net.dns("www.test").aaaa([v6]).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        net.assert_gap(v6, v4, 250);
        net.assert_returned(270);
        net.let_go(v6).await;
        net.sees("RST on the late SYN-ACK", |log| log.end(v6) == End::Reset).await;
        assert_eq!(net.log().sent_to(v6), 2, "SYN and RST");
        assert_eq!(net.after_the_win(v4).len(), 1, "the RST: {:?}", net.after_the_win(v4));
        assert_eq!(net.log().connections(), [established.addr]);
        assert_eq!(
            words(&established.report),
            ["AAAA: 1", "A: 1", "[2001:db8::1]:443: cancelled", "198.51.100.1:443: won"]
        );
    });
}

#[test] // S10 (a)
fn v6_faster_than_the_delay_has_no_rival() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(150);
        let v4 = net.host("198.51.100.1").rtt(0);
        net.dns("www.test").aaaa([v6]).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0)]);
        net.assert_returned(150);
        net.assert_over(v6, &[]).await;
        assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", "[2001:db8::1]:443: won"]);
    });
}

#[test] // R-8305-5b
fn an_attempt_that_is_no_longer_the_last_still_wins() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(350);
        let v4 = net.host("198.51.100.1").silent();
        net.dns("www.test").aaaa([v6]).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        net.assert_returned(350);
        net.assert_over(v6, &[v4]).await;
        assert_eq!(
            words(&established.report),
            ["AAAA: 1", "A: 1", "[2001:db8::1]:443: won", "198.51.100.1:443: cancelled"]
        );
    });
}
