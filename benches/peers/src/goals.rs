//! Goals, and whether what was measured meets them.

use crate::table::Table;

/// The goals of a part.
#[derive(Debug, Default)]
pub(crate) struct Goals(Vec<[String; 3]>);

impl Goals {
    /// One more: the goal, what was measured, and whether that is good enough.
    pub(crate) fn add(&mut self, goal: impl Into<String>, measured: impl Into<String>, met: bool) {
        let verdict = if met { "met" } else { "**missed**" };
        self.0.push([goal.into(), measured.into(), verdict.to_owned()]);
    }

    pub(crate) fn table(self) -> Table {
        let mut table = Table::new(["goal", "measured", "result"]);
        for row in self.0 {
            table.row(row);
        }
        table
    }
}
