//! Metadata of stored files.

use kyc_core::file::FileMeta;
use kyc_core::id::{CustomerKey, FileId};
use kyc_core::record::{Cell, Column, json_of};
use kyc_core::time::Time;

use crate::statement::{Conditions, Statement};
use crate::table::{insert, select};

/// Records a file.
pub fn add(file: FileMeta) -> Option<Statement> {
    insert(vec![file])
}

/// One file.
pub fn by_id(id: &FileId) -> Statement {
    Statement::new(
        format!("{} WHERE file_id = ?1", select::<FileMeta>()),
        vec![id.to_cell()],
    )
}

/// Those of these names that no file's row leads to; a column of names.
pub fn strays(names: &[String]) -> Statement {
    // The id in a name finds the row; the whole name must be its.
    let sql = "SELECT value FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM files \
               WHERE file_id = substr(value, 1, instr(value, '.') - 1) AND file_id || '.' || extension = value)";
    Statement::new(sql, vec![json_of(&names).to_string().take_cell()])
}

/// Claims files for a customer: all of them, or it is a conflict. The ids must differ.
pub fn claim(ids: &[FileId], customer: &CustomerKey) -> Statement {
    let mut conditions = Conditions::default();
    let brand = conditions.param(customer.brand.to_cell());
    let number = conditions.param(customer.customer_id.to_cell());
    conditions.within("file_id", ids);
    conditions.clause(format!(
        "(customer_id IS NULL OR (brand = {brand} AND customer_id = {number}))"
    ));
    let (clause, params) = conditions.finish();
    let sql = format!("UPDATE files SET claimed = 1, brand = {brand}, customer_id = {number}{clause}");
    Statement::new(sql, params).touching(ids.len())
}

/// Files that nothing has claimed, stored before a time.
pub fn unclaimed(before: Time, limit: i64) -> Statement {
    let sql = format!(
        "{} WHERE claimed = 0 AND created_time < ?1 ORDER BY created_time LIMIT ?2",
        select::<FileMeta>()
    );
    Statement::new(sql, vec![before.to_cell(), Cell::Int(limit)])
}

/// Forgets a file that nothing has claimed.
pub fn remove_unclaimed(id: &FileId) -> Statement {
    Statement::new(
        "DELETE FROM files WHERE file_id = ?1 AND claimed = 0",
        vec![id.to_cell()],
    )
}
