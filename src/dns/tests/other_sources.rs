//! Names that DNS does not have, on a system whose nsswitch.conf lists other sources. A scripted
//! `getaddrinfo` asks them.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::dns::live::LiveSettings;
use crate::dns::lookup::system::System;
use crate::race::answer::{Answer, Origin};
use crate::resolve::Resolving;

const OTHERS: &str = "hosts: files mdns4 dns\n";
const NO_OTHERS: &str = "hosts: files dns\n";

/// The operating system's resolver.
enum Getaddrinfo {
    /// It has an IPv4 address of every name.
    Answers,
    NeverReturns,
    /// It answers only where the query has at least a second.
    TakesASecond,
}

impl Resolve for Getaddrinfo {
    fn lookup(&self, query: &Query) -> Resolving {
        let second = (Instant::now() + Duration::from_secs(1)).into_std();
        let is_short = query.deadline().is_some_and(|at| at < second);
        let addr = SocketAddr::from(([192, 0, 2, 9], 0));
        let outcome = match (self, query.record()) {
            (Self::NeverReturns, _) => return Resolving::new(std::future::pending()),
            (Self::TakesASecond, _) if is_short => Err(LookupErrorKind::TimedOut.into()),
            (_, Record::A) => Ok(Answer::from(vec![addr]).with_origin(Origin::System)),
            (_, Record::Aaaa) => Err(LookupErrorKind::NoRecords.into()),
        };
        Resolving::ready(outcome)
    }
}

/// A world that has an nsswitch.conf and a `getaddrinfo`. DNS does not have the name `db`.
struct Machine {
    world: World,
    nsswitch: PathBuf,
}

impl Machine {
    async fn new(nsswitch_conf: &str, getaddrinfo: Getaddrinfo) -> Self {
        let mut world = World::new("").await;
        let absent = || Reply::nxdomain().soa(86_400, 86_400);
        world.dns.on("db", AAAA, [absent()]).on("db", A, [absent()]);
        let nsswitch = world.path.with_extension("nsswitch");
        std::fs::write(&nsswitch, nsswitch_conf).unwrap();
        let live = LiveSettings::new(world.resolver.live.settings.clone());
        let live = live.with_other_sources(nsswitch.clone(), System::new(getaddrinfo));
        world.resolver = Resolver { live: Arc::new(live) };
        Self { world, nsswitch }
    }

    async fn is_found(&self) -> bool {
        let [_, a] = self.world.race("db").await;
        match a.as_str() {
            "[192.0.2.9] as typed" => true,
            "no such name (dns)" | "no such name (dns, cached)" => false,
            other => panic!("{other}"),
        }
    }

    async fn pass(&self, millis: u64) {
        pass(millis, &[&self.world.dns]).await;
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.nsswitch);
        let _ = std::fs::remove_dir(&self.nsswitch);
    }
}

#[tokio::test(start_paused = true)] // D17
async fn a_changed_nsswitch_conf_counts_after_100_ms() {
    let machine = Machine::new(NO_OTHERS, Getaddrinfo::Answers).await;
    assert!(!machine.is_found().await);
    std::fs::write(&machine.nsswitch, OTHERS).unwrap();
    machine.pass(99).await;
    assert!(!machine.is_found().await, "it was read again within 100 ms");
    machine.pass(1).await;
    assert!(machine.is_found().await);
    std::fs::write(&machine.nsswitch, NO_OTHERS).unwrap();
    machine.pass(99).await;
    assert!(machine.is_found().await, "it was read again within 100 ms");
    machine.pass(1).await;
    assert!(!machine.is_found().await);
}

#[tokio::test(start_paused = true)]
async fn the_services_of_an_nsswitch_conf_that_cannot_be_read_any_more_stay() {
    let machine = Machine::new(OTHERS, Getaddrinfo::Answers).await;
    assert!(machine.is_found().await);
    std::fs::remove_file(&machine.nsswitch).unwrap();
    std::fs::create_dir(&machine.nsswitch).unwrap();
    machine.pass(100).await;
    assert!(machine.is_found().await);
    machine.world.resolver.network_changed();
    assert!(machine.is_found().await, "the file does not depend on the network");
    // A missing file lists none.
    std::fs::remove_dir(&machine.nsswitch).unwrap();
    machine.pass(100).await;
    assert!(!machine.is_found().await);
    std::fs::write(&machine.nsswitch, OTHERS).unwrap();
    machine.pass(100).await;
    assert!(machine.is_found().await);
}

/// The error of this type's lookup, and when it ends. Time passes in steps until 12 s are over.
async fn end_of(machine: &Machine, query: &Query) -> (String, u128) {
    let began = Instant::now();
    let lookup = machine.world.resolver.lookup(query);
    let lookup = tokio::spawn(async move {
        let error = lookup.await.unwrap_err();
        (error.to_string(), began.elapsed().as_millis())
    });
    machine.world.dns.settle().await;
    for _ in 0..2_400 {
        if lookup.is_finished() {
            break;
        }
        machine.pass(5).await;
    }
    assert!(lookup.is_finished(), "the lookup outlives its time");
    let (error, at) = lookup.await.unwrap();
    (error.replace(&machine.world.dns.addr.to_string(), "dns"), at)
}

fn in_time(record: Record, millis: u64) -> Query {
    let deadline = Instant::now() + Duration::from_millis(millis);
    both("db", record).with_deadline(deadline.into_std())
}

#[tokio::test(start_paused = true)] // D17
async fn a_silent_source_ends_with_the_lookup_and_the_error_is_that_of_dns() {
    let error = "no such name (dns)".to_owned();
    let machine = Machine::new(OTHERS, Getaddrinfo::NeverReturns).await;
    assert_eq!(end_of(&machine, &both("db", Record::A)).await, (error.clone(), 5_000));
    let machine = Machine::new(OTHERS, Getaddrinfo::NeverReturns).await;
    assert_eq!(end_of(&machine, &in_time(Record::A, 3_000)).await, (error, 2_995));
}

// AAAA may ask the other sources only if DNS has no A either, and the question for A is another
// lookup's, which has more time.
#[tokio::test(start_paused = true)] // D17
async fn a_longer_lookup_of_the_other_type_does_not_hold_it_up() {
    let machine = Machine::new(OTHERS, Getaddrinfo::Answers).await;
    machine.world.dns.on("db", A, [Reply::silence()]);
    let longer = tokio::spawn(machine.world.resolver.lookup(&in_time(Record::A, 10_000)));
    machine.world.dns.settle().await;
    let end = end_of(&machine, &in_time(Record::Aaaa, 3_000)).await;
    assert_eq!(end, ("no such name (dns)".to_owned(), 2_995));
    assert!(!longer.is_finished());
}

// The source had too little time. A lookup with more time asks again.
#[tokio::test(start_paused = true)] // D17
async fn the_silence_in_a_short_lookup_is_not_kept() {
    let machine = Machine::new(OTHERS, Getaddrinfo::TakesASecond).await;
    let (error, _) = end_of(&machine, &in_time(Record::A, 500)).await;
    assert_eq!(error, "no answer: getaddrinfo failed, and DNS says: no such name (dns)");
    assert!(machine.is_found().await);
}
