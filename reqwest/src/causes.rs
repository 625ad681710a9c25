//! The causes of an error, with those that `source` skips.

use std::error::Error as StdError;
use std::io;
use std::iter::successors;

type Cause<'a> = &'a (dyn StdError + 'static);

/// An error, then its causes. `source` of an `io::Error` and of a [`reqwest_middleware::Error`] skips
/// the error inside it; here it is among the causes.
pub(crate) fn causes<'a>(error: Cause<'a>) -> impl Iterator<Item = Cause<'a>> {
    successors(Some(error), |error| below(*error))
}

fn below<'a>(error: Cause<'a>) -> Option<Cause<'a>> {
    if let Some(client) = error.downcast_ref::<reqwest_middleware::Error>() {
        return Some(match client {
            reqwest_middleware::Error::Middleware(error) => &**error,
            reqwest_middleware::Error::Reqwest(error) => error,
        });
    }
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.map(|inner| inner as Cause<'a>).or_else(|| error.source())
}

/// An error and its causes on one line, each once.
pub(crate) fn on_one_line(error: Cause<'_>) -> String {
    let mut text = String::new();
    for cause in causes(error).map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
