//! The race and the resolver together: what a connect asks on the wire, and what it leaves behind.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use he::dns::Resolver;
use he::{
    Attempt, Call, Config, Connector, ErrorKind, Established, LookupOutcome, Report, SourceAddrs,
};
use he_test_support::addr;
use he_test_support::dns::{Dns, HeldClock, Reply, pass};
use hickory_proto::rr::RecordType;
use tokio::time::Instant;

const NAME: &str = "www.test.";

fn connector(dns: &Dns) -> Connector {
    let resolver = Resolver::plain_servers([dns.addr]).without_hosts();
    // The order must not depend on the addresses of the host that runs the test.
    Connector::new(resolver).with_source_addrs(SourceAddrs::unknown())
}

async fn accepts(attempt: Attempt) -> io::Result<SocketAddr> {
    Ok(attempt.addr())
}

async fn refuses(_: Attempt) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::ConnectionRefused.into())
}

// Only the type that is missing is asked again; the race waits for it after the other has failed.
#[tokio::test(start_paused = true)] // R-8305-3a, R-8305-3c, R-9520-3.1, E-2
async fn only_the_missing_type_is_asked_again() {
    let _held = HeldClock::hold();
    let (dns, began) = (Dns::start_udp_only().await, Instant::now());
    dns.on(NAME, RecordType::AAAA, [Reply::silence()]);
    dns.on(NAME, RecordType::A, [Reply::addrs(60, &["192.0.2.1"]).after(100)]);
    let connector = connector(&dns);
    let call = tokio::spawn(async move { connector.connect_with(NAME, 443, refuses).await });
    dns.wait_for(2).await;
    // The resolver gives up 5 ms before the race would, and says whom it has asked.
    // AAAA is repeated 25 ms later than A would be (N-13).
    for millis in [100, 25, 900, 3_969] {
        pass(millis, &[&dns]).await;
    }
    assert!(!call.is_finished());
    pass(1, &[&dns]).await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), began.elapsed().as_millis()), (ErrorKind::Connect, 4_995));
    let seen = dns.seen();
    let times = seen.iter().map(|seen| (seen.rtype, (seen.at - began).as_millis()));
    let expected = [
        (RecordType::AAAA, 0),
        (RecordType::A, 0),
        (RecordType::A, 100),
        (RecordType::AAAA, 125),
        (RecordType::AAAA, 1_025),
    ];
    assert_eq!(times.collect::<Vec<_>>(), expected);
}

/// A resolv.conf that goes with the test.
struct Conf(std::path::PathBuf);

impl Conf {
    fn new(dns: &Dns, lines: &str) -> Self {
        let name = format!("he-race-{}-{}", std::process::id(), dns.addr.port());
        let path = std::env::temp_dir().join(name);
        let server = format!("nameserver [{}]:{}\n", dns.addr.ip(), dns.addr.port());
        std::fs::write(&path, server + lines).unwrap();
        Self(path)
    }

    fn connector(&self) -> Connector {
        Connector::new(Resolver::from_resolv_conf(&self.0).without_hosts())
    }
}

impl Drop for Conf {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// The end of a call, if it comes within so many milliseconds.
async fn after(dns: &Dns, call: Call<'static, Established<SocketAddr>>, millis: u64) -> String {
    let call = tokio::spawn(call);
    dns.wait_for(2).await;
    for _ in 0..millis / 250 {
        pass(250, &[dns]).await;
    }
    // The last answer passes through several tasks.
    pass(0, &[dns, dns, dns]).await;
    if !call.is_finished() {
        return "running".to_owned();
    }
    call.await.unwrap().map_or_else(|error| error.kind().to_string(), |won| won.stream.to_string())
}

// N-7: an answer within 5 s counts, whatever the search list.
#[tokio::test(start_paused = true)] // C-DNSTO
async fn a_name_server_may_take_almost_five_seconds() {
    let _held = HeldClock::hold();
    let five = "search lan a.corp b.corp c.corp d.corp\noptions ndots:5\n";
    for (host, lines) in [
        ("www.test", ""),
        ("www.test", "search lan\n"),
        ("www.test.", five),
        ("db", "search test\n"),
        ("db", "search test lan a.corp b.corp c.corp\noptions ndots:5\n"),
    ] {
        for millis in [3_500, 4_500] {
            let dns = Dns::start_udp_only().await;
            for name in [NAME, "db.test."] {
                let late = Reply::addrs(60, &["192.0.2.1"]).after(millis);
                dns.on(name, RecordType::A, [late]);
                dns.on(name, RecordType::AAAA, [Reply::none().after(millis)]);
            }
            let conf = Conf::new(&dns, lines);
            let call = conf.connector().connect_with(host, 443, accepts);
            assert_eq!(after(&dns, call, millis).await, "192.0.2.1:443", "{host} {lines}");
        }
    }
}

#[tokio::test(start_paused = true)] // D12
async fn resolv_conf_raises_the_default_time_of_a_lookup_and_no_other() {
    let _held = HeldClock::hold();
    let own = Config::new().with_resolve_retries(6);
    for (config, options, ends_at) in [
        (Config::new(), "timeout:5 attempts:2", 10_000),
        (Config::new(), "timeout:1 attempts:2", 5_000),
        (Config::new(), "timeout:14 attempts:2", 28_000),
        (own, "timeout:5 attempts:2", 6_000),
    ] {
        for (millis, outcome) in [(ends_at - 250, "running"), (ends_at, "lookup failed")] {
            let dns = Dns::start_udp_only().await;
            for record in [RecordType::A, RecordType::AAAA] {
                dns.on(NAME, record, [Reply::silence()]);
            }
            let conf = Conf::new(&dns, &format!("options {options}\n"));
            let connector = conf.connector().with_config(config);
            let call = connector.connect_with(NAME, 443, accepts);
            assert_eq!(after(&dns, call, millis).await, outcome, "{options}");
        }
    }
}

// An answer within a second after the win serves the next connect.
#[tokio::test(start_paused = true)] // R-8305-5l, C-DRAIN, S37
async fn an_answer_after_the_win_fills_the_cache() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::AAAA, [Reply::addrs(60, &["2001:db8::1"])]);
    dns.on(NAME, RecordType::A, [Reply::addrs(60, &["192.0.2.1"]).after(90)]);
    let connector = connector(&dns);
    let won = connector.connect_with(NAME, 443, accepts).await.unwrap();
    assert_eq!(won.stream, addr("2001:db8::1#443"));
    dns.wait_for(2).await;
    pass(90, &[&dns]).await;
    let v4 = connector.with_config(he::Config::new().with_family(he::Family::V4Only));
    let won = v4.connect_with(NAME, 443, accepts).await.unwrap();
    assert_eq!(won.stream, addr("192.0.2.1#443"));
    assert_eq!(dns.asked(), ["AAAA www.test", "A www.test"]);
}

// N-9: the host moves while its record is valid for minutes.
#[tokio::test(start_paused = true)]
async fn addresses_that_have_all_failed_are_asked_for_again_once_a_second() {
    let _held = HeldClock::hold();
    for lines in ["", "search test\n"] {
        let dns = Dns::start().await;
        dns.on(NAME, RecordType::AAAA, [Reply::none().soa(300, 300)]);
        let before = Reply::addrs(300, &["192.0.2.1"]);
        dns.on(NAME, RecordType::A, [before, Reply::addrs(300, &["192.0.2.2"])]);
        let conf = Conf::new(&dns, lines);
        let (connector, host) = (conf.connector(), if lines.is_empty() { NAME } else { "www" });
        connector.connect_with(host, 443, accepts).await.unwrap();
        let moved = async |attempt: Attempt| match attempt.addr() == addr("192.0.2.2#443") {
            true => Ok(attempt.addr()),
            false => Err(io::ErrorKind::ConnectionRefused.into()),
        };
        // An answer that is less than a second old stays.
        connector.connect_with(host, 443, moved).await.unwrap_err();
        assert_eq!(dns.seen().len(), 2);
        pass(1_000, &[&dns]).await;
        connector.connect_with(host, 443, moved).await.unwrap_err();
        let won = connector.connect_with(host, 443, moved).await.unwrap();
        assert_eq!(won.stream, addr("192.0.2.2#443"), "{lines}");
        assert_eq!(dns.seen().len(), 4);
        // A host that is merely down costs a question in each second.
        for questions in [4, 4, 6, 6] {
            pass(500, &[&dns]).await;
            connector.connect_with(host, 443, refuses).await.unwrap_err();
            assert_eq!(dns.seen().len(), questions);
        }
    }
}

// The resolver keeps 64 addresses of 4 000, the race takes 32: neither cut is hidden.
#[tokio::test(start_paused = true)]
async fn what_a_hostile_answer_had_too_much_is_told_also_from_the_cache() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::AAAA, [Reply::none().soa(60, 60)]);
    dns.on(NAME, RecordType::A, [Reply::many(4_000).truncated()]);
    let cuts = Arc::new(Mutex::new(Vec::new()));
    let told = cuts.clone();
    let note = move |report: &Report| told.lock().unwrap().push(report.left_out());
    let connector = connector(&dns);
    connector.on_report(note);
    for cached in [false, true] {
        let won = connector.connect_with(NAME, 443, accepts).await.unwrap();
        let LookupOutcome::Answered(answer) = won.report.lookups()[1].outcome() else {
            panic!("no answer: {}", won.report)
        };
        assert_eq!((answer.is_cached(), answer.addrs().len()), (cached, 64));
        assert_eq!(answer.left_out(), 3_936);
    }
    assert_eq!(*cuts.lock().unwrap(), [3_968, 3_968]);
    assert_eq!(dns.asked(), ["AAAA www.test", "A www.test", "A www.test tcp"]);
}
