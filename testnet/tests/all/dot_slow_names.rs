//! Slow names, dead ports and refusals, which the system's resolver does not confuse.

use he::{Connector, Origin};
use he_testnet::{NameServer, Net, internet, words};

use crate::support::dot::{RTT, TLS, certificate, connect, patient, plaintext, server};

/// Asks for a name whose answer takes 600 ms. From 200 ms on an answer takes only 130 ms, so that
/// UDP, which joins at about 280 ms, is answered before TLS.
async fn slow_name(net: Net, connector: &Connector) {
    let v6 = net.host("2001:db8::1").rtt(20);
    let aaaa = net.dns("slow.test").aaaa([v6]).after(600);
    let a = net.dns("slow.test").a([net.host("198.51.100.1").rtt(20)]).after(600);
    let sooner = async {
        net.pass(200).await;
        aaaa.after(130);
        a.after(130);
    };
    let connecting = connector.connect_with("slow.test", 443, he::Attempt::connect);
    let (established, ()) = tokio::join!(net.call(connecting), sooner);
    drop(established.unwrap().stream);
    net.let_go(v6).await;
}

#[test] // R-8310-5c
fn a_slow_first_name_does_not_make_a_dead_port_of_a_good_one() {
    internet(|net| async move {
        server(net).tls(certificate());
        let connector = patient();
        slow_name(net, &connector).await;
        // The late answer comes over TLS meanwhile, or soon after.
        net.pass(300).await;
        assert_eq!(connect(net, &connector, "next.test", RTT).await, TLS);
    });
}

#[test] // R-8310-5c
fn a_slow_name_on_a_line_that_has_answered_is_not_told_in_clear() {
    internet(|net| async move {
        server(net).tls(certificate());
        let connector = patient();
        assert_eq!(connect(net, &connector, "first.test", 3 * RTT).await, TLS);
        slow_name(net, &connector).await;
        assert_eq!(connect(net, &connector, "next.test", RTT).await, TLS);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

// In an earlier version that took 3 s, without a packet to port 53.
#[test] // R-7858-3.4b, R-8310-5c
fn a_forgotten_connection_to_a_port_that_is_closed_by_now_costs_250_ms_and_round_trips() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        server.tls_forgets();
        server.tls_closed();
        let came = connect(net, &connector, "two.test", 250 + 2 * RTT).await;
        assert_eq!(came, plaintext("TLS was not up in time"));
        assert_eq!(connect(net, &connector, "three.test", RTT).await.origin, Origin::Udp);
    });
}

// In an earlier version that took 2 s and gave an error about port 853.
#[test] // R-8310-5c
fn where_853_is_silent_and_53_refuses_the_refusal_is_told_at_once() {
    internet(|net| async move {
        NameServer::refuses(server(net).tls(certificate()).tls_silent());
        net.dns("www.test").aaaa([net.host("2001:db8::1")]);
        let connector = net.connector();
        let error = net.call(connector.connect("www.test", 443)).await.unwrap_err();
        net.assert_starts(&[]);
        net.assert_returned(50 + RTT);
        assert_eq!(words(error.report()), ["AAAA: refused", "A: refused"]);
        let reported = error.report().lookups()[0].error().unwrap();
        assert_eq!(reported.plaintext_reason(), Some("TLS was not up in time"));
    });
}
