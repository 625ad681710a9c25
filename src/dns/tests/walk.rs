//! The walk along the search list, and how long it stays known.

use hickory_proto::op::ResponseCode::{Refused, ServFail};

use super::*;

// N-3: a candidate without an address does not end the walk, whatever it comes to.
#[tokio::test(start_paused = true)] // D13
async fn a_failure_moves_on_and_the_name_that_has_an_address_decides_for_both() {
    for code in [ServFail, Refused] {
        let failed = || Reply::code(code);
        for (aaaa, a) in [
            (none(), failed()),
            (failed(), none()),
            (failed(), failed()),
            (Reply::none(), failed()),
        ] {
            let world = World::new("search a.corp b.corp\n").await;
            world.dns.on("db.a.corp", AAAA, [aaaa]).on("db.a.corp", A, [a]);
            world.dns.on("db.b.corp", A, [v4()]).on("db.b.corp", AAAA, [none()]);
            let expected = ["no records (db.b.corp, dns)", "[192.0.2.1] db.b.corp"];
            assert_eq!(world.race("db").await, expected);
        }
    }
}

#[tokio::test(start_paused = true)] // D13
async fn without_an_address_the_failure_is_reported() {
    let world = World::new("search a.corp b.corp\n").await;
    world.dns.on("db.a.corp", AAAA, [none()]).on("db.a.corp", A, [Reply::code(ServFail)]);
    for name in ["db.b.corp", "db"] {
        world.dns.on(name, AAAA, [none()]).on(name, A, [none()]);
    }
    let expected = ["no such name (dns)", "server failure (db.a.corp, dns)"];
    assert_eq!(world.race("db").await, expected);
    let again = ["no such name (dns, cached)", "server failure (db.a.corp, dns, cached)"];
    assert_eq!(world.race("db").await, again);
}

const LAN: &str = "search lan\noptions ndots:5\n";
const FIVE: &str = "search ns.svc.lan svc.lan lan corp.lan test\noptions ndots:5\n";
const PUBLIC: &str = "www.example";

/// The candidates before the name itself.
fn candidates(conf: &str) -> Vec<String> {
    let domains = conf.lines().next().unwrap().split_whitespace().skip(1);
    domains.map(|domain| format!("{PUBLIC}.{domain}")).collect()
}

impl World {
    fn gives(&self, name: &str, aaaa: Reply, a: Reply) {
        self.dns.on(name, AAAA, [aaaa]).on(name, A, [a]);
    }

    /// The outcomes of AAAA and A, and when the later one came.
    async fn timed(&self) -> ([String; 2], u64) {
        let (race, began) = (self.race(PUBLIC), Instant::now());
        let race = async {
            let results = race.await;
            (results, u64::try_from(began.elapsed().as_millis()).unwrap())
        };
        let time = async {
            self.dns.settle().await;
            for _ in 0..1_000 {
                pass(5, &[&self.dns]).await;
            }
        };
        tokio::select! {
            biased;
            timed = race => timed,
            () = time => panic!("the lookups outlive their time"),
        }
    }
}

fn found(name: Option<&str>) -> [String; 2] {
    let name = name.unwrap_or("as typed");
    [format!("[2001:db8::1] {name}"), format!("[192.0.2.1] {name}")]
}

#[tokio::test(start_paused = true)] // D13, N-3 (a)
async fn where_every_candidate_but_the_name_itself_fails_it_is_found_at_once() {
    for (conf, code) in [(LAN, ServFail), (LAN, Refused), (FIVE, ServFail), (FIVE, Refused)] {
        let world = World::new(conf).await;
        for name in candidates(conf) {
            world.gives(&name, Reply::code(code), Reply::code(code));
        }
        world.gives(PUBLIC, v6(), v4());
        assert_eq!(world.race(PUBLIC).await, found(None), "{conf}");
    }
}

#[tokio::test(start_paused = true)] // D13, N-3 (b)
async fn a_silent_candidate_gets_its_share_of_the_time() {
    for (conf, at) in [(LAN, 2_500), (FIVE, 4_170)] {
        for aaaa in [none(), Reply::silence()] {
            let world = World::new(conf).await;
            for name in candidates(conf) {
                world.gives(&name, aaaa.clone(), Reply::silence());
            }
            world.gives(PUBLIC, v6(), v4());
            assert_eq!(world.timed().await, (found(None), at), "{conf}");
        }
    }
}

#[tokio::test(start_paused = true)] // D13, N-3 (c)
async fn a_silent_candidate_is_not_abandoned() {
    for conf in [LAN, FIVE] {
        let world = World::new(conf).await;
        for name in candidates(conf) {
            world.gives(&name, none(), none());
        }
        let first = candidates(conf).remove(0);
        world.gives(&first, v6().after(3_500), v4().after(3_500));
        world.gives(PUBLIC, none(), none());
        assert_eq!(world.timed().await, (found(Some(&first)), 3_500), "{conf}");
    }
}

#[tokio::test(start_paused = true)] // D13, N-3 (d)
async fn the_first_address_when_one_is_needed_decides_for_both() {
    for (conf, at) in [(LAN, 2_500), (FIVE, 835)] {
        for (aaaa, reported) in [(v6(), "[2001:db8::1]"), (none(), "no records")] {
            let world = World::new(conf).await;
            let (first, mut names) = (candidates(conf).remove(0), candidates(conf));
            names.push(PUBLIC.to_owned());
            world.gives(&first, v6().after(3_500), v4().after(3_500));
            world.gives(&names[1], aaaa, v4());
            let ([aaaa, a], ended_at) = world.timed().await;
            assert!(aaaa.starts_with(reported), "{conf}: {aaaa}");
            assert!(a.starts_with("[192.0.2.1]") && !a.ends_with(&first), "{conf}: {a}");
            assert_eq!(ended_at, at, "{conf}");
        }
    }
}

// One type of the later candidate is late: an answer of the first one meanwhile is another host's.
#[tokio::test(start_paused = true)] // D13
async fn what_was_decided_stays() {
    let world = World::new(LAN).await;
    world.gives("www.example.lan", v6().after(3_000), Reply::silence());
    world.gives(PUBLIC, v6().after(1_000), v4());
    assert_eq!(world.timed().await, (found(None), 3_500));
}

#[tokio::test(start_paused = true)] // D13, N-3 (e)
async fn where_all_candidates_are_silent_the_lookup_ends_in_time_and_says_so() {
    for conf in [LAN, FIVE] {
        let world = World::new(conf).await;
        for name in candidates(conf).iter().map(String::as_str).chain([PUBLIC]) {
            world.gives(name, Reply::silence(), Reply::silence());
        }
        let expected = "no answer (dns)".to_owned();
        assert_eq!(world.timed().await, ([expected.clone(), expected], 5_000), "{conf}");
    }
}

// N-2: the host comes into being 3 s after the first lookup.
#[tokio::test(start_paused = true)] // D14
async fn a_name_that_comes_into_being_is_found_two_seconds_after_the_last_no() {
    for absent in [Reply::nxdomain().soa(86_400, 86_400), Reply::none().soa(86_400, 86_400)] {
        let world = World::new("").await;
        world.gives("db", absent.clone(), absent);
        for second in 0..=6 {
            if second == 3 {
                world.gives("db", Reply::none().soa(86_400, 86_400), v4());
            }
            let is_found = world.race("db").await[1].starts_with("[192.0.2.1]");
            assert_eq!(is_found, second >= 4, "after {second} s");
            pass(1_000, &[&world.dns]).await;
        }
        // Now that there is an address, AAAA is not asked again.
        assert_eq!(world.dns.seen().len(), 6);
    }
}

#[tokio::test(start_paused = true)] // D14
async fn skipped_candidates_are_asked_again_with_the_address_or_after_a_minute() {
    for (ttl, after) in [(600, 60), (20, 20)] {
        let world = World::new("search a.test b.test\n").await;
        let absent = || Reply::nxdomain().soa(86_400, 86_400);
        world.gives("db.a.test", absent(), absent());
        world.gives("db.b.test", absent(), Reply::addrs(ttl, &["192.0.2.1"]));
        assert_eq!(world.race("db").await[1], "[192.0.2.1] db.b.test");
        world.gives("db.a.test", v6(), v4());
        for (second, found) in [(after - 1, "db.b.test"), (after, "db.a.test")] {
            pass(if second == after { 1_000 } else { 1_000 * (after - 1) }, &[&world.dns]).await;
            assert_eq!(world.race("db").await[1], format!("[192.0.2.1] {found}"), "{second} s");
        }
    }
}

// The host has moved to a name that comes before its old one in the search list.
#[tokio::test(start_paused = true)] // D14, N-9
async fn skipped_candidates_are_asked_again_once_the_addresses_after_them_are_forgotten() {
    let world = World::new("search a.test b.test\n").await;
    let absent = || Reply::nxdomain().soa(86_400, 86_400);
    world.gives("db.a.test", absent(), absent());
    world.gives("db.b.test", absent(), Reply::addrs(600, &["192.0.2.1"]));
    assert_eq!(world.race("db").await[1], "[192.0.2.1] db.b.test");
    world.gives("db.a.test", v6(), v4());
    pass(3_000, &[&world.dns]).await;
    assert_eq!(world.race("db").await[1], "[192.0.2.1] db.b.test");
    world.resolver.addresses_failed(&both("db", Record::Aaaa));
    assert_eq!(world.race("db").await, found(Some("db.a.test")));
}
