//! The lines of a hosts file (hosts(5)): `address[%zone] name [alias...]  # comment`.

use std::str::SplitWhitespace;

/// The address of a line and its names; `None` for an empty line and for a comment. The address is
/// not parsed, because a reader parses only the lines with a name that it looks for.
pub(crate) fn entry(line: &str) -> Option<(&str, SplitWhitespace<'_>)> {
    let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
    Some((words.next()?, words))
}
