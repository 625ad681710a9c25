//! The work that a reply makes, counted in the parts of names.

use super::nonsense::{ASKED, address, asked, headed, record};
use super::*;
use crate::dns::message::wire::PARTS;

const A: u16 = 1;
const CNAME: u16 = 5;
/// A type for experiments, of which nothing is read.
const OTHER: u16 = 65_280;

/// A reply of 64 KiB: an address; then this data, as a record; then as many records as there is
/// room for, whose owners (and targets) are by turns at these places of the data.
fn filled(packet: &Packet, rtype: u16, data: &dyn Fn(u16) -> Vec<u8>, places: &[u16]) -> Vec<u8> {
    let head = [asked(packet), &address(1)].concat();
    let start = u16::try_from(12 + head.len() + 12).unwrap();
    let data = record(&ASKED, OTHER, 1, &data(start));
    let records = places.iter().cycle().map(|place| {
        let name = (0xc000 | (start + place)).to_be_bytes();
        let address = [192, 0, 2, 2];
        record(&name, rtype, 1, if rtype == A { &address } else { &name })
    });
    let room = usize::from(u16::MAX) - 12 - head.len() - data.len();
    let records: Vec<_> = records.take(room / if rtype == A { 16 } else { 14 }).collect();
    let count = u16::try_from(records.len() + 2).unwrap();
    headed(packet, 0, [1, count, 0, 0], &[&head, &data, &records.concat()])
}

/// Pointers, each to the one before it, up to this number of bytes.
fn pointers(start: u16, length: u16) -> Vec<u8> {
    let targets = [12].into_iter().chain((start..).step_by(2)).take(usize::from(length / 2));
    targets.flat_map(|to| (0xc000 | to).to_be_bytes()).collect()
}

/// Labels of one letter, each with a pointer to the one before it.
fn labels(start: u16, length: u16) -> Vec<u8> {
    let first = vec![1, b'a', 1, b'a', 1, b'a', 0];
    let targets = [start].into_iter().chain((start + 7..).step_by(4));
    let rest = targets.take(usize::from(length / 4 - 2));
    let parts = rest.flat_map(|to| [&[1, b'a'][..], &(0xc000 | to).to_be_bytes()].concat());
    first.into_iter().chain(parts).collect()
}

/// The result of reading a reply, and the number of parts of names that were read for it.
fn read(packet: &Packet, bytes: &[u8]) -> (String, usize) {
    assert!(bytes.len() > 65_500, "{}", bytes.len());
    let before = PARTS.get();
    let kind = words(&question(), question().read(packet, bytes));
    (kind, PARTS.get() - before)
}

#[test] // N-21
fn a_chain_of_8160_pointers_is_followed_127_times_for_each_name() {
    let packet = question().encode(Edns::Plain).unwrap();
    let data = |start| pointers(start, 16_320);
    let bytes = filled(&packet, CNAME, &data, &[16_318]);
    let (kind, parts) = read(&packet, &bytes);
    assert_eq!(kind, "No Error 192.0.2.1");
    // 3,500 owners: each is skipped as one part, and then given up.
    assert!(parts < 3_500 * 140, "{parts}");
}

#[test] // N-21
fn the_work_is_bounded_by_the_length_of_the_reply() {
    let packet = question().encode(Edns::Plain).unwrap();
    // The deepest names that are read at all, and many different ones of them.
    let deep: Vec<u16> = (1..4_000).rev().map(|nth| 7 + 4 * nth).collect();
    for (rtype, data, places) in [
        (A, &(|start| pointers(start, 16_320)) as &dyn Fn(u16) -> Vec<u8>, &[2 * 124][..]),
        (CNAME, &|start| pointers(start, 16_320), &[2 * 124]),
        (A, &|start| labels(start, 16_320), &[7 + 4 * 121]),
        (CNAME, &|start| labels(start, 16_320), &[7 + 4 * 121]),
        (CNAME, &|start| labels(start, 16_320), &deep),
    ] {
        let (kind, parts) = read(&packet, &filled(&packet, rtype, data, places));
        assert!(kind.starts_with("No Error 192.0.2.1"), "{kind}");
        assert!(parts < 65_535 / 14 * 2 * 260, "{parts}");
    }
}
