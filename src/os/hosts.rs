//! Corrects calls for one family where the hosts file has the name.
//!
//! If the file has it in one family only, `getaddrinfo` asks DNS for the other. After
//! `127.0.0.1 db.test` a program would connect to the IPv6 address that DNS has for this name. A
//! call for both families does not do that.
//!
//! `getaddrinfo` also misses lines that this crate reads: a query has A-labels, the name of a line
//! may be `bücher.test`; and some systems ignore a line whose address has a zone.

use std::fs;
use std::net::SocketAddr;

use crate::hosts_file::entry;
use crate::race::literal::configured_addr;
use crate::race::name::{Name, bare};
use crate::race::query::Record;

/// The path on Unix. Windows needs no correction: its DNS client answers for both families.
const PATH: &str = "/etc/hosts";

/// The addresses of this name, if `getaddrinfo` would not give those of the hosts file. They are
/// none if the file has the name in the other family only. Reads the file each time, as
/// `getaddrinfo` does.
pub(super) fn correction(name: &str, record: Record) -> Option<Vec<SocketAddr>> {
    let text = fs::read(PATH).unwrap_or_default();
    correction_by(&String::from_utf8_lossy(&text), name, record)
}

fn correction_by(text: &str, name: &str, record: Record) -> Option<Vec<SocketAddr>> {
    let (mut known, mut is_missed) = (Vec::new(), false);
    for line in text.lines() {
        let Some((addr, names)) = entry(line) else { continue };
        let Some(is_plain) = names.filter_map(|it| matches(it, name)).reduce(|a, b| a || b) else {
            continue;
        };
        if let Ok(read) = configured_addr(addr, 0) {
            known.push(read);
            is_missed |= record.holds(read) && (!is_plain || addr.contains('%'));
        }
    }
    let of_family = known.iter().copied().filter(|addr| record.holds(*addr)).collect::<Vec<_>>();
    let is_wrong = is_missed || of_family.is_empty() && !known.is_empty();
    is_wrong.then_some(of_family)
}

/// If a name of the file is this name, whether `getaddrinfo` sees that too.
fn matches(in_file: &str, name: &str) -> Option<bool> {
    match in_file.is_ascii() {
        true => in_file.eq_ignore_ascii_case(name).then_some(true),
        false => (bare(Name::parse_lossy(in_file).as_str()) == bare(name)).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_one_family_has_none_of_the_other() {
        let text = "# 192.0.2.9 c.test\n192.0.2.1 a.test\tB.test # c.test\n2001:db8::1 a.test\n\
                    nonsense c.test\n\n192.0.2.2\n192.0.2.3 e.test\r\n";
        let only_others = |name, record| match correction_by(text, name, record) {
            None => false,
            Some(addrs) => addrs.is_empty(),
        };
        for (name, aaaa, a) in [
            ("a.test", false, false),
            ("b.test", true, false),
            ("c.test", false, false),
            ("d.test", false, false),
            ("e.test", true, false),
            ("192.0.2.2", false, false),
        ] {
            assert_eq!(only_others(name, Record::Aaaa), aaaa, "{name}");
            assert_eq!(only_others(name, Record::A), a, "{name}");
        }
        assert_eq!(correction_by("::1 d.test", "d.test", Record::A), Some(Vec::new()));
    }

    #[test]
    #[cfg(feature = "idna")]
    fn a_name_that_is_not_ascii_is_found_by_its_a_labels() {
        let text = "203.0.113.1 B\u{fc}cher.test\n203.0.113.2 xn--bcher-kva.test\n\
                    203.0.113.3 b\u{fc}ro db \u{fc}\n203.0.113.4 db\n";
        let known = |name, record| {
            let addrs = correction_by(text, name, record)?;
            Some(addrs.iter().map(|addr| addr.ip().to_string()).collect::<Vec<_>>())
        };
        let both = ["203.0.113.1", "203.0.113.2"].map(str::to_owned).to_vec();
        assert_eq!(known("xn--bcher-kva.test", Record::A), Some(both.clone()));
        assert_eq!(known("xn--bcher-kva.test.", Record::A), Some(both[..1].to_vec()));
        assert_eq!(known("xn--bcher-kva.test", Record::Aaaa), Some(Vec::new()));
        assert_eq!(known("xn--bro-hoa", Record::A), Some(vec!["203.0.113.3".to_owned()]));
        // getaddrinfo finds this one by itself.
        assert_eq!(known("db", Record::A), None);
    }

    #[test] // R-4007-11
    fn a_zone_that_the_address_does_not_need_is_dropped() {
        let known = |text, record| correction_by(text, "printer", record);
        let addr = "[fd78::1]:0".parse().unwrap();
        assert_eq!(known("fd78::1%lo printer", Record::Aaaa), Some(vec![addr]));
        assert_eq!(known("fd78::1%lo printer", Record::A), Some(Vec::new()));
        assert_eq!(known("fd78::1 printer", Record::Aaaa), None);
    }
}
