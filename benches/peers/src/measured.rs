//! Writes the tables into `benches/MEASURED.md`, and one of them into the README as well. Each part
//! has its place between a pair of comments.

use std::fs;
use std::path::{Path, PathBuf};

/// The file that has the tables of all parts.
pub(crate) const MEASURED: &str = "benches/MEASURED.md";
/// The file that has the first table of [`README_PART`].
pub(crate) const README: &str = "README.md";
/// The part whose first table stands in the README, without its notes.
pub(crate) const README_PART: &str = "bytes";

/// A Markdown file of the repository, with places for tables.
pub(crate) struct Page {
    name: &'static str,
    text: String,
}

impl Page {
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(crate) fn read(name: &'static str) -> Result<Self, String> {
        let text = fs::read_to_string(path(name)).map_err(|why| format!("{name}: {why}"))?;
        Ok(Self { name, text })
    }

    /// # Errors
    ///
    /// If the file cannot be written.
    pub(crate) fn write(&self) -> Result<(), String> {
        fs::write(path(self.name), &self.text).map_err(|why| format!("{}: {why}", self.name))
    }

    /// The tables that stand in the place of this part.
    ///
    /// # Errors
    ///
    /// If the page has no place for it.
    pub(crate) fn tables(&self, part: &str) -> Result<&str, String> {
        let (_, tables, _) = self.split(part)?;
        Ok(tables.trim())
    }

    /// Replaces the tables of this part.
    ///
    /// # Errors
    ///
    /// If the page has no place for it.
    pub(crate) fn replace(&mut self, part: &str, tables: &str) -> Result<(), String> {
        let (before, _, after) = self.split(part)?;
        self.text = format!("{before}\n{}\n{after}", tables.trim());
        Ok(())
    }

    /// The text up to the end of the first comment, between the comments, and from the second one.
    fn split(&self, part: &str) -> Result<(&str, &str, &str), String> {
        let find = |comment: String, from: usize| {
            let found = self.text[from..].find(&comment).map(|at| from + at);
            let missing = || format!("{} has no line `{comment}`", self.name);
            found.map(|at| (at, at + comment.len())).ok_or_else(missing)
        };
        let (_, begin) = find(format!("<!-- peers: {part} -->"), 0)?;
        let (end, _) = find(format!("<!-- /peers: {part} -->"), begin)?;
        Ok((&self.text[..begin], &self.text[begin..end], &self.text[end..]))
    }
}

/// The first table of a part, without the notes below it.
pub(crate) fn first_table(tables: &str) -> &str {
    tables.trim().split("\n\n").next().unwrap_or_default()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page { name: MEASURED, text: text.to_owned() }
    }

    #[test]
    fn each_part_has_a_place() {
        let measured = Page::read(MEASURED).unwrap();
        for (part, _) in crate::PARTS {
            measured.tables(part).unwrap();
        }
    }

    #[test]
    fn the_readme_has_the_first_table_of_its_part_and_no_other() {
        let (measured, readme) = (Page::read(MEASURED).unwrap(), Page::read(README).unwrap());
        let table = first_table(measured.tables(README_PART).unwrap());
        assert_eq!(readme.tables(README_PART).unwrap(), table);
        assert_eq!(readme.text.matches("<!-- peers: ").count(), 1);
    }

    #[test]
    fn new_tables_replace_the_old_ones() {
        let mut page = page("a\n<!-- peers: ill -->\nold\n<!-- /peers: ill -->\nb\n");
        let expected = "a\n<!-- peers: ill -->\nnew\n<!-- /peers: ill -->\nb\n";
        for _ in 0..2 {
            page.replace("ill", "new\n").unwrap();
            assert_eq!(page.text, expected);
        }
        assert_eq!(page.tables("ill").unwrap(), "new");
    }

    #[test]
    fn a_page_without_the_place_is_an_error() {
        let error = page("a\n<!-- peers: ill -->\n").tables("ill").unwrap_err();
        assert_eq!(error, "benches/MEASURED.md has no line `<!-- /peers: ill -->`");
    }

    #[test]
    fn notes_do_not_belong_to_the_first_table() {
        assert_eq!(first_table("| a |\n|---|\n\nA note.\n"), "| a |\n|---|");
    }
}
