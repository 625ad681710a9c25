//! Puts what was measured into the README, between a pair of comments for each part.

/// The text with this part's tables in it.
///
/// # Errors
///
/// If the pair of comments is missing.
pub(crate) fn with_part(readme: &str, part: &str, tables: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- peers: {part} -->"), format!("<!-- /peers: {part} -->"));
    let missing = |what: &str| format!("README.md has no line `{what}`");
    let (before, rest) = readme.split_once(&begin).ok_or_else(|| missing(&begin))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| missing(&end))?;
    Ok(format!("{before}{begin}\n{}\n{end}{after}", tables.trim_end()))
}

/// # Errors
///
/// If the part has no place there.
pub(crate) fn has_part(readme: &str, part: &str) -> Result<(), String> {
    with_part(readme, part, "").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_a_place_for_each_part() {
        for (part, _) in crate::PARTS {
            has_part(include_str!("../../../README.md"), part).unwrap();
        }
    }

    #[test]
    fn a_part_takes_the_place_of_what_was_there() {
        let readme = "a\n<!-- peers: ill -->\nold\n<!-- /peers: ill -->\nb\n";
        let once = with_part(readme, "ill", "new\n").unwrap();
        assert_eq!(once, "a\n<!-- peers: ill -->\nnew\n<!-- /peers: ill -->\nb\n");
        assert_eq!(
            with_part(&once, "ill", "new\n").unwrap(),
            once,
            "a second time changes nothing"
        );
    }

    #[test]
    fn a_readme_without_the_place_is_an_error() {
        let error = with_part("a\n<!-- peers: ill -->\n", "ill", "new").unwrap_err();
        assert_eq!(error, "README.md has no line `<!-- /peers: ill -->`");
    }
}
