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
    // An instance's first request asks only this. Where the table is not there yet, the answer is an error.
    if let Ok(versions) = versions(session).await
        && missing(&versions, folders)?.is_empty()
    {
        return Ok(());
    }
    // Readers and the writer do not wait for each other then. It stays set; where it cannot be, all works without.
    if let Err(error) = session.command("PRAGMA journal_mode = WAL").await {
        tracing::debug!(%error, "no write-ahead log");
    }
    session
        .transact("BEGIN IMMEDIATE", async |session| {
            session.command(VERSIONS).await?;
            for (folder, version) in missing(&versions(session).await?, folders)? {
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

/// How far each folder has come.
async fn versions(session: &Session) -> Result<Vec<(String, usize)>, StoreError> {
    let sql = "SELECT folder, version FROM migrations";
    let rows = session.rows(Statement::new(sql, Vec::new())).await?;
    let version = |row: Vec<Cell>| {
        let mut cells = row.into_iter();
        let folder = cells.next().and_then(String::from_cell)?;
        let version = cells.next().and_then(i64::from_cell)?;
        Some((folder, usize::try_from(version).unwrap_or(usize::MAX)))
    };
    let versions: Option<_> = rows.into_iter().map(version).collect();
    versions.ok_or_else(|| StoreError::Failed("the table `migrations` is another program's".to_owned()))
}

/// Folders with steps that have not run, and how many of them have.
fn missing<'a>(versions: &[(String, usize)], folders: &'a [Folder]) -> Result<Vec<(&'a Folder, usize)>, StoreError> {
    let mut missing = Vec::new();
    for folder in folders {
        let known = versions.iter().find(|(name, _)| name == folder.name);
        let version = known.map_or(0, |(_, version)| *version);
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

fn reached(folder: &Folder) -> Statement {
    let sql = "INSERT INTO migrations (folder, version) VALUES (?1, ?2) \
               ON CONFLICT (folder) DO UPDATE SET version = excluded.version";
    Statement::new(
        sql,
        vec![Cell::Text(folder.name.into()), Cell::Int(folder.steps.len() as i64)],
    )
}
