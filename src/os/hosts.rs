//! Corrects calls for one family. If the hosts file has a name in one family only, such a call asks
//! DNS for the other. After `127.0.0.1 db.test` a program would connect to the IPv6 address that
//! DNS has for this name. A call for both families does not do that.

use std::fs;

use crate::hosts_file::entry;
use crate::race::literal::configured_addr;
use crate::race::query::Record;

/// The path on Unix. Windows needs no correction: its DNS client answers for both families.
const PATH: &str = "/etc/hosts";

/// True if the hosts file has this name, but not in this family. Reads the file each time, as
/// `getaddrinfo` does.
pub(super) fn excludes(name: &str, record: Record) -> bool {
    let text = fs::read(PATH).unwrap_or_default();
    has_only_others(&String::from_utf8_lossy(&text), name, record)
}

fn has_only_others(text: &str, name: &str, record: Record) -> bool {
    let mut others = false;
    for line in text.lines() {
        let Some((addr, mut names)) = entry(line) else { continue };
        if !names.any(|it| it.eq_ignore_ascii_case(name)) {
            continue;
        }
        match configured_addr(addr, 0) {
            Ok(addr) if record.holds(addr) => return false,
            Ok(_) => others = true,
            Err(_) => {}
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_one_family_has_none_of_the_other() {
        let text = "# 192.0.2.9 c.test\n192.0.2.1 a.test\tB.test # c.test\n2001:db8::1 a.test\n\
                    nonsense c.test\n\n192.0.2.2\n192.0.2.3 e.test\r\n";
        let only_others = |name, record| has_only_others(text, name, record);
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
        assert!(has_only_others("::1 d.test", "d.test", Record::A));
    }
}
