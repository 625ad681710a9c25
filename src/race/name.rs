//! Names of hosts, as queries and certificates have them: lower-case A-labels.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::text::Escaped;

/// The longest text that is mapped, in bytes: mapping takes time. A name of 253 characters with
/// four bytes each still fits.
const MAX_TEXT: usize = 2_048;

/// The name of a query: lower-case A-labels, with a dot at its end if it is absolute. Cheap to
/// clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name(Arc<str>);

impl Name {
    /// The name in this text. A text that is not a name, such as an IP literal, is only
    /// lower-cased.
    pub(crate) fn parse_lossy(text: &str) -> Self {
        a_labels(text)
            .map_or_else(|_| Self(text.to_lowercase().into()), |ascii| Self::from_ascii(&ascii))
    }

    /// A name that has been checked.
    fn from_ascii(ascii: &str) -> Self {
        Self(ascii.into())
    }

    /// The name in a stored text that is already in lower-case A-labels.
    #[inline]
    pub(super) fn from_shared(ascii: Arc<str>) -> Self {
        Self(ascii)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without the dot at its end.
    #[cfg(feature = "dns")]
    pub(crate) fn bare(&self) -> &str {
        bare(&self.0)
    }

    /// True if it ends with a dot, so that the search list does not apply.
    #[cfg(feature = "dns")]
    pub(crate) fn is_absolute(&self) -> bool {
        self.0.ends_with('.')
    }

    /// The stored text.
    #[cfg(any(feature = "dns", feature = "os"))]
    pub(crate) fn as_arc(&self) -> &Arc<str> {
        &self.0
    }
}

/// A name without the dot at its end.
#[inline]
pub(crate) fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Converts a text to lower-case A-labels (labels of other scripts as `xn--`).
#[inline]
pub(super) fn a_labels(text: &str) -> Result<Cow<'_, str>, InvalidName> {
    if text.len() > MAX_TEXT {
        return Err(InvalidName::Long);
    }
    to_ascii(text).ok_or_else(|| InvalidName::of(text))
}

/// Maps by UTS 46, which implements RFC 5891.
#[cfg(feature = "idna")]
#[inline]
fn to_ascii(text: &str) -> Option<Cow<'_, str>> {
    idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::URL).ok()
}

/// Lower-cases a name in ASCII. An A-label passes as it is, because nothing here can decode it.
#[cfg(not(feature = "idna"))]
fn to_ascii(text: &str) -> Option<Cow<'_, str>> {
    let is_lower = !text.bytes().any(|c| c.is_ascii_uppercase());
    let lower = if is_lower { text.into() } else { text.to_ascii_lowercase().into() };
    is_plain(text).then_some(lower)
}

/// Fails for a name without a dot at its end that must not be sent to a name server, such as a text
/// that [`Name::parse_lossy`] only lower-cased. It checks neither UTS 46 nor the last label again,
/// because an unusual name is valid with a domain of the search list behind it.
#[cfg(any(feature = "dns", feature = "os"))]
pub(crate) fn check_name(name: &str) -> Result<(), InvalidName> {
    if is_plain(name) { check_labels(name) } else { Err(InvalidName::of(name)) }
}

/// True if a name may have all of these characters, without any mapping.
#[cfg(any(feature = "dns", feature = "os", not(feature = "idna")))]
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii() && c != ':' && !is_forbidden(c))
}

/// The lengths of a name and its labels (RFC 1035 section 2.3.4).
#[inline]
pub(super) fn check_labels(name: &str) -> Result<(), InvalidName> {
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    if name.len() > 253 {
        return Err(InvalidName::Long);
    }
    for label in name.as_bytes().split(|c| *c == b'.') {
        match label.len() {
            0 => return Err(InvalidName::EmptyLabel),
            1..=63 => {}
            _ => return Err(InvalidName::LongLabel),
        }
    }
    Ok(())
}

/// The characters that the WHATWG's URL standard forbids in a domain, except the colon.
fn is_forbidden(c: char) -> bool {
    c.is_ascii_control() || " %#/<>?@[\\]^|".contains(c)
}

/// The reason why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidName {
    Character(char),
    Empty,
    EmptyLabel,
    Idna,
    Long,
    LongLabel,
    NotIpv6,
    Port,
    Url,
}

impl InvalidName {
    /// The reason why this text is refused, by the look of the text.
    fn of(text: &str) -> Self {
        match text.matches(':').count() {
            0 => text.chars().find(|c| is_forbidden(*c)).map_or(Self::Idna, Self::Character),
            _ if text.contains("://") => Self::Url,
            1 => Self::Port,
            _ => Self::NotIpv6,
        }
    }
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character(c) => return write!(f, "'{}' has no place in a name", Escaped(c)),
            Self::Empty => "it is empty",
            Self::EmptyLabel => "a label is empty",
            Self::Idna if cfg!(feature = "idna") => {
                "not a name by the rules for international names (UTS 46)"
            }
            Self::Idna => "a name that is not ASCII needs feature `idna` of he-connect",
            Self::Long => "it is longer than 253 characters",
            Self::LongLabel => "a label is longer than 63 characters",
            Self::NotIpv6 => "not an IPv6 address",
            Self::Port => "the port is a separate argument",
            Self::Url => "a URL is not a host: its host and its port are separate arguments",
        })
    }
}
