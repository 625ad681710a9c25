//! The scenarios of other implementations, and how they are read.

use std::net::SocketAddr;
use std::time::Duration;

use he::{ErrorKind, Family, LookupErrorKind, Record};
use he_test_support::{Played, World, addr, script};
use serde_json::Value;

/// A scenario that names no deadline knows of no time-outs at all.
const A_DAY: u64 = 24 * 3_600 * 1_000;

/// One scenario, as it stands in the file.
pub(crate) struct Scenario(Value);

pub(crate) fn all() -> Vec<Scenario> {
    let file: Value = serde_json::from_str(include_str!("../data/scenarios.json")).unwrap();
    let scenarios = file["scenarios"].as_array().unwrap();
    scenarios.iter().cloned().map(Scenario).collect()
}

impl Scenario {
    pub(crate) fn id(&self) -> &str {
        text(&self.0["id"])
    }

    pub(crate) fn kind(&self) -> &str {
        text(&self.0["kind"])
    }

    /// True if its authors see no conflict with the standards.
    pub(crate) fn agrees_with_the_standards(&self) -> bool {
        self.0["rfc"] == "agrees"
    }

    pub(crate) fn param(&self, name: &str) -> &Value {
        &self.0["params"][name]
    }

    pub(crate) fn expect(&self, name: &str) -> &Value {
        &self.0["expect"][name]
    }

    /// True if it is played as a race, on the machine and on the connector.
    pub(crate) fn is_race(&self) -> bool {
        let kinds = ["race", "fork", "tie", "tls_race", "ports"];
        kinds.contains(&self.kind()) || self.id() == "nio-delayed-channel-creation"
    }
}

/// The world of it.
impl Scenario {
    pub(crate) fn world(&self) -> World {
        let world = self.with_ports(self.with_time_outs(script().host(text(&self.0["host"]))));
        let world = self.with_routes(self.with_dns(world));
        let paths = self.0["addrs"].as_object().unwrap();
        paths.iter().fold(world, |world, (addr, path)| with_path(world, &name(addr), path))
    }

    fn with_ports(&self, world: World) -> World {
        let ports: Vec<u16> = list(&self.0["ports"]).iter().map(small).collect();
        if ports.is_empty() { world } else { world.ports(&ports) }
    }

    fn with_time_outs(&self, world: World) -> World {
        let deadline = self.param("deadline_ms").as_u64();
        let patience = Duration::from_millis(deadline.unwrap_or(A_DAY));
        let world = world.config(|c| {
            c.with_total_timeout(patience)
                .with_connect_timeout(c.connect_timeout.max(patience))
                .with_resolve_timeout(c.resolve_timeout.max(patience))
        });
        let world = match self.param("resolve_timeout_ms").as_u64() {
            Some(ms) => world.config(|c| c.with_resolve_timeout(Duration::from_millis(ms))),
            None => world,
        };
        match self.param("attempt_delay_ms").as_u64() {
            Some(ms) if self.0["under_default_policy"].is_null() => {
                world.config(|c| c.with_connect_delay(Duration::from_millis(ms)))
            }
            _ => world,
        }
    }

    fn with_dns(&self, world: World) -> World {
        let targets: Vec<String> = self.targets().iter().map(|target| name(target)).collect();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        let sorted = self.kind() == "order" || !self.param("order").is_null();
        match (&self.0["dns"], &self.0["targets"]) {
            (Value::Array(answers), _) => answers.iter().fold(world, with_answer),
            (_, Value::Array(_)) if sorted => self.with_sorted(world, &targets),
            (_, Value::Array(_)) => {
                let list: Vec<String> = targets.iter().map(|t| endpoint(t).to_string()).collect();
                world.addrs(&list.iter().map(String::as_str).collect::<Vec<_>>())
            }
            _ => world,
        }
    }

    /// Targets in an order that the peer decides: answers of DNS, at once.
    fn with_sorted(&self, world: World, targets: &[&str]) -> World {
        let (v4, v6): (Vec<&str>, Vec<&str>) = targets.iter().partition(|t| addr(t).is_ipv4());
        let v4_leads = targets.first().is_some_and(|target| addr(target).is_ipv4());
        let family = match v4_leads && self.param("sources").is_null() {
            true => Family::PreferV4,
            false => Family::Any,
        };
        world.config(|c| c.with_family(family)).dns(Record::Aaaa, 0, &v6).dns(Record::A, 0, &v4)
    }

    fn with_routes(&self, world: World) -> World {
        let world = match self.param("default_routes").as_array() {
            Some(routes) if !routes.contains(&"ipv6".into()) => world.no_route(Record::Aaaa),
            _ => world,
        };
        let sources = self.param("sources").as_object().into_iter().flatten();
        sources.fold(world, |world, (dst, src)| world.source(dst, src.as_str()))
    }

    /// The addresses as the file has them.
    pub(crate) fn targets(&self) -> Vec<&str> {
        list(&self.0["targets"]).iter().map(text).collect()
    }
}

fn with_answer(world: World, answer: &Value) -> World {
    let record = match text(&answer["type"]) {
        "AAAA" => Record::Aaaa,
        "A" => Record::A,
        _ => return world, // he asks for nothing else
    };
    let addrs: Vec<String> = list(&answer["addrs"]).iter().map(|a| name(text(a))).collect();
    let addrs: Vec<&str> = addrs.iter().map(String::as_str).collect();
    match (answer["delay_ms"].as_u64(), answer["error"].as_str()) {
        (None, _) => world,
        (Some(at), None) => world.dns(record, at, &addrs),
        (Some(at), Some(error)) => world.dns_fails(record, at, lookup_error(error)),
    }
}

pub(crate) fn lookup_error(word: &str) -> LookupErrorKind {
    match word {
        "SERVFAIL" => LookupErrorKind::ServerFailure,
        "NXDOMAIN" => LookupErrorKind::NoSuchName,
        other => panic!("an unknown DNS error: {other}"),
    }
}

fn with_path(world: World, addr: &str, path: &Value) -> World {
    let made = path["socket_creation_ms"].as_u64().unwrap_or(0);
    let ms = path["delay_ms"].as_u64().map(|ms| ms + made);
    let tls = path["tls_ms"].as_u64();
    match (text(&path["connect"]), ms, path["tls"].as_str()) {
        ("drop", _, _) => world.silent(addr),
        ("ok", Some(ms), None) => world.accepts(addr, ms),
        ("ok", Some(ms), Some("ok")) => world.tls(addr, ms, tls.unwrap()),
        ("ok", Some(ms), Some("fail")) => world.tls_fails(addr, ms, tls.unwrap()),
        (_, Some(0), _) => world.fails_locally(addr),
        (_, Some(ms), _) => world.refuses(addr, ms),
        (what, ..) => panic!("an unknown path: {what}"),
    }
}

/// `6a` and `4b` stand for addresses; a link-local address gets a zone.
fn name(text: &str) -> String {
    match (text.len(), text.as_bytes()) {
        (2, [b'6', letter]) => format!("2001:db8::{}", letter - b'a' + 1),
        (2, [b'4', letter]) => format!("192.0.2.{}", letter - b'a' + 1),
        _ if text.starts_with("fe80:") => format!("{text}%1"),
        _ => text.to_owned(),
    }
}

/// What is dialled for it: port 443 where the port does not matter.
pub(crate) fn endpoint(text: &str) -> SocketAddr {
    let mut endpoint = addr(&name(text));
    if endpoint.port() == 0 {
        endpoint.set_port(443);
    }
    endpoint
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn small(value: &Value) -> u16 {
    u16::try_from(value.as_u64().unwrap()).unwrap()
}

/// What a scenario expects: `None` where it says nothing.
#[derive(Clone)]
pub(crate) struct Expected {
    pub(crate) attempts: Option<Vec<(u64, SocketAddr)>>,
    pub(crate) elapsed: Option<u64>,
    pub(crate) counts: Option<Vec<u64>>,
    winner: Value,
    winners: Value,
    error: Value,
    errors: Option<u64>,
    dns_errors: Value,
    closed: Option<Vec<SocketAddr>>,
}

impl Scenario {
    /// Under the default policy where the file has that, else with any failure as a kick.
    pub(crate) fn expected(&self) -> Expected {
        let by_kick = &self.0["expect"]["by_kick"]["any"];
        let versions = [&self.0["under_default_policy"], &self.0["under_kick_any"], by_kick];
        let version = versions.into_iter().find(|v| !v.is_null()).unwrap_or(&self.0["expect"]);
        let attempts = version["attempts"].as_array();
        let closed = version["closed"].as_array();
        Expected {
            attempts: attempts.map(|list| list.iter().map(start).collect()),
            elapsed: version["elapsed_ms"].as_u64(),
            counts: version["attempts_count_any_of"]
                .as_array()
                .map(|counts| counts.iter().filter_map(Value::as_u64).collect()),
            winner: version["winner"].clone(),
            winners: version["winner_any_of"].clone(),
            error: version["error"].clone(),
            errors: version["errors"].as_u64(),
            dns_errors: version["dns_errors"].clone(),
            closed: closed.map(|list| list.iter().map(|addr| endpoint(text(addr))).collect()),
        }
    }
}

fn start(pair: &Value) -> (u64, SocketAddr) {
    (pair[0].as_u64().unwrap(), endpoint(text(&pair[1])))
}

impl Expected {
    /// The first thing that is otherwise.
    pub(crate) fn differs_from(&self, played: &Played) -> Option<String> {
        let winner = played.winner().map(|addr| addr.to_string());
        let endpoints =
            |list: &Value| list.as_array().map(|l| l.iter().map(|a| endpoint(text(a))).collect());
        let expected_winner = self.winner.as_str().map(|addr| endpoint(addr).to_string());
        let winners: Option<Vec<SocketAddr>> = endpoints(&self.winners);
        let count = u64::try_from(played.attempts.len()).unwrap();
        let errors = u64::try_from(played.errors()).unwrap();
        let sorted = |mut list: Vec<SocketAddr>| {
            list.sort();
            list
        };
        let closed = sorted(played.closed());
        let checks = [
            ("attempts", self.attempts.as_ref().is_none_or(|a| *a == played.attempts)),
            ("elapsed", self.elapsed.is_none_or(|ms| ms == played.elapsed)),
            ("count", self.counts.as_ref().is_none_or(|counts| counts.contains(&count))),
            ("winner", self.winner.is_null() || expected_winner == winner),
            (
                "winners",
                winners.is_none_or(|any| played.winner().is_some_and(|w| any.contains(&w))),
            ),
            ("error", self.error_fits(played)),
            ("errors", self.errors.is_none_or(|n| n == errors)),
            ("DNS errors", self.dns_errors_fit(played)),
            ("closed", self.closed.clone().is_none_or(|list| sorted(list) == closed)),
        ];
        let wrong = checks.iter().find(|(_, fits)| !fits)?;
        Some(format!(
            "{}: {:?} {}ms {winner:?} {closed:?}",
            wrong.0, played.attempts, played.elapsed
        ))
    }

    fn error_fits(&self, played: &Played) -> bool {
        let kind = played.error_kind();
        match self.error.as_str() {
            None => kind.is_none() || !self.winner.is_string(),
            Some("all_failed") => kind == Some(ErrorKind::Connect),
            Some("timeout") => kind == Some(ErrorKind::TimedOut),
            Some("no_addresses") => kind == Some(ErrorKind::NoAddress),
            Some("dns") => {
                use ErrorKind::{Lookup, NoAddress, NoSuchName};
                kind.is_some_and(|kind| [Lookup, NoAddress, NoSuchName].contains(&kind))
            }
            Some(other) => panic!("an unknown error: {other}"),
        }
    }

    fn dns_errors_fit(&self, played: &Played) -> bool {
        let told = |record: &str| {
            let lookup =
                played.report.lookups().iter().find(|l| l.record().to_string() == record)?;
            Some(lookup.error()?.kind())
        };
        let expected = self.dns_errors.as_object().into_iter().flatten();
        expected.into_iter().all(|(record, error)| told(record) == Some(lookup_error(text(error))))
    }
}
