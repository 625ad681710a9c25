use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_proto::rr::{DNSClass, RData, Record as Rr};

use super::*;

mod bounds;
mod nonsense;

fn question() -> Question {
    Question::new(wire_name("www.example.test").unwrap(), Record::A)
}

/// A reply to `packet` after `change`.
fn reply(packet: &Packet, change: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut message = Message::from_vec(&packet.bytes).unwrap();
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    change(&mut message);
    message.to_vec().unwrap()
}

/// A reply with a record of each type that is read, in all sections.
fn full(packet: &Packet) -> Vec<u8> {
    let name = |text: &str| wire_name(text).unwrap();
    let own = |owner: &str, data| Rr::from_rdata(name(owner), 60, data);
    reply(packet, |m| {
        m.answers = vec![
            own("www.example.test", RData::CNAME(CNAME(name("cdn.example.test")))),
            own("cdn.example.test", RData::A(A::new(192, 0, 2, 1))),
            own("www.example.test", RData::AAAA(AAAA::new(1, 2, 3, 4, 5, 6, 7, 8))),
        ];
        let soa = SOA::new(name("ns.test"), name("who.example.test"), 1, 2, 3, 4, 5);
        m.authorities = vec![own("example.test", RData::SOA(soa))];
        m.additionals = vec![own("ns.test", RData::A(A::new(192, 0, 2, 53)))];
    })
}

fn heard(change: impl FnOnce(&mut Message)) -> String {
    let packet = question().encode(Edns::Plain).unwrap();
    words(&question(), question().read(&packet, &reply(&packet, change)))
}

/// The kind of a reply in words, with the addresses of the name that was asked.
fn words(question: &Question, kind: ReplyKind) -> String {
    let addrs = |records: &Records| -> String {
        let owned = records.of(question.name()).map(|owned| owned.addrs.clone());
        owned.into_iter().flatten().map(|addr| format!(" {}", addr.ip())).collect()
    };
    match kind {
        ReplyKind::Nothing => "nothing".to_owned(),
        ReplyKind::Truncated => "truncated".to_owned(),
        ReplyKind::WithoutEdns => "without EDNS".to_owned(),
        ReplyKind::Failed(error) => error.to_string(),
        ReplyKind::Unreadable(error, records) => format!("{error};{}", addrs(&records)),
        ReplyKind::Reply(records) => format!("{}{}", records.code(), addrs(&records)),
    }
}

#[test] // C-EDNS, R-8482
fn a_question_asks_one_type_with_recursion_and_edns_1232() {
    let sent = Message::from_vec(&question().encode(Edns::Plain).unwrap().bytes).unwrap();
    assert!(sent.metadata.recursion_desired);
    assert_eq!(sent.queries.len(), 1);
    assert_eq!(sent.queries[0].name.to_ascii(), "www.example.test.");
    assert_eq!(sent.queries[0].query_type, RecordType::A);
    assert_eq!(sent.edns.map(|edns| (edns.max_payload(), edns.version())), Some((1232, 0)));
    let plain = Message::from_vec(&question().encode(Edns::Without).unwrap().bytes).unwrap();
    assert_eq!(plain.edns, None);
}

#[test] // R-8310-11.1a, R-8310-11.1b
fn on_tls_a_question_is_padded_to_128_bytes_and_tells_no_subnet() {
    for length in 1..=63 {
        let name = wire_name(&format!("{}.{}.test", "a".repeat(length), "b".repeat(50)));
        let packet = Question::new(name.unwrap(), Record::A).encode(Edns::Private).unwrap();
        // Header, question, OPT, subnet and padding's own header: 39 bytes and the name.
        let blocks = (39 + length + 58).div_ceil(128);
        assert_eq!(packet.bytes.len(), blocks * 128, "{length}");
        let sent = Message::from_vec(&packet.bytes).unwrap().edns.unwrap();
        let Some(EdnsOption::Subnet(subnet)) = sent.option(EdnsCode::Subnet) else {
            panic!("no subnet in {sent:?}")
        };
        assert_eq!((subnet.source_prefix(), subnet.scope_prefix()), (0, 0));
    }
}

#[test] // R-5452-9
fn ids_differ() {
    let ids: std::collections::HashSet<_> =
        (0..64).map(|_| question().encode(Edns::Plain).unwrap().id).collect();
    assert!(ids.len() > 48, "{ids:?}");
}

#[test] // R-5452-9
fn only_a_reply_to_the_question_is_heard() {
    assert_eq!(heard(|_| ()), "No Error");
    assert_eq!(heard(|m| m.metadata.id ^= 1), "nothing");
    assert_eq!(heard(|m| m.metadata.message_type = MessageType::Query), "nothing");
    assert_eq!(heard(|m| m.metadata.op_code = OpCode::Notify), "nothing");
    assert_eq!(heard(|m| m.queries.clear()), "nothing");
    assert_eq!(heard(|m| m.queries[0].name = wire_name("x.test").unwrap()), "nothing");
    assert_eq!(heard(|m| m.queries[0].query_type = RecordType::AAAA), "nothing");
    assert_eq!(heard(|m| m.queries[0].query_class = DNSClass::CH), "nothing");
    let upper = |m: &mut Message| m.queries[0].name = wire_name("WWW.eXample.test").unwrap();
    assert_eq!(heard(upper), "No Error");
}

#[test]
fn an_error_code_is_reported() {
    let code = |code| heard(|m| m.metadata.response_code = code);
    assert_eq!(code(ResponseCode::NXDomain), "Non-Existent Domain");
    assert_eq!(code(ResponseCode::ServFail), "server failure");
    assert_eq!(code(ResponseCode::Refused), "refused");
    assert_eq!(code(ResponseCode::FormErr), "without EDNS");
    assert_eq!(code(ResponseCode::NotAuth), "server failure: Not authorized");
    let bare = heard(|m| {
        m.queries.clear();
        m.metadata.response_code = ResponseCode::ServFail;
    });
    assert_eq!(bare, "server failure");
    assert_eq!(heard(|m| m.metadata.truncation = true), "truncated");
    let lame = heard(|m| m.metadata.recursion_available = false);
    assert_eq!(lame, "server failure: neither an answer nor recursion");
}

#[test]
fn no_bytes_make_it_panic() {
    let packet = question().encode(Edns::Plain).unwrap();
    let whole = full(&packet);
    for end in 0..whole.len() {
        question().read(&packet, &whole[..end]);
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x3f, 0x40, 0xc0, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            question().read(&packet, &bytes);
        }
    }
}

#[test]
fn a_name_is_the_same_in_text_and_on_the_wire() {
    for (text, back) in [("a.test", "a.test"), ("A.Test", "a.test"), ("", "."), ("_x.y", "_x.y")] {
        assert_eq!(text_name(&wire_name(text).unwrap()), back);
    }
    assert!(wire_name("a..b").is_err());
    assert!(wire_name(&"a".repeat(64)).is_err());
    assert!(wire_name(&"abc.".repeat(64)).is_err());
}

#[test]
fn neither_random_nor_mutated_bytes_make_it_panic() {
    let packet = question().encode(Edns::Plain).unwrap();
    let whole = full(&packet);
    proptest::proptest!(|(noise: Vec<u8>, hits: Vec<(proptest::sample::Index, u8)>)| {
        question().read(&packet, &noise);
        let headed: Vec<u8> = packet.id.to_be_bytes().into_iter().chain(noise.clone()).collect();
        question().read(&packet, &headed);
        let mut mutated = whole.clone();
        hits.iter().for_each(|(at, value)| mutated[at.index(whole.len())] = *value);
        question().read(&packet, &mutated);
        // These have the header and the question, so they are read up to their records.
        mutated[..38].copy_from_slice(&whole[..38]);
        question().read(&packet, &mutated);
        mutated.extend(&noise);
        question().read(&packet, &mutated);
        question().read(&packet, &[&whole[..38], &noise].concat());
    });
}

#[test]
fn what_a_strict_decoder_accepts_is_read_in_the_same_way() {
    let packet = question().encode(Edns::Plain).unwrap();
    let whole = full(&packet);
    proptest::proptest!(|(hits: Vec<(proptest::sample::Index, u8)>)| {
        let mut bytes = whole.clone();
        // The header and the question stay as they are.
        hits.iter().for_each(|(at, value)| bytes[38 + at.index(whole.len() - 38)] = *value);
        let Ok(message) = Message::from_vec(&bytes) else { return Ok(()) };
        let records = match question().read(&packet, &bytes) {
            ReplyKind::Reply(records) | ReplyKind::Unreadable(_, records) => records,
            ReplyKind::Nothing
            | ReplyKind::Truncated
            | ReplyKind::WithoutEdns
            | ReplyKind::Failed(_) => return Ok(()),
        };
        for owner in message.answers.iter().map(|rr| &rr.name) {
            let owned = message.answers.iter().filter(|rr| rr.name == *owner);
            let owned = owned.filter(|rr| rr.dns_class == DNSClass::IN);
            let data: Vec<_> = owned.map(|rr| &rr.data).collect();
            let v4 = data.iter().filter_map(|data| data.ip_addr()).filter(|ip| ip.is_ipv4());
            let alias = data.iter().find_map(|data| {
                let RData::CNAME(target) = data else { return None };
                Some(&target.0)
            });
            let read = records.of(owner);
            let addrs = read.into_iter().flat_map(|read| &read.addrs).map(|addr| addr.ip());
            proptest::prop_assert!(v4.eq(addrs));
            let target = read.and_then(|read| Some(read.alias()?.0));
            proptest::prop_assert_eq!(target.as_ref(), alias);
        }
    });
}
