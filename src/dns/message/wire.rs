//! A message as bytes: the numbers, names and records at a place in it.

use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::{BinDecodable, BinEncodable};
use smallvec::SmallVec;

/// The length of a header (RFC 1035 section 4.1.1).
const HEADER: usize = 12;
/// The longest name, with its root label (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;
/// The most compression pointers in one name. A name has at most 127 labels, and a pointer to
/// another pointer makes no sense. Without a limit a reply of 64 KiB costs 57 million steps.
const MAX_JUMPS: usize = 127;

/// A place in a message. Reading moves it on, and returns `None` if the message makes no sense
/// there or ends.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
}

/// A record of which only the length is certain.
#[derive(Clone, Copy)]
pub(super) struct RawRecord<'a> {
    owner: Cursor<'a>,
    pub(super) rtype: u16,
    pub(super) class: u16,
    pub(super) ttl: u32,
    data: Cursor<'a>,
}

/// A name as it is in a message without compression, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct WireName(SmallVec<[u8; 64]>);

/// A part of a name (RFC 1035 section 4.1.4).
enum Part<'a> {
    /// With its length before it.
    Label(&'a [u8]),
    Pointer(usize),
    Root,
}

impl<'a> Cursor<'a> {
    /// The place behind the header.
    pub(super) fn behind_header(message: &'a [u8]) -> Self {
        Self { message, at: HEADER }
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let bytes = self.message.get(self.at..)?.get(..count)?;
        self.at += count;
        Some(bytes)
    }

    pub(super) fn name(&mut self) -> Option<WireName> {
        let start = *self;
        self.skip_name()?;
        start.whole_name()
    }

    /// The record at this place.
    pub(super) fn record(&mut self) -> Option<RawRecord<'a>> {
        let owner = *self;
        self.skip_name()?;
        let (rtype, class, ttl) = (self.u16()?, self.u16()?, self.u32()?);
        let (length, start) = (self.u16()?, self.at);
        self.bytes(length.into())?;
        let data = Self { message: self.message.get(..self.at)?, at: start };
        Some(RawRecord { owner, rtype, class, ttl, data })
    }

    /// Skips the part of a name that stands at this place.
    fn skip_name(&mut self) -> Option<()> {
        loop {
            match self.part()? {
                Part::Label(_) => {}
                Part::Pointer(_) | Part::Root => return Some(()),
            }
        }
    }

    fn part(&mut self) -> Option<Part<'a>> {
        #[cfg(test)]
        PARTS.set(PARTS.get() + 1);
        match *self.message.get(self.at)? {
            0 => self.bytes(1).map(|_| Part::Root),
            length @ 1..=63 => self.bytes(1 + usize::from(length)).map(Part::Label),
            64..=191 => None,
            192.. => self.u16().map(|pointer| Part::Pointer((pointer & 0x3fff).into())),
        }
    }

    /// The name, with what its pointers point to. It takes at most 127 labels and 127 pointers.
    fn whole_name(mut self) -> Option<WireName> {
        let (mut name, mut start) = (SmallVec::new(), self.at);
        for _ in 0..=MAX_JUMPS {
            let target = loop {
                match self.part()? {
                    Part::Label(label) if name.len() + label.len() < MAX_NAME => {
                        name.extend_from_slice(label);
                    }
                    Part::Label(_) => return None,
                    Part::Pointer(target) => break target,
                    Part::Root => {
                        name.push(0);
                        // The lengths of labels are no letters: they are below 64.
                        name.make_ascii_lowercase();
                        return Some(WireName(name));
                    }
                }
            };
            // A pointer points backwards, and what stands there ends before the name that has it.
            self = Self { message: self.message.get(..start)?, at: target };
            start = target;
        }
        None
    }
}

impl<'a> RawRecord<'a> {
    pub(super) fn owner(&self) -> Option<WireName> {
        self.owner.whole_name()
    }

    /// Reads the whole data.
    pub(super) fn data<T>(&self, read: impl FnOnce(&mut Cursor<'a>) -> Option<T>) -> Option<T> {
        let mut data = self.data;
        let value = read(&mut data)?;
        (data.at == data.message.len()).then_some(value)
    }
}

impl WireName {
    pub(super) fn of(name: &Name) -> Option<Self> {
        name.to_lowercase().to_bytes().map(|bytes| Self(bytes.into())).ok()
    }

    pub(super) fn to_name(&self) -> Option<Name> {
        Name::from_bytes(&self.0).ok()
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.as_slice() == [0]
    }
}

#[cfg(test)]
thread_local! {
    /// The parts of names that were read: a measure of the work.
    pub(super) static PARTS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name at this place of a message, as text, and the place behind it.
    fn name(message: &[u8], at: usize) -> Option<(String, usize)> {
        let mut cursor = Cursor { message, at };
        Some((cursor.name()?.to_name()?.to_ascii(), cursor.at))
    }

    #[test] // RFC 1035 section 4.1.4
    fn a_name_goes_on_where_its_pointer_points_to() {
        let message = b"\x04test\0\x03www\xc0\x00\xc0\x06";
        assert_eq!(name(message, 0), Some(("test.".into(), 6)));
        assert_eq!(name(message, 6), Some(("www.test.".into(), 12)));
        assert_eq!(name(message, 12), Some(("www.test.".into(), 14)));
        // It ends too early.
        (6..12).for_each(|end| assert_eq!(name(&message[..end], 6), None));
        assert_eq!(name(message, 14), None);
        assert_eq!(name(message, 99), None);
    }

    #[test] // RFC 1035 section 4.1.4
    fn a_pointer_points_backwards_to_a_name_that_ends_before_it() {
        // To itself, to what follows, and to a label that contains it.
        assert_eq!(name(b"\xc0\x00", 0), None);
        assert_eq!(name(b"\x01a\xc0\x00", 0), None);
        assert_eq!(name(b"\xc0\x02\x01a\0", 0), None);
        assert_eq!(name(b"\x04a\xc0\x00\0\0", 2), None);
        // Of two pointers, the second one has to point further back.
        assert_eq!(name(b"\x01a\0\xc0\x00\x01b\xc0\x03", 5), Some(("b.a.".into(), 9)));
        assert_eq!(name(b"\x01a\xc0\x04\x01b\xc0\x00", 4), None);
    }

    #[test]
    fn other_kinds_of_labels_make_no_sense() {
        assert_eq!(name(b"\x40\0", 0), None);
        assert_eq!(name(b"\x80\0", 0), None);
    }

    #[test] // N-21
    fn a_name_has_at_most_127_pointers_and_255_bytes() {
        let pointers = (0..200).flat_map(|nth: u16| (0xc000 | (2 * nth)).to_be_bytes());
        let chain: Vec<u8> = [0, 0].into_iter().chain(pointers).collect();
        assert_eq!(name(&chain, 2 * 127), Some((".".into(), 2 * 128)));
        assert_eq!(name(&chain, 2 * 128), None);
        let long = |count: usize| [b"\x01a".repeat(count), vec![0]].concat();
        assert_eq!(name(&long(127), 0).map(|(_, end)| end), Some(255));
        assert_eq!(name(&long(128), 0), None);
    }
}
