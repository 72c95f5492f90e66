//! The operator's commands. A running server takes them over a socket in its data directory, which only the
//! directory's owner can reach; without a server they run on the directory itself. Never past the server's back.

use std::path::Path;

use kyc_core::actor::{Actor, BrandScope};
use kyc_core::rejection::Rejection;
use kyc_core::status::Session;
use kyc_core::table;
use kyc_ports::app::{App, Reply, Request};
use serde_json::{Map, Value, json};

use crate::Failure;
use crate::data_dir::DataDir;
use crate::serve::{Wiring, runtime};
use crate::settings::OperatorOptions;

/// Longest request and reply.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The person at the machine, who may do what an administrator may.
fn operator() -> Actor {
    Actor {
        session: Session::Admin,
        subject: "operator".to_owned(),
        scope: BrandScope::All,
        customer: None,
    }
}

async fn call(app: &App, name: &str, data: Map<String, Value>) -> Result<Value, Rejection> {
    let command = table::command(name).ok_or(Rejection::NotFound("command"))?;
    let request = Request {
        command,
        data,
        token: None,
        idempotency_key: None,
    };
    app.call_as(&operator(), request).await.map(Reply::into_value)
}

/// Where the operator's commands go.
pub(crate) enum Operator {
    /// To the server that runs on the data directory.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no such sockets"))]
    Server(std::path::PathBuf),
    /// To the data directory itself, which is locked meanwhile.
    Here(Box<Here>),
}

/// The application, without a server around it.
pub(crate) struct Here {
    app: App,
    runtime: tokio::runtime::Runtime,
    _lock: crate::data_dir::Lock,
}

impl Operator {
    /// Finds the server, or opens the data directory.
    pub(crate) fn of(options: &OperatorOptions) -> Result<Self, Failure> {
        let dir = DataDir::create(&options.data.data_dir)?;
        let Some(lock) = dir.try_lock()? else {
            return Ok(Self::Server(dir.control_socket()));
        };
        let (app, ..) = Wiring::of_operator(&dir, &options.platforms)?.wire(&dir)?;
        Ok(Self::Here(Box::new(Here {
            app,
            runtime: runtime()?,
            _lock: lock,
        })))
    }

    /// Gives a command; a refusal is a failure that says why.
    pub(crate) fn call(&self, name: &str, data: Value) -> Result<Value, Failure> {
        match self.attempt(name, data)? {
            Attempted::Done(reply) => Ok(reply),
            Attempted::TooFrequent(refusal) | Attempted::Refused(refusal) => Err(refusal),
        }
    }

    /// Gives a command, for whoever does something about some refusals.
    pub(crate) fn attempt(&self, name: &str, data: Value) -> Result<Attempted, Failure> {
        let Value::Object(data) = data else {
            return Err(Failure::new("a command's data must be an object"));
        };
        let refusal = match self {
            Self::Here(here) => match here.runtime.block_on(call(&here.app, name, data)) {
                Ok(reply) => return Ok(Attempted::Done(reply)),
                Err(rejection) => Value::Object(rejection.body()),
            },
            Self::Server(socket) => {
                let reply = ask(socket, &json!({ "command": name, "data": data }))?;
                match reply.get("data") {
                    Some(data) => return Ok(Attempted::Done(data.clone())),
                    None => reply,
                }
            }
        };
        let is_too_frequent = refusal.get("error").is_some_and(|error| error == "RET_TOO_FREQUENT");
        Ok(if is_too_frequent {
            Attempted::TooFrequent(refused(&refusal))
        } else {
            Attempted::Refused(refused(&refusal))
        })
    }
}

/// What came of a command.
pub(crate) enum Attempted {
    /// The reply.
    Done(Value),
    /// It may be given again in a moment.
    TooFrequent(Failure),
    /// It may not.
    Refused(Failure),
}

/// A refusal as one line: the error, and each member that is wrong.
fn refused(body: &Value) -> Failure {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let problems = body.get("details").and_then(Value::as_array).into_iter().flatten();
    let problems: Vec<String> = problems
        .map(|problem| format!("{} {}", text(problem, "field"), text(problem, "message")))
        .collect();
    let what = if problems.is_empty() {
        text(body, "message")
    } else {
        problems.join("; ")
    };
    Failure::new(format!("{}: {what}", text(body, "error")))
}

#[cfg(unix)]
fn ask(socket: &Path, request: &Value) -> Result<Value, Failure> {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;
    let failed = |error: std::io::Error| {
        Failure::new(format!(
            "{}: the server that runs on this data directory does not answer; is it still starting? ({error})",
            socket.display()
        ))
    };
    let mut stream = UnixStream::connect(socket).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_mins(1))).map_err(failed)?;
    stream.write_all(format!("{request}\n").as_bytes()).map_err(failed)?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX))
        .read_line(&mut line)
        .map_err(failed)?;
    serde_json::from_str(&line).map_err(|_| Failure::new(format!("{}: not an answer", socket.display())))
}

#[cfg(not(unix))]
fn ask(socket: &Path, _request: &Value) -> Result<Value, Failure> {
    Err(Failure::new(format!(
        "{}: a server runs on this data directory; stop it first",
        socket.display()
    )))
}

/// Takes the operator's commands while the server runs.
#[cfg(unix)]
pub(crate) struct Listener {
    socket: std::path::PathBuf,
    listener: tokio::net::UnixListener,
}

#[cfg(unix)]
impl Listener {
    /// Listens in the data directory, which is locked: a socket that is there is left over. Without one the server
    /// serves all the same, and the operator is told to stop it first.
    pub(crate) fn bind(dir: &DataDir) -> Option<Self> {
        let socket = dir.control_socket();
        let _ = std::fs::remove_file(&socket);
        match bind_private(&socket) {
            Ok(listener) => Some(Self { socket, listener }),
            Err(error) => {
                tracing::warn!(socket = %socket.display(), %error, "no operator's commands can be taken");
                None
            }
        }
    }

    /// Serves until the server stops, one command a connection.
    pub(crate) async fn serve(self, app: App, stop: tokio_util::sync::CancellationToken) {
        let mut serving = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = serving.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        serving.spawn(answer(stream, app.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept an operator's command");
                        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    }
                },
            }
        }
        while serving.join_next().await.is_some() {}
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Listens where only the directory's owner may connect, whatever the umask is and also in a directory that was there
/// before with a mode of its own.
#[cfg(unix)]
fn bind_private(socket: &Path) -> std::io::Result<tokio::net::UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let listener = tokio::net::UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

#[cfg(unix)]
async fn answer(stream: tokio::net::UnixStream, app: App) {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(LINE_BYTES_MAX));
    let patience = std::time::Duration::from_secs(10);
    if !matches!(
        tokio::time::timeout(patience, reader.read_line(&mut line)).await,
        Ok(Ok(1..))
    ) {
        return;
    }
    let reply = match serde_json::from_str::<Value>(&line) {
        Ok(request) => {
            let name = request.get("command").and_then(Value::as_str).unwrap_or_default();
            let data = request
                .get("data")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            match call(&app, name, data).await {
                Ok(data) => json!({ "data": data }),
                Err(rejection) => Value::Object(rejection.body()),
            }
        }
        Err(_) => Value::Object(Rejection::invalid("", "json", "is not JSON").body()),
    };
    // Whoever asked may have gone.
    let _ = write.write_all(format!("{reply}\n").as_bytes()).await;
}
