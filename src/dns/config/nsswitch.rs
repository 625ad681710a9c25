//! Other sources of names that this system has: the `hosts` line of nsswitch.conf(5).

use std::fmt;
use std::path::{Path, PathBuf};

use super::file;
use crate::race::text::Escaped;

/// The path on glibc and the BSDs. musl does not read the file, even where there is one.
pub(in crate::dns) fn path() -> Option<PathBuf> {
    cfg!(all(unix, not(target_env = "musl"))).then(|| "/etc/nsswitch.conf".into())
}

/// The services of the `hosts` line besides the hosts file and DNS. `Display` is the text to add to
/// "not found".
#[derive(Debug)]
pub(in crate::dns) struct Services(Vec<String>);

impl Services {
    /// A missing file lists none. `None` if it cannot be read.
    pub(in crate::dns) fn read(path: &Path) -> Option<Self> {
        match file::read(path) {
            Ok(text) => Some(Self(other_services(&text).into_iter().map(str::to_owned).collect())),
            Err(error) => {
                tracing::debug!(path = %path.display(), error = %Escaped(error), "nsswitch.conf: not read");
                None
            }
        }
    }

    pub(in crate::dns) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asks = if self.0.len() == 1 { "asks it" } else { "asks them" };
        let services = Escaped(self.0.join(", "));
        write!(f, "nsswitch.conf also has {services}: he::os::Resolver (feature os) {asks}")
    }
}

/// The services of the `hosts` line that a name reaches which is neither in the hosts file nor in
/// DNS. The last of several lines counts, as in glibc.
fn other_services(text: &str) -> Vec<&str> {
    let entries = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let mut hosts = entries.filter_map(|entry| match entry.split_once(':')? {
        (database, services) if database.trim() == "hosts" => Some(services),
        _ => None,
    });
    let mut rest = hosts.next_back().unwrap_or_default();
    let mut others = Vec::new();
    while let Some((service, actions, after)) = next(rest) {
        rest = after;
        match service {
            // The search ends here; the services after it are for other failures.
            "files" | "dns" if returns_when_not_found(actions) => break,
            "files" | "dns" => {}
            other => others.push(other),
        }
    }
    others
}

/// A service, the text in the brackets after it, and the rest: `dns [NOTFOUND=return] files`.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let text = text.trim_start();
    let end = text.find(|c: char| c.is_whitespace() || c == '[').unwrap_or(text.len());
    let (service, rest) = text.split_at(end);
    let (actions, rest) = match rest.trim_start().strip_prefix('[') {
        Some(inside) => inside.split_once(']').unwrap_or((inside, "")),
        None => ("", rest),
    };
    (!text.is_empty()).then_some((service, actions, rest))
}

/// `NOTFOUND=return`, or `!S=return` with another status, in any case and with any spaces. The last
/// one that applies counts.
fn returns_when_not_found(actions: &str) -> bool {
    let actions = actions.to_ascii_lowercase().replace('=', " = ").replace('!', " ! ");
    let words: Vec<_> = actions.split_whitespace().collect();
    let mut returns = false;
    for at in 0..words.len() {
        let Some([status, "=", action]) = words.get(at..at + 3) else { continue };
        let negated = at > 0 && words[at - 1] == "!";
        if negated != (*status == "notfound") {
            returns = *action == "return";
        }
    }
    returns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_line_names_the_other_services() {
        for (text, expected) in [
            ("", ""),
            ("hosts: files dns", ""),
            ("hosts:files dns\n", ""),
            ("hosts:\t\tfiles mdns4_minimal [NOTFOUND=return] dns\r\n", "mdns4_minimal"),
            ("hosts:  files   myhostname  dns # wins", "myhostname"),
            ("passwd: files ldap\nhosts: files dns\nnetworks: nis\n", ""),
            ("#hosts: wins\n # hosts: wins\n hosts : files wins dns", "wins"),
            ("hosts: wins\nhosts: files dns ldap", "ldap"),
            (
                "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns",
                "mymachines resolve myhostname",
            ),
            ("hosts: files[SUCCESS=return]dns[UNAVAIL=continue]sss", "sss"),
            ("hosts: dns [ NOTFOUND = RETURN ] nis", ""),
            ("hosts: dns [!UNAVAIL=return] nis", ""),
            ("hosts: dns [!NOTFOUND=return] nis", "nis"),
            ("hosts: dns [!UNAVAIL=return NOTFOUND=continue] nis", "nis"),
            ("hosts: files [notfound=return] dns wins", ""),
            ("hosts: [ dns", ""),
            ("hosts: wins [NOTFOUND=return", "wins"),
            ("hosts:", ""),
        ] {
            assert_eq!(other_services(text).join(" "), expected, "{text:?}");
        }
    }

    #[test]
    fn any_text_is_read_and_a_source_in_it_is_found() {
        let services = "[a-z0-9_ \\[\\]!=:#\t-]{0,40}";
        proptest::proptest!(|(any: String, services in services)| {
            other_services(&any);
            other_services(&format!("hosts: {services}"));
            let text = format!("{any}\nhosts: wins {services}\n{}", any.replace("hosts", ""));
            assert!(other_services(&text).contains(&"wins"), "{text:?}");
        });
    }
}
