//! A commit as statements for one transaction.

use std::fmt::Write;

use kyc_core::commit::{Commit, KeptReply, Put, TenantChange};
use kyc_core::id::Brand;
use kyc_core::limits::KEPT_REPLY_SECONDS;
use kyc_core::record::{Cell, Column};
use kyc_core::stream::StreamKey;
use kyc_core::tenant::Tenant;
use kyc_core::time::Time;

use crate::queue;
use crate::statement::{Conditions, Statement};
use crate::table::{insert, put};

/// Most rows of one statement: with at most 64 columns they stay below SQLite's bound of 32 766 parameters.
const ROWS_MAX: usize = 500;

/// The stored form of a stream's customer: 0 for a brand's configuration.
fn customer_cell(stream: &StreamKey) -> Cell {
    stream.customer_id.map_or(Cell::Int(0), |id| id.to_cell())
}

/// What a commit writes, first what it is refused by: the stream's version.
pub fn statements(commit: Commit) -> Vec<Statement> {
    let mut statements = vec![stream(&commit)];
    statements.extend(put(commit.profile.into_iter().collect()));
    statements.extend(put(commit.settings.into_iter().collect()));
    in_parts(&mut statements, commit.steps, put);
    in_parts(&mut statements, commit.documents, put);
    in_parts(&mut statements, commit.templates, put);
    let brand = &commit.stream.brand;
    if commit.needs_no_active_profiles {
        statements.push(no_active_profiles(brand));
    }
    statements.extend(tenant(brand, commit.tenant));
    in_parts(&mut statements, commit.secrets, insert);
    statements.extend(commit.wakes_calls.into_iter().flat_map(|now| wake_calls(brand, now)));
    in_parts(&mut statements, commit.log, insert);
    in_parts(&mut statements, commit.deliveries, put);
    let queue = commit.queue.into_iter();
    statements.extend(queue.flat_map(|change| queue::change(brand, change)));
    in_parts(&mut statements, commit.audit, insert);
    in_parts(&mut statements, commit.history, insert);
    statements.extend(commit.kept.and_then(kept_reply));
    statements
}

/// One statement, unless there are more rows than one can carry.
fn in_parts<R>(statements: &mut Vec<Statement>, mut rows: Vec<R>, write: fn(Vec<R>) -> Option<Statement>) {
    while rows.len() > ROWS_MAX {
        let rest = rows.split_off(ROWS_MAX);
        statements.extend(write(std::mem::replace(&mut rows, rest)));
    }
    statements.extend(write(rows));
}

fn stream(commit: &Commit) -> Statement {
    let head = &commit.head;
    let mut params = vec![
        Cell::Int(head.version),
        head.hash.to_cell(),
        head.committed_time.to_cell(),
        head.due_time.to_cell(),
        commit.stream.brand.to_cell(),
        customer_cell(&commit.stream),
    ];
    let statement = if commit.base_version == 0 {
        let sql = "INSERT INTO streams (version, hash, committed_time, due_time, brand, customer_id) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        Statement::new(sql, params)
    } else {
        params.push(Cell::Int(commit.base_version));
        let sql = "UPDATE streams SET version = ?1, hash = ?2, committed_time = ?3, due_time = ?4 \
                   WHERE brand = ?5 AND customer_id = ?6 AND version = ?7";
        Statement::new(sql, params)
    };
    statement.touching(1)
}

/// Holds only while every profile of the brand has status none.
fn no_active_profiles(brand: &Brand) -> Statement {
    let sql = "UPDATE streams SET version = version WHERE brand = ?1 AND customer_id = 0 \
               AND NOT EXISTS (SELECT 1 FROM profiles WHERE brand = ?1 AND status > 0)";
    of_brand(sql, brand).touching(1)
}

fn of_brand(sql: &'static str, brand: &Brand) -> Statement {
    Statement::new(sql, vec![brand.to_cell()])
}

/// What becomes of a brand's tenant, and of the secrets that it had.
fn tenant(brand: &Brand, change: TenantChange) -> Vec<Statement> {
    match change {
        TenantChange::None => Vec::new(),
        TenantChange::Put(tenant) => {
            let forget = forget_secrets(&tenant);
            let put = put(vec![Put::whole(*tenant)]);
            put.into_iter().chain([forget]).collect()
        }
        TenantChange::Remove => vec![
            of_brand("DELETE FROM tenants WHERE brand = ?1", brand).touching(1),
            of_brand("DELETE FROM tenant_secrets WHERE brand = ?1", brand),
            of_brand("DELETE FROM reconciliations WHERE brand = ?1", brand),
        ],
    }
}

/// A brand's calls that wait are due now, however its platform has answered lately.
fn wake_calls(brand: &Brand, now: Time) -> [Statement; 2] {
    let sql = "UPDATE call_queue SET due_time = ?2 WHERE brand = ?1 AND due_time > ?2";
    [
        Statement::new(sql, vec![brand.to_cell(), now.to_cell()]),
        of_brand("DELETE FROM breakers WHERE brand = ?1", brand),
    ]
}

/// Forgets the secrets that the tenant no longer has.
fn forget_secrets(tenant: &Tenant) -> Statement {
    let mut conditions = Conditions::default();
    conditions.compare("brand", "=", Some(&tenant.brand));
    let kept: Vec<String> = tenant.secrets.0.iter().map(|note| note.secret_id.clone()).collect();
    conditions.without("secret_id", &kept);
    let (clause, params) = conditions.finish();
    Statement::new(format!("DELETE FROM tenant_secrets{clause}"), params)
}

/// Keeps a reply; over one that is no longer to be given, but no other.
fn kept_reply(kept: KeptReply) -> Option<Statement> {
    let oldest = kept.created_time.plus_seconds(-KEPT_REPLY_SECONDS);
    let mut statement = insert(vec![kept])?;
    statement.params.push(oldest.to_cell());
    statement.sql = format!(
        "{} ON CONFLICT (subject, command, key) DO UPDATE SET request_hash = excluded.request_hash, \
         body = excluded.body, created_time = excluded.created_time WHERE created_time < ?{}",
        statement.sql,
        statement.params.len()
    )
    .into();
    Some(statement)
}

/// Forgets replies kept since before a time.
pub fn forget_replies(before: Time) -> Statement {
    Statement::new(
        "DELETE FROM kept_replies WHERE created_time < ?1",
        vec![before.to_cell()],
    )
}

/// Takes so many ids of each kind, in one statement.
pub fn reserve(kinds: &[(&'static str, i64)]) -> Statement {
    let mut conditions = Conditions::default();
    let names: Vec<String> = kinds.iter().map(|(name, _)| (*name).to_owned()).collect();
    conditions.within("name", &names);
    let (clause, mut params) = conditions.finish();
    let mut next = String::from("CASE name");
    for (place, (_, count)) in kinds.iter().enumerate() {
        params.push(Cell::Int(*count));
        // Writing to a string does not fail.
        let _ = write!(next, " WHEN ?{} THEN next + ?{}", place + 1, params.len());
    }
    let sql = format!("UPDATE counters SET next = {next} END{clause} RETURNING name, next");
    Statement::new(sql, params)
}

/// Reads rows of [`reserve`]: the first id of each kind, in the order of the kinds.
pub fn reserved(kinds: &[(&'static str, i64)], rows: Vec<Vec<Cell>>) -> Option<Vec<i64>> {
    let row = |row: Vec<Cell>| {
        let mut cells = row.into_iter();
        Some((String::from_cell(cells.next()?)?, i64::from_cell(cells.next()?)?))
    };
    let next: Vec<(String, i64)> = rows.into_iter().map(row).collect::<Option<_>>()?;
    let first = |(name, count): &(&'static str, i64)| {
        let found = next.iter().find(|(counter, _)| counter == name);
        found.map(|(_, next)| next - count)
    };
    kinds.iter().map(first).collect()
}
