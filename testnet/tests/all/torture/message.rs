//! Messages of DNS as bytes, so that a server can say what no library would.

/// Type A.
pub(crate) const A: u16 = 1;
/// Type AAAA.
pub(crate) const AAAA: u16 = 28;

/// NOERROR, FORMERR, SERVFAIL, NXDOMAIN and REFUSED.
pub(crate) const OK: u8 = 0;
pub(crate) const FORMERR: u8 = 1;
pub(crate) const SERVFAIL: u8 = 2;
pub(crate) const NXDOMAIN: u8 = 3;
pub(crate) const REFUSED: u8 = 5;

/// The name of the question, by a compression pointer.
const ASKED: [u8; 2] = [0xc0, 12];

/// A question as it came.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) bytes: Vec<u8>,
    /// In lower case, without the last dot.
    pub(crate) name: String,
    pub(crate) rtype: u16,
    pub(crate) edns: bool,
    /// The end of the question section.
    end: usize,
}

impl Question {
    /// `None` for bytes that are no question.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (mut at, mut labels) = (12, Vec::new());
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).to_lowercase());
            at += length;
        }
        let rtype = u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
        let edns = bytes[10..12] != [0, 0];
        Some(Self { bytes: bytes.to_vec(), name: labels.join("."), rtype, edns, end: at + 4 })
    }

    /// A reply with this code and these records in its answer section.
    pub(crate) fn reply(&self, code: u8, answers: &[Vec<u8>]) -> Vec<u8> {
        self.message(code, false, answers, &[])
    }

    /// "None" that may be kept for a day: with an SOA of the root.
    pub(crate) fn none(&self, code: u8) -> Vec<u8> {
        let mut data = vec![0, 0];
        [1, 2, 3, 4, 86_400u32].iter().for_each(|number| data.extend(number.to_be_bytes()));
        self.message(code, false, &[], &[record(&[0], 6, 86_400, &data)])
    }

    /// An empty reply that says that there is more over TCP.
    pub(crate) fn truncated(&self) -> Vec<u8> {
        self.message(OK, true, &[], &[])
    }

    /// The question section and what follows the header of the question, OPT included, as broken
    /// routers copy it; then these bytes.
    pub(crate) fn copied(&self, counts: [u16; 3], more: &[u8]) -> Vec<u8> {
        let mut bytes = self.header(OK, false, counts);
        bytes.extend(&self.bytes[12..]);
        bytes.extend(more);
        bytes
    }

    /// The header, the question, and these bytes. The counts are of answers, authorities and
    /// additional records.
    pub(crate) fn raw(&self, code: u8, counts: [u16; 3], more: &[u8]) -> Vec<u8> {
        let mut bytes = self.header(code, false, counts);
        bytes.extend(&self.bytes[12..self.end]);
        bytes.extend(more);
        bytes
    }

    /// A header alone, which promises a question.
    pub(crate) fn bare_header(&self, code: u8) -> Vec<u8> {
        self.header(code, false, [0, 0, 0])
    }

    /// An A record with this last number, and as many CNAMEs as 64 KiB hold. The names in them
    /// begin a chain of 8,160 compression pointers, which is the data of a record between them.
    pub(crate) fn pointers(&self, last: u8) -> Vec<u8> {
        const LENGTH: u16 = 8_160;
        const CNAMES: u16 = 3_500;
        let mut bytes = self.header(OK, false, [CNAMES + 2, 0, 0]);
        bytes.extend(&self.bytes[12..self.end]);
        bytes.extend(address(last, 600));
        let start = u16::try_from(bytes.len()).unwrap() + 12;
        let pointer = |to: u16| (0xc000 | to).to_be_bytes();
        let targets = [12].into_iter().chain((0..LENGTH - 1).map(|nth| start + 2 * nth));
        let chain: Vec<u8> = targets.flat_map(pointer).collect();
        bytes.extend(record(&ASKED, 65_280, 600, &chain));
        let end = pointer(start + 2 * (LENGTH - 1));
        (0..CNAMES).for_each(|_| bytes.extend(record(&end, 5, 600, &end)));
        bytes
    }

    fn message(&self, code: u8, tc: bool, answers: &[Vec<u8>], authorities: &[Vec<u8>]) -> Vec<u8> {
        let count = |records: &[Vec<u8>]| u16::try_from(records.len()).unwrap();
        let mut bytes = self.header(code, tc, [count(answers), count(authorities), 0]);
        bytes.extend(&self.bytes[12..self.end]);
        answers.iter().chain(authorities).for_each(|record| bytes.extend(record));
        bytes
    }

    fn header(&self, code: u8, tc: bool, counts: [u16; 3]) -> Vec<u8> {
        let flags = [0x81 | if tc { 2 } else { 0 }, 0x80 | code];
        let mut bytes = [&self.bytes[..2], &flags, &[0, 1]].concat();
        counts.iter().for_each(|count| bytes.extend(count.to_be_bytes()));
        bytes
    }
}

/// An A record of the name that was asked.
pub(crate) fn address(last: u8, ttl: u32) -> Vec<u8> {
    record(&ASKED, A, ttl, &[127, 0, 0, last])
}

/// An AAAA record of the name that was asked.
pub(crate) fn address_v6(last: u8, ttl: u32) -> Vec<u8> {
    let mut ip = [0; 16];
    (ip[0], ip[1], ip[15]) = (0xfd, 0x78, last);
    record(&ASKED, AAAA, ttl, &ip)
}

/// An A record of this name.
pub(crate) fn address_of(owner: &str, last: u8) -> Vec<u8> {
    record(&labels(owner), A, 60, &[127, 0, 0, last])
}

/// A CNAME record.
pub(crate) fn cname(owner: &str, target: &str) -> Vec<u8> {
    record(&labels(owner), 5, 60, &labels(target))
}

/// An OPT record (EDNS).
pub(crate) fn opt() -> Vec<u8> {
    let mut bytes = vec![0, 0, 41];
    bytes.extend(1232u16.to_be_bytes());
    bytes.extend([0; 6]);
    bytes
}

fn record(owner: &[u8], rtype: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend(rtype.to_be_bytes());
    bytes.extend(1u16.to_be_bytes());
    bytes.extend(ttl.to_be_bytes());
    bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}
