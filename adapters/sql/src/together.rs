//! Rows of several tables in one statement, and so of one snapshot: a store far away is asked once.

use std::fmt::Write;

use kyc_core::record::{Cell, Column};

use crate::table::{Table, decode};

/// Selects that become one statement. A row has the columns of its own select first and that select's number last.
#[derive(Debug, Default)]
pub(crate) struct Together {
    selects: Vec<(Vec<&'static str>, String)>,
}

impl Together {
    /// All columns of a table, for the rows that a clause finds. Their order is not kept.
    pub(crate) fn of<T: Table>(self, clause: &str) -> Self {
        self.columns(T::COLUMNS.to_vec(), format!("{}{clause}", T::NAME))
    }

    /// Some columns of what a `FROM` names.
    pub(crate) fn columns(mut self, columns: Vec<&'static str>, from: String) -> Self {
        self.selects.push((columns, from));
        self
    }

    /// The text of the statement.
    pub(crate) fn text(&self) -> String {
        let width = self.selects.iter().map(|(columns, _)| columns.len()).max();
        let mut text = String::new();
        for (number, (columns, from)) in self.selects.iter().enumerate() {
            let nulls = ", NULL".repeat(width.unwrap_or_default() - columns.len());
            let union = if number == 0 { "" } else { " UNION ALL " };
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "{union}SELECT {}{nulls}, {number} FROM {from}",
                columns.join(", ")
            );
        }
        text
    }
}

/// The rows of a statement made of selects, by select.
#[derive(Debug)]
pub(crate) struct Apart(Vec<Vec<Vec<Cell>>>);

impl Apart {
    /// Tells the rows of so many selects apart; `None` when one is of none of them.
    pub(crate) fn new(selects: usize, rows: Vec<Vec<Cell>>) -> Option<Self> {
        let mut apart = vec![Vec::new(); selects];
        for mut row in rows {
            let number = row.pop().and_then(i64::from_cell)?;
            apart.get_mut(usize::try_from(number).ok()?)?.push(row);
        }
        Some(Self(apart))
    }

    /// The rows of the select with this number, with so many columns.
    pub(crate) fn rows(&mut self, number: usize, columns: usize) -> Vec<Vec<Cell>> {
        let mut rows = self.0.get_mut(number).map(std::mem::take).unwrap_or_default();
        for row in &mut rows {
            row.truncate(columns);
        }
        rows
    }

    /// The same as entities of a table, ordered by a column of integers.
    pub(crate) fn of<T: Table>(&mut self, number: usize, by: &str) -> Option<Vec<T>> {
        let place = T::COLUMNS.iter().position(|column| *column == by)?;
        decode(self.ordered(number, T::COLUMNS.len(), place))
    }

    fn ordered(&mut self, number: usize, columns: usize, place: usize) -> Vec<Vec<Cell>> {
        let mut rows = self.rows(number, columns);
        rows.sort_by_key(|row| match row.get(place) {
            Some(Cell::Int(value)) => *value,
            _ => 0,
        });
        rows
    }
}
