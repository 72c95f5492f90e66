//! The queue of calls out: who sends what next, and how a brand's platform has answered lately.

use kyc_core::id::Brand;
use kyc_core::limits::{BREAKER_FAILURES_MAX, PROBE_SECONDS};
use kyc_core::outbound::retry::overdue_before;
use kyc_core::outbound::{Breaker, Heard, QueueChange, QueuedCall};
use kyc_core::record::{Cell, Column, Record};
use kyc_core::time::{DAY_SECONDS, Time};
use kyc_ports::store::{Claim, Postponed, Reconciliation, Which};

use crate::statement::Statement;
use crate::table::{cells, insert, select};

/// A call `q` is the oldest of its customer's that wait.
const FIRST: &str = "NOT EXISTS (SELECT 1 FROM call_queue AS earlier WHERE earlier.brand = q.brand \
                     AND earlier.customer_id = q.customer_id AND earlier.delivery_id < q.delivery_id)";

/// What becomes of a call in the queue, with a commit.
pub(crate) fn change(brand: &Brand, change: QueueChange) -> Vec<Statement> {
    match change {
        QueueChange::Add(call) => insert(vec![call]).into_iter().collect(),
        QueueChange::Drop { delivery_id, now } => {
            let sql = "DELETE FROM call_queue WHERE delivery_id = ?1 AND (lease_until IS NULL OR lease_until <= ?2)";
            vec![Statement::new(sql, vec![delivery_id.to_cell(), now.to_cell()]).touching(1)]
        }
        QueueChange::Finish {
            delivery_id,
            lease_until,
            heard,
            now,
        } => {
            let sql = "DELETE FROM call_queue WHERE delivery_id = ?1 AND lease_until = ?2";
            let mut statements =
                vec![Statement::new(sql, vec![delivery_id.to_cell(), lease_until.to_cell()]).touching(1)];
            match heard {
                Heard::Nothing => {}
                Heard::Answer => statements.extend(close_breaker(brand, now)),
                Heard::Failure => statements.push(count_failure(brand, now.plus_seconds(PROBE_SECONDS))),
            }
            statements
        }
    }
}

/// The platform answers: where its breaker was open, all that waits is due.
fn close_breaker(brand: &Brand, now: Time) -> [Statement; 2] {
    let wake = "UPDATE call_queue SET due_time = ?2 WHERE brand = ?1 AND due_time > ?2 \
                AND EXISTS (SELECT 1 FROM breakers WHERE brand = ?1 AND probe_time IS NOT NULL)";
    [
        Statement::new(wake, vec![brand.to_cell(), now.to_cell()]),
        Statement::new("DELETE FROM breakers WHERE brand = ?1", vec![brand.to_cell()]),
    ]
}

/// The platform fails: enough failures in a row open its breaker.
fn count_failure(brand: &Brand, probe_time: Time) -> Statement {
    let sql = "INSERT INTO breakers (brand, failures) VALUES (?1, 1) ON CONFLICT (brand) DO UPDATE SET \
               failures = failures + 1, probe_time = CASE WHEN failures + 1 >= ?3 THEN coalesce(probe_time, ?2) END";
    let params = vec![brand.to_cell(), probe_time.to_cell(), Cell::Int(BREAKER_FAILURES_MAX)];
    Statement::new(sql, params)
}

/// Brands that have calls to send or to give up.
pub fn callable_brands(now: Time) -> Statement {
    let sql = format!(
        "SELECT DISTINCT q.brand FROM call_queue AS q LEFT JOIN breakers AS b ON b.brand = q.brand \
         WHERE (q.lease_until IS NULL OR q.lease_until <= ?1) AND (q.queued_time <= ?2 \
         OR ((b.probe_time <= ?1 OR (b.probe_time IS NULL AND q.due_time <= ?1)) AND {FIRST}))"
    );
    Statement::new(sql, vec![now.to_cell(), overdue_before(now).to_cell()])
}

/// How a brand's platform has answered lately.
pub fn breaker(brand: &Brand) -> Statement {
    Statement::new(
        format!("{} WHERE brand = ?1", select::<Breaker>()),
        vec![brand.to_cell()],
    )
}

/// Takes waiting calls; the rows of the last statement are they, in any order.
pub fn claim(claim: &Claim) -> Vec<Statement> {
    const FREE: &str = "(lease_until IS NULL OR lease_until <= ?2)";
    let mut statements = Vec::new();
    let mut params = vec![
        claim.brand.to_cell(),
        claim.now.to_cell(),
        claim.lease_until.to_cell(),
        Cell::Int(claim.limit as i64),
    ];
    let wanted = match claim.which {
        Which::Due => format!("due_time <= ?2 AND {FIRST} ORDER BY due_time, delivery_id"),
        Which::Probe => {
            let sql = "UPDATE breakers SET probe_time = ?3 WHERE brand = ?1 AND probe_time <= ?2";
            let next = claim.now.plus_seconds(PROBE_SECONDS);
            let params = vec![claim.brand.to_cell(), claim.now.to_cell(), next.to_cell()];
            statements.push(Statement::new(sql, params).touching(1));
            format!("{FIRST} ORDER BY delivery_id")
        }
        Which::Overdue(before) => {
            params.push(before.to_cell());
            "queued_time <= ?5 ORDER BY delivery_id".to_owned()
        }
    };
    let sql = format!(
        "UPDATE call_queue SET lease_until = ?3 WHERE delivery_id IN (SELECT delivery_id FROM call_queue AS q \
         WHERE brand = ?1 AND {FREE} AND {wanted} LIMIT ?4) RETURNING {}",
        QueuedCall::COLUMNS.join(", ")
    );
    statements.push(Statement::new(sql, params));
    statements
}

/// Puts a call back, and counts a failure.
pub fn postpone(postponed: &Postponed) -> Vec<Statement> {
    let back = "UPDATE call_queue SET lease_until = NULL, attempts = ?3, due_time = ?4 \
                WHERE delivery_id = ?1 AND lease_until = ?2";
    let params = vec![
        postponed.delivery_id.to_cell(),
        postponed.lease_until.to_cell(),
        Cell::Int(postponed.attempts),
        postponed.due_time.to_cell(),
    ];
    vec![
        Statement::new(back, params).touching(1),
        count_failure(&postponed.brand, postponed.probe_time),
    ]
}

/// Brands whose daily reconciliation is due; read as [`Reconciliation`]s.
pub fn due_reconciliations(now: Time) -> Statement {
    let sql = "SELECT t.brand, coalesce(r.due_time, t.created_time + ?2), r.cursor, coalesce(r.stays, 0) FROM tenants AS t \
               LEFT JOIN reconciliations AS r ON r.brand = t.brand \
               WHERE t.kyc_model IN ('crm_owns', 'dual') AND coalesce(r.due_time, t.created_time + ?2) <= ?1 \
               ORDER BY t.id";
    let day = Time::from_seconds(DAY_SECONDS);
    Statement::new(sql, vec![now.to_cell(), day.to_cell()])
}

/// Sets when and where a reconciliation goes on, if the brand still has a tenant.
pub fn set_reconciliation(reconciliation: Reconciliation) -> Statement {
    let sql = "INSERT INTO reconciliations (brand, due_time, cursor, stays) \
               SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM tenants WHERE brand = ?1) \
               ON CONFLICT (brand) DO UPDATE SET due_time = excluded.due_time, cursor = excluded.cursor, \
               stays = excluded.stays";
    Statement::new(sql, cells([reconciliation]))
}
