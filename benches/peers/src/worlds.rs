//! What is wrong with the network: the rows of the tables of ill paths. Remote hosts are 20 ms
//! away, the name server answers at once.

use he_testnet::{Certificate, Host, NAME_SERVER_V4, Net};

/// What remote hosts serve on port 443.
pub(crate) enum Web {
    Http,
    Https(Certificate),
}

impl Web {
    fn at(&self, host: Host) -> Host {
        match self {
            Self::Http => host.http(),
            Self::Https(certificate) => host.https(certificate, &["h2", "http/1.1"]),
        }
    }

    fn all(&self, hosts: Vec<Host>) -> Vec<Host> {
        hosts.into_iter().map(|host| self.at(host)).collect()
    }
}

/// A world in which `www.test` is to be reached, and says which address works.
pub(crate) struct World {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    make: fn(Net, &Web) -> Host,
    /// How many silent addresses stand before the good one where the families alternate.
    pub(crate) silent_before: Option<u32>,
    /// The question is how soon TLS is given up, so it is for requests only.
    pub(crate) tls: bool,
}

impl World {
    const fn new(key: &'static str, label: &'static str, make: fn(Net, &Web) -> Host) -> Self {
        Self { key, label, make, silent_before: None, tls: false }
    }

    const fn silent(self, before: u32) -> Self {
        Self { silent_before: Some(before), ..self }
    }

    const fn tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// Sets it up; returns the host that works.
    pub(crate) fn make(&self, net: Net, web: &Web) -> Host {
        (self.make)(net, web)
    }

    /// # Panics
    ///
    /// If there is none.
    pub(crate) fn of(key: &str) -> &'static Self {
        WORLDS.iter().find(|world| world.key == key).expect("the key of a world")
    }
}

/// All worlds.
pub(crate) const WORLDS: &[World] = &[
    World::new("well", "no fault", |net, web| pair(net, web).0).silent(0),
    World::new("v6-silent", "IPv6 silent", v6_silent).silent(1),
    World::new("1-of-4", "1 of 4 addresses silent, IPv6 only: the first", |net, web| {
        of_four(net, web, &[0], 1)
    })
    .silent(1),
    World::new("3-of-4", "3 of 4 silent, IPv6 only: all but the last", |net, web| {
        of_four(net, web, &[0, 1, 2], 3)
    })
    .silent(3),
    World::new("3-of-4-inner", "3 of 4 silent, IPv6 only: all but the third", |net, web| {
        of_four(net, web, &[0, 1, 3], 2)
    })
    .silent(2),
    World::new("3-of-2+2", "3 of 2 + 2 silent: all but the last of IPv4", of_two_and_two).silent(3),
    World::new("v6-slow", "IPv6 slow: 400 ms away", v6_slow),
    World::new("aaaa-unanswered", "AAAA unanswered", aaaa_unanswered),
    World::new("a-unanswered", "A unanswered", a_unanswered),
    World::new("datagram-lost", "one DNS datagram lost: the AAAA question", |net, web| {
        datagrams_lost(net, web, 0)
    }),
    World::new(
        "datagrams-lost",
        "two DNS datagrams lost: the first AAAA and A questions",
        |net, web| datagrams_lost(net, web, 1),
    ),
    World::new("server-dead", "the first name server is dead", server_dead),
    World::new("853-silent", "port 853 of the name server silent", port_853_silent),
    World::new("tls-mute", "IPv6 accepts TCP, never answers TLS", tls_mute).tls(),
    World::new("tls-reset", "IPv6 accepts TCP, resets during TLS", tls_reset).tls(),
];

/// A good address of each family; `www.test` has both.
fn pair(net: Net, web: &Web) -> (Host, Host) {
    let hosts = (web.at(net.host("2001:db8::1")), web.at(net.host("198.51.100.1")));
    let _ = net.dns("www.test").aaaa([hosts.0]).a([hosts.1]);
    hosts
}

fn v6_silent(net: Net, web: &Web) -> Host {
    let (v6, v4) = pair(net, web);
    v6.silent();
    v4
}

fn v6_slow(net: Net, web: &Web) -> Host {
    let (v6, v4) = pair(net, web);
    v6.rtt(400);
    v4
}

fn tls_mute(net: Net, web: &Web) -> Host {
    let (v6, v4) = pair(net, web);
    v6.answers_never();
    v4
}

fn tls_reset(net: Net, web: &Web) -> Host {
    let (v6, v4) = pair(net, web);
    v6.accepts_then_resets();
    v4
}

fn of_four(net: Net, web: &Web, silent: &[usize], good: usize) -> Host {
    let hosts = web.all(net.hosts("2001:db8::", 1..=4));
    let _ = net.dns("www.test").aaaa(&hosts);
    for index in silent {
        hosts[*index].silent();
    }
    hosts[good]
}

fn of_two_and_two(net: Net, web: &Web) -> Host {
    let v6 = web.all(net.hosts("2001:db8::", 1..=2));
    let v4 = web.all(net.hosts("198.51.100.", 1..=2));
    let _ = net.dns("www.test").aaaa(&v6).a(&v4);
    for host in [v6[0], v6[1], v4[0]] {
        host.silent();
    }
    v4[1]
}

fn aaaa_unanswered(net: Net, web: &Web) -> Host {
    let (v6, v4) = pair(net, web);
    let _ = net.dns("www.test").aaaa([v6]).never();
    v4
}

fn a_unanswered(net: Net, web: &Web) -> Host {
    let (v6, v4) = pair(net, web);
    let _ = net.dns("www.test").a([v4]).never();
    v6
}

/// `n`: of how many questions for A the first goes unanswered.
fn datagrams_lost(net: Net, web: &Web, n: u32) -> Host {
    let (v6, v4) = pair(net, web);
    let _ = net.dns("www.test").aaaa([v6]).ignores_first(1).a([v4]).ignores_first(n);
    v4
}

fn server_dead(net: Net, web: &Web) -> Host {
    let (v6, _) = pair(net, web);
    let dead = net.name_server(&NAME_SERVER_V4.to_string()).dead();
    let alive = net.name_server("192.0.2.54");
    net.resolv_conf(&format!("nameserver {}\nnameserver {}\n", dead.ip(), alive.ip()));
    v6
}

fn port_853_silent(net: Net, web: &Web) -> Host {
    let (v6, _) = pair(net, web);
    let _ = net.name_server(&NAME_SERVER_V4.to_string()).tls_silent();
    v6
}
