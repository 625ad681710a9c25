//! Foreign text on one line: names, CNAMEs, error texts of other libraries.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::race::answer::LookupError;
use crate::race::causes::causes;
use crate::race::error::Error;
use crate::race::option_error::OptionError;

/// The number of characters that are shown of a foreign text. The longest name fits.
const MOST: usize = 256;

/// Shows a value without control characters and cut to [`MOST`] characters, so that a log line
/// stays one line whatever a server sends.
pub(crate) struct Escaped<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Escaper { out: f, left: MOST };
        match write!(out, "{}", self.0) {
            Err(_) if out.left == 0 => out.out.write_char('…'),
            other => other,
        }
    }
}

struct Escaper<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    left: usize,
}

impl fmt::Write for Escaper<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            if is_plain(c) {
                self.out.write_char(c)?;
            } else {
                write!(self.out, "{}", c.escape_unicode())?;
            }
        }
        Ok(())
    }
}

/// False for control characters, and for characters that reorder or break the line (bidi,
/// separators).
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// An error and its causes, each once. Some libraries have the cause in an error's own text, others
/// only in its `source`. The errors of this crate have all their causes in their text.
pub(crate) fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        if cause.is::<Error>() || cause.is::<LookupError>() || cause.is::<OptionError>() {
            break;
        }
    }
    text
}

/// A duration in a unit that is easy to read: `12ms`, `1.25s`, `10s`, `0.3ms`.
pub(crate) struct Time(pub(crate) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_secs_f64() * 1e3;
        let text = match millis {
            m if m < 10.0 => format!("{}ms", (m * 10.0).round() / 10.0),
            m if m < 1_000.0 => format!("{}ms", m.round()),
            m => format!("{}s", (m / 10.0).round() / 100.0),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        let text = Escaped("a\nb\r\u{1b}[31m\u{202e}c\0").to_string();
        assert_eq!(text, "a\\u{a}b\\u{d}\\u{1b}[31m\\u{202e}c\\u{0}");
        assert_eq!(Escaped("ä ö").to_string(), "ä ö");
    }

    #[test]
    fn an_error_is_shown_with_each_of_its_causes_once() {
        #[derive(Debug)]
        struct Because(&'static str, Option<Box<Because>>);
        impl fmt::Display for Because {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
        impl StdError for Because {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                self.1.as_ref().map(|cause| cause.as_ref() as _)
            }
        }
        let root = |text| Some(Box::new(Because(text, None)));
        let error = Because("db error", Some(Box::new(Because("log-in", root("no password")))));
        assert_eq!(with_causes(&std::io::Error::other(error)), "db error: log-in: no password");
        let error = Because("db error: no password", root("no password"));
        assert_eq!(with_causes(&error), "db error: no password");
    }

    #[test]
    fn a_long_text_is_cut() {
        let text = Escaped("x".repeat(100_000)).to_string();
        assert_eq!(text.chars().count(), MOST + 1);
        assert!(text.ends_with('…'));
        assert_eq!(Escaped("x".repeat(MOST)).to_string().len(), MOST);
    }

    #[test]
    fn times_have_a_readable_unit() {
        let time = |micros| Time(Duration::from_micros(micros)).to_string();
        assert_eq!(
            [0, 312, 9_949, 12_400, 999_400, 1_250_000, 10_000_000].map(time),
            ["0ms", "0.3ms", "9.9ms", "12ms", "999ms", "1.25s", "10s"]
        );
    }

    #[test]
    fn any_text_is_one_line_of_bounded_length() {
        proptest::proptest!(|(text: String)| {
            let line = Escaped(&text).to_string();
            assert!(line.chars().all(is_plain), "{line:?}");
            assert!(line.chars().count() <= MOST * "\\u{10ffff}".len() + 1);
        });
    }
}
