//! Names whose authoritative servers are silent. Real resolvers are asked for them beside others,
//! on several threads.

use he::dns::Resolver;
use he::{Answer, LookupError, Origin, Query, Record, Resolve};
use he_testnet::{Home, Net, Program, Served, internet_at};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::support::dot::{certificate, opportunistic, server_at};

const SERVER: &str = "192.0.2.1";
/// The server of `slow.test`.
const BLACKHOLE: ([u8; 4], u16) = ([192, 0, 2, 99], 53);
const V6: &str = "2001:db8::1";

/// Names with an address. Each round has others, so none is in the cache.
fn good(round: usize) -> Vec<String> {
    (0..40).map(|n| format!("www{n}.round{round}.test")).collect()
}

/// Names without an answer.
fn slow() -> Vec<String> {
    (0..10).map(|n| format!("www{n}.slow.test")).collect()
}

/// The names of two rounds, and a zone whose server is silent.
fn served(net: Net) -> Served {
    let _ = net.host("192.0.2.99").silent();
    let names = (0..2).flat_map(good);
    let served = names.fold(Served::new(), |served, name| served.addr(&name, V6));
    served.addr("first.test", V6).forward("slow.test", BLACKHOLE.into())
}

/// The answers to all these names, which are asked for at once on four threads.
struct Threads(Runtime);

impl Threads {
    fn new() -> Self {
        Self(Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap())
    }

    async fn ask(
        &self,
        resolver: &Resolver,
        names: impl IntoIterator<Item = String>,
    ) -> Vec<Result<Answer, LookupError>> {
        let mut lookups = JoinSet::new();
        for name in names {
            let resolver = resolver.clone();
            let lookup = async move { resolver.lookup(&Query::new(&name, Record::Aaaa)).await };
            lookups.spawn_on(lookup, self.0.handle());
        }
        lookups.join_all().await
    }
}

/// Asserts that `n` answers have the address and come over TLS, or that `n` do not come over TLS.
fn came(answers: &[Result<Answer, LookupError>], n: usize, over_tls: bool) {
    let came = |answer: &&Answer| (answer.origin() == Origin::Tls) == over_tls;
    let came = answers.iter().flatten().filter(came);
    let addrs: Vec<_> = came.map(|answer| answer.addrs()[0].ip().to_string()).collect();
    assert_eq!(addrs, vec![V6; n], "{answers:?}");
}

/// The slow names fail, and the others are found beside them and after them.
fn in_plaintext(program: Program) {
    internet_at(Home::dual_stack().needs(program), |net| async move {
        let _server = program.start_plain(net, SERVER, &served(net)).await;
        let resolver = Resolver::plain_servers([program.plain_addr(SERVER)]);
        let threads = Threads::new();
        came(&threads.ask(&resolver, good(0).into_iter().chain(slow())).await, 40, false);
        came(&threads.ask(&resolver, good(1)).await, 40, false);
        assert!(net.whole_log().sent_to_addr(BLACKHOLE) > 0);
        threads.0.shutdown_background();
    });
}

#[test]
fn slow_names_of_unbound() {
    in_plaintext(Program::Unbound);
}

#[test]
fn slow_names_of_knot_resolver() {
    in_plaintext(Program::Kresd);
}

#[test]
fn slow_names_of_dnsmasq() {
    in_plaintext(Program::Dnsmasq);
}

#[test]
fn slow_names_of_bind() {
    in_plaintext(Program::Bind);
}

/// Port 53 of the server answers the slow names. Only these are asked for there, also after 2.5 s
/// without another question.
fn over_tls(program: Program) {
    internet_at(Home::dual_stack().needs(program), |net| async move {
        let server = server_at(net, SERVER).tls_open();
        let _server = program.start(net, &certificate(), &served(net)).await;
        for name in slow() {
            net.dns(&name).aaaa([net.host(V6)]);
        }
        let (resolver, threads) = (opportunistic(server), Threads::new());
        came(&threads.ask(&resolver, ["first.test".to_owned()]).await, 1, true);
        let answers = threads.ask(&resolver, good(0).into_iter().chain(slow())).await;
        came(&answers, 40, true);
        came(&answers, 10, false);
        net.pass(2_500).await;
        came(&threads.ask(&resolver, good(1)).await, 40, true);
        let plain = net.asked();
        assert!(plain.iter().all(|asked| asked.name.ends_with(".slow.test")), "{plain:?}");
        threads.0.shutdown_background();
    });
}

#[test] // R-7858-3.1d
fn slow_names_of_unbound_over_tls() {
    over_tls(Program::Unbound);
}

#[test] // R-7858-3.1d
fn slow_names_of_knot_resolver_over_tls() {
    over_tls(Program::Kresd);
}

#[test] // R-7858-3.1d
fn slow_names_of_bind_over_tls() {
    over_tls(Program::Bind);
}
