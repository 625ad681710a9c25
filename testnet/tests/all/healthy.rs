//! Hosts and name servers without faults.

use he_testnet::{Home, Over, internet, internet_at, words};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test] // S01, R-8305-3a, R-8305-3d, R-V3-4.2i, R-V3-6.1a, R-8305-5j, R-9293-KA, R-7413-HE
fn on_a_healthy_dual_stack_v6_takes_one_round_trip_after_its_answer() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(20);
        let v4 = net.host("198.51.100.1").rtt(20);
        net.dns("www.test").aaaa([v6]).after(30).a([v4]).after(32);
        let mut established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 30)]);
        net.assert_returned(50);
        net.assert_over(v6, &[]).await;
        assert_eq!(net.log().sent_to(v4), 0);
        assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", "[2001:db8::1]:443: won"]);
        established.stream.write_all(b"are you there?").await.unwrap();
        let mut said = [0; 14];
        established.stream.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"are you there?");
    });
}

// A question without an answer is repeated after 100 ms (N-8).
#[test] // R-8305-3a, R-V3-4.1a
fn both_questions_leave_at_once_aaaa_first_and_each_once() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1");
        net.dns("www.test").aaaa([v6]).after(50).a([net.host("198.51.100.1")]).after(50);
        net.connect("www.test", &[443]).await.unwrap();
        let asked = net.asked();
        let records: Vec<_> = asked.iter().map(|asked| asked.record.to_string()).collect();
        assert_eq!(records, ["AAAA", "A"]);
        assert!(
            asked.iter().all(|asked| asked.name == "www.test" && asked.over == Over::Udp),
            "{asked:?}"
        );
        assert_eq!(net.log().sent_to_port(53), 2);
    });
}

#[test] // the same by `he::connect`
fn he_connect_reads_resolv_conf_and_connects() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(20);
        let v4 = net.host("198.51.100.1").rtt(20);
        net.dns("www.test").aaaa([v6]).a([v4]);
        let stream = net.call(he::connect("www.test", 443)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), "[2001:db8::1]:443".parse().unwrap());
        net.assert_starts(&[(v6, 0)]);
        net.assert_returned(20);
        net.assert_over(v6, &[]).await;
    });
}

#[test] // S19 (a), R-V3-4.2e
fn a_host_without_v6_does_not_wait_for_aaaa() {
    internet_at(Home::v4_only(), |net| async move {
        let (v6, v4) = (net.host("2001:db8::1"), net.host("198.51.100.1").rtt(20));
        net.dns("www.test").aaaa([v6]).never().a([v4]).after(30);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v4, 30)]);
        net.assert_returned(50);
        net.assert_over(v4, &[]).await;
        assert_eq!(
            words(&established.report),
            ["AAAA: abandoned", "A: 1", "198.51.100.1:443: won"]
        );
    });
}

#[test] // S19 (b)
fn a_host_without_v4_connects_over_v6() {
    internet_at(Home::v6_only(), |net| async move {
        let (v6, v4) = (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1"));
        net.dns("www.test").aaaa([v6]).after(30).a([v4]).never();
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 30)]);
        net.assert_returned(50);
        net.assert_over(v6, &[]).await;
        assert_eq!(
            words(&established.report),
            ["AAAA: 1", "A: abandoned", "[2001:db8::1]:443: won"]
        );
    });
}
