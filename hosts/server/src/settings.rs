//! The command line: flags, then environment (`KYCD_…`), then a TOML file (`--config`), then defaults.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

/// The KYC back-office in one binary.
#[derive(Debug, Parser)]
#[command(name = "kycd", version)]
struct Line {
    #[command(subcommand)]
    action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Serve TCP and HTTP from a data directory, which is made if it is missing
    Serve(ServeOptions),
    /// Serve invented sample data, and print what to open and what to try
    Demo(ServeOptions),
    /// Print a token that speaks for somebody
    Token(TokenOptions),
    /// Check or export the audit log, without the server
    #[command(subcommand)]
    Audit(AuditAction),
    /// Print the OpenAPI 3.1 document
    Openapi,
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// Check every chain: exit 0 and a count, or 1 and the first row that does not fit
    Verify(VerifyOptions),
    /// Write the whole log as JSON lines to standard output
    Export(DataDirOptions),
}

/// Where the data is.
#[derive(Debug, Clone, Args)]
pub(crate) struct DataDirOptions {
    /// Folder of databases, files and keys
    #[arg(long, env = "KYCD_DATA_DIR", default_value = "./data")]
    pub(crate) data_dir: PathBuf,
}

/// What to check.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    pub(crate) data: DataDirOptions,
    /// Check this export in place of a database
    #[arg(long)]
    pub(crate) export: Option<PathBuf>,
}

/// How to serve.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeOptions {
    /// A TOML file with any of these settings, by their names with underscores
    #[arg(long, env = "KYCD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataDirOptions,
    /// Address of the HTTP listener
    #[arg(long, env = "KYCD_HTTP", default_value = "127.0.0.1:8080")]
    pub(crate) http: SocketAddr,
    /// Address of the TCP listener
    #[arg(long, env = "KYCD_TCP", default_value = "127.0.0.1:8090")]
    pub(crate) tcp: SocketAddr,
    /// Certificate chain (PEM); with it both listeners speak TLS
    #[arg(long, env = "KYCD_TLS_CERT", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM)
    #[arg(long, env = "KYCD_TLS_KEY", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tokens: TokenSettings,
    /// Largest JSON body of a request (bytes)
    #[arg(long, env = "KYCD_BODY_BYTES_MAX", default_value_t = kyc_core::limits::BODY_BYTES_MAX, value_parser = at_least_1k)]
    pub(crate) body_bytes_max: usize,
    /// Largest TCP frame (bytes)
    #[arg(long, env = "KYCD_FRAME_BYTES_MAX", default_value_t = kyc_core::limits::BODY_BYTES_MAX, value_parser = at_least_1k)]
    pub(crate) frame_bytes_max: usize,
    /// Largest uploaded file (bytes)
    #[arg(long, env = "KYCD_FILE_BYTES_MAX", default_value_t = kyc_core::limits::FILE_BYTES_MAX)]
    pub(crate) file_bytes_max: u64,
    /// Connections served at once, of each listener
    #[arg(long, env = "KYCD_CONNECTIONS_MAX", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) connections_max: u32,
    /// How long a connection may send nothing, or read nothing (seconds)
    #[arg(long, env = "KYCD_IDLE_SECONDS_MAX", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) idle_seconds_max: u64,
    /// How long a peer may take for a request's head, or between two parts of its body, or to take a reply (seconds)
    #[arg(long, env = "KYCD_STALL_SECONDS_MAX", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) stall_seconds_max: u64,
    /// Threads that read the database
    #[arg(long, env = "KYCD_READERS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) readers: u16,
    /// What is logged: error, warn, info, debug, trace, or filters by module
    #[arg(long, env = "KYCD_LOG", default_value = "info")]
    pub(crate) log: String,
}

/// Which tokens are accepted.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "the names are those of the flags")]
pub(crate) struct TokenSettings {
    /// Algorithm of accepted tokens: EdDSA, HS256, RS256 or ES256
    #[arg(long, env = "KYCD_TOKEN_ALGORITHM", default_value = "EdDSA")]
    pub(crate) token_algorithm: kyc_jwt::Algorithm,
    /// File with the shared secret of HS256, at least 32 bytes
    #[arg(long, env = "KYCD_TOKEN_SECRET_FILE")]
    pub(crate) token_secret_file: Option<PathBuf>,
    /// JWKS file with the public keys of tokens made elsewhere
    #[arg(long, env = "KYCD_TOKEN_JWKS_FILE")]
    pub(crate) token_jwks_file: Option<PathBuf>,
    /// `iss` that tokens must carry
    #[arg(long, env = "KYCD_TOKEN_ISSUER")]
    pub(crate) token_issuer: Option<String>,
    /// `aud` that tokens must carry
    #[arg(long, env = "KYCD_TOKEN_AUDIENCE")]
    pub(crate) token_audience: Option<String>,
}

/// Whom a token is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct TokenOptions {
    #[command(flatten)]
    pub(crate) data: DataDirOptions,
    #[command(flatten)]
    pub(crate) tokens: TokenSettings,
    /// Session: `SESSION_MANAGER`, `SESSION_ADMIN`, `SESSION_CUSTOMER`, …
    #[arg(long, value_parser = session)]
    pub(crate) role: kyc_core::status::Session,
    /// Who: the name that stands in the audit
    #[arg(long)]
    pub(crate) sub: String,
    /// A brand the token may see; may be given several times; every brand if absent
    #[arg(long)]
    pub(crate) brand: Vec<String>,
    /// The customer, for `SESSION_CUSTOMER`
    #[arg(long)]
    pub(crate) customer_id: Option<i64>,
    /// How long it holds: a number with s, m, h or d
    #[arg(long, default_value = "8h", value_parser = duration_seconds)]
    pub(crate) ttl: i64,
}

fn at_least_1k(text: &str) -> Result<usize, String> {
    text.parse::<usize>()
        .ok()
        .filter(|bytes| *bytes >= 1_024)
        .ok_or_else(|| "must be a number of at least 1024".to_owned())
}

fn session(text: &str) -> Result<kyc_core::status::Session, String> {
    let all = kyc_core::status::Session::ALL;
    let found = all
        .iter()
        .find(|(_, _, name)| *name == text)
        .map(|(session, _, _)| *session);
    found
        .filter(|session| *session != kyc_core::status::Session::System)
        .ok_or_else(|| {
            let names: Vec<_> = all
                .iter()
                .map(|(_, _, name)| *name)
                .filter(|name| *name != "SESSION_SYSTEM")
                .collect();
            format!("must be one of {}", names.join(", "))
        })
}

fn duration_seconds(text: &str) -> Result<i64, String> {
    let wrong = || "must be a number with s, m, h or d, like 8h, of at most 3650 days".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: i64 = text
        .strip_suffix(unit)
        .and_then(|number| number.parse().ok())
        .ok_or_else(wrong)?;
    number
        .checked_mul(factor)
        .filter(|seconds| (1..=3_650 * 86_400).contains(seconds))
        .ok_or_else(wrong)
}

/// Reads the command line. A bad setting is one clear line and exit 2.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Action, clap::Error> {
    let args: Vec<OsString> = args.collect();
    let mut command = Line::command();
    if let Some(file) = config_file(&args) {
        command = with_defaults_from(command, &file)?;
    }
    let matches = command.try_get_matches_from(args)?;
    let mut action = Line::from_arg_matches(&matches)?.action;
    if let Action::Demo(options) = &mut action
        && options.data.data_dir == Path::new("./data")
    {
        options.data.data_dir = PathBuf::from("./data-demo");
    }
    Ok(action)
}

/// The file named by `--config`, or else by the environment.
fn config_file(args: &[OsString]) -> Option<PathBuf> {
    let flags = args.iter().zip(args.iter().skip(1).map(Some).chain([None]));
    let mut named = flags.filter_map(|(flag, next)| match flag.to_str()?.strip_prefix("--config")? {
        "" => next.map(PathBuf::from),
        rest => rest.strip_prefix('=').map(PathBuf::from),
    });
    named
        .next()
        .or_else(|| std::env::var_os("KYCD_CONFIG").map(PathBuf::from))
}

/// The file's settings become the defaults of `serve` and `demo`, which flags and environment override.
fn with_defaults_from(command: Command, file: &Path) -> Result<Command, clap::Error> {
    let refuse = |message: String| Line::command().error(ErrorKind::ValueValidation, message);
    let text = std::fs::read_to_string(file).map_err(|error| refuse(format!("{}: {error}", file.display())))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error| refuse(format!("{}: {error}", file.display())))?;
    let mut defaults = Vec::new();
    for (name, value) in table {
        let known = ServeOptions::augment_args(Command::new(""))
            .get_arguments()
            .any(|arg| arg.get_id() == name.as_str());
        if !known || name == "config" {
            return Err(refuse(format!(
                "{}: `{name}` is no setting; see `kycd serve --help`",
                file.display()
            )));
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            _ => return Err(refuse(format!("{}: `{name}` must be text or a number", file.display()))),
        };
        defaults.push((name, text));
    }
    Ok(["serve", "demo"].into_iter().fold(command, |command, sub| {
        command.mut_subcommand(sub, |sub| {
            defaults.iter().fold(sub, |sub, (name, text)| {
                let text = text.clone();
                sub.mut_arg(name.clone(), |arg| arg.default_value(text))
            })
        })
    }))
}
