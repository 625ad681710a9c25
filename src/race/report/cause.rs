//! The text for an I/O error in a report.

use std::fmt;
use std::io;

use crate::race::option_error::OptionError;
use crate::race::text::{Escaped, with_causes};

/// Texts for errors that the race does not know, such as those of TLS.
#[derive(Clone, Copy, Default)]
pub(crate) struct ErrorWords(Option<fn(&io::Error) -> Option<String>>);

impl ErrorWords {
    /// `words` gives the text for an error, or `None` for an error that it does not know.
    pub(crate) const fn new(words: fn(&io::Error) -> Option<String>) -> Self {
        Self(Some(words))
    }

    /// The texts of this file alone.
    #[allow(dead_code, reason = "a build without TLS has no others")]
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// This error in words.
    pub(crate) fn of(self, error: &io::Error) -> CauseText<'_> {
        CauseText { error, words: self }
    }
}

impl fmt::Debug for ErrorWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "ErrorWords(function)" } else { "ErrorWords(none)" })
    }
}

/// An I/O error in words, without the number of the system call's error.
pub(crate) struct CauseText<'a> {
    error: &'a io::Error,
    words: ErrorWords,
}

impl fmt::Display for CauseText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, words } = *self;
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<OptionError>());
        if let Some(error) = inner {
            // The line has the address already.
            return write!(f, "{}: {}", error.option(), words.of(error.cause()));
        }
        if let Some(text) = words.0.and_then(|words| words(error)) {
            return write!(f, "{}", Escaped(text));
        }
        match (error.raw_os_error(), error.kind().to_string()) {
            // std has no word for these errors, so their own text is shown.
            (None, _) => write!(f, "{}", Escaped(with_causes(error))),
            (_, kind) if kind == "other error" || kind == "uncategorized error" => {
                write!(f, "{}", Escaped(error))
            }
            (Some(_), kind) => f.write_str(&kind),
        }
    }
}
