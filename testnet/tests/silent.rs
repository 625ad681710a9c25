//! Addresses that swallow every packet.

#![cfg(target_os = "linux")]

use he_testnet::{End, internet, words};

#[test] // S07, R-8305-5a, R-8305-5b, R-8305-5c, R-8305-5i, R-V3-6a, C-CAD
fn a_silent_v6_address_costs_one_connect_delay() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").silent();
        let v4 = net.host("198.51.100.1").rtt(20);
        net.dns("www.test").aaaa([v6]).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        net.assert_gap(v6, v4, 250);
        net.assert_returned(270);
        net.let_go(v6).await;
        net.assert_quiet_after_the_win(v4);
        assert_eq!(net.log().connections(), [established.addr]);
        assert_eq!(net.log().end(v6), End::Silent);
        assert_eq!(
            words(&established.report),
            ["AAAA: 1", "A: 1", "[2001:db8::1]:443: cancelled", "198.51.100.1:443: won"]
        );
    });
}
