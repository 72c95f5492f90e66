//! Brings a database to the newest version: numbered steps, forward only, each in a transaction of its own.

use rusqlite::Connection;

use crate::database::OpenError;

/// Steps of `kyc.db`.
pub(crate) const KYC: &[&str] = &[
    include_str!("../../../migrations/kyc/0001_initial.sql"),
    include_str!("../../../migrations/kyc/0002_tenants.sql"),
    include_str!("../../../migrations/kyc/0003_reconciliations.sql"),
    include_str!("../../../migrations/kyc/0004_fewer_indexes.sql"),
    include_str!("../../../migrations/kyc/0005_fewer_pages.sql"),
];
/// Steps of `storage.db`.
pub(crate) const STORAGE: &[&str] = &[include_str!("../../../migrations/storage/0001_initial.sql")];

/// A database's version, which this program knows.
pub(crate) fn known_version(connection: &Connection, steps: &[&str]) -> Result<usize, OpenError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > steps.len() {
        return Err(OpenError::Newer {
            version,
            known: steps.len(),
        });
    }
    Ok(version)
}

pub(crate) fn run(connection: &mut Connection, steps: &[&str]) -> Result<(), OpenError> {
    let version = known_version(connection, steps)?;
    for (number, step) in (1..).zip(steps).skip(version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}
