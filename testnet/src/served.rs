//! The data of a real name server, in the words of each program.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// The records of a real name server, and the zones for which it asks another server. It says "no
/// such name" to all other questions; dnsmasq does so under `test` and `lan` only.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// Name, type, data.
    records: Vec<(String, &'static str, String)>,
    forwards: Vec<(String, SocketAddr)>,
}

impl Served {
    /// No records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Addresses of names.
    #[must_use]
    pub fn addrs(records: &[(&str, &str)]) -> Self {
        records.iter().fold(Self::new(), |served, (name, addr)| served.addr(name, addr))
    }

    /// An address of a name, or of all names under a domain: `*.lan`. knot-resolver has no such
    /// wildcards, and fails if a name has many addresses.
    ///
    /// # Panics
    ///
    /// If the address is none.
    #[must_use]
    pub fn addr(mut self, name: &str, addr: &str) -> Self {
        let kind = match addr.parse().expect("an IP address") {
            IpAddr::V4(_) => "A",
            IpAddr::V6(_) => "AAAA",
        };
        self.records.push((name.to_owned(), kind, addr.to_owned()));
        self
    }

    /// A CNAME. unbound gives one in a reply, dnsmasq the whole chain, BIND as many as it follows
    /// itself. knot-resolver has no CNAMEs of its own.
    #[must_use]
    pub fn cname(mut self, name: &str, target: &str) -> Self {
        self.records.push((name.to_owned(), "CNAME", target.to_owned()));
        self
    }

    /// It asks this server for the names under `zone`.
    #[must_use]
    pub fn forward(mut self, zone: &str, server: SocketAddr) -> Self {
        self.forwards.push((zone.to_owned(), server));
        self
    }

    /// Lines of unbound.conf.
    pub(crate) fn unbound(&self) -> String {
        let mut text = "server:\n    local-zone: \".\" static\n".to_owned();
        for (name, kind, data) in &self.records {
            let owner = name.trim_start_matches("*.");
            if owner != name {
                let _ = writeln!(text, "    local-zone: \"{owner}.\" redirect");
            }
            let dot = if *kind == "CNAME" { "." } else { "" };
            let _ = writeln!(text, "    local-data: \"{owner}. {kind} {data}{dot}\"");
        }
        for (zone, _) in &self.forwards {
            let _ = writeln!(text, "    local-zone: \"{zone}.\" transparent");
        }
        for (zone, server) in &self.forwards {
            let server = format!("{}@{}", server.ip(), server.port());
            let _ = writeln!(text, "forward-zone:\n    name: \"{zone}.\"");
            let _ = writeln!(text, "    forward-addr: {server}");
        }
        text
    }

    /// Lines of kresd's configuration.
    pub(crate) fn kresd(&self) -> String {
        let mut text = "modules = { 'hints > iterate' }\n".to_owned();
        for (name, kind, data) in &self.records {
            assert!(*kind != "CNAME" && !name.starts_with('*'), "knot-resolver has no {name}");
            let _ = writeln!(text, "hints.set('{name} {data}')");
            let _ = writeln!(text, "policy.add(policy.suffix(policy.PASS, {{todname('{name}')}}))");
        }
        for (zone, server) in &self.forwards {
            let stub = format!("policy.STUB('{}@{}')", server.ip(), server.port());
            let _ = writeln!(text, "policy.add(policy.suffix({stub}, {{todname('{zone}')}}))");
        }
        text + "policy.add(policy.all(policy.DENY))\n"
    }

    /// Lines of dnsmasq.conf, and a hosts file.
    pub(crate) fn dnsmasq(&self, dir: &Path) -> String {
        let mut hosts = String::new();
        // It answers REFUSED for other names than these.
        let mut text = format!("addn-hosts={}/hosts\nlocal=/test/\nlocal=/lan/\n", dir.display());
        for (name, kind, data) in &self.records {
            let _ = match (*kind, name.strip_prefix("*.")) {
                ("CNAME", _) => writeln!(text, "cname={name},{data}"),
                (_, Some(zone)) => writeln!(text, "address=/{zone}/{data}"),
                (_, None) => writeln!(hosts, "{data} {name}"),
            };
        }
        for (zone, server) in &self.forwards {
            let _ = writeln!(text, "server=/{zone}/{}#{}", server.ip(), server.port());
        }
        fs::write(dir.join("hosts"), hosts).expect("a hosts file");
        text
    }

    /// Lines of named.conf, and a zone.
    pub(crate) fn bind(&self, dir: &Path) -> String {
        let mut zone =
            "$TTL 300\n. SOA ns. ns. 1 3600 600 86400 60\n. NS ns.\nns. A 127.0.0.1\n".to_owned();
        let mut text = "zone \".\" { type primary; file \"zone\"; };\n".to_owned();
        for (name, kind, data) in &self.records {
            let dot = if *kind == "CNAME" { "." } else { "" };
            let _ = writeln!(zone, "{name}. {kind} {data}{dot}");
        }
        for (name, server) in &self.forwards {
            let _ = writeln!(zone, "{name}. NS ns.");
            let server = format!("{} port {};", server.ip(), server.port());
            let _ = writeln!(
                text,
                "zone \"{name}\" {{ type forward; forward only; forwarders {{ {server} }}; }};"
            );
        }
        fs::write(dir.join("zone"), zone).expect("a zone");
        text
    }
}
