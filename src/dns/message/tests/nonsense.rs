//! Replies that make no sense somewhere, as bytes. Home routers and small DNS proxies copy the
//! bytes and the counts of the question.

use super::*;

const NOERROR: u8 = 0;
const FORMERR: u8 = 1;
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const NOTIMP: u8 = 4;

/// The name of the question, by a compression pointer.
pub(super) const ASKED: [u8; 2] = [0xc0, 12];
/// OPT without options.
const OPT: [u8; 11] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

/// The header of a reply with this code, and then these bytes. The counts are of questions,
/// answers, authorities and additional records.
pub(super) fn headed(packet: &Packet, code: u8, counts: [u16; 4], rest: &[&[u8]]) -> Vec<u8> {
    let counts = counts.map(u16::to_be_bytes).concat();
    [&packet.id.to_be_bytes(), &[0x81, 0x80 | code][..], &counts, &rest.concat()].concat()
}

/// The question section of a packet.
pub(super) fn asked(packet: &Packet) -> &[u8] {
    let name = packet.bytes[12..].iter().position(|byte| *byte == 0).unwrap();
    &packet.bytes[12..12 + name + 5]
}

pub(super) fn record(owner: &[u8], rtype: u16, class: u16, data: &[u8]) -> Vec<u8> {
    let numbers = [rtype, class, 0, 60, u16::try_from(data.len()).unwrap()];
    [owner, &numbers.map(u16::to_be_bytes).concat(), data].concat()
}

/// An A record of the name that was asked.
pub(super) fn address(last: u8) -> Vec<u8> {
    record(&ASKED, 1, 1, &[192, 0, 2, last])
}

fn soa() -> Vec<u8> {
    record(&ASKED, 6, 1, &[[0, 0].as_slice(), &[0; 20]].concat())
}

fn edns() -> Packet {
    question().encode(Edns::Plain).unwrap()
}

/// The kind of a reply with this code. The counts are of answers, authorities and additional
/// records.
fn kind(code: u8, counts: [u16; 3], records: &[&[u8]]) -> String {
    let packet = edns();
    let counts = [1, counts[0], counts[1], counts[2]];
    let bytes = headed(&packet, code, counts, &[asked(&packet), &records.concat()]);
    words(&question(), question().read(&packet, &bytes))
}

fn malformed(readable: usize, announced: usize, addrs: &str) -> String {
    format!("lookup failed: malformed reply: {readable} of {announced} answers can be read;{addrs}")
}

#[test] // N-4 (a), (c)
fn opt_in_place_of_an_answer_is_no_answer() {
    assert_eq!(kind(NOERROR, [1, 0, 0], &[&OPT]), malformed(0, 1, ""));
    // The question as it came with its OPT, and the address behind it.
    assert_eq!(kind(NOERROR, [1, 0, 1], &[&OPT, &address(1)]), malformed(0, 1, ""));
    // The code, or an SOA, says that there is none.
    assert_eq!(kind(NXDOMAIN, [1, 0, 0], &[&OPT]), "Non-Existent Domain");
    assert_eq!(kind(NOERROR, [1, 1, 0], &[&OPT, &soa()]), "No Error");
}

#[test] // N-4 (b)
fn an_answer_without_sense_is_skipped_by_its_length() {
    let good = "No Error 192.0.2.1";
    assert_eq!(kind(NOERROR, [2, 0, 0], &[&OPT, &address(1)]), good);
    let bad = [
        record(&ASKED, 1, 1, &[192, 0, 2]),
        record(&ASKED, 1, 1, &[192, 0, 2, 2, 0]),
        record(&ASKED, 1, 1, &[]),
        record(&ASKED, 1, 3, &[192, 0, 2, 2]),
        // A name ahead, a name behind the end, a name that is cut, and bytes behind a name.
        record(&[0xc0, 60], 1, 1, &[192, 0, 2, 2]),
        record(&[0xff, 0xff], 1, 1, &[192, 0, 2, 2]),
        record(&ASKED, 5, 1, &[3, b'c']),
        record(&ASKED, 5, 1, &[0xc0, 12, 0]),
        record(&ASKED, 5, 1, &[0x40, 0]),
    ];
    for bad in bad {
        assert_eq!(kind(NOERROR, [2, 0, 0], &[&bad, &address(1)]), good, "{bad:?}");
        assert_eq!(kind(NOERROR, [2, 0, 0], &[&address(1), &bad]), good, "{bad:?}");
        assert_eq!(kind(NOERROR, [1, 0, 0], &[&bad]), malformed(0, 1, ""), "{bad:?}");
    }
    // Records of other types may be as they like.
    let other = record(&ASKED, 46, 1, &[1, 2, 3]);
    assert_eq!(kind(NOERROR, [2, 0, 0], &[&other, &address(1)]), good);
    assert_eq!(kind(NOERROR, [1, 0, 0], &[&other]), "No Error");
}

#[test] // N-4 (d), (e)
fn authority_and_additional_records_have_no_say() {
    let upper_bits = record(&[0], 41, 1232, &[]);
    let upper_bits = [&upper_bits[..5], &[1], &upper_bits[6..]].concat();
    for counts in [[1, 0, 1], [1, 1, 0], [1, 2, 3], [1, 0xffff, 0xffff]] {
        for rest in [&[], &[0xc0, 0xff, 0, 1][..], &[0xff; 40], &OPT, &OPT[..9], &upper_bits] {
            assert_eq!(kind(NOERROR, counts, &[&address(1), rest]), "No Error 192.0.2.1");
        }
    }
    assert_eq!(kind(NXDOMAIN, [0, 1, 1], &[&[0xff; 40]]), "Non-Existent Domain");
    assert_eq!(kind(NOERROR, [0, 1, 1], &[&[0xff; 40]]), "No Error");
}

#[test] // N-4 (f), (g)
fn an_answer_section_that_is_cut_is_malformed_and_what_can_be_read_is_kept() {
    let addresses: Vec<u8> = (1..=59).flat_map(address).collect();
    let packet = edns();
    let whole = headed(&packet, NOERROR, [1, 59, 0, 0], &[asked(&packet), &addresses]);
    let cut = |end: usize| words(&question(), question().read(&packet, &whole[..end]));
    let first = |count: u8| (1..=count).map(|last| format!(" 192.0.2.{last}")).collect::<String>();
    assert_eq!(cut(whole.len()), format!("No Error{}", first(59)));
    assert_eq!(cut(whole.len() - 1), malformed(58, 59, &first(58)));
    assert_eq!(cut(512), malformed(29, 59, &first(29)));
    assert_eq!(cut(12 + 22), malformed(0, 59, ""));
    // A label that is neither a label nor a pointer has no length.
    let strange = kind(NOERROR, [2, 0, 0], &[&address(1), &[0x80; 40]]);
    assert_eq!(strange, malformed(1, 2, " 192.0.2.1"));
    // The code says that there is none, but not about which name.
    assert_eq!(kind(NXDOMAIN, [1, 0, 0], &[]), malformed(0, 1, ""));
}

#[test] // N-4 (h)
fn a_code_that_speaks_of_edns_counts_whatever_stands_behind_the_header() {
    let (packet, plain) = (edns(), question().encode(Edns::Without).unwrap());
    let other = [b"\x01x\x04test\0".as_slice(), &[0, 1, 0, 1]].concat();
    for rest in [&[], asked(&packet), &packet.bytes[12..], &other, &[0xff; 40], &[3, b'w']] {
        for counts in [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1], [0xffff; 4]] {
            for code in [FORMERR, NOTIMP] {
                let kind = question().read(&packet, &headed(&packet, code, counts, &[rest]));
                assert!(matches!(kind, ReplyKind::WithoutEdns), "{rest:?} {counts:?}");
                // It is an error of a question without EDNS, which has to be the one.
                let kind = question().read(&plain, &headed(&plain, code, counts, &[rest]));
                assert!(matches!(kind, ReplyKind::Failed(_) | ReplyKind::Nothing), "{rest:?}");
            }
        }
    }
    let mut forged = headed(&packet, FORMERR, [1, 0, 0, 0], &[]);
    forged[0] ^= 1;
    assert!(matches!(question().read(&packet, &forged), ReplyKind::Nothing));
}

#[test] // RFC 6891 section 6.1.3
fn badvers_has_its_upper_bits_in_opt() {
    let code = |upper: u8| [&[0, 0, 41, 4, 208, upper], &[0; 5][..]].concat();
    assert_eq!(kind(NOERROR, [0, 0, 1], &[&code(1)]), "without EDNS");
    assert_eq!(kind(NOERROR, [0, 1, 2], &[&soa(), &address(53), &code(1)]), "without EDNS");
    assert_eq!(kind(NOERROR, [0, 0, 1], &[&code(0)]), "No Error");
    assert_eq!(kind(NXDOMAIN, [0, 0, 1], &[&code(0)]), "Non-Existent Domain");
    let packet = question().encode(Edns::Without).unwrap();
    let bytes = headed(&packet, NOERROR, [1, 0, 0, 1], &[asked(&packet), &code(1)]);
    let error = words(&question(), question().read(&packet, &bytes));
    assert!(error.starts_with("server failure: "), "{error}");
}

#[test] // R-5452-9
fn a_reply_without_a_readable_question_counts_if_its_code_is_an_error() {
    let packet = edns();
    let heard = |code, counts, rest: &[u8]| {
        words(&question(), question().read(&packet, &headed(&packet, code, counts, &[rest])))
    };
    for rest in [&[][..], &[3, b'w'], &[0xff; 20]] {
        assert_eq!(heard(SERVFAIL, [1, 0, 0, 0], rest), "server failure");
        assert_eq!(heard(NOERROR, [1, 1, 0, 0], rest), "nothing");
        assert_eq!(heard(NXDOMAIN, [1, 0, 0, 0], rest), "nothing");
    }
    let rest = [asked(&packet), &address(1)].concat();
    assert_eq!(heard(NOERROR, [0, 1, 0, 0], &address(1)), "nothing");
    assert_eq!(heard(NOERROR, [2, 1, 0, 0], &rest), "nothing");
    // Nothing behind the question has a say.
    assert_eq!(heard(SERVFAIL, [1, 9, 9, 9], &rest), "server failure");
    let other = [b"\x01x\x04test\0".as_slice(), &[0, 1, 0, 1]].concat();
    assert_eq!(heard(SERVFAIL, [1, 0, 0, 0], &other), "nothing");
}

#[test] // N-13
fn addresses_of_the_other_type_alone_answer_another_question() {
    let (v4, v6) = (address(1), record(&ASKED, 28, 1, &[1; 16]));
    let other = "lookup failed: an answer to another question;";
    assert_eq!(kind(NOERROR, [1, 0, 0], &[&v6]), other);
    assert_eq!(kind(NOERROR, [2, 0, 1], &[&v6, &v6, &OPT]), other);
    // With an address, a CNAME, an SOA or NXDOMAIN it is about this question.
    assert_eq!(kind(NOERROR, [2, 0, 0], &[&v6, &v4]), "No Error 192.0.2.1");
    assert_eq!(kind(NOERROR, [1, 1, 0], &[&v6, &soa()]), "No Error");
    let cname = record(&ASKED, 5, 1, b"\x01x\0");
    assert_eq!(kind(NOERROR, [2, 0, 0], &[&v6, &cname]), "No Error");
    assert_eq!(kind(NXDOMAIN, [1, 0, 0], &[&v6]), "Non-Existent Domain");
    // The other way round.
    let question = Question::new(wire_name("www.example.test").unwrap(), Record::Aaaa);
    let packet = question.encode(Edns::Plain).unwrap();
    let read = |answer: &[u8]| {
        let bytes = headed(&packet, NOERROR, [1, 1, 0, 0], &[asked(&packet), answer]);
        words(&question, question.read(&packet, &bytes))
    };
    assert_eq!(read(&v4), other);
    assert_eq!(read(&v6), "No Error 101:101:101:101:101:101:101:101");
}

#[test]
fn nothing_behind_the_answers_changes_them() {
    let packet = edns();
    let answers = [asked(&packet), &address(1), &address(2)].concat();
    let behind = [soa(), address(53), OPT.to_vec()].concat();
    proptest::proptest!(|(
        counts: (u16, u16),
        hits: Vec<(proptest::sample::Index, u8)>,
        end: proptest::sample::Index,
        noise: Vec<u8>,
    )| {
        let mut behind = behind.clone();
        hits.iter().for_each(|(at, value)| {
            let at = at.index(behind.len());
            behind[at] = *value;
        });
        behind.truncate(end.index(behind.len() + 1));
        let counts = [1, 2, counts.0, counts.1];
        let bytes = headed(&packet, NOERROR, counts, &[&answers, &behind, &noise]);
        let kind = words(&question(), question().read(&packet, &bytes));
        proptest::prop_assert_eq!(kind, "No Error 192.0.2.1 192.0.2.2");
    });
}
