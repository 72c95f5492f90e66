//! Checks a stream's chain, row by row, without the server that wrote it.

use crate::audit::AuditRow;
use crate::record::Hash;

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A row was removed, added or moved: the link to the row before is broken.
    #[error("audit row {id}: does not follow the row before it")]
    Link {
        /// The row.
        id: i64,
    },
    /// The row's columns were changed.
    #[error("audit row {id}: its columns do not fit its hash")]
    Metadata {
        /// The row.
        id: i64,
    },
    /// The row's data was changed.
    #[error("audit row {id}: its data does not fit its hash")]
    Data {
        /// The row.
        id: i64,
    },
    /// The stream's head, which commits check, is not at its newest row.
    #[error("stream {stream}: ends at another row than its head says")]
    Head {
        /// Brand, and the customer if it is one's.
        stream: String,
    },
}

/// Walks one stream in order of id.
#[derive(Debug, Clone, Copy)]
pub struct Chain {
    hash: Hash,
    rows: u64,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            hash: Hash::ZERO,
            rows: 0,
        }
    }
}

impl Chain {
    /// The next row.
    pub fn push(&mut self, row: &AuditRow) -> Result<(), Break> {
        let id = row.id.0;
        if row.prev_hash != self.hash {
            return Err(Break::Link { id });
        }
        if row.hash_chain() != row.hash {
            return Err(Break::Metadata { id });
        }
        let has_data = row.before.is_some() || row.after.is_some() || row.body.is_some() || row.comment.is_some();
        match &row.salt {
            Some(salt) if row.hash_data(salt) != row.data_hash => return Err(Break::Data { id }),
            // Erasing takes the salt along with the data; data without its salt was put there.
            None if has_data => return Err(Break::Data { id }),
            _ => {}
        }
        self.hash = row.hash;
        self.rows += 1;
        Ok(())
    }

    /// The hash of the newest row.
    pub const fn head(&self) -> Hash {
        self.hash
    }

    /// How many rows fitted.
    pub const fn rows(&self) -> u64 {
        self.rows
    }
}
