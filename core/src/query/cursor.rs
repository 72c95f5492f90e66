//! Keyset cursors: opaque text that names the last row seen, stable while rows change.

use crate::limits::PAGE_ROWS_DEFAULT;
use crate::query::{Filter, ProfileKey, Query, Rows};
use crate::rejection::Rejection;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// At most so many rows.
    pub limit: i64,
    /// Rows behind the one with this (key, id); the key is 0 in lists that are ordered by id.
    pub after: Option<(i64, i64)>,
    /// Rows to pass over first.
    pub offset: i64,
}

impl Filter {
    /// The list and its order: a cursor of one does not fit another.
    fn tag(&self) -> &'static str {
        match self {
            Self::Templates(_) => "t",
            Self::Documents(_) => "d",
            Self::Audit(_) => "a",
            Self::History(_) => "h",
            Self::Tenants(_) => "n",
            Self::Deliveries(_) => "o",
            Self::Profiles(filter) => match (filter.order.by, filter.order.descending) {
                (ProfileKey::Created, false) => "pc",
                (ProfileKey::Created, true) => "pC",
                (ProfileKey::Updated, false) => "pu",
                (ProfileKey::Updated, true) => "pU",
                (ProfileKey::OldestSubmitted, false) => "po",
                (ProfileKey::OldestSubmitted, true) => "pO",
            },
        }
    }

    /// The page that the members ask for.
    pub fn page(&self, limit: Option<i64>, cursor: Option<&str>, offset: Option<i64>) -> Result<Page, Rejection> {
        let after = cursor
            .map(|cursor| {
                self.read_cursor(cursor).ok_or_else(|| {
                    Rejection::invalid("cursor", "cursor", "is not a cursor of this list; start without one")
                })
            })
            .transpose()?;
        if after.is_some() && offset.is_some() {
            return Err(Rejection::invalid("offset", "conflict", "goes without a cursor"));
        }
        Ok(Page {
            limit: limit.unwrap_or(PAGE_ROWS_DEFAULT),
            after,
            offset: offset.unwrap_or(0),
        })
    }

    fn read_cursor(&self, cursor: &str) -> Option<(i64, i64)> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let mut parts = text.split(':');
        let (tag, key, id) = (parts.next()?, parts.next()?, parts.next()?);
        (tag == self.tag() && parts.next().is_none()).then_some(())?;
        Some((key.parse().ok()?, id.parse().ok()?))
    }

    fn write_cursor(&self, key: i64, id: i64) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{key}:{id}", self.tag()))
    }
}

impl Query {
    /// How many rows to ask the store for: one more than the page, to know whether there is a next one.
    pub const fn fetch_rows(&self) -> i64 {
        self.page.limit + 1
    }

    /// Cuts the rows to the page; the cursor of the next one if there are more.
    pub fn cut(&self, rows: &mut Rows) -> Option<String> {
        let limit = usize::try_from(self.page.limit).unwrap_or(0);
        let last = match rows {
            Rows::Templates(rows) => cut(rows, limit).map(|row| (0, row.id.0)),
            Rows::Documents(rows) => cut(rows, limit).map(|row| (0, row.id.0)),
            Rows::Audit(rows) => cut(rows, limit).map(|row| (0, row.id.0)),
            Rows::History(rows) => cut(rows, limit).map(|row| (0, row.id.0)),
            Rows::Tenants(rows) => cut(rows, limit).map(|row| (0, row.id)),
            Rows::Deliveries(rows) => cut(rows, limit).map(|row| (0, row.id.0)),
            Rows::Profiles(rows) => cut(rows, limit).map(|row| match &self.filter {
                Filter::Profiles(filter) => (filter.order.key(row), row.id.0),
                _ => (0, row.id.0),
            }),
        };
        last.map(|(key, id)| self.filter.write_cursor(key, id))
    }
}

/// The page's last row, if there are rows behind it.
fn cut<R>(rows: &mut Vec<R>, limit: usize) -> Option<&R> {
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last()
}
