//! Words for error texts: a copy of what `he-connect` has for its own.

use std::fmt::{self, Write as _};
use std::time::Duration;

use http::Uri;

/// The name of a URI in an error: its host, or the path if it has no host. Never the userinfo or the
/// query, which may be secret.
pub(crate) fn shown(uri: &Uri) -> &str {
    uri.host().unwrap_or(uri.path())
}

/// At most this many characters of a foreign text are shown. The longest name fits.
const MOST: usize = 256;

/// Shows a foreign text without control characters and cut to [`MOST`] characters, so that a log line
/// stays one line.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(MOST) {
            if is_plain(c) { f.write_char(c)? } else { write!(f, "{}", c.escape_unicode())? }
        }
        if chars.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// Neither a control character nor one that reorders or breaks the line (bidi, separators).
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A duration in a readable unit: `12ms`, `1.25s`, `10s`, `0.3ms`.
pub(crate) struct Time(pub(crate) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs_f64() * 1e3 {
            ms if ms < 10.0 => write!(f, "{}ms", (ms * 10.0).round() / 10.0),
            ms if ms < 1_000.0 => write!(f, "{}ms", ms.round()),
            ms => write!(f, "{}s", (ms / 10.0).round() / 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_stays_on_one_line_and_is_cut() {
        let text = Escaped("a\nb\r\u{1b}[31m\u{202e}c\0ä").to_string();
        assert_eq!(text, "a\\u{a}b\\u{d}\\u{1b}[31m\\u{202e}c\\u{0}ä");
        let text = |length| Escaped(&"x".repeat(length)).to_string();
        assert_eq!(text(MOST), "x".repeat(MOST));
        assert_eq!(text(100_000), "x".repeat(MOST) + "…");
    }

    #[test]
    fn a_time_has_a_readable_unit() {
        let text = |micros| Time(Duration::from_micros(micros)).to_string();
        let texts = [300, 12_000, 600_000, 1_250_000, 600_000_000].map(text);
        assert_eq!(texts, ["0.3ms", "12ms", "600ms", "1.25s", "600s"]);
    }

    #[test]
    fn an_error_shows_neither_userinfo_nor_query() {
        for (uri, text) in [
            ("http://me:secret@www.test:8080/a?b", "www.test"),
            ("http://[2001:db8::1]/", "[2001:db8::1]"),
            ("/path?query", "/path"),
        ] {
            assert_eq!(shown(&uri.parse().unwrap()), text);
        }
    }
}
