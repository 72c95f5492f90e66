//! Lists as their definition says: every row that fits, in order, behind the cursor.

use kyc_core::query::{Filter, Query, Rows};

use crate::tables::Tables;

/// The page, and one row more.
pub(crate) fn page(tables: &Tables, query: &Query) -> Rows {
    let sees = |brand| query.scope.sees(brand);
    match &query.filter {
        Filter::Templates(filter) => {
            let rows = tables.templates().filter(|row| filter.fits(row) && sees(&row.brand));
            Rows::Templates(cut(query, false, rows, |row| (0, row.id.0)))
        }
        Filter::Profiles(filter) => {
            let rows = tables.customers.values().filter_map(|state| state.profile.as_ref());
            let rows = rows.filter(|row| filter.fits(row) && sees(&row.brand));
            Rows::Profiles(cut(query, filter.order.descending, rows, |row| {
                (filter.order.key(row), row.id.0)
            }))
        }
        Filter::Documents(filter) => {
            let rows = tables.customers.values().flat_map(|state| &state.documents);
            let rows = rows.filter(|row| filter.fits(row) && sees(&row.brand));
            Rows::Documents(cut(query, false, rows, |row| (0, row.id.0)))
        }
        Filter::Audit(filter) => {
            let rows = tables.audit.values().filter(|row| filter.fits(row) && sees(&row.brand));
            Rows::Audit(cut(query, true, rows, |row| (0, row.id.0)))
        }
        Filter::History(id) => {
            let rows = tables
                .history
                .values()
                .filter(|row| row.kyc_id == *id && sees(&row.brand));
            Rows::History(cut(query, true, rows, |row| (0, row.id.0)))
        }
        Filter::Tenants(filter) => {
            let rows = tables.brands.values().filter_map(|state| state.tenant.as_ref());
            let rows = rows.filter(|row| filter.fits(row) && sees(&row.brand));
            Rows::Tenants(cut(query, false, rows, |row| (0, row.id)))
        }
        Filter::Deliveries(filter) => {
            let rows = tables.deliveries.values();
            let rows = rows.filter(|row| filter.fits(row) && sees(&row.brand));
            Rows::Deliveries(cut(query, true, rows, |row| (0, row.id.0)))
        }
    }
}

/// Orders rows by (key, id), passes over those up to the cursor and the offset, and takes as many as are wanted.
fn cut<'a, R: Clone + 'a>(
    query: &Query,
    descending: bool,
    rows: impl Iterator<Item = &'a R>,
    place: impl Fn(&R) -> (i64, i64),
) -> Vec<R> {
    let is_behind = |row: &&R| match query.page.after {
        None => true,
        Some(after) if descending => place(row) < after,
        Some(after) => place(row) > after,
    };
    let mut rows: Vec<&R> = rows.filter(is_behind).collect();
    rows.sort_by_key(|row| place(row));
    if descending {
        rows.reverse();
    }
    let offset = usize::try_from(query.page.offset).unwrap_or(0);
    let wanted = usize::try_from(query.fetch_rows()).unwrap_or(0);
    rows.into_iter().skip(offset).take(wanted).cloned().collect()
}
