//! A statement with its parameters, and a builder for conditions.

use std::borrow::Cow;

use kyc_core::record::{Cell, Column};

/// One SQL statement. Parameters are numbered `?1`, `?2`, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The text.
    pub sql: Cow<'static, str>,
    /// The parameters, in order.
    pub params: Vec<Cell>,
    /// How many rows it must touch, if that matters; another number is a conflict.
    pub touches: Option<usize>,
}

impl Statement {
    /// A statement that may touch any number of rows.
    pub fn new(sql: impl Into<Cow<'static, str>>, params: Vec<Cell>) -> Self {
        Self {
            sql: sql.into(),
            params,
            touches: None,
        }
    }

    /// A write that must touch exactly so many rows.
    #[must_use]
    pub const fn touching(mut self, rows: usize) -> Self {
        self.touches = Some(rows);
        self
    }
}

/// A `WHERE` clause in the making: conditions joined by AND.
#[derive(Debug, Default)]
pub struct Conditions {
    clauses: Vec<String>,
    params: Vec<Cell>,
}

impl Conditions {
    /// A condition without parameters.
    pub fn plain(&mut self, clause: &str) {
        self.clauses.push(clause.to_owned());
    }

    /// `column op value`, when there is a value.
    pub fn compare<T: Column>(&mut self, column: &str, op: &str, value: Option<&T>) {
        if let Some(value) = value {
            let place = self.param(value.to_cell());
            self.clauses.push(format!("{column} {op} {place}"));
        }
    }

    /// `column IN (values)`; false for no values.
    pub fn within<T: Column>(&mut self, column: &str, values: &[T]) {
        let places: Vec<String> = values.iter().map(|value| self.param(value.to_cell())).collect();
        self.clauses.push(if places.is_empty() {
            "0".to_owned()
        } else {
            format!("{column} IN ({})", places.join(", "))
        });
    }

    /// `column NOT IN (values)`; true for no values.
    pub fn without<T: Column>(&mut self, column: &str, values: &[T]) {
        let places: Vec<String> = values.iter().map(|value| self.param(value.to_cell())).collect();
        if !places.is_empty() {
            self.clauses.push(format!("{column} NOT IN ({})", places.join(", ")));
        }
    }

    /// The place of a new parameter.
    pub fn param(&mut self, cell: Cell) -> String {
        self.params.push(cell);
        format!("?{}", self.params.len())
    }

    /// A condition made with places from [`Self::param`].
    pub fn clause(&mut self, clause: String) {
        self.clauses.push(clause);
    }

    /// The clause with its leading ` WHERE `, or nothing, and the parameters.
    pub fn finish(self) -> (String, Vec<Cell>) {
        let clause = if self.clauses.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", self.clauses.join(" AND "))
        };
        (clause, self.params)
    }
}
