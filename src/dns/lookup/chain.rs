//! From the name that was asked to its addresses: CNAMEs, TTLs and negative answers.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Name;

use crate::dns::message::records::Records;
use crate::dns::message::text_name;
use crate::race::answer::{LookupError, LookupErrorKind};

/// At most this many CNAMEs are followed, over all replies of a lookup. Recursive servers follow
/// about as many, and a stub should not be stricter. The 8 of RFC 9460 (C-ALIAS) are advice to zone
/// owners about aliases.
const MAX_HOPS: usize = 16;
/// The longest validity of an answer and of a negative answer (RFC 2308 section 5 leaves both to
/// the resolver).
const MAX_TTL: Duration = Duration::from_secs(3_600);
const MAX_NEGATIVE_TTL: Duration = Duration::from_secs(300);

/// The name that the chain has reached, the names before it, and the smallest TTL so far.
#[derive(Debug)]
pub(super) struct Chain {
    name: Name,
    passed: Vec<Name>,
    ttl: Duration,
}

/// The end of a reply's CNAMEs.
#[derive(Debug)]
pub(super) enum ChainEnd {
    /// Addresses of the chain's last name, and how many more the reply had.
    Addrs { addrs: Vec<SocketAddr>, left_out: usize },
    /// A negative answer, which is valid for the chain's TTL.
    Negative(LookupErrorKind),
    /// Another name, about which the reply has nothing more.
    Elsewhere,
}

impl Chain {
    pub(super) fn new(name: Name) -> Self {
        Self { name, passed: Vec::new(), ttl: MAX_TTL }
    }

    /// The name that the chain has reached.
    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// True if the chain has followed a CNAME.
    pub(super) fn has_moved(&self) -> bool {
        !self.passed.is_empty()
    }

    /// The smallest TTL of the chain; with zero the answer is not cached.
    pub(super) fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Follows the CNAMEs of a reply. Records of other names are ignored.
    ///
    /// # Errors
    ///
    /// The chain is a loop or has more than 16 CNAMEs.
    pub(super) fn follow(&mut self, reply: &Records) -> Result<ChainEnd, LookupError> {
        let before = self.passed.len();
        let is_known = reply.code() != ResponseCode::NXDomain;
        while let Some(owned) = reply.of(&self.name) {
            if is_known && !owned.addrs.is_empty() {
                self.at_most(owned.ttl);
                return Ok(ChainEnd::Addrs {
                    addrs: owned.addrs.clone(),
                    left_out: owned.left_out,
                });
            }
            let Some((target, ttl)) = owned.alias() else { break };
            self.step(target, ttl)?;
        }
        // RFC 2308 section 2.1: NXDOMAIN is about the last name of the chain, and so is an SOA.
        let soa_ttl = self.soa_ttl(reply);
        if is_known && soa_ttl.is_none() && self.passed.len() > before {
            return Ok(ChainEnd::Elsewhere);
        }
        self.at_most(soa_ttl.unwrap_or_default().min(MAX_NEGATIVE_TTL));
        Ok(ChainEnd::Negative(match is_known {
            true => LookupErrorKind::NoRecords,
            false => LookupErrorKind::NoSuchName,
        }))
    }

    fn step(&mut self, target: Name, ttl: Duration) -> Result<(), LookupError> {
        self.passed.push(std::mem::replace(&mut self.name, target));
        self.at_most(ttl);
        let again = self.passed.contains(&self.name);
        if !again && self.passed.len() <= MAX_HOPS {
            return Ok(());
        }
        let many = || format!("more than {MAX_HOPS} CNAMEs");
        let what = if again { "CNAME loop".to_owned() } else { many() };
        let names: Vec<_> = self.passed.iter().chain([&self.name]).map(text_name).collect();
        let why = format!("{what}: {}", names.join(" -> "));
        Err(LookupError::from(LookupErrorKind::Other).with_cause(why))
    }

    fn soa_ttl(&self, reply: &Records) -> Option<Duration> {
        let mut soas = reply.soas().iter();
        soas.find(|soa| soa.zone.zone_of(&self.name)).map(|soa| soa.ttl)
    }

    fn at_most(&mut self, ttl: Duration) {
        self.ttl = self.ttl.min(ttl);
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA};
    use hickory_proto::rr::{DNSClass, RData, Record as Rr};
    use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

    use super::*;
    use crate::dns::message::{Edns, Question, ReplyKind, wire_name};
    use crate::race::query::Record;

    const SECOND: Duration = Duration::from_secs(1);

    fn name(text: &str) -> Name {
        wire_name(text).unwrap()
    }

    fn a(owner: &str, ttl: u32, last: u8) -> Rr {
        Rr::from_rdata(name(owner), ttl, RData::A(A::new(192, 0, 2, last)))
    }

    fn cname(owner: &str, ttl: u32, target: &str) -> Rr {
        Rr::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name(target))))
    }

    fn soa(owner: &str, ttl: u32, minimum: u32) -> Rr {
        let soa = SOA::new(name(owner), name(owner), 1, 2, 3, 4, minimum);
        Rr::from_rdata(name(owner), ttl, RData::SOA(soa))
    }

    /// The records that are read of a reply to the question for A of `www.test`.
    fn reply(code: ResponseCode, answers: Vec<Rr>, authorities: Vec<Rr>) -> Records {
        let question = Question::new(name("www.test"), Record::A);
        let packet = question.encode(Edns::Without).unwrap();
        let counts = [answers.len(), authorities.len()].map(|count| count as u16);
        let mut bytes = packet.bytes.to_vec();
        bytes[2..4].copy_from_slice(&[0x81, 0x80 | code.low()]);
        bytes[6..10].copy_from_slice(&counts.map(u16::to_be_bytes).concat());
        bytes.extend(answers.iter().chain(&authorities).flat_map(uncompressed));
        let ReplyKind::Reply(records) = question.read(&packet, &bytes) else { panic!("no reply") };
        records
    }

    fn uncompressed(rr: &Rr) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = BinEncoder::new(&mut bytes);
        encoder.set_name_encoding(NameEncoding::Uncompressed);
        rr.emit(&mut encoder).unwrap();
        bytes
    }

    /// The end of a reply about `www.test`, the last name, and its validity.
    fn follow(reply: &Records) -> (Result<ChainEnd, LookupError>, String, Duration) {
        let mut chain = Chain::new(name("www.test"));
        let found = chain.follow(reply);
        (found, text_name(chain.name()), chain.ttl())
    }

    fn lasts(found: Result<ChainEnd, LookupError>) -> Vec<u8> {
        let Ok(ChainEnd::Addrs { addrs, .. }) = found else { panic!("no addresses: {found:?}") };
        let last = |addr: SocketAddr| addr.ip().to_string().rsplit('.').next().unwrap().parse();
        addrs.into_iter().map(|addr| last(addr).unwrap()).collect()
    }

    #[test]
    fn only_records_of_the_name_class_and_type_count() {
        let mut chaos = a("www.test", 60, 3);
        chaos.dns_class = DNSClass::CH;
        let v6 = RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
        let v6 = Rr::from_rdata(name("www.test"), 60, v6);
        let all = vec![a("evil.test", 60, 1), a("WWW.test", 60, 2), chaos, v6];
        let (found, last, ttl) = follow(&reply(ResponseCode::NoError, all, vec![]));
        assert_eq!((lasts(found), last.as_str(), ttl), (vec![2], "www.test", 60 * SECOND));
    }

    #[test] // R-1034-3.6.2, R-1035-TTL
    fn a_chain_is_followed_in_any_order_and_its_smallest_ttl_counts() {
        let all = vec![
            a("c.test", 300, 1),
            cname("b.test", 20, "c.test"),
            cname("www.test", 900, "b.test"),
        ];
        let (found, last, ttl) = follow(&reply(ResponseCode::NoError, all, vec![]));
        assert_eq!((lasts(found), last.as_str(), ttl), (vec![1], "c.test", 20 * SECOND));
    }

    #[test] // R-1034-3.6.2
    fn a_loop_is_named() {
        let all = vec![cname("www.test", 60, "b.test"), cname("b.test", 60, "WWW.test")];
        let (found, ..) = follow(&reply(ResponseCode::NoError, all, vec![]));
        let error = found.unwrap_err();
        let text = "lookup failed: CNAME loop: www.test -> b.test -> www.test";
        assert_eq!(error.to_string(), text);
        let own = vec![cname("www.test", 60, "www.test")];
        let (found, ..) = follow(&reply(ResponseCode::NoError, own, vec![]));
        let text = "lookup failed: CNAME loop: www.test -> www.test";
        assert_eq!(found.unwrap_err().to_string(), text);
    }

    /// The CNAMEs from number `from` to number `to` of a chain that starts at `www.test`.
    fn aliases(from: u8, to: u8) -> Vec<Rr> {
        let nth = |i: u8| if i == 0 { "www.test".into() } else { format!("n{i}.test") };
        (from..to).map(|i| cname(&nth(i), 60, &nth(i + 1))).collect()
    }

    // The 8 of RFC 9460 are advice for the aliases of a zone, and no limit for CNAMEs.
    #[test] // R-1034-3.6.2, C-ALIAS
    fn sixteen_cnames_are_followed_and_seventeen_are_not() {
        let chain = |length: u8| {
            let mut all = aliases(0, length);
            all.reverse();
            all.push(a(&format!("n{length}.test"), 60, length));
            follow(&reply(ResponseCode::NoError, all, vec![])).0
        };
        for length in [1, 8, 9, 10, 12, 16] {
            assert_eq!(lasts(chain(length)), [length]);
        }
        let error = chain(17).unwrap_err().to_string();
        let text = "lookup failed: more than 16 CNAMEs: www.test -> n1.test";
        assert!(error.starts_with(text), "{error}");
    }

    #[test] // R-1034-3.6.2, C-ALIAS
    fn the_cnames_of_all_replies_of_a_lookup_count_together() {
        let mut chain = Chain::new(name("www.test"));
        let mut follow = |from, to| {
            let part = reply(ResponseCode::NoError, aliases(from, to), vec![]);
            chain.follow(&part)
        };
        assert!(matches!(follow(0, 9), Ok(ChainEnd::Elsewhere)));
        assert!(matches!(follow(9, 16), Ok(ChainEnd::Elsewhere)));
        let error = follow(16, 17).unwrap_err().to_string();
        assert!(error.starts_with("lookup failed: more than 16 CNAMEs"), "{error}");
    }

    #[test] // R-1034-3.6.2
    fn a_loop_over_several_replies_is_named() {
        let mut chain = Chain::new(name("www.test"));
        let mut follow = |owner: &str, target: &str| {
            let part = reply(ResponseCode::NoError, vec![cname(owner, 60, target)], vec![]);
            chain.follow(&part)
        };
        assert!(matches!(follow("www.test", "b.test"), Ok(ChainEnd::Elsewhere)));
        let error = follow("b.test", "WWW.test").unwrap_err().to_string();
        assert_eq!(error, "lookup failed: CNAME loop: www.test -> b.test -> www.test");
    }

    #[test] // R-1034-3.6.2
    fn a_chain_that_ends_without_a_word_leads_elsewhere() {
        let half = vec![cname("www.test", 60, "b.other")];
        let (found, last, _) = follow(&reply(ResponseCode::NoError, half.clone(), vec![]));
        assert!(matches!(found, Ok(ChainEnd::Elsewhere)));
        assert_eq!(last, "b.other");
        // An SOA or NXDOMAIN makes it a negative answer (RFC 2308 section 2).
        let soa = vec![soa("other", 60, 30)];
        let (found, _, ttl) = follow(&reply(ResponseCode::NoError, half.clone(), soa));
        assert!(matches!(found, Ok(ChainEnd::Negative(LookupErrorKind::NoRecords))));
        assert_eq!(ttl, 30 * SECOND);
        let (found, ..) = follow(&reply(ResponseCode::NXDomain, half, vec![]));
        assert!(matches!(found, Ok(ChainEnd::Negative(LookupErrorKind::NoSuchName))));
    }

    #[test] // R-2308-5
    fn none_lasts_as_long_as_the_soa_says_and_at_most_five_minutes() {
        let none = |soas| follow(&reply(ResponseCode::NoError, vec![], soas));
        for (soas, seconds) in [
            (vec![soa("test", 60, 30)], 30),
            (vec![soa("test", 20, 30)], 20),
            (vec![soa("test", 9_000, 9_000)], 300),
            (vec![soa("test", 9_000, 1 << 31)], 0),
            (vec![soa("other", 60, 30)], 0),
            (vec![], 0),
        ] {
            let (found, _, ttl) = none(soas);
            assert!(matches!(found, Ok(ChainEnd::Negative(LookupErrorKind::NoRecords))));
            assert_eq!(ttl, seconds * SECOND);
        }
    }

    #[test] // R-1035-TTL
    fn a_ttl_lies_between_zero_and_an_hour() {
        for (seconds, used) in
            [(0, 0), (1, 1), (3_600, 3_600), (86_400, 3_600), (1 << 31, 0), (u32::MAX, 0)]
        {
            let answers = vec![a("www.test", 60_000, 1), a("www.test", seconds, 2)];
            assert_eq!(follow(&reply(ResponseCode::NoError, answers, vec![])).2, used * SECOND);
        }
    }

    #[test]
    fn of_many_addresses_the_first_64_are_kept_and_the_rest_is_counted() {
        for (count, more) in [(63, 0), (64, 0), (65, 1), (4_000, 3_936)] {
            let mut all: Vec<_> = (0..count).map(|i| a("www.test", 60, (i % 251) as u8)).collect();
            all.push(a("other.test", 60, 1));
            let (found, ..) = follow(&reply(ResponseCode::NoError, all, vec![]));
            assert!(matches!(found, Ok(ChainEnd::Addrs { left_out, .. }) if left_out == more));
            assert_eq!(lasts(found), (0..count.min(64) as u8).collect::<Vec<u8>>());
        }
    }
}
