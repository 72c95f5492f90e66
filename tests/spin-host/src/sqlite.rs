//! spin:sqlite on rusqlite, stricter than Spin: what Spin hides (an unread result, a second statement) is a trap here.

use crate::App;
use crate::spin::sqlite::{Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value};
use crate::stats::Stats;
use crate::worker::{Data, Ticket};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{InterruptHandle, types};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::{spawn_blocking, yield_now};
use wasmtime::component::{Access, Accessor, Destination, FutureReader, HasSelf, Resource};
use wasmtime::component::{StreamProducer, StreamReader, StreamResult, VecBuffer};
use wasmtime::{AsContextMut, Result, StoreContextMut, bail, format_err};

/// Open connections of one instance, as many as Spin keeps.
const CONNECTIONS_MAX: usize = 256;

type Rows = (Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), Error>>);

/// Hears the guest's SQL statements with their parameters.
pub type StatementLog = Arc<dyn Fn(&str, &[types::Value]) + Send + Sync>;

/// The guest's handle of a connection.
pub struct Connection(Arc<Session>);

/// A result: the names of its columns, and its rows.
type Outcome = (Vec<String>, Vec<RowResult>);

/// One open connection; `db` is empty once a request was cancelled in the midst of something on it.
pub(crate) struct Session {
    db: Mutex<Option<rusqlite::Connection>>,
    /// The request that used it last: an instance may keep a connection for its later ones.
    user: Mutex<Weak<Ticket>>,
    interrupt: InterruptHandle,
    unread: Arc<Mutex<Unread>>,
}

/// The result that the guest has not read to its end yet.
#[derive(Default)]
struct Unread {
    statement: Option<String>,
    rows_left: usize,
}

enum Failure {
    /// The guest gets the error where Spin gives it: behind the rows.
    Sql(String),
    /// A mistake that Spin would not report.
    Misuse(String),
    /// The lock is somebody else's.
    Busy(String),
    Cancelled,
}

impl Session {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let mut db = rusqlite::Connection::open(path)?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.authorizer(Some(|context: AuthContext<'_>| match context.action {
            // VACUUM attaches a database without a name.
            AuthAction::Attach { filename } if !filename.is_empty() => Authorization::Deny,
            _ => Authorization::Allow,
        }))?;
        let interrupt = db.get_interrupt_handle();
        Ok(Self {
            db: Mutex::new(Some(db)),
            user: Mutex::default(),
            interrupt,
            unread: Arc::default(),
        })
    }

    /// Whether this request is in the midst of something on it: a statement, a result or a transaction.
    pub(crate) fn is_held_by(&self, ticket: &Ticket) -> bool {
        let is_at_rest = || {
            let db = self.db.try_lock();
            db.is_ok_and(|db| db.as_ref().is_none_or(rusqlite::Connection::is_autocommit))
                && lock(&self.unread).statement.is_none()
        };
        self.is_used_by(ticket) && !is_at_rest()
    }

    fn is_used_by(&self, ticket: &Ticket) -> bool {
        std::ptr::eq(lock(&self.user).as_ptr(), ticket)
    }

    /// Ties the connection to the request that uses it now; false if that one was cancelled already.
    fn use_by(self: &Arc<Self>, ticket: &Arc<Ticket>) -> bool {
        let is_new = !self.is_used_by(ticket);
        if is_new {
            let _not_being_revoked = lock(&self.db);
            *lock(&self.user) = Arc::downgrade(ticket);
        }
        ticket.uses(is_new.then_some(self))
    }

    /// Closes the connection for good, unless another request has come to use it; that rolls back, and the guest's handle
    /// becomes an invalid connection.
    pub(crate) fn revoke(self: Arc<Self>) {
        self.interrupt.interrupt();
        let user = lock(&self.user).clone();
        let close = move || {
            let mut db = lock(&self.db);
            if Weak::ptr_eq(&user, &lock(&self.user)) {
                drop(db.take());
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(close);
        } else {
            close();
        }
    }

    /// The guest still holds a handle of a cancelled request: nothing on it is a mistake any more.
    fn forget_result(&self) {
        *lock(&self.unread) = Unread::default();
    }

    fn check_read(&self, stats: &Stats) -> Result<()> {
        match &lock(&self.unread).statement {
            Some(statement) => Err(stats.misuse(&format!("the result of `{statement}` is unread: collect() it first"))),
            None => Ok(()),
        }
    }

    /// Runs a statement, which waits so long for the database's lock. The texts of some are kept prepared, as in Spin.
    fn run(&self, sql: &str, parameters: &[types::Value], wait: Duration) -> Result<Outcome, Failure> {
        let guard = lock(&self.db);
        let db = guard.as_ref().ok_or(Failure::Cancelled)?;
        db.busy_timeout(wait).map_err(sql_error)?;
        let mut statement = db.prepare_cached(sql).map_err(|error| match error {
            rusqlite::Error::MultipleStatement => {
                Failure::Misuse(format!("more than one statement in one call: `{sql}`"))
            }
            error => sql_error(error),
        })?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let parameters = rusqlite::params_from_iter(parameters);
        let mut rows = statement.query(parameters).map_err(sql_error)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(sql_error)? {
            let values = (0..columns.len()).map(|i| row.get_ref(i).map_err(sql_error).and_then(from_sqlite));
            found.push(RowResult {
                values: values.collect::<Result<_, _>>()?,
            });
        }
        Ok((columns, found))
    }
}

impl Host for Data {}

impl HostConnection for Data {
    async fn open(&mut self, _: String) -> Result<Result<Resource<Connection>, Error>> {
        bail!("the blocking spin:sqlite calls are not supported: spin-sdk 7 uses the asynchronous ones")
    }

    async fn execute(
        &mut self,
        _: Resource<Connection>,
        _: String,
        _: Vec<Value>,
    ) -> Result<Result<QueryResult, Error>> {
        bail!("the blocking spin:sqlite calls are not supported: spin-sdk 7 uses the asynchronous ones")
    }

    async fn last_insert_rowid(&mut self, _: Resource<Connection>) -> Result<i64> {
        bail!("the blocking spin:sqlite calls are not supported: spin-sdk 7 uses the asynchronous ones")
    }

    async fn changes(&mut self, _: Resource<Connection>) -> Result<u64> {
        bail!("the blocking spin:sqlite calls are not supported: spin-sdk 7 uses the asynchronous ones")
    }

    /// A result that nobody read is only counted here: a guest may drop one because it was cancelled itself.
    async fn drop(&mut self, connection: Resource<Connection>) -> Result<()> {
        let session = self.table.delete(connection)?.0;
        self.connections -= 1;
        if lock(&session.db).take().is_some() {
            let _counted = session.check_read(&self.app.stats);
        }
        Ok(())
    }
}

impl<T: Send> HostConnectionWithStore<T> for HasSelf<Data> {
    async fn open_async(accessor: &Accessor<T, Self>, database: String) -> Result<Result<Resource<Connection>, Error>> {
        let ticket = ticket(accessor)?;
        let file = accessor.with(|mut access| access.get().database(&database));
        let file = match file {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        let session = match Session::open(&file) {
            Ok(session) => Arc::new(session),
            Err(error) => return Ok(Err(Error::Io(error.to_string()))),
        };
        let ticket = ticket.ok_or_else(|| format_err!("a connection is opened outside of any request"))?;
        if !session.use_by(&ticket) {
            return Ok(Err(Error::InvalidConnection));
        }
        accessor.with(|mut access| {
            let data = access.get();
            if data.connections == CONNECTIONS_MAX {
                let problem = format!("component {}: too many connections opened", data.component.id);
                data.app.stats.problem(problem);
                return Ok(Err(Error::Io("too many connections opened".to_owned())));
            }
            data.connections += 1;
            Ok(Ok(data.table.push(Connection(session))?))
        })
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<Result<Rows, Error>> {
        let (session, app) = idle_session(accessor, &connection)?;
        let stats = app.stats.clone();
        stats.count(&stats.statements);
        let parameters: Vec<types::Value> = parameters.into_iter().map(to_sqlite).collect();
        if let Some(log) = &app.statements {
            log(&statement, &parameters);
        }
        // First, so that whoever cancels finds the connection in use.
        lock(&session.unread).statement = Some(statement.clone());
        if ticket(accessor)?.is_some_and(|ticket| !session.use_by(&ticket)) {
            session.forget_result();
            return Ok(Err(Error::InvalidConnection));
        }
        let mut outcome = session.run(&statement, &parameters, Duration::ZERO);
        if let Err(Failure::Busy(_)) = outcome {
            let worker = session.clone();
            let wait = app.limits.busy_time;
            outcome = spawn_blocking(move || worker.run(&statement, &parameters, wait)).await?;
        } else {
            // The instance's other requests have their turn at every statement, as when Spin runs it elsewhere.
            yield_now().await;
        }
        let (columns, rows, end) = match outcome {
            Ok((columns, rows)) => (columns, rows, Ok(())),
            Err(Failure::Sql(message) | Failure::Busy(message)) => (Vec::new(), Vec::new(), Err(Error::Io(message))),
            Err(Failure::Cancelled) => {
                session.forget_result();
                return Ok(Err(Error::InvalidConnection));
            }
            Err(Failure::Misuse(message)) => return Err(stats.misuse(&message)),
        };
        lock(&session.unread).rows_left = rows.len();
        let rows = RowProducer {
            rows: rows.into(),
            unread: session.unread.clone(),
        };
        let unread = session.unread.clone();
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, rows)?;
            let end = FutureReader::new(&mut access, async move {
                let mut unread = lock(&unread);
                if unread.rows_left > 0 {
                    return Err(stats.misuse("the end of a result was read before its rows: use collect()"));
                }
                unread.statement = None;
                Ok(end)
            })?;
            Ok(Ok((columns, rows, end)))
        })
    }

    async fn last_insert_rowid_async(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> Result<i64> {
        let (session, _) = idle_session(accessor, &connection)?;
        let db = lock(&session.db);
        Ok(db.as_ref().map_or(0, rusqlite::Connection::last_insert_rowid))
    }

    async fn changes_async(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> Result<u64> {
        let (session, _) = idle_session(accessor, &connection)?;
        let db = lock(&session.db);
        Ok(db.as_ref().map_or(0, rusqlite::Connection::changes))
    }
}

/// The request on whose behalf the guest calls.
fn ticket<T: Send>(accessor: &Accessor<T, HasSelf<Data>>) -> Result<Option<Arc<Ticket>>> {
    accessor.with(|mut access: Access<'_, T, HasSelf<Data>>| {
        let root = access.as_context_mut().async_call_stack()?.last();
        Ok(root.and_then(|task| access.get().tickets.get(&task)).cloned())
    })
}

/// The connection behind the handle, if every earlier result on it has been read.
fn idle_session<T: Send>(
    accessor: &Accessor<T, HasSelf<Data>>,
    connection: &Resource<Connection>,
) -> Result<(Arc<Session>, Arc<App>)> {
    accessor.with(|mut access: Access<'_, T, HasSelf<Data>>| {
        let data = access.get();
        let session = data.table.get(connection)?.0.clone();
        session.check_read(&data.app.stats)?;
        Ok((session, data.app.clone()))
    })
}

impl Data {
    fn database(&self, label: &str) -> Result<PathBuf, Error> {
        let granted = self.component.databases.contains(label);
        if granted {
            Ok(self.app.database_file(label))
        } else {
            Err(Error::AccessDenied)
        }
    }
}

/// Hands out only what the guest asks for, so that a half-read result is seen as such.
struct RowProducer {
    rows: VecDeque<RowResult>,
    unread: Arc<Mutex<Unread>>,
}

impl<D> StreamProducer<D> for RowProducer {
    type Item = RowResult;
    type Buffer = VecBuffer<RowResult>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, RowResult, Self::Buffer>,
        _: bool,
    ) -> Poll<Result<StreamResult>> {
        let wanted = destination.remaining(store).unwrap_or(usize::MAX).min(self.rows.len());
        if self.rows.is_empty() {
            return Poll::Ready(Ok(StreamResult::Dropped));
        }
        let part: Vec<RowResult> = self.rows.drain(..wanted).collect();
        lock(&self.unread).rows_left = self.rows.len();
        if !part.is_empty() {
            destination.set_buffer(part.into());
        }
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

fn to_sqlite(value: Value) -> types::Value {
    match value {
        Value::Integer(i) => types::Value::Integer(i),
        Value::Real(r) => types::Value::Real(r),
        Value::Text(t) => types::Value::Text(t),
        Value::Blob(b) => types::Value::Blob(b),
        Value::Null => types::Value::Null,
    }
}

fn from_sqlite(value: types::ValueRef<'_>) -> Result<Value, Failure> {
    Ok(match value {
        types::ValueRef::Integer(i) => Value::Integer(i),
        types::ValueRef::Real(r) => Value::Real(r),
        types::ValueRef::Text(t) => {
            Value::Text(String::from_utf8(t.to_vec()).map_err(|_| Failure::Sql("a text is not UTF-8".into()))?)
        }
        types::ValueRef::Blob(b) => Value::Blob(b.to_vec()),
        types::ValueRef::Null => Value::Null,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "serves map_err")]
fn sql_error(error: rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy) => Failure::Busy(error.to_string()),
        _ => Failure::Sql(error.to_string()),
    }
}

/// A panic elsewhere does not make the data behind these locks wrong.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
