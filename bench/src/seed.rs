//! Customers for the databases: decided by the rules themselves, without the server, and written by the statements that
//! the server uses, in large transactions that nothing is synced for. So the rows are those that the server would have
//! written, chains included. The same seed gives the same customers again.

use std::path::Path;

use kyc_core::actor::{Actor, BrandScope};
use kyc_core::brand::BrandState;
use kyc_core::command::{Call, TemplateNeed};
use kyc_core::commit::Commit;
use kyc_core::customer::CustomerState;
use kyc_core::id::{Brand, CustomerId, CustomerKey};
use kyc_core::record::{Cell, Hash};
use kyc_core::status::Session;
use kyc_core::table;
use kyc_core::time::Time;
use kyc_core::work::{Context, Ids};
use kyc_ports::store::{Store, Wanted};
use kyc_sql::statement::Statement;
use kyc_sqlite::{Options, SqliteStore};
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};
use serde_json::{Value, json};

use crate::clock::{now, unix_seconds};
use crate::{Error, Result};

/// The brand of all customers.
pub(crate) const BRAND: &str = "bench";
/// Audit ids set aside for each customer.
const AUDIT_IDS: i64 = 16;
/// Customers of a transaction.
const CUSTOMERS_AT_ONCE: u32 = 5_000;

/// What customers are made from.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    /// How many there are.
    pub(crate) profiles: u32,
    brand: BrandState,
    now: Time,
    /// Ids of the first customer.
    first_profile: i64,
    first_step: i64,
    first_audit: i64,
}

impl Seed {
    /// The brand as it is configured, and ids for so many customers.
    fn open(bases: &Path, profiles: u32) -> Result<Self> {
        let store = SqliteStore::open(bases, Options::default())?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let count = i64::from(profiles);
        let wanted = Wanted {
            profiles: count,
            steps: count,
            audit: count * AUDIT_IDS,
            ..Wanted::default()
        };
        let reserved = runtime.block_on(store.reserve(wanted))?;
        Ok(Self {
            profiles,
            brand: runtime.block_on(store.brand(&brand()?, &TemplateNeed::UpTo(1)))?,
            now: Time::from_seconds(unix_seconds() - 60),
            first_profile: reserved.profile,
            first_step: reserved.step,
            first_audit: reserved.audit,
        })
    }

    /// The profile of a customer, from 0.
    pub(crate) fn profile(&self, number: u32) -> i64 {
        self.first_profile + i64::from(number)
    }

    /// The step of a customer, from 0. It waits for a verdict.
    pub(crate) fn step(&self, number: u32) -> i64 {
        self.first_step + i64::from(number)
    }

    /// The steps of some customers, in an order in which neighbours are far apart, as they are for those who judge.
    pub(crate) fn steps(&self, numbers: std::ops::Range<u32>) -> Vec<i64> {
        shuffled(numbers).map(|number| self.step(number)).collect()
    }

    /// Customers spread over all of them, in an order in which neighbours are far apart however many there are.
    pub(crate) fn spread(&self, count: u32) -> impl Iterator<Item = u32> {
        let stride = u64::from(self.profiles);
        shuffled(0..count).map(move |index| (u64::from(index) * stride / u64::from(count)) as u32)
    }

    /// A customer of whom level 1 is asked and who has answered; and the commits that led there.
    pub(crate) fn customer(&self, number: u32) -> Result<(CustomerState, [Commit; 2])> {
        let customer_id = i64::from(number) + 1;
        let key = CustomerKey {
            brand: brand()?,
            customer_id: CustomerId(customer_id),
        };
        let audit = self.first_audit + i64::from(number) * AUDIT_IDS;
        let asked = json!({ "brand": BRAND, "customer_id": customer_id, "level": 1 });
        let start = CustomerState::new(key);
        let (state, asked) = self.decided(&start, "MngSetKycRequiredLevel", asked, audit, number)?;
        let answered = answers(self.step(number));
        let (state, answered) = self.decided(&state, "MngSubmitKycStep", answered, audit + AUDIT_IDS / 2, number)?;
        Ok((state, [asked, answered]))
    }

    /// What a command makes of a state, and its commit.
    pub(crate) fn decided(
        &self,
        state: &CustomerState,
        command: &str,
        data: Value,
        first_audit: i64,
        number: u32,
    ) -> Result<(CustomerState, Commit)> {
        let command = table::command(command).ok_or("no such command")?;
        let Value::Object(data) = data else {
            return Err("parameters are an object".into());
        };
        let Call::Change(change) = command.read(data).map_err(|error| refused(&error))? else {
            return Err("the command changes nothing".into());
        };
        let decided = change
            .decide(state, &self.context(number))
            .map_err(|error| refused(&error))?;
        decided.outcome.map_err(|error| refused(&error))?;
        let salts = (first_audit..).map(salt);
        let commit = Commit::of_customer(
            state,
            &decided.state,
            &decided.events,
            decided.queue,
            first_audit,
            salts,
        );
        let after = CustomerState {
            head: commit.head,
            ..decided.state
        };
        Ok((after, commit))
    }

    fn context(&self, number: u32) -> Context {
        Context {
            now: self.now,
            actor: Actor {
                session: Session::Manager,
                subject: "bench".to_owned(),
                scope: BrandScope::All,
                customer: None,
            },
            ids: Ids {
                profile: self.profile(number),
                step: self.step(number),
                ..Ids::NONE
            },
            settings: self.brand.settings.clone(),
            templates: self.brand.templates.clone(),
            files: Vec::new(),
            external_owner: None,
            tenant: None,
            delivery: None,
            seed: Hash::ZERO,
        }
    }

    /// Audit ids that no customer of the seed has.
    pub(crate) fn later_audit_ids(&self) -> i64 {
        self.first_audit + i64::from(self.profiles) * AUDIT_IDS
    }
}

/// Some numbers in an order of their own, always the same.
pub(crate) fn shuffled(numbers: std::ops::Range<u32>) -> impl Iterator<Item = u32> {
    let mut shuffled: Vec<u32> = numbers.collect();
    // A multiplicative hash of the number (Knuth) is different for each.
    shuffled.sort_by_key(|number| number.wrapping_mul(2_654_435_761));
    shuffled.into_iter()
}

/// The parameters of a submission.
pub(crate) fn answers(step: i64) -> Value {
    json!({ "id": step, "answers": { "first_name": "Ada", "country": "MT" } })
}

/// Loads customers into the databases of a folder, where the brand has its template already.
pub(crate) fn load(bases: &Path, profiles: u32) -> Result<Seed> {
    let begun = now();
    let seed = Seed::open(bases, profiles)?;
    let connection = Connection::open(bases.join("kyc.db"))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cache_size", -262_144)?;
    let mut first = 0;
    while first < profiles {
        let end = profiles.min(first + CUSTOMERS_AT_ONCE);
        connection.execute_batch("BEGIN")?;
        for number in first..end {
            let (_, commits) = seed.customer(number)?;
            for commit in commits {
                write(&connection, &kyc_sql::commit::statements(commit))?;
            }
        }
        connection.execute_batch("COMMIT")?;
        first = end;
        if first % 100_000 == 0 {
            eprintln!(
                "  {first} of {profiles} profiles after {:.0} s",
                begun.elapsed().as_secs_f64()
            );
        }
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    Ok(seed)
}

/// Runs statements of a commit.
pub(crate) fn write(connection: &Connection, statements: &[Statement]) -> Result<()> {
    for statement in statements {
        let mut prepared = connection.prepare_cached(&statement.sql)?;
        let touched = prepared.execute(params_from_iter(statement.params.iter().map(Param)))?;
        if statement.touches.is_some_and(|rows| rows != touched) {
            return Err(Error::from(format!("{touched} rows were touched by {}", statement.sql)));
        }
    }
    Ok(())
}

struct Param<'a>(&'a Cell);

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Cell::Null => ToSqlOutput::Owned(SqlValue::Null),
            Cell::Int(value) => ToSqlOutput::Owned(SqlValue::Integer(*value)),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Cell::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn brand() -> Result<Brand> {
    BRAND.parse().map_err(Error::from)
}

/// Salts need not be secret here; they only differ.
fn salt(audit: i64) -> Hash {
    let mut bytes = [0x5a; 32];
    for (place, byte) in bytes.iter_mut().zip(audit.to_le_bytes()) {
        *place = byte;
    }
    Hash(bytes)
}

fn refused(rejection: &kyc_core::rejection::Rejection) -> Error {
    Error::from(Value::Object(rejection.body()).to_string())
}
