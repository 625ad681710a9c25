//! Pins, by which a pinned server is recognized.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};

use super::NameServerError;
use super::text::Part;

/// The SHA-256 hash of a server's public key or of its certificate.
///
/// | as text | hash of |
/// |---|---|
/// | `key-fp:SHA256:BASE64` | the public key, as the DER SubjectPublicKeyInfo has it (RFC 7858 section 4.2) |
/// | `cert-fp:SHA256:HEX` | the whole DER certificate; Base64 and openssl's `AB:CD:…` are accepted too |
///
/// A key outlives its certificates, so prefer a pin of the key. To compute it:
///
/// ```sh
/// openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin -outform der |
///     openssl dgst -sha256 -binary | base64
/// ```
///
/// ```
/// use he::dns::Pin;
///
/// let text = "key-fp:SHA256:INSZEZpDoWKiavosV2/xVT8O83vk/RRwS+LTiL+IpHs=";
/// let pin: Pin = text.parse()?;
/// assert_eq!(pin.to_string(), text);
/// # Ok::<(), he::dns::NameServerError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin {
    pinned: Pinned,
    sha256: [u8; 32],
}

/// The data that the hash is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::dns) enum Pinned {
    /// The DER SubjectPublicKeyInfo.
    Key,
    /// The DER certificate.
    Certificate,
}

impl Pin {
    /// The hash of the public key: of the DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn key_sha256(sha256: [u8; 32]) -> Self {
        Self { pinned: Pinned::Key, sha256 }
    }

    /// The hash of the whole DER certificate.
    #[must_use]
    pub fn certificate_sha256(sha256: [u8; 32]) -> Self {
        Self { pinned: Pinned::Certificate, sha256 }
    }

    /// The data that the hash is computed from.
    pub(in crate::dns) fn pinned(self) -> Pinned {
        self.pinned
    }

    /// `KIND:SHA256:HASH`.
    pub(super) fn read(part: Part<'_>) -> Result<Self, NameServerError> {
        let (kind, rest) = part.split_once(":").unwrap_or((part, part.end()));
        let pinned = match kind.text {
            "key-fp" => Pinned::Key,
            "cert-fp" => Pinned::Certificate,
            _ => return Err(kind.error("unknown: a pin begins with key-fp: or cert-fp:")),
        };
        let Some((algorithm, hash)) = rest.split_once(":") else {
            return Err(rest.error("the name of the hash is missing: SHA256: and the hash"));
        };
        if !algorithm.text.eq_ignore_ascii_case("SHA256") {
            return Err(algorithm.error("unknown: the hash of a pin is SHA256"));
        }
        let (sha256, form) = match pinned {
            Pinned::Key => (base64(hash.text), "not 32 bytes in Base64, which are 44 characters"),
            Pinned::Certificate => (
                hex(hash.text).or_else(|| base64(hash.text)),
                "not 32 bytes: 64 hexadecimal digits, or 44 characters of Base64",
            ),
        };
        sha256.map(|sha256| Self { pinned, sha256 }).ok_or_else(|| hash.error(form))
    }
}

fn base64(text: &str) -> Option<[u8; 32]> {
    BASE64.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// With or without a colon after each byte.
fn hex(text: &str) -> Option<[u8; 32]> {
    let pairs = text.split(':').all(|pair| pair.len() == 2);
    let digits = if pairs { text.replace(':', "") } else { text.to_owned() };
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?.try_into().ok()
}

/// The text of the pin.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pinned {
            Pinned::Key => write!(f, "key-fp:SHA256:{}", BASE64.encode_display(&self.sha256)),
            Pinned::Certificate => {
                write!(f, "cert-fp:SHA256:{}", HEXLOWER.encode_display(&self.sha256))
            }
        }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

impl FromStr for Pin {
    type Err = NameServerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(Part::new("pin", text))
    }
}
