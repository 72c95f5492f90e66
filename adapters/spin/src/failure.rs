//! What a failed statement means to the store. Spin passes on SQLite's message, not its code.

use kyc_ports::store::StoreError;

/// Broken constraints (`UNIQUE constraint failed: …`), and what the audit log's triggers say.
const CONFLICTS: [&str; 3] = ["constraint failed", "CONSTRAINT", "audit rows are not"];
const BUSY: [&str; 4] = [
    "database is locked",
    "database table is locked",
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
];

/// A broken constraint is somebody else's commit; a database that stayed locked can be tried again; all else failed.
pub fn store_error(message: &str) -> StoreError {
    let says = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    if says(&CONFLICTS) {
        StoreError::Conflict
    } else if says(&BUSY) {
        StoreError::Busy
    } else {
        StoreError::Failed(message.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use kyc_ports::store::StoreError;

    use super::store_error;

    /// SQLite's own messages, made by SQLite.
    #[test]
    fn messages_of_sqlite_are_understood() {
        let folder = std::env::temp_dir().join(format!("kyc-spin-failure-{}", std::process::id()));
        let open = || rusqlite::Connection::open(&folder).unwrap();
        let (first, second) = (open(), open());
        second.busy_timeout(std::time::Duration::ZERO).unwrap();
        first
            .execute_batch("CREATE TABLE a (b INTEGER NOT NULL UNIQUE CHECK (b > 0)) STRICT; INSERT INTO a VALUES (1)")
            .unwrap();
        let told = |sql: &str| store_error(&second.execute(sql, []).unwrap_err().to_string());
        for sql in [
            "INSERT INTO a VALUES (1)",
            "INSERT INTO a VALUES (NULL)",
            "INSERT INTO a VALUES (0)",
        ] {
            assert_eq!(told(sql), StoreError::Conflict, "{sql}");
        }
        assert!(matches!(told("INSERT INTO nowhere VALUES (1)"), StoreError::Failed(_)));
        first.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(told("INSERT INTO a VALUES (2)"), StoreError::Busy);
        drop((first, second));
        std::fs::remove_file(folder).unwrap();
    }
}
