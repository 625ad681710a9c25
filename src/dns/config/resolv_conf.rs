//! resolv.conf, line by line, as resolv.conf(5) and glibc read it.
//!
//! `LOCALDOMAIN`, `RES_OPTIONS` and the domain part of the host's own name are not used: the
//! meaning of a name should not depend on the environment of the process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::dns::name_server::{NameServer, PORT};
use crate::race::host::check_query_name;
use crate::race::literal::configured_addr;
use crate::race::name::{Name, bare};
use crate::race::query::Record;
use crate::race::text::Escaped;

/// The limit of glibc (`RES_MAXNDOTS`).
const MAX_NDOTS: usize = 15;

/// glibc's limits and defaults of `timeout` (RES_MAXRETRANS, RES_TIMEOUT) and `attempts`
/// (RES_MAXRETRY, RES_DFLRETRY).
const MAX_TIMEOUT: u32 = 30;
const DEFAULT_TIMEOUT: u32 = 5;
const MAX_ATTEMPTS: u32 = 5;
const DEFAULT_ATTEMPTS: u32 = 2;
/// A lookup gets no longer time than this, whatever the options ask for.
const MAX_LOOKUP_TIMEOUT: Duration = Duration::from_secs(30);

/// The servers to ask, and the search list and options that apply to names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dns) struct Conf {
    /// All servers, in the order in which they are asked. glibc's limit of three does not apply
    /// (R-8305-3.1c).
    pub(in crate::dns) servers: Vec<NameServer>,
    /// Domains in lower case, without a dot at their end.
    pub(in crate::dns) search: Vec<Arc<str>>,
    /// A name with at least this many dots is tried before the search list.
    pub(in crate::dns) ndots: usize,
    /// Each lookup begins with another server (`rotate`).
    pub(in crate::dns) rotate: bool,
    /// Questions use TCP only (`use-vc`).
    pub(in crate::dns) use_vc: bool,
    /// AAAA is never asked (`no-aaaa`).
    pub(super) no_aaaa: bool,
    /// `timeout`, in seconds.
    timeout: Option<u32>,
    attempts: Option<u32>,
}

impl Conf {
    /// These servers, and no search list.
    pub(in crate::dns) fn of(servers: impl IntoIterator<Item = NameServer>) -> Self {
        Self {
            servers: servers.into_iter().collect(),
            search: Vec::new(),
            ndots: 1,
            rotate: false,
            use_vc: false,
            no_aaaa: false,
            timeout: None,
            attempts: None,
        }
    }

    /// Never fails: a line that makes no sense is ignored. Without a `nameserver` line the server
    /// is the one on this host, as resolv.conf(5) says, and never a public one.
    pub(in crate::dns) fn parse(text: &str) -> Self {
        let mut conf = Self::of([]);
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            if conf.line(line).is_none() && !line.trim().is_empty() {
                tracing::debug!(line = %Escaped(line), "resolv.conf: ignored");
            }
        }
        if conf.servers.is_empty() {
            conf.servers.push(NameServer::udp((Ipv4Addr::LOCALHOST, PORT).into()));
        }
        conf
    }

    /// True if this record type is never asked.
    pub(in crate::dns) fn never_asks(&self, record: Record) -> bool {
        match record {
            Record::Aaaa => self.no_aaaa,
            Record::A => false,
        }
    }

    /// The time that the options ask for a lookup: `timeout` × `attempts`, where one that is not
    /// there has glibc's default. Zero without both.
    pub(in crate::dns) fn lookup_timeout(&self) -> Duration {
        if self.timeout.is_none() && self.attempts.is_none() {
            return Duration::ZERO;
        }
        let timeout = self.timeout.unwrap_or(DEFAULT_TIMEOUT);
        let seconds = timeout * self.attempts.unwrap_or(DEFAULT_ATTEMPTS);
        Duration::from_secs(seconds.into()).min(MAX_LOOKUP_TIMEOUT)
    }

    /// Reads a line, which starts with its keyword. `None` if the line is not understood.
    fn line(&mut self, line: &str) -> Option<()> {
        let (keyword, rest) = line.split_once(char::is_whitespace)?;
        let mut words = rest.split_whitespace().take_while(|word| !word.starts_with(['#', ';']));
        match keyword {
            "nameserver" => self.servers.push(system_server(server(words.next()?)?)),
            "search" => self.search = words.filter_map(domain).collect(),
            "domain" => self.search = words.take(1).filter_map(domain).collect(),
            "options" => words.for_each(|option| self.option(option)),
            // `sortlist` orders IPv4 addresses; here RFC 6724 does.
            _ => return None,
        }
        Some(())
    }

    fn option(&mut self, option: &str) {
        match option.split_once(':').unwrap_or((option, "")) {
            ("ndots", n) => self.ndots = n.parse().unwrap_or(self.ndots).min(MAX_NDOTS),
            ("rotate", "") => self.rotate = true,
            ("use-vc" | "usevc" | "tcp", "") => self.use_vc = true,
            ("no-aaaa", "") => self.no_aaaa = true,
            ("timeout", n) => self.timeout = at_most(n, MAX_TIMEOUT).or(self.timeout),
            ("attempts", n) => self.attempts = at_most(n, MAX_ATTEMPTS).or(self.attempts),
            // Always done.
            ("edns0" | "single-request-reopen", "") => {}
            // Questions never share a socket, so no answer displaces another.
            ("single-request", "") => {}
            // The AD bit is not used.
            ("trust-ad", "") => {}
            // Without effect here, or everywhere today.
            ("debug" | "inet6" | "no-check-names" | "no-reload" | "insecure1" | "insecure2", _) => {
            }
            _ => tracing::debug!(option = %Escaped(option), "resolv.conf: ignored"),
        }
    }
}

fn at_most(number: &str, most: u32) -> Option<u32> {
    number.parse().ok().map(|number: u32| number.min(most))
}

/// An address with or without a zone, or `[address]:port` as in OpenBSD.
fn server(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix('[').and_then(|text| text.split_once("]:")) {
        Some((host, port)) => configured_addr(host, port.parse().ok()?).ok(),
        None => configured_addr(text, PORT).ok(),
    }
}

/// A server that the system names: opportunistic, where that can be of use. A resolver on this host
/// or link (a stub, a container's, a cloud's) speaks no TLS, and only this host or link sees its
/// traffic. A server at a port of its own has no port 853 beside it. A private address (a pod's, a
/// cloud's, a home router's) seldom has an open port 853, so no question waits for it (D18).
pub(super) fn system_server(addr: SocketAddr) -> NameServer {
    let nearby = match addr.ip().to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local(),
    };
    match (nearby || addr.port() != PORT, is_private(addr.ip().to_canonical())) {
        (true, _) => NameServer::udp(addr),
        (false, true) => NameServer::opportunistic_at_once(addr),
        (false, false) => NameServer::opportunistic(addr),
    }
}

/// RFC 1918, RFC 6598 (100.64/10), RFC 4193 (fc00::/7).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || matches!(ip.octets(), [100, 64..=127, ..]),
        IpAddr::V6(ip) => ip.octets()[0] & 0xfe == 0xfc,
    }
}

/// `search .` means that nothing is appended, so the root is not a domain here.
pub(super) fn domain(text: &str) -> Option<Arc<str>> {
    let name = Name::parse_lossy(bare(text));
    if name.as_str().is_empty() {
        return None;
    }
    match check_query_name(name.as_str()) {
        Ok(()) => Some(name.as_arc().clone()),
        Err(why) => {
            tracing::debug!(%why, "search list: ignored");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::name_server::{Profile, TLS_PORT};

    fn servers(text: &str) -> Vec<String> {
        Conf::parse(text).servers.iter().map(|server| server.addr().to_string()).collect()
    }

    fn search(text: &str) -> Vec<String> {
        Conf::parse(text).search.iter().map(|domain| domain.to_string()).collect()
    }

    #[test] // R-4007-11
    fn a_zone_that_the_address_does_not_need_is_dropped() {
        let text = "nameserver fd78::53%lo\nnameserver 2001:db8::1%nosuch0\n\
                    nameserver [fd78::53%lo]:54\nnameserver fe80::1%lo\n";
        let expected = ["[fd78::53]:53", "[2001:db8::1]:53", "[fd78::53]:54", "[fe80::1%1]:53"];
        assert_eq!(servers(text), expected);
    }

    #[test] // R-8305-3.1c
    fn all_name_servers_are_used_in_their_order() {
        let text = "nameserver 192.0.2.1\nnameserver\t2001:db8::1 # two\nnameserver 192.0.2.3\r\n\
                    nameserver fe80::1%lo\nnameserver [192.0.2.5]:5353\nnameserver [::1]:54\n";
        assert_eq!(
            servers(text),
            [
                "192.0.2.1:53",
                "[2001:db8::1]:53",
                "192.0.2.3:53",
                "[fe80::1%1]:53",
                "192.0.2.5:5353",
                "[::1]:54"
            ]
        );
    }

    #[test] // R-8310-5a
    fn servers_nearby_or_at_a_port_of_their_own_are_spoken_to_plainly() {
        let texts = [
            ("192.0.2.1", "192.0.2.1"),
            ("10.0.0.1", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("fd00::1", "fd00::1"),
            ("[192.0.2.1]:53", "192.0.2.1"),
            ("[192.0.2.1]:5353", "udp:192.0.2.1:5353"),
            ("127.0.0.11", "udp:127.0.0.11"),
            ("127.0.0.53", "udp:127.0.0.53"),
            ("::ffff:127.0.0.53", "udp:127.0.0.53"),
            ("::1", "udp:::1"),
            ("169.254.169.253", "udp:169.254.169.253"),
            ("fe80::1%lo", "udp:fe80::1%1"),
            ("", "udp:127.0.0.1"),
        ];
        for (text, expected) in texts {
            let conf = Conf::parse(&format!("nameserver {text}"));
            let texts: Vec<_> = conf.servers.iter().map(|server| server.to_string()).collect();
            assert_eq!(texts, [expected]);
        }
    }

    #[test] // R-8310-5a
    fn a_private_server_gets_no_head_start_for_tls() {
        for (text, has_head_start) in [
            ("192.0.2.1", true),
            ("10.0.0.1", false),
            ("172.15.255.255", true),
            ("172.16.0.1", false),
            ("172.32.0.0", true),
            ("192.168.1.1", false),
            ("::ffff:192.168.1.1", false),
            ("100.63.255.255", true),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("100.128.0.0", true),
            ("2001:db8::1", true),
            ("fc00::1", false),
            ("fdff::1", false),
            ("fe00::1", true),
        ] {
            let conf = Conf::parse(&format!("nameserver {text}"));
            let expected = Profile::Opportunistic { tls_port: TLS_PORT, has_head_start };
            assert_eq!(conf.servers[0].profile(), &expected, "{text}");
        }
    }

    #[test]
    fn without_a_name_server_it_is_the_one_on_this_host() {
        assert_eq!(servers(""), ["127.0.0.1:53"]);
        assert_eq!(servers("#nameserver 192.0.2.1\n;nameserver 192.0.2.1\n"), ["127.0.0.1:53"]);
        assert_eq!(servers(" nameserver 192.0.2.1\nnameserver x\nnameserver\n"), ["127.0.0.1:53"]);
        assert_eq!(servers("nameservers 192.0.2.1\nnameserver fe80::1%no0\n"), ["127.0.0.1:53"]);
    }

    #[test]
    fn the_last_of_search_and_domain_wins() {
        assert_eq!(search("search a.corp B.Corp.\ndomain c.corp d.corp\n"), ["c.corp"]);
        assert_eq!(search("domain c.corp\nsearch a.corp b.corp # c\n"), ["a.corp", "b.corp"]);
        assert_eq!(search("search a.corp\nsearch .\n"), [""; 0]);
        assert_eq!(search("search a..corp a:b b.corp\n"), ["b.corp"]);
        #[cfg(feature = "idna")]
        assert_eq!(search("search Bücher.test\n"), ["xn--bcher-kva.test"]);
        assert_eq!(search("search a.corp\nsearch\n"), ["a.corp"]);
    }

    #[test]
    fn options_add_up_and_the_unknown_are_ignored() {
        let conf = Conf::parse(
            "options ndots:5 timeout:1 attempts:9 edns0\noptions rotate use-vc no-aaaa x:y",
        );
        assert_eq!(conf.ndots, 5);
        assert!(conf.rotate && conf.use_vc && conf.no_aaaa);
        let plain = Conf::parse("options single-request");
        assert!(!plain.rotate && !plain.use_vc && !plain.no_aaaa);
        assert_eq!(plain.ndots, 1);
    }

    #[test]
    fn ndots_lies_between_0_and_15() {
        let ndots = |text| Conf::parse(text).ndots;
        assert_eq!(ndots("options ndots:0"), 0);
        assert_eq!(ndots("options ndots:99"), 15);
        assert_eq!(ndots("options ndots:-1 ndots:"), 1);
    }

    #[test]
    fn timeout_times_attempts_is_the_time_of_a_lookup() {
        for (options, seconds) in [
            ("", 0),
            ("timeout:1", 2),
            ("attempts:3", 15),
            ("timeout:3 attempts:4", 12),
            ("timeout:1 attempts:99", 5),
            ("timeout:99 attempts:1", 30),
            ("timeout:20 attempts:5", 30),
            ("timeout:x attempts:-1", 0),
            ("timeout:4 timeout:", 8),
        ] {
            let conf = Conf::parse(&format!("options {options}"));
            assert_eq!(conf.lookup_timeout(), Duration::from_secs(seconds), "{options}");
        }
    }

    #[test]
    fn any_text_is_taken() {
        for text in
            ["\0\u{1}", "options", "options :::", "search \u{feff}", "\n\r\n;", "nameserver %"]
        {
            assert_eq!(servers(text), ["127.0.0.1:53"]);
        }
    }

    #[test]
    fn any_text_is_read_and_a_server_in_it_is_found() {
        let line = "(nameserver|search|domain|options|)[ \t#;%:.a-z0-9\u{e4}-]{0,60}";
        let ip = proptest::prelude::any::<Ipv4Addr>();
        proptest::proptest!(|(any: String, line in line, ip in ip)| {
            Conf::parse(&any);
            let found = servers(&format!("{line}\nnameserver {ip}\n{line}"));
            let expected = SocketAddr::from((ip, PORT)).to_string();
            assert!(found.contains(&expected), "{expected} in {found:?}");
        });
    }
}
