//! Brings a database to the newest version on first use: the steps that are missing, all in one transaction.

use kyc_core::record::{Cell, Column};
use kyc_ports::store::StoreError;
use kyc_sql::statement::Statement;

use crate::database::Session;
use crate::split::statements;
use crate::steps::Folder;

/// Several folders may share a database, and a remote one may refuse `PRAGMA user_version`: hence a table.
const VERSIONS: &str =
    "CREATE TABLE IF NOT EXISTS migrations (folder TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT";

/// Runs what is missing. Whoever else is at it is waited for.
pub(crate) async fn run(session: &Session, folders: &[Folder]) -> Result<(), StoreError> {
    // Readers and the writer do not wait for each other then. It stays set; where it cannot be, all works without.
    if let Err(error) = session.command("PRAGMA journal_mode = WAL").await {
        tracing::debug!(%error, "no write-ahead log");
    }
    if is_known(session).await? && missing(session, folders).await?.is_empty() {
        return Ok(());
    }
    session
        .transact("BEGIN IMMEDIATE", async |session| {
            session.command(VERSIONS).await?;
            for (folder, version) in missing(session, folders).await? {
                for step in folder.steps.iter().skip(version) {
                    for statement in statements(step) {
                        session.rows(Statement::new(statement, Vec::new())).await?;
                    }
                }
                session.rows(reached(folder)).await?;
            }
            Ok(())
        })
        .await
}

async fn is_known(session: &Session) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'";
    session
        .rows(Statement::new(sql, Vec::new()))
        .await
        .map(|rows| !rows.is_empty())
}

/// Folders with steps that have not run, and how many of them have.
async fn missing<'a>(session: &Session, folders: &'a [Folder]) -> Result<Vec<(&'a Folder, usize)>, StoreError> {
    let mut missing = Vec::new();
    for folder in folders {
        let version = version(session, folder).await?;
        if version > folder.steps.len() {
            return Err(StoreError::Failed(format!(
                "the database is at version {version} of `{}`, this program knows {}; run the newer program",
                folder.name,
                folder.steps.len()
            )));
        }
        if version < folder.steps.len() {
            missing.push((folder, version));
        }
    }
    Ok(missing)
}

async fn version(session: &Session, folder: &Folder) -> Result<usize, StoreError> {
    let sql = "SELECT version FROM migrations WHERE folder = ?1";
    let rows = session
        .rows(Statement::new(sql, vec![Cell::Text(folder.name.to_owned())]))
        .await?;
    let version = rows.into_iter().flatten().next().and_then(i64::from_cell);
    Ok(usize::try_from(version.unwrap_or(0)).unwrap_or(usize::MAX))
}

fn reached(folder: &Folder) -> Statement {
    let sql = "INSERT INTO migrations (folder, version) VALUES (?1, ?2) \
               ON CONFLICT (folder) DO UPDATE SET version = excluded.version";
    Statement::new(
        sql,
        vec![Cell::Text(folder.name.to_owned()), Cell::Int(folder.steps.len() as i64)],
    )
}
