//! The names that a lookup tries, their outcomes so far, and the decision that follows from them.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::dns::config::resolv_conf::Conf;
use crate::race::answer::{Answer, LookupError};
use crate::race::name::Name;

/// The longest name, without the dot at its end (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

/// The names to try, in the order of glibc. A name with a dot at its end is tried alone. A name
/// with enough dots comes before the search list, any other name after it.
pub(super) fn names_to_try<'a>(
    name: &Name,
    conf: &'a Conf,
) -> impl Iterator<Item = Arc<str>> + use<'a> {
    let bare = match name.is_absolute() {
        true => Arc::from(name.bare()),
        false => name.as_arc().clone(),
    };
    let first = name.is_absolute() || dots(&bare) >= conf.ndots;
    let domains = if name.is_absolute() { &[][..] } else { &conf.search[..] };
    let (before, after) = match first {
        true => (Some(bare.clone()), None),
        false => (None, Some(bare.clone())),
    };
    let searched = domains.iter().map(move |domain| Arc::from(format!("{bare}.{domain}")));
    let fits = |name: &Arc<str>| name.len() <= MAX_NAME;
    before.into_iter().chain(searched.filter(fits)).chain(after)
}

fn dots(name: &str) -> usize {
    name.bytes().filter(|c| *c == b'.').count()
}

/// The names in the order in which they are tried, and the outcomes of those that were asked. They
/// are asked one after the other; a silent one is not abandoned while the next one is asked beside
/// it.
pub(super) struct TriedNames {
    /// Most lookups have one.
    names: SmallVec<[Arc<str>; 1]>,
    /// The names that were asked, from the first on.
    asked: SmallVec<[AskedName; 1]>,
    /// The number of record types of the call besides the lookup's own.
    siblings: usize,
    /// The name that is the host, for all record types.
    host: Option<usize>,
}

/// The outcomes of a name so far.
struct AskedName {
    own: Option<Result<Answer, LookupError>>,
    are_siblings_asked: bool,
    /// The siblings that have not ended.
    siblings_left: usize,
    /// The TTL of an address, once there is one of any record type.
    address: Option<Duration>,
}

impl AskedName {
    fn has_ended(&self) -> bool {
        self.own.is_some() && self.siblings_left == 0
    }
}

impl TriedNames {
    pub(super) fn new(names: impl Iterator<Item = Arc<str>>, siblings: usize) -> Self {
        Self { names: names.collect(), asked: SmallVec::new(), siblings, host: None }
    }

    pub(super) fn name(&self, nth: usize) -> &Arc<str> {
        &self.names[nth]
    }

    /// The number of names that were not asked yet.
    pub(super) fn left(&self) -> usize {
        self.names.len() - self.asked.len()
    }

    /// Begins with the next name, and returns its number.
    pub(super) fn start(&mut self) -> usize {
        let siblings_left = self.siblings;
        let asked =
            AskedName { own: None, are_siblings_asked: false, siblings_left, address: None };
        self.asked.push(asked);
        self.asked.len() - 1
    }

    /// True if the next name may have to be asked while this one is silent.
    pub(super) fn may_go_on(&self) -> bool {
        self.host.is_none() && self.left() > 0
    }

    /// True if the next name is asked now: the latest one has no addresses, or its share of the
    /// time is over.
    pub(super) fn goes_on(&self, is_share_over: bool) -> bool {
        let has_ended = self.asked.last().is_none_or(AskedName::has_ended);
        self.may_go_on() && (has_ended || is_share_over)
    }

    /// The lookup's own record type has ended for this name.
    pub(super) fn own_ended(&mut self, nth: usize, outcome: Result<Answer, LookupError>) {
        let asked = &mut self.asked[nth];
        asked.address = asked.address.or(address_ttl(&outcome));
        asked.own = Some(outcome);
        self.decide();
    }

    /// Another record type has ended for this name.
    pub(super) fn sibling_ended(&mut self, nth: usize, outcome: &Result<Answer, LookupError>) {
        let asked = &mut self.asked[nth];
        asked.address = asked.address.or(address_ttl(outcome));
        asked.siblings_left -= 1;
        self.decide();
    }

    /// The earliest name that has an address when one is needed is the host, and stays it.
    fn decide(&mut self) {
        let first = || self.asked.iter().position(|asked| asked.address.is_some());
        self.host = self.host.or_else(first);
    }

    /// A name whose other record types have to be asked now: its own type has no address, or is
    /// silent while another name is asked beside it.
    pub(super) fn take_due(&mut self, is_share_over: bool) -> Option<usize> {
        let due = (0..self.asked.len()).find(|nth| self.is_due(*nth, is_share_over))?;
        self.asked[due].are_siblings_asked = true;
        Some(due)
    }

    fn is_due(&self, nth: usize, is_share_over: bool) -> bool {
        let asked = &self.asked[nth];
        let is_newest = nth + 1 == self.asked.len();
        let is_last = nth + 1 == self.names.len();
        let is_alone = self.asked[..nth].iter().all(AskedName::has_ended);
        // After the last name there is nothing to decide.
        if asked.are_siblings_asked || self.host.is_some() || (is_last && is_alone) {
            return false;
        }
        match &asked.own {
            Some(outcome) => outcome.is_err(),
            None => !is_alone || (is_newest && is_share_over),
        }
    }

    /// The host, and the outcome of the lookup's own type for it, once both are known.
    pub(super) fn host(&self) -> Option<(usize, &Result<Answer, LookupError>)> {
        let host = self.host?;
        Some((host, self.asked[host].own.as_ref()?))
    }

    /// The TTL of the host's addresses.
    pub(super) fn address_ttl(&self) -> Duration {
        let host = self.host.and_then(|host| self.asked[host].address);
        host.unwrap_or_default()
    }

    /// True if no name has an address: all have ended. The other record types of the last one do not
    /// matter.
    pub(super) fn is_over(&self) -> bool {
        let Some((last, before)) = self.asked.split_last() else { return self.names.is_empty() };
        self.host.is_none()
            && self.left() == 0
            && last.own.is_some()
            && before.iter().all(AskedName::has_ended)
    }

    /// The errors of the lookup's own type, with the names that they are about.
    pub(super) fn errors(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &LookupError)> {
        let named = self.names.iter().zip(&self.asked);
        named.filter_map(|(name, asked)| Some((name, asked.own.as_ref()?.as_ref().err()?)))
    }
}

fn address_ttl(outcome: &Result<Answer, LookupError>) -> Option<Duration> {
    outcome.as_ref().ok().map(|answer| answer.ttl().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(name: &str, resolv_conf: &str) -> String {
        let conf = Conf::parse(resolv_conf);
        let names: Vec<_> =
            names_to_try(&Name::parse_lossy(name), &conf).map(|name| name.to_string()).collect();
        names.join(" ")
    }

    #[test]
    fn a_name_with_enough_dots_is_tried_as_it_is_first() {
        let conf = "search a.corp b.corp";
        assert_eq!(tried("db", conf), "db.a.corp db.b.corp db");
        assert_eq!(tried("db.eu", conf), "db.eu db.eu.a.corp db.eu.b.corp");
        assert_eq!(tried("db.", conf), "db");
        assert_eq!(tried("db.eu.", conf), "db.eu");
    }

    #[test]
    fn ndots_says_how_many_dots_are_enough() {
        let conf = "search a.corp\noptions ndots:5";
        assert_eq!(tried("a.b.c.d.e", conf), "a.b.c.d.e.a.corp a.b.c.d.e");
        assert_eq!(tried("a.b.c.d.e.f", conf), "a.b.c.d.e.f a.b.c.d.e.f.a.corp");
        assert_eq!(tried("db", "search a.corp\noptions ndots:0"), "db db.a.corp");
    }

    #[test]
    fn without_a_search_list_a_name_is_only_itself() {
        assert_eq!(tried("db", ""), "db");
        assert_eq!(tried("db", "search ."), "db");
    }

    #[test]
    fn a_name_that_is_too_long_is_left_out() {
        let name = "abcdefg.".repeat(31) + "abcd";
        assert_eq!(tried(&name, "search a.corp b.corp"), name);
    }
}
