//! The hosts file.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::hosts_file::entry;
use crate::race::answer::{Answer, LookupError, LookupErrorKind, Origin};
use crate::race::literal::configured_addr;
use crate::race::name::{Name, bare};
use crate::race::query::Record;
use crate::race::text::Escaped;

/// The path of the hosts file on this system.
pub(in crate::dns) fn path() -> PathBuf {
    if cfg!(windows) {
        let root = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
        return Path::new(&root).join(r"System32\drivers\etc\hosts");
    }
    "/etc/hosts".into()
}

/// Addresses by name. The names are in lower case and A-labels, without a dot at their end.
#[derive(Debug, Clone, Default)]
pub(in crate::dns) struct Hosts(HashMap<Box<str>, Vec<SocketAddr>>);

/// At most this many addresses of a name are kept; a race takes 64.
const MAX_ADDRS: usize = 1_024;

impl Hosts {
    /// Reads hosts(5). A line that makes no sense is ignored; a name on several lines gets the
    /// addresses of all of them.
    pub(in crate::dns) fn parse(text: &str) -> Self {
        let mut hosts = Self::default();
        for line in text.lines() {
            let Some((addr, names)) = entry(line) else { continue };
            match configured_addr(addr, 0) {
                Ok(addr) => names.for_each(|name| hosts.insert(name, [addr])),
                Err(why) => tracing::debug!(line = %Escaped(line), %why, "hosts file: ignored"),
            }
        }
        hosts
    }

    /// Adds addresses to those of a name.
    pub(in crate::dns) fn insert(
        &mut self,
        name: &str,
        addrs: impl IntoIterator<Item = SocketAddr>,
    ) {
        let known = self.0.entry(key(name)).or_default();
        for addr in addrs {
            if known.len() < MAX_ADDRS && !known.contains(&addr) {
                known.push(addr);
            }
        }
    }

    /// The answer for a name in lower case; `None` if the file does not have the name. A name with
    /// addresses of one family has no records of the other: it is never asked in DNS.
    pub(in crate::dns) fn find(
        &self,
        name: &str,
        record: Record,
    ) -> Option<Result<Answer, LookupError>> {
        let known = self.0.get(bare(name))?;
        Some(answer(known, record).ok_or_else(|| LookupErrorKind::NoRecords.into()))
    }
}

/// The name as queries have it. Most names are ASCII, and a file may have many.
fn key(name: &str) -> Box<str> {
    match name.is_ascii() {
        true => bare(name).to_ascii_lowercase().into(),
        false => bare(Name::parse_lossy(name).as_str()).into(),
    }
}

/// The addresses of one record type among those of all; `None` without any.
pub(in crate::dns) fn answer(addrs: &[SocketAddr], record: Record) -> Option<Answer> {
    let addrs: Vec<_> = addrs.iter().copied().filter(|addr| record.holds(*addr)).collect();
    (!addrs.is_empty()).then(|| Answer::from(addrs).with_origin(Origin::Hosts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(hosts: &Hosts, name: &str, record: Record) -> Option<Vec<String>> {
        let answer = hosts.find(name, record)?.ok()?;
        assert_eq!(answer.origin(), Origin::Hosts);
        Some(answer.addrs().iter().map(|addr| addr.ip().to_string()).collect())
    }

    #[test]
    fn a_line_has_an_address_names_and_a_comment() {
        let hosts = Hosts::parse(
            "# a comment\n\n192.0.2.1\tDB.corp  db alias#x\r\n 192.0.2.2 db # again\n\
             2001:db8::1 db\nnonsense db\n192.0.2.1 db\n192.0.2.9\n",
        );
        let one = Some(vec!["192.0.2.1".to_owned()]);
        assert_eq!(addrs(&hosts, "db.corp", Record::A), one);
        assert_eq!(addrs(&hosts, "alias", Record::A), one);
        let two = vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()];
        assert_eq!(addrs(&hosts, "db", Record::A), Some(two));
        assert_eq!(addrs(&hosts, "db.", Record::Aaaa), Some(vec!["2001:db8::1".to_owned()]));
        assert!(hosts.find("x", Record::A).is_none());
        assert!(hosts.find("", Record::A).is_none());
    }

    #[test]
    fn a_name_of_one_family_has_none_of_the_other() {
        let hosts = Hosts::parse("192.0.2.1 db");
        let error = hosts.find("db", Record::Aaaa).unwrap().unwrap_err();
        assert_eq!(error.kind(), LookupErrorKind::NoRecords);
    }

    #[test]
    fn a_zone_survives() {
        let hosts = Hosts::parse("fe80::1%lo printer");
        let answer = hosts.find("printer", Record::Aaaa).unwrap().unwrap();
        assert_eq!(answer.addrs(), ["[fe80::1%1]:0".parse().unwrap()]);
    }

    #[test] // R-4007-11
    fn a_zone_that_the_address_does_not_need_is_dropped() {
        let hosts = Hosts::parse("fd78::1%lo printer\n2001:db8::1%nosuch0 printer");
        let expected = vec!["fd78::1".to_owned(), "2001:db8::1".to_owned()];
        assert_eq!(addrs(&hosts, "printer", Record::Aaaa), Some(expected));
    }

    // A query has A-labels.
    #[test]
    #[cfg(feature = "idna")]
    fn a_name_that_is_not_ascii_is_found_by_its_a_labels() {
        let hosts = Hosts::parse(
            "203.0.113.1 b\u{fc}cher.test\n203.0.113.2 B\u{dc}CHER.test. B\u{dc}RO\n\
             203.0.113.3 XN--Bcher-KVA.test\n203.0.113.4 \u{fffd} db\n",
        );
        let all = ["203.0.113.1", "203.0.113.2", "203.0.113.3"].map(str::to_owned).to_vec();
        assert_eq!(addrs(&hosts, "xn--bcher-kva.test", Record::A), Some(all));
        let office = Some(vec!["203.0.113.2".to_owned()]);
        assert_eq!(addrs(&hosts, "xn--bro-hoa", Record::A), office);
        // A name that cannot be mapped costs no other name of its line.
        assert_eq!(addrs(&hosts, "db", Record::A), Some(vec!["203.0.113.4".to_owned()]));
    }

    #[test]
    fn any_text_is_read_and_an_entry_in_it_is_found() {
        let line = "[ \t#%:.a-zA-Z0-9\u{0}\u{e4}-]{0,60}";
        let entry = ("[a-z]{1,20}\\.test", proptest::prelude::any::<std::net::Ipv4Addr>());
        proptest::proptest!(|(any: String, line in line, (name, ip) in entry)| {
            Hosts::parse(&any);
            let hosts = Hosts::parse(&format!("{line}\n{ip} {name}\n{line}"));
            let found = addrs(&hosts, &name, Record::A).unwrap_or_default();
            assert!(found.contains(&ip.to_string()), "{ip} in {found:?}");
        });
    }
}
